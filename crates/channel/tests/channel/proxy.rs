//! Posts through a proxy: it gets what is for others, and nothing that is for this machine.

use std::sync::atomic::Ordering;

use campaign::{Account, ChannelKind, Per, Secret};
use channel::{Proxy, SendOutcome, Sender};

use crate::redirects::{now, server};
use crate::smtp::{channel, hasty};
use crate::webhook::message;

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

async fn post(url: &str, proxy: &str, except: Option<&str>) -> SendOutcome {
    let kind = ChannelKind::Network(Box::new(Account::webhook(Secret::new(url), None, Per::Feed)));
    let proxy = proxy.parse::<Proxy>().unwrap().except(except);
    let sender = Sender::new(&channel(kind), hasty(), Some(proxy)).unwrap();
    sender.session().send(&message("msg_1", "{}"), now()).await
}

#[tokio::test]
async fn what_is_for_others_goes_through_it() {
    let (proxy, asked) = server(TAKEN.to_owned()).await;
    // No name server knows it: the proxy resolves names.
    let outcome = post("http://hooks.invalid/a", &proxy, None).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let outcome = post("http://hooks.invalid/a", &proxy, Some("hooks.invalid")).await;
    assert!(matches!(outcome, SendOutcome::Down { .. }), "{outcome:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn this_machine_is_reached_without_it() {
    let (proxy, asked) = server(TAKEN.to_owned()).await;
    let (own, reached) = server(TAKEN.to_owned()).await;
    let outcome = post(&format!("{own}/a"), &proxy, None).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!((asked.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_sends_nothing() {
    let outcome = post("http://hooks.invalid/a", "http://127.0.0.1:9", None).await;
    let SendOutcome::Down { answer, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(answer.contains("the proxy 127.0.0.1:9"), "{answer}");
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_holds_the_channel_up_and_refuses_nothing() {
    let refusal =
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for url in ["http://hooks.invalid/a", "https://hooks.invalid/a"] {
        let (proxy, asked) = server(refusal.to_owned()).await;
        let outcome = post(url, &proxy, None).await;
        let SendOutcome::Down { answer, .. } = &outcome else { panic!("{url}: {outcome:?}") };
        assert!(answer.contains("wants a user and a password"), "{url}: {answer}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{url}");
    }
}
