//! Tests of the HTTP responses, including all faults that can be injected.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;
use std::time::Duration;

use platform::{Fault, Kind, Platform, account};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const NOW: i64 = 1_787_392_800_000;
const HOOK: &str = "/slack/services/T0001/B0001/secret";

async fn start() -> Platform {
    Platform::start(Arc::new(|| NOW)).await.unwrap()
}

/// Sends a request, and returns the bytes received before the connection ended, and true if it
/// ended normally.
async fn send(platform: &Platform, request: String) -> (String, bool) {
    let address = platform.page().replace("http://", "").replace('/', "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match stream.read(&mut part).await {
            Ok(0) => return (String::from_utf8(answer).unwrap(), true),
            Ok(length) => answer.extend(&part[..length]),
            Err(_) => return (String::from_utf8(answer).unwrap(), false),
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

async fn post_text(platform: &Platform, text: &str) -> (String, bool) {
    send(platform, post(HOOK, &format!("{{\"text\":\"{text}\"}}"))).await
}

#[tokio::test]
async fn posts_are_stored_and_shown_as_cards() {
    let platform = start().await;
    let (answer, _) = post_text(&platform, "茶 <b> https://harbour.example/a").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nok"), "{answer}");
    let posts = platform.received(Kind::Slack);
    assert_eq!((posts.len(), posts[0].at, posts[0].links.len()), (1, NOW, 1));
    let (page, _) = send(&platform, get("/?network=slack")).await;
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
    assert!(page.contains("茶 ") && page.contains("href=\"https://harbour.example/a\""), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
    let (other, _) = send(&platform, get("/?network=discord")).await;
    assert!(other.contains("Nothing yet"), "{other}");
    let (nothing, _) = send(&platform, get("/fax/send")).await;
    assert!(nothing.starts_with("HTTP/1.1 404"), "{nothing}");
    platform.finish().await;
}

#[tokio::test]
async fn a_fault_before_the_post_stores_nothing() {
    let platform = start().await;
    for (fault, status, words) in [
        (Fault::RateLimited { seconds: 7 }, 429, "retry-after: 7\r\n"),
        (Fault::RetryAfter("Sat, 22 Aug 2026 10:01:00 GMT".to_owned()), 429, "retry-after: Sat, 22 Aug"),
        (Fault::RetryAfter("1.5".to_owned()), 429, "retry-after: 1.5\r\n"),
        (Fault::ServerError(503), 503, "<h1>503"),
        (Fault::NotJson, 200, "text/html"),
        (Fault::Redirect("http://169.254.169.254/".to_owned()), 307, "location: http://169.254.169.254/\r\n"),
        (Fault::Revoked, 404, "no_service"),
    ] {
        platform.fault(Kind::Slack, fault.clone());
        let (answer, _) = post_text(&platform, "x").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words),
            "{fault:?}: {answer}"
        );
        let request = platform.requests(Kind::Slack).pop().unwrap();
        assert_eq!((request.fault, request.status), (Some(fault), status));
        assert!(request.refused.is_some());
    }
    platform.fault(Kind::Slack, Fault::ResetBefore);
    assert_eq!(post_text(&platform, "x").await, (String::new(), false));
    assert!(platform.received(Kind::Slack).is_empty());
    assert!(post_text(&platform, "x").await.0.ends_with("ok"));
}

#[tokio::test]
async fn a_fault_after_the_post_stores_it() {
    let platform = start().await;
    platform.fault(Kind::Slack, Fault::AcceptThenReset);
    assert_eq!(post_text(&platform, "1").await, (String::new(), false));
    platform.fault(Kind::Slack, Fault::CutBody);
    let (answer, _) = post_text(&platform, "2").await;
    assert!(answer.contains("content-length: 2\r\n") && answer.ends_with("\r\n\r\no"), "{answer}");
    platform.fault(Kind::Slack, Fault::SlowBody(1));
    assert!(post_text(&platform, "3").await.0.ends_with("ok"));
    platform.fault(Kind::Slack, Fault::HugeBody);
    assert!(post_text(&platform, "4").await.0.len() > 60 << 20);
    platform.fault(Kind::Slack, Fault::AcceptThenHang);
    let hung = tokio::time::timeout(Duration::from_millis(50), post_text(&platform, "5")).await;
    assert!(hung.is_err());
    let texts: Vec<String> = platform.received(Kind::Slack).into_iter().map(|post| post.text).collect();
    assert_eq!(texts, ["1", "2", "3", "4", "5"]);
    assert_eq!(platform.requests(Kind::Slack).pop().unwrap().status, 0);
    platform.finish().await;
}

#[tokio::test]
async fn a_held_request_is_accepted_when_released_even_without_its_client() {
    let platform = start().await;
    platform.fault(Kind::Slack, Fault::Held);
    let gone = tokio::time::timeout(Duration::from_millis(50), post_text(&platform, "1")).await;
    assert_eq!((gone.is_err(), platform.held(), platform.accepted(Kind::Slack)), (true, 1, 0));
    assert!(post_text(&platform, "2").await.0.ends_with("ok"), "others need not wait");
    platform.release();
    while platform.held() > 0 {
        tokio::task::yield_now().await;
    }
    platform.fault(Kind::Slack, Fault::Hang);
    let hung = tokio::time::timeout(Duration::from_millis(50), post_text(&platform, "3")).await;
    let texts: Vec<String> = platform.received(Kind::Slack).into_iter().map(|post| post.text).collect();
    assert_eq!((hung.is_err(), texts), (true, vec!["2".to_owned(), "1".to_owned()]));
    platform.finish().await;
}

#[tokio::test]
async fn a_fault_waits_for_its_path() {
    let platform = start().await;
    platform.fault_on(Kind::Mastodon, "verify_credentials", Fault::ServerError(502));
    platform.fault(Kind::Mastodon, Fault::ExpiredToken);
    let (answer, _) = send(&platform, get("/mastodon/api/v2/instance")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (answer, _) = send(&platform, get("/mastodon/api/v1/accounts/verify_credentials")).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let (answer, _) = send(&platform, post("/mastodon/api/v1/statuses", "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(platform.requests(Kind::Mastodon).iter().all(|request| request.path.starts_with("/api/")));
}

#[tokio::test]
async fn published_rate_limits_are_enforced_if_enabled() {
    let platform = start().await;
    for _ in 0..3 {
        assert!(post_text(&platform, "x").await.0.ends_with("ok"));
    }
    platform.set_strict_rates(true);
    assert!(post_text(&platform, "x").await.0.ends_with("ok"));
    let (answer, _) = post_text(&platform, "x").await;
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 1\r\n"), "{answer}");
    let login = || post("/bluesky/xrpc/com.atproto.server.createSession", "{}");
    for _ in 0..30 {
        assert!(send(&platform, login()).await.0.starts_with("HTTP/1.1 400"));
    }
    assert!(send(&platform, login()).await.0.starts_with("HTTP/1.1 429"));
}

#[tokio::test]
async fn a_channel_table_is_complete_and_without_secrets() {
    let platform = start().await;
    let variables = Platform::variables();
    for kind in Kind::all() {
        let toml = platform.channel_toml(kind, "one");
        assert!(
            toml.starts_with(&format!("[channels.one]\nkind = \"{kind}\"\nbase_url = \"http://127.0.0.1:")),
            "{toml}"
        );
        let account = account(kind);
        let hook = platform.hook(kind);
        assert_eq!(hook.is_some(), account.url.is_some());
        assert!(
            hook.is_none_or(|hook| hook.starts_with(&platform.base_url(kind)) && !hook.contains("example"))
        );
        for secret in [account.url, account.secret, account.token].into_iter().flatten() {
            assert!(!toml.contains(secret), "{toml}");
            let (name, _) = variables.iter().find(|(_, value)| value == secret).unwrap();
            assert!(
                kind == Kind::WechatTemplate
                    || kind == Kind::Feishu
                    || toml.contains(&format!("\"${{{name}}}\"")),
                "{toml}"
            );
        }
    }
}

#[tokio::test]
async fn uploaded_pictures_are_served_as_pictures_only() {
    let platform = start().await;
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nGIF89a<script>\r\n--b--\r\n";
    let upload = format!(
        "POST /mastodon/api/v2/media HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n{body}",
        account(Kind::Mastodon).token.unwrap(),
        body.len()
    );
    let (answer, _) = send(&platform, upload).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let id = answer.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (picture, _) = send(&platform, get(&format!("/album/mastodon/{id}"))).await;
    assert!(picture.contains("content-type: image/gif\r\n") && picture.contains("nosniff"), "{picture}");
    for path in ["/album/mastodon/9", "/album/fax/1"] {
        let (nothing, _) = send(&platform, get(path)).await;
        assert!(nothing.starts_with("HTTP/1.1 404"), "{nothing}");
    }
}
