//! Tests of TLS to SMTP servers: encryption, and verification of certificates.

use std::sync::{Arc, Mutex};

use channel::{SendOutcome, Sender, Session};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::smtp::{is_accepted, long_timeouts, outcome_name, send, sender, smtp};
use crate::smtp_server::{Setup, Stage, reply};

struct Identity {
    server: Arc<ServerConfig>,
    root: CertificateDer<'static>,
}

fn identity(name: &str) -> Identity {
    identity_until(name, 2100)
}

/// Returns a self-signed certificate for `name` that is valid until the end of `year`.
fn identity_until(name: &str, year: i32) -> Identity {
    let signing_key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(year, 12, 31);
    let cert = parameters.self_signed(&signing_key).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Identity { server: Arc::new(server), root: cert.der().clone() }
}

fn trusting(url: String, root: &CertificateDer<'static>) -> Session {
    Sender::with_roots(&smtp(url), vec![root.clone()], long_timeouts()).unwrap().session()
}

#[tokio::test]
async fn starttls_and_implicit_tls_encrypt_everything() {
    let identity = identity("localhost");
    let start = Setup { tls: Some(Arc::clone(&identity.server)), ..Setup::default() };
    let server = start.with_extension("STARTTLS").with_extension("AUTH PLAIN LOGIN").start().await;
    for query in ["", "?tls=required", "?tls=opportunistic"] {
        let url = format!("smtp://user:p%40ss@localhost:{}{query}", server.address.port());
        let mut session = trusting(url, &identity.root);
        assert!(is_accepted(&send(&mut session, "one").await));
        assert!(is_accepted(&send(&mut session, "two").await));
    }
    {
        let recording = server.recording.lock().unwrap();
        let clear: Vec<_> = recording.plaintext.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(clear, ["EHLO", "STARTTLS"].repeat(3));
        // RFC 4616: NUL, user, NUL, password.
        assert!(recording.commands.iter().any(|(_, command)| command == "AUTH PLAIN AHVzZXIAcEBzcw=="));
    }
    let implicit = Setup { tls: Some(identity.server), implicit: true, ..Setup::default() };
    let server = implicit.start().await;
    let mut session = trusting(format!("smtps://localhost:{}", server.address.port()), &identity.root);
    assert!(is_accepted(&send(&mut session, "one").await));
    assert_eq!(server.recording.lock().unwrap().plaintext, "");
}

#[tokio::test]
async fn a_server_with_an_expired_certificate_gets_no_mail() {
    for (year, good) in [(2100, true), (2019, false)] {
        let identity = identity_until("localhost", year);
        for implicit in [false, true] {
            let tls = Some(Arc::clone(&identity.server));
            let server = Setup { tls, implicit, ..Setup::default() }.with_extension("STARTTLS").start().await;
            let scheme = if implicit { "smtps" } else { "smtp" };
            let mut session =
                trusting(format!("{scheme}://localhost:{}", server.address.port()), &identity.root);
            let outcome = send(&mut session, "x").await;
            assert_eq!(is_accepted(&outcome), good, "{year}: {outcome:?}");
            let is_reported =
                matches!(&outcome, SendOutcome::Down { answer } if answer.contains("cannot be trusted"));
            assert!(good || is_reported, "{outcome:?}");
            assert!(good || !server.verbs().iter().any(|verb| verb == "MAIL" || verb == "DATA"));
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_unencrypted() {
    let server = Setup::default().with_extension("AUTH PLAIN").start().await;
    let port = server.address.port();
    for (url, what) in [
        (format!("smtp://user:secret@localhost:{port}"), "STARTTLS"),
        (format!("smtp://localhost:{port}?tls=required"), "STARTTLS"),
        (format!("smtp://user:secret@localhost:{port}?tls=opportunistic"), "password"),
    ] {
        let outcome = send(&mut sender(url).session(), "x").await;
        let SendOutcome::Down { answer } = &outcome else { panic!("{outcome:?}") };
        assert!(answer.contains(what) && !answer.contains("secret"), "{answer}");
    }
    assert_eq!(server.verbs(), ["EHLO"; 3]);
    let refusing = Setup::default().with_extension("STARTTLS");
    let server =
        refusing.script(|at, _, _| (at == Stage::StartTls).then(|| reply("454 not now"))).start().await;
    for query in ["", "?tls=opportunistic"] {
        let url = format!("smtp://localhost:{}{query}", server.address.port());
        assert_eq!(outcome_name(&send(&mut sender(url).session(), "x").await), "down");
    }
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS", "EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn replies_injected_before_tls_are_ignored() {
    let identity = identity("localhost");
    let setup = Setup { tls: Some(identity.server), ..Setup::default() }.with_extension("STARTTLS");
    let server = setup
        .script(|at, _, _| (at == Stage::StartTls).then(|| reply("220 go\r\n250 injected")))
        .start()
        .await;
    let mut session = trusting(format!("smtp://localhost:{}", server.address.port()), &identity.root);
    assert_eq!(outcome_name(&send(&mut session, "x").await), "down");
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn servers_with_another_name_or_an_untrusted_root_get_nothing() {
    let (ours, other) = (identity("localhost"), identity("mail.other.example"));
    let stranger = identity("localhost");
    for (shown, trusted) in [(&other, &other.root), (&stranger, &ours.root)] {
        let setup = Setup { tls: Some(Arc::clone(&shown.server)), ..Setup::default() };
        let server = setup.with_extension("STARTTLS").start().await;
        let mut session = trusting(format!("smtp://localhost:{}", server.address.port()), trusted);
        let outcome = send(&mut session, "x").await;
        assert_eq!(outcome_name(&outcome), "down", "{outcome:?}");
        assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
    }
}

#[tokio::test]
async fn the_server_s_authentication_mechanism_is_used() {
    let script = |at: Stage, _: usize, _: usize| match at {
        Stage::Auth | Stage::Other => Some(reply("334 VXNlcm5hbWU6")),
        _ => None,
    };
    let answers = Arc::new(Mutex::new(0));
    let server = Setup::default()
        .with_extension("AUTH LOGIN")
        .script(move |at, a, b| {
            let act = script(at, a, b)?;
            let mut answers = answers.lock().unwrap();
            *answers += 1;
            Some(if *answers == 3 { reply("235 in") } else { act })
        })
        .start()
        .await;
    let mut session = sender(format!("smtp://user:pass@{}?tls=off", server.address)).session();
    assert!(is_accepted(&send(&mut session, "x").await));
    assert_eq!(server.verbs()[..4], ["EHLO", "AUTH", "dXNlcg==", "cGFzcw=="]);
    for (offer, answer) in [
        ("AUTH PLAIN", "535 5.7.8 wrong"),
        ("AUTH PLAIN", "454 later"),
        ("AUTH CRAM-MD5", "235 in"),
        ("AUTH LOGIN", "334 x"),
    ] {
        let server = Setup::default()
            .with_extension(offer)
            .script(move |at, _, _| matches!(at, Stage::Auth | Stage::Other).then(|| reply(answer)))
            .start()
            .await;
        let mut session = sender(format!("smtp://user:pass@{}?tls=off", server.address)).session();
        assert_eq!(outcome_name(&send(&mut session, "x").await), "down", "{offer} {answer}");
        assert!(!server.verbs().contains(&"MAIL".to_owned()));
    }
}
