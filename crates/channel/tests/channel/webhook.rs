//! Tests of webhook posts: signature, limits, and the outcome of each response.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Account, ChannelKind, Per, Secret};
use channel::{Content, Message, Post, RejectReason, SendOutcome, Sender, Timeouts};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::smtp::{channel, short_timeouts};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The reaction of a test endpoint to a request.
#[derive(Clone)]
enum Reaction {
    Respond(String),
    Close,
    Silence,
}

struct Endpoint {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Starts an endpoint on 127.0.0.1 that records its requests and reacts the same way to each.
async fn endpoint(reaction: Reaction) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=topsecret", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (reaction, recorded) = (reaction.clone(), Arc::clone(&recorded));
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let mut block = [0; 4096];
                while !is_whole(&bytes) {
                    match stream.read(&mut block).await {
                        Ok(n) if n > 0 => bytes.extend_from_slice(&block[..n]),
                        _ => return,
                    }
                }
                recorded.lock().unwrap().push(String::from_utf8(bytes).unwrap());
                match reaction {
                    Reaction::Respond(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    Reaction::Close => {}
                    Reaction::Silence => std::future::pending().await,
                }
            });
        }
    });
    Endpoint { url, requests }
}

/// Returns true once the bytes hold a request with its whole body.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn response(status: &str, headers: &str, body: &str) -> Reaction {
    Reaction::Respond(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}

fn sender(url: &str, secret: Option<&str>) -> Sender {
    Sender::with_roots(&channel(webhook(url, secret)), Vec::new(), short_timeouts()).unwrap()
}

fn webhook(url: &str, secret: Option<&str>) -> ChannelKind {
    ChannelKind::Network(Box::new(Account::webhook(Secret::new(url), secret.map(Secret::new), Per::Feed)))
}

pub(crate) fn message(id: &str, body: &str) -> Message {
    Message::Post(Box::new(Post {
        id: id.to_owned(),
        at: now(),
        possible_duplicate: false,
        to: None,
        language: "en".to_owned(),
        content: Content::Json(body.to_owned()),
    }))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_674_087_231).unwrap()
}

async fn post(url: &str) -> SendOutcome {
    let message = message("msg_1", "{\"type\":\"campaign.post\"}");
    sender(url, Some(SECRET)).session().send(&message, now()).await
}

#[tokio::test]
async fn a_request_is_signed() {
    let endpoint = endpoint(response("204 No Content", "", "")).await;
    let outcome = post(&endpoint.url).await;
    assert_eq!(outcome, SendOutcome::accepted("204"));
    let requests = endpoint.requests.lock().unwrap();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?key=topsecret HTTP/1.1"), "{head}");
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("msg_1", "1674087231"));
    assert_eq!(header("content-type"), "application/json");
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("msg_1.1674087231.{body}").as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
}

#[tokio::test]
async fn without_a_secret_it_is_not_signed() {
    let endpoint = endpoint(response("200 OK", "", "ok")).await;
    let message = message("msg_1", "{}");
    let outcome = sender(&endpoint.url, None).session().send(&message, now()).await;
    assert_eq!(outcome, SendOutcome::accepted("200 ok"));
    assert!(!endpoint.requests.lock().unwrap()[0].contains("webhook-signature"));
}

