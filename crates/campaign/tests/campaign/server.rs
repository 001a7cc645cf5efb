//! `[server]`: where pages and metrics are served.

use crate::folder::{CHORUS, Folder};

fn read(server: &str) -> Result<Option<std::net::SocketAddr>, String> {
    let folder = Folder::new();
    folder.write("chorus.toml", format!("{CHORUS}\n[server]\n{server}\n"));
    let (workspace, findings) = folder.load();
    let found = findings.to_text(false);
    if found.is_empty() { Ok(workspace.unwrap().server.admin_listen) } else { Err(found) }
}

#[test]
fn admin_listen_is_an_address_of_its_own() {
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
    let told = proxy("proxy = \"http://proxy.example:3128\"").unwrap().unwrap();
    assert_eq!(told.expose().unwrap(), "http://proxy.example:3128");
    for bad in ["proxy.example:3128", "socks5://proxy.example:1080", "http://"] {
        let told = proxy(&format!("proxy = \"{bad}\"")).unwrap_err();
        assert!(told.contains("`proxy` is not the address of a proxy"), "{told}");
        assert!(told.contains("chorus.toml:") && told.contains("http://host:port"), "{told}");
    }
    let hidden = proxy("proxy = \"ftp://user:hunter2@proxy.example\"").unwrap_err();
    assert!(!hidden.contains("hunter2"), "{hidden}");
}

#[test]
fn an_address_that_cannot_be_is_told_with_its_place() {
    let name = read("admin_listen = \"localhost:9090\"").unwrap_err();
    assert!(name.contains("`admin_listen`: it is not an IP address and a port"), "{name}");
    for same in [
        "admin_listen = \"127.0.0.1:8080\"",
        "listen = \"0.0.0.0:9090\"\nadmin_listen = \"127.0.0.1:9090\"",
        "listen = \"127.0.0.1:9090\"\nadmin_listen = \"0.0.0.0:9090\"",
    ] {
        let told = read(same).unwrap_err();
        assert!(told.contains("`admin_listen` is the address that `listen` has"), "{told}");
        assert!(told.contains("chorus.toml:") && told.contains('^'), "with its place: {told}");
    }
}
