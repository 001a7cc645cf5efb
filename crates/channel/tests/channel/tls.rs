//! Lines that nobody else can read: TLS, and who is at the other end.

use std::sync::{Arc, Mutex};

use channel::{SendOutcome, Sender, Session};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::{At, Setup, say};
use crate::smtp::{is_accepted, patient, send, sender, smtp, word};

struct Identity {
    server: Arc<ServerConfig>,
    root: CertificateDer<'static>,
}

fn identity(name: &str) -> Identity {
    dated(name, 2100)
}

/// Good until the end of a year, and trusted by whoever trusts its root.
fn dated(name: &str, year: i32) -> Identity {
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
    Sender::with(&smtp(url), vec![root.clone()], patient()).unwrap().session()
}

#[tokio::test]
async fn starttls_and_implicit_tls_hide_everything() {
    let identity = identity("localhost");
    let start = Setup { tls: Some(Arc::clone(&identity.server)), ..Setup::default() };
    let server = start.offering("STARTTLS").offering("AUTH PLAIN LOGIN").start().await;
    for query in ["", "?tls=required", "?tls=opportunistic"] {
        let url = format!("smtp://user:p%40ss@localhost:{}{query}", server.address.port());
        let mut session = trusting(url, &identity.root);
        assert!(is_accepted(&send(&mut session, "one").await));
        assert!(is_accepted(&send(&mut session, "two").await));
    }
    {
        let heard = server.heard.lock().unwrap();
        let clear: Vec<_> = heard.in_clear.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(clear, ["EHLO", "STARTTLS"].repeat(3));
        // RFC 4616: NUL, user, NUL, password.
        assert!(heard.commands.iter().any(|(_, command)| command == "AUTH PLAIN AHVzZXIAcEBzcw=="));
    }
    let implicit = Setup { tls: Some(identity.server), implicit: true, ..Setup::default() };
    let server = implicit.start().await;
    let mut session = trusting(format!("smtps://localhost:{}", server.address.port()), &identity.root);
    assert!(is_accepted(&send(&mut session, "one").await));
    assert_eq!(server.heard.lock().unwrap().in_clear, "");
}

#[tokio::test]
async fn a_certificate_that_has_expired_gets_no_mail() {
    for (year, good) in [(2100, true), (2019, false)] {
        let identity = dated("localhost", year);
        for implicit in [false, true] {
            let tls = Some(Arc::clone(&identity.server));
            let server = Setup { tls, implicit, ..Setup::default() }.offering("STARTTLS").start().await;
            let scheme = if implicit { "smtps" } else { "smtp" };
            let mut session =
                trusting(format!("{scheme}://localhost:{}", server.address.port()), &identity.root);
            let outcome = send(&mut session, "x").await;
            assert_eq!(is_accepted(&outcome), good, "{year}: {outcome:?}");
            let told =
                matches!(&outcome, SendOutcome::Down { answer } if answer.contains("cannot be trusted"));
            assert!(good || told, "{outcome:?}");
            assert!(good || !server.verbs().iter().any(|verb| verb == "MAIL" || verb == "DATA"));
        }
    }
}

#[tokio::test]
async fn where_tls_is_stripped_nothing_is_said_in_clear() {
    let server = Setup::default().offering("AUTH PLAIN").start().await;
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
    let refusing = Setup::default().offering("STARTTLS");
    let server = refusing.manners(|at, _, _| (at == At::StartTls).then(|| say("454 not now"))).start().await;
    for query in ["", "?tls=opportunistic"] {
        let url = format!("smtp://localhost:{}{query}", server.address.port());
        assert_eq!(word(&send(&mut sender(url).session(), "x").await), "down");
    }
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS", "EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn words_put_in_before_tls_do_not_count() {
    let identity = identity("localhost");
    let setup = Setup { tls: Some(identity.server), ..Setup::default() }.offering("STARTTLS");
    let server =
        setup.manners(|at, _, _| (at == At::StartTls).then(|| say("220 go\r\n250 injected"))).start().await;
    let mut session = trusting(format!("smtp://localhost:{}", server.address.port()), &identity.root);
    assert_eq!(word(&send(&mut session, "x").await), "down");
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn servers_that_are_not_who_they_say_get_nothing() {
    let (ours, other) = (identity("localhost"), identity("mail.other.example"));
    let stranger = identity("localhost");
    for (shown, trusted) in [(&other, &other.root), (&stranger, &ours.root)] {
        let setup = Setup { tls: Some(Arc::clone(&shown.server)), ..Setup::default() };
        let server = setup.offering("STARTTLS").start().await;
        let mut session = trusting(format!("smtp://localhost:{}", server.address.port()), trusted);
        let outcome = send(&mut session, "x").await;
        assert_eq!(word(&outcome), "down", "{outcome:?}");
        assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
    }
}

#[tokio::test]
async fn passwords_are_given_as_the_server_wants_them() {
    let script = |at: At, _: usize, _: usize| match at {
        At::Auth | At::Other => Some(say("334 VXNlcm5hbWU6")),
        _ => None,
    };
    let answers = Arc::new(Mutex::new(0));
    let server = Setup::default()
        .offering("AUTH LOGIN")
        .manners(move |at, a, b| {
            let act = script(at, a, b)?;
            let mut answers = answers.lock().unwrap();
            *answers += 1;
            Some(if *answers == 3 { say("235 in") } else { act })
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
            .offering(offer)
            .manners(move |at, _, _| matches!(at, At::Auth | At::Other).then(|| say(answer)))
            .start()
            .await;
        let mut session = sender(format!("smtp://user:pass@{}?tls=off", server.address)).session();
        assert_eq!(word(&send(&mut session, "x").await), "down", "{offer} {answer}");
        assert!(!server.verbs().contains(&"MAIL".to_owned()));
    }
}