#[tokio::test]
async fn each_status_has_its_outcome() {
    for (status, expected) in [
        ("200 OK", "accepted"),
        ("201 Created", "accepted"),
        ("202 Accepted", "accepted"),
        ("301 Moved", "blocked"),
        ("302 Found", "blocked"),
        ("307 Temporary", "blocked"),
        ("400 Bad", "rejected"),
        ("401 Unauthorized", "blocked"),
        ("403 Forbidden", "policy"),
        ("404 Not Found", "rejected"),
        ("408 Timeout", "deferred"),
        ("410 Gone", "blocked"),
        ("413 Large", "big"),
        ("422 Unprocessable", "rejected"),
        ("429 Slow", "deferred"),
        ("500 Oops", "deferred"),
        ("502 Bad", "deferred"),
        ("503 Busy", "deferred"),
        ("504 Late", "deferred"),
    ] {
        let endpoint = endpoint(response(status, "location: http://127.0.0.1:1/\r\n", "")).await;
        let word = match post(&endpoint.url).await {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Deferred { .. } => "deferred",
            SendOutcome::Rejected { reason: RejectReason::Policy, .. } => "policy",
            SendOutcome::Rejected { reason: RejectReason::TooBig, .. } => "big",
            SendOutcome::Rejected { .. } => "rejected",
            SendOutcome::Withheld => "withheld",
            SendOutcome::Unknown { .. } => "unknown",
            SendOutcome::Down { .. } => "down",
            SendOutcome::ChannelBlocked { .. } => "blocked",
            SendOutcome::Doubtful { .. } => "doubtful",
        };
        assert_eq!(word, expected, "{status}");
        assert_eq!(endpoint.requests.lock().unwrap().len(), 1, "{status} was followed or repeated");
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    for (value, seconds) in [("7", 7.0), ("2.5", 2.5), ("Thu, 19 Jan 2023 00:14:51 GMT", 60.0)] {
        let endpoint =
            endpoint(response("429 Slow", &format!("retry-after: {value}\r\n"), "slow down")).await;
        match post(&endpoint.url).await {
            SendOutcome::Deferred { retry_after: Some(wait), answer, .. } => {
                assert!((wait.as_secs_f64() - seconds).abs() < 0.001, "{value}: {wait:?}");
                assert_eq!(answer, "429 slow down");
            }
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_answer_is_unknown_and_no_connection_is_down() {
    for reaction in [
        Reaction::Close,
        Reaction::Silence,
        Reaction::Respond("HTTP/1.1 2".into()),
        Reaction::Respond("nonsense\r\n\r\n".into()),
    ] {
        let endpoint = endpoint(reaction).await;
        let outcome = post(&endpoint.url).await;
        let SendOutcome::Unknown { answer } = &outcome else { panic!("{outcome:?}") };
        assert!(!answer.contains("topsecret"), "{answer}");
        assert_eq!(endpoint.requests.lock().unwrap().len(), 1);
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = post(&format!("http://{address}/?key=topsecret")).await;
    let SendOutcome::Down { answer } = &outcome else { panic!("{outcome:?}") };
    assert!(!answer.contains("topsecret"), "{answer}");
}

#[tokio::test]
async fn a_long_response_is_truncated() {
    let endpoint = endpoint(response("400 Bad", "", &"x\0\r\n".repeat(100_000))).await;
    let SendOutcome::Rejected { answer, .. } = post(&endpoint.url).await else { panic!() };
    assert!(answer.len() < 400 && !answer.contains(char::is_control), "{answer}");
}

#[tokio::test]
async fn localhost_may_be_configured() {
    let endpoint = endpoint(response("200 OK", "", "")).await;
    let outcome = post(&endpoint.url.replace("127.0.0.1", "localhost")).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
}

#[test]
fn forbidden_addresses_and_bad_secrets_are_refused_at_once() {
    for url in [
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://0/",
        "ftp://a.example",
        "nonsense",
    ] {
        let kind = webhook(url, None);
        assert!(Sender::new(&channel(kind), Timeouts::default(), None).is_err(), "{url}");
    }
    let kind = webhook("https://a.example", Some("short"));
    assert!(Sender::new(&channel(kind), Timeouts::default(), None).is_err());
}

#[tokio::test]
async fn an_outbox_accepts_everything() {
    let mailbox =
        campaign::Mailbox { name: None, address: campaign::EmailAddress::parse("a@b.example").unwrap() };
    let sender = Sender::new(
        &channel(ChannelKind::Outbox { from: mailbox, reply_to: None }),
        Timeouts::default(),
        None,
    )
    .unwrap();
    assert!(sender.is_outbox());
    let message = message("1", "");
    assert_eq!(sender.session().send(&message, now()).await, SendOutcome::accepted("in the outbox"));
}
