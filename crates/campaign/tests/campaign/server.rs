//! `[server]`: the addresses of pages and metrics, and the proxy.

use crate::folder::{CHORUS, Folder};

fn read(server: &str) -> Result<Option<std::net::SocketAddr>, String> {
    let folder = Folder::new();
    folder.write("chorus.toml", format!("{CHORUS}\n[server]\n{server}\n"));
    let (workspace, findings) = folder.load();
    let found = findings.to_text(false);
    if found.is_empty() { Ok(workspace.unwrap().server.admin_listen) } else { Err(found) }
}

#[test]
fn admin_listen_is_a_separate_address() {
    assert_eq!(read(""), Ok(None));
    assert_eq!(read("admin_listen = \"127.0.0.1:9090\""), Ok(Some("127.0.0.1:9090".parse().unwrap())));
    let other_interface = "listen = \"10.0.0.1:8080\"\nadmin_listen = \"127.0.0.1:8080\"";
    assert_eq!(read(other_interface), Ok(Some("127.0.0.1:8080".parse().unwrap())));
    let any_port = "listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"";
    assert_eq!(read(any_port), Ok(Some("127.0.0.1:0".parse().unwrap())));
}

#[test]
fn a_proxy_is_a_web_address_and_may_hold_a_password() {
    let proxy = |server: &str| {
        let folder = Folder::new();
        folder.write("chorus.toml", format!("{CHORUS}\n[server]\n{server}\n"));
        let (workspace, findings) = folder.load();
        let found = findings.to_text(false);
        if found.is_empty() { Ok(workspace.unwrap().server.proxy) } else { Err(found) }
    };
    assert_eq!(proxy(""), Ok(None));
    let url = proxy("proxy = \"http://proxy.example:3128\"").unwrap().unwrap();
    assert_eq!(url.expose().unwrap(), "http://proxy.example:3128");
    let url = proxy("proxy = \"http://user:${SMTP_PASSWORD}@proxy.example:3128\"").unwrap().unwrap();
    assert_eq!(url.expose().unwrap(), "http://user:hunter2@proxy.example:3128");
    for bad in ["proxy.example:3128", "socks5://proxy.example:1080", "http://"] {
        let found = proxy(&format!("proxy = \"{bad}\"")).unwrap_err();
        assert!(found.contains("`proxy` is not the address of a proxy"), "{found}");
        assert!(found.contains("chorus.toml:") && found.contains("http://host:port"), "{found}");
    }
    let hidden = proxy("proxy = \"ftp://user:hunter2@proxy.example\"").unwrap_err();
    assert!(!hidden.contains("hunter2"), "{hidden}");
}

#[test]
fn an_invalid_address_is_reported_with_its_place() {
    let name = read("admin_listen = \"localhost:9090\"").unwrap_err();
    assert!(name.contains("`admin_listen`: it is not an IP address and a port"), "{name}");
    for same in [
        "admin_listen = \"127.0.0.1:8080\"",
        "listen = \"0.0.0.0:9090\"\nadmin_listen = \"127.0.0.1:9090\"",
        "listen = \"127.0.0.1:9090\"\nadmin_listen = \"0.0.0.0:9090\"",
    ] {
        let found = read(same).unwrap_err();
        assert!(found.contains("`admin_listen` is the address that `listen` has"), "{found}");
        assert!(found.contains("chorus.toml:") && found.contains('^'), "with its place: {found}");
    }
}

#[test]
fn a_webhook_may_have_two_keys_while_one_is_changed() {
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let findings = |secret: &str| {
        let folder = Folder::new();
        folder.write("chorus.toml", CHORUS.replace(KEY, secret));
        folder.findings_text()
    };
    assert_eq!(findings(&format!("{KEY} {KEY}")), "");
    for wrong in [format!("{KEY} short"), " ".to_owned()] {
        assert!(findings(&wrong).contains("`secret`"), "{wrong}");
    }
}
