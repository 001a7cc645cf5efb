//! Tests of the examination of mail servers, and that it sends them no message.

use std::sync::Arc;
use std::time::Duration;

use campaign::Channel;
use channel::{CheckVerdict, Dns, Doctor, Finding, Zone};
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::smtp::smtp;
use crate::smtp_server::{Server, Setup, Stage, reply};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Returns a certificate for `localhost` that is valid until the end of the year 2199.
fn identity() -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(2200, 1, 1);
    let own = wanted.self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], private)
        .unwrap();
    (Arc::new(config), own.der().clone())
}

async fn findings(channel: &Channel, root: Option<CertificateDer<'static>>) -> Vec<Finding> {
    let doctor = Doctor::new(Dns::Fixed(Zone::default()), now(), Duration::from_secs(20));
    doctor.with_roots(root.into_iter().collect()).examine_channel(channel, None).await
}

#[track_caller]
fn find<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check}: {findings:?}"))
}

fn url(scheme: &str, server: &Server) -> String {
    format!("{scheme}://user:secret@localhost:{}", server.address.port())
}

#[tokio::test]
async fn a_good_server_passes_and_gets_nothing() {
    let (config, root) = identity();
    let start = Setup { tls: Some(config), ..Setup::default() };
    let server = start
        .with_extension("STARTTLS")
        .with_extension("PIPELINING")
        .with_extension("AUTH PLAIN")
        .start()
        .await;
    let found = findings(&smtp(url("smtp", &server)), Some(root)).await;
    for (check, says) in
        [("relay", "answers"), ("tls", "more than a year"), ("login", "takes"), ("extensions", "976 KiB")]
    {
        let finding = find(&found, check);
        assert_eq!(finding.verdict, CheckVerdict::Pass, "{finding:?}");
        assert!(finding.found.contains(says), "{finding:?}");
        assert_eq!(finding.about, "channel email");
    }
    assert!(find(&found, "tls").found.starts_with("TLS 1.3"));
    assert!(find(&found, "dkim").fix.as_ref().unwrap().contains("[channels.email.dkim]"));
    assert_eq!(server.messages(), []);
    assert!(!server.verbs().iter().any(|verb| verb == "MAIL"));
    assert!(!format!("{found:?}").contains("secret"));
}

#[tokio::test]
async fn a_certificate_that_expires_soon_is_a_warning_and_an_untrusted_one_a_failure() {
    let (config, root) = identity();
    let server = Setup { tls: Some(config), implicit: true, ..Setup::default() }
        .with_extension("AUTH PLAIN")
        .start()
        .await;
    let channel = smtp(url("smtps", &server));
    let end: Timestamp = "2199-12-22T12:00:00Z".parse().unwrap();
    let late = Doctor::new(Dns::Fixed(Zone::default()), end, Duration::from_secs(20));
    let found = late.with_roots(vec![root]).examine_channel(&channel, None).await;
    let tls = find(&found, "tls");
    assert_eq!((tls.verdict, tls.fix.as_deref()), (CheckVerdict::Warn, Some("Have it renewed.")), "{tls:?}");
    assert!(tls.found.contains("ends in 9 days"), "{tls:?}");

    let found = findings(&channel, None).await;
    let relay = find(&found, "relay");
    assert_eq!(relay.verdict, CheckVerdict::FailOutside, "{relay:?}");
    assert!(relay.found.contains("cannot be trusted"), "{relay:?}");
}

#[tokio::test]
async fn refusals_and_missing_extensions_are_reported() {
    let refusing = Setup::default()
        .with_extension("AUTH PLAIN")
        .script(|at, _, _| (at == Stage::Auth).then(|| reply("535 no")));
    let plain = Setup::default();
    let silent = Setup::default().script(|at, _, _| (at == Stage::Greeting).then(|| reply("554 go away")));
    for (setup, scheme, says) in [
        (refusing, "smtp", "does not accept the user and password"),
        (plain, "smtp", "does not offer STARTTLS"),
        (silent, "smtp", "refuses the connection"),
    ] {
        let server = setup.start().await;
        let query = if says.contains("STARTTLS") { "" } else { "?tls=off" };
        let found = findings(&smtp(format!("{}{query}", url(scheme, &server))), None).await;
        let relay = find(&found, "relay");
        assert_eq!(relay.verdict, CheckVerdict::FailOutside, "{relay:?}");
        assert!(relay.found.contains(says) && !relay.found.contains("secret"), "{relay:?}");
        assert!(!found.iter().any(|finding| finding.check == "tls"));
    }
}
