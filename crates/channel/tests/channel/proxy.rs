//! Tests of posts through a proxy, which gets requests to other hosts and none to this machine.

use std::sync::atomic::Ordering;

use campaign::{Account, ChannelKind, Per, Secret};
use channel::{Proxy, SendOutcome, Sender};

use crate::redirects::{counting_server, now};
use crate::smtp::{channel, short_timeouts};
use crate::webhook::message;

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

async fn post(url: &str, proxy: &str, except: Option<&str>) -> SendOutcome {
    let kind = ChannelKind::Network(Box::new(Account::webhook(Secret::new(url), None, Per::Feed)));
    let proxy = proxy.parse::<Proxy>().unwrap().except(except);
    let sender = Sender::new(&channel(kind), short_timeouts(), Some(proxy)).unwrap();
    sender.session().send(&message("msg_1", "{}"), now()).await
}

#[tokio::test]
async fn requests_to_other_hosts_go_through_the_proxy() {
    let (proxy, requests) = counting_server(TAKEN.to_owned()).await;
    // The name does not exist in the DNS: the proxy resolves names.
    let outcome = post("http://hooks.invalid/a", &proxy, None).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    let outcome = post("http://hooks.invalid/a", &proxy, Some("hooks.invalid")).await;
    assert!(matches!(outcome, SendOutcome::Down { .. }), "{outcome:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn this_machine_is_reached_without_the_proxy() {
    let (proxy, requests) = counting_server(TAKEN.to_owned()).await;
    let (own, reached) = counting_server(TAKEN.to_owned()).await;
    let outcome = post(&format!("{own}/a"), &proxy, None).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!((requests.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn an_unreachable_proxy_is_down() {
    let outcome = post("http://hooks.invalid/a", "http://127.0.0.1:9", None).await;
    let SendOutcome::Down { answer, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(answer.contains("the proxy 127.0.0.1:9"), "{answer}");
}

#[tokio::test]
async fn a_proxy_that_requires_a_password_is_down_and_rejects_no_post() {
    let refusal =
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for url in ["http://hooks.invalid/a", "https://hooks.invalid/a"] {
        let (proxy, requests) = counting_server(refusal.to_owned()).await;
        let outcome = post(url, &proxy, None).await;
        let SendOutcome::Down { answer, .. } = &outcome else { panic!("{url}: {outcome:?}") };
        assert!(answer.contains("wants a user and a password"), "{url}: {answer}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{url}");
    }
}
