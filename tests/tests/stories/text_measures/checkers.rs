//! Tests of the third-party checkers: each accepts valid data and refuses data that is nearly
//! valid.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Tools, blocks_are_valid, post_record_is_valid, standard_webhook_verifies};

use crate::fixture;

fn refused(result: anyhow::Result<()>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn blocks_are_checked_against_slacks_limits() {
    let tools = fixture::tools();
    let section = |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let header = json!({ "type": "header", "text": { "type": "plain_text", "text": "One free month", "emoji": true } });
    let image = json!({ "type": "image", "image_url": "https://harbour.example/a.png", "alt_text": "A cup" });
    let button = json!({ "type": "button", "text": { "type": "plain_text", "text": "Renew now" }, "url": "https://harbour.example/", "action_id": "go" });
    let actions = json!({ "type": "actions", "elements": [button] });
    let good = json!([header, section("a".repeat(3_000)), image, actions, { "type": "divider" }]);
    blocks_are_valid(&tools, &good).unwrap();

    let long = refused(blocks_are_valid(&tools, &json!([header, section("a".repeat(3_001))])));
    assert!(long.contains("block 1") && long.contains("3000"), "{long}");
    let many = Value::from(vec![json!({ "type": "divider" }); 51]);
    assert!(refused(blocks_are_valid(&tools, &many)).contains("51 blocks"));
    let strange = json!([{ "type": "divider", "colour": "red" }]);
    assert!(refused(blocks_are_valid(&tools, &strange)).contains("colour"));
    let unheard = json!([{ "type": "banner" }]);
    assert!(refused(blocks_are_valid(&tools, &unheard)).contains("block 0"));
}

/// Returns the headers of a webhook that is signed now, by Node.js's own cryptography.
fn signed_now(tools: &Tools, secret: &str, body: &str) -> Vec<(String, String)> {
    let script = "const [, secret, body] = process.argv; const at = Math.floor(Date.now() / 1000); \
        const mac = require('node:crypto').createHmac('sha256', Buffer.from(secret.slice(6), 'base64')); \
        const signature = 'v1,' + mac.update(`msg_1.${at}.${body}`).digest('base64'); \
        console.log(JSON.stringify([['webhook-id', 'msg_1'], ['webhook-timestamp', String(at)], \
        ['webhook-signature', signature]]))";
    let output = Command::new(&tools.node).args(["--eval", script, "--", secret, body]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_webhook_of_another_time_or_secret_is_refused() {
    let tools = fixture::tools();
    // The test vector of the reference libraries is years old: the time is checked before the
    // signature.
    let headers = [
        ("Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("Webhook-Timestamp", "1674087231"),
        ("Webhook-Signature", "v1,AQG81rX2n4rTN1fkXoqILSHO9gAOcwya9dP41rhrQDI="),
    ];
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let old = refused(standard_webhook_verifies(&tools, secret, &headers, r#"{"test": 2432232314}"#));
    assert!(old.contains("too old"), "{old}");
    let fresh = signed_now(&tools, secret, "{\"a\": \"春\"}");
    standard_webhook_verifies(&tools, secret, &fresh, "{\"a\": \"春\"}").unwrap();
    for (secret, body) in [(secret, "{}"), ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "{\"a\": \"春\"}")] {
        let other = refused(standard_webhook_verifies(&tools, secret, &fresh, body));
        assert!(other.contains("No matching signature found"), "{other}");
    }
    let none = refused(standard_webhook_verifies(&tools, secret, &headers[..2], "{}"));
    assert!(none.contains("Missing required headers"), "{none}");
}

#[test]
fn a_record_is_checked_against_the_lexicon() {
    let tools = fixture::tools();
    let record = |text: String, start: usize, end: usize| {
        let link = json!({ "$type": "app.bsky.richtext.facet#link", "uri": "https://harbour.example/" });
        json!({
            "$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-22T00:00:00.000Z", "langs": ["zh"],
            "facets": [{ "index": { "byteStart": start, "byteEnd": end }, "features": [link] }],
        })
    };
    post_record_is_valid(&tools, &record("👨‍👩‍👧‍👦".repeat(100), 0, 25)).unwrap();
    let graphemes = refused(post_record_is_valid(&tools, &record("a".repeat(301), 0, 1)));
    assert!(graphemes.contains("must not be longer than 300 graphemes"), "{graphemes}");
    let bytes = refused(post_record_is_valid(&tools, &record("👨‍👩‍👧‍👦".repeat(200), 0, 25)));
    assert!(bytes.contains("must not be longer than 3000 characters"), "{bytes}");
    let inside = refused(post_record_is_valid(&tools, &record("春节".to_owned(), 1, 3)));
    assert!(inside.contains("from byte 1"), "{inside}");
}
