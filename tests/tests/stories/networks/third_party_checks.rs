//! Requests as sent, checked by third-party libraries: Slack's SDK, @atproto/api, standardwebhooks.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tests::{blocks_are_valid, post_record_is_valid, standard_webhook_verifies};

use super::*;
use crate::fixture;

/// Returns texts near the limits of the networks, in several scripts.
fn texts() -> Vec<String> {
    let family = "👨‍👩‍👧‍👦";
    vec![
        TEXT.to_owned(),
        "春节大促 #春节 & <b>98 元</b> @harbour".to_owned(),
        family.repeat(100),
        "春".repeat(270),
        format!("{family} https://harbour.example/春 (see https://a.example/x?y=1&z=2). שלום *a* _b_ `c`"),
    ]
}

fn with(text: &str, picture: PictureSource, is_card: bool) -> Post {
    let mut whole = card(picture);
    if let Content::Parts(parts) = &mut whole.content {
        text.clone_into(&mut parts.text);
        parts.plain = format!("{text}\n\n{LINK}");
        if !is_card {
            parts.title = None;
            parts.action = None;
        }
    }
    whole
}

#[tokio::test]
async fn slacks_own_library_takes_every_block_that_we_send() {
    let tools = fixture::tools();
    for text in texts().into_iter().chain(["春".repeat(1_300)]) {
        for is_card in [true, false] {
            let fixture = PostFixture::of(Kind::Slack).await;
            let outcome = fixture.send(with(&text, picture_at_url(), is_card)).await;
            assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{text}: {outcome:?}");
            let raw = fixture.only_post().raw;
            assert!(raw["blocks"].as_array().unwrap().len() >= 2);
            blocks_are_valid(&tools, &raw["blocks"]).unwrap();
        }
    }
}

#[tokio::test]
async fn blueskys_own_library_takes_every_record_that_we_send() {
    let tools = fixture::tools();
    for text in texts() {
        for has_picture in [true, false] {
            let fixture = PostFixture::of(Kind::Bluesky).await;
            let mut post = with(&text, picture_file(), true);
            if let Content::Parts(parts) = &mut post.content {
                parts.picture = parts.picture.take().filter(|_| has_picture);
            }
            let outcome = fixture.send(post).await;
            assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{text}: {outcome:?}");
            let raw = fixture.only_post().raw;
            let record = raw.get("record").unwrap_or(&raw);
            assert_eq!(record["$type"], "app.bsky.feed.post", "{raw}");
            post_record_is_valid(&tools, record).unwrap();
        }
    }
}

#[tokio::test]
async fn the_standards_own_library_takes_every_webhook_that_we_send() {
    let tools = fixture::tools();
    // The library compares with the machine's clock.
    let at = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let now = Timestamp::from_millisecond(at).unwrap();
    let platform = Platform::start(Arc::new(move || at)).await.unwrap();
    let sender = Sender::new(&channel(&platform, Kind::Webhook), Timeouts::default(), None).unwrap();
    let secret = platform::account(Kind::Webhook).secret.unwrap();
    for (number, text) in texts().into_iter().enumerate() {
        let body = json!({ "type": "campaign.post", "timestamp": now.to_string(), "data": { "text": text } });
        let content = Content::Json(body.to_string());
        let post = Post { id: format!("msg_{number}"), content, ..text_post(&text) };
        let outcome = sender.session().send(&Message::Post(Box::new(post)), now).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{text}: {outcome:?}");
        let request = platform.requests(Kind::Webhook).pop().unwrap();
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["data"]["text"], text);
        standard_webhook_verifies(&tools, secret, &request.headers, &request.body).unwrap();
    }
}
