//! Tests that requests to networks follow no redirect, so that neither a post nor a credential is
//! sent to another host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campaign::network::{ChannelKey, NETWORKS};
use campaign::{Account, ChannelKind, Network, Per, Secret};
use channel::{Action, Content, Message, Parts, Post, SendOutcome, Sender};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::smtp::{channel, short_timeouts};

/// Starts a server that responds with `answer` to every request. Returns its URL and the number of
/// requests so far.
pub(crate) async fn counting_server(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut block = [0; 65_536];
            let _ = stream.read(&mut block).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn account(network: &'static Network, base: &str) -> Account {
    let text = |key: ChannelKey, value: &str| network.has(key).then(|| value.to_owned());
    let secret = |key: ChannelKey, value: &str| network.has(key).then(|| Secret::new(value));
    let from = if network.kind == "weibo" { "203.0.113.7" } else { "+15005550006" };
    Account {
        base_url: Some(base.parse().unwrap()),
        url: secret(ChannelKey::Url, &format!("{base}/hook/topsecret")),
        secret: secret(ChannelKey::Secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        token: secret(ChannelKey::Token, "token-1"),
        account: text(ChannelKey::Account, "account-1"),
        room: text(ChannelKey::Room, "room-1"),
        from: text(ChannelKey::From, from),
        template_id: text(ChannelKey::TemplateId, "template-1"),
        ..Account::new(network, Per::Feed)
    }
}

pub(crate) fn post(network: &Network) -> Message {
    let url = "https://news.example/c/1.tok".to_owned();
    let text = format!("Spring {url}");
    let parts = Parts {
        plain: text.clone(),
        text,
        action: Some(Action { label: "Choose".into(), url: url.clone() }),
        link: Some(url),
        ..Parts::default()
    };
    let content = match network.kind {
        "webhook" | "wechat_template" | "aliyun_sms" => Content::Json("{}".into()),
        "pinterest" | "douyin" | "wechat" => Content::Json("{\"title\":\"Spring\"}".into()),
        _ => Content::Parts(Box::new(parts)),
    };
    let at = now();
    let to = Some("+8613800138000".to_owned());
    let post =
        Post { id: "5f2b0c1d".into(), at, possible_duplicate: false, to, language: "en".into(), content };
    Message::Post(Box::new(post))
}

#[tokio::test]
async fn no_network_follows_a_redirect() {
    let (elsewhere, followed) =
        counting_server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into()).await;
    for network in NETWORKS {
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            let answer = format!("HTTP/1.1 {status}\r\nlocation: {elsewhere}/a\r\ncontent-length: 0\r\n\r\n");
            let (base, requests) = counting_server(answer).await;
            let kind = ChannelKind::Network(Box::new(account(network, &base)));
            let sender = Sender::with_roots(&channel(kind), Vec::new(), short_timeouts()).unwrap();
            let outcome = sender.session().send(&post(network), now()).await;
            let kind = network.kind;
            assert!(requests.load(Ordering::SeqCst) > 0, "{kind} sends nothing: {outcome:?}");
            assert!(!matches!(outcome, SendOutcome::Accepted { .. }), "{kind} {status}: {outcome:?}");
        }
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}
