//! Discord, by webhook: <https://discord.com/developers/docs/resources/webhook#execute-webhook>,
//! embeds and their limits: <https://discord.com/developers/docs/resources/message#embed-object>,
//! files: <https://discord.com/developers/docs/reference#uploading-files>, rate limits:
//! <https://discord.com/developers/docs/topics/rate-limits>.

use std::time::Duration;

use egress::{Body, Part, Request, Response};
use jiff::Timestamp;
use measure::{LengthBudget, Measure, Unit};
use message::flavor::Flavor;
use message::{Content, Parts, Post, RejectReason};
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::json_template::{parse_object, set_default};
use crate::markdown::escaped;
use crate::mention;
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Discord;

impl Protocol for Discord {
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        if !is_card(parts) {
            return vec![Measure::Characters.budget("text", &content(parts), 2_000)];
        }
        let title = &title(parts).unwrap_or_default();
        let alt = parts.picture.as_ref().map(|picture| picture.alt.as_str()).unwrap_or_default();
        let all: usize = [title, &parts.text, alt].iter().map(|text| text.chars().count()).sum();
        let mut budgets = vec![
            Measure::Characters.budget("title", title, 256),
            Measure::Characters.budget("text", &parts.text, 4_096),
            Measure::Characters.budget("words of the picture", alt, 1_024),
            LengthBudget::of_things("embed", Unit::Characters, all, 6_000),
        ];
        if let Some(action) = &parts.action {
            budgets.push(Measure::Characters.budget("button", &action.label, 80));
            budgets.push(Measure::Characters.budget("address of the button", &action.url, 512));
        }
        if let Some(file) = parts.picture.as_ref().and_then(|picture| picture.file()) {
            budgets.push(LengthBudget::of_things("picture", Unit::Bytes, file.bytes.len(), 10 << 20));
        }
        budgets
    }

    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        // Without `wait=true` the answer does not say whether the message was saved.
        let target = with_query(&access.webhook_path, "wait=true&with_components=true");
        let body = match &post.content {
            Content::Json(body) => {
                let mut body = parse_object(body)?;
                set_default(&mut body, "allowed_mentions", no_mentions());
                Body::Json(body.into())
            }
            Content::Parts(parts) => body(parts),
        };
        Ok(Request::new("post", "POST", target, body).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        let wait = || {
            let seconds =
                json["retry_after"].as_f64().and_then(|wait| Duration::try_from_secs_f64(wait).ok());
            seconds.map(|wait| wait.min(egress::MAX_WAIT)).or_else(|| answer.retry_after())
        };
        match (answer.status, json["code"].as_i64().unwrap_or_default()) {
            (200, _) if !request.publishes && json["id"].is_string() => Verdict::Ready,
            (200, _) if json["id"].is_string() => Verdict::sent(text_at(&json, "/id"), None),
            (204, _) if request.publishes => Verdict::sent(None, None),
            (429, _) => Verdict::RateLimited(wait()),
            // Unknown channel, guild or webhook. A webhook that does not exist must not be
            // requested again.
            (_, 10_003 | 10_004 | 10_015) | (404, _) => Verdict::Gone,
            (_, 50_027) => Verdict::AuthExpired,
            (_, 40_005) => Verdict::Rejected(RejectReason::TooBig),
            (_, 50_035) if is_too_long(&json["errors"]) => Verdict::Rejected(RejectReason::TooBig),
            // Blocked by AutoMod, in the text or title, or by the filter of harmful links.
            (_, 200_000 | 200_001 | 240_000) => Verdict::Rejected(RejectReason::Policy),
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(Request::get("webhook", access.webhook_path.split('?').next().unwrap_or_default()))
    }
}

/// Returns `target` with `query` added to its query.
fn with_query(target: &str, query: &str) -> String {
    let mark = if target.contains('?') { '&' } else { '?' };
    format!("{target}{mark}{query}")
}

/// Returns the mentions that are allowed: those the message names. `everyone` allows both
/// `@everyone` and `@here`
/// <https://discord.com/developers/docs/resources/message#allowed-mentions-object>.
fn allowed_mentions(parts: &Parts) -> Value {
    if parts.mention.is_empty() { no_mentions() } else { json!({ "parse": ["everyone"] }) }
}

/// Allows no mention, whatever the text contains.
fn no_mentions() -> Value {
    json!({ "parse": [] })
}

fn is_card(parts: &Parts) -> bool {
    parts.title.is_some() || parts.action.is_some() || parts.picture.is_some()
}

/// Returns the text of a message without an embed.
fn content(parts: &Parts) -> String {
    // With `everyone` allowed, the text itself must not mention anyone.
    let text =
        if parts.mention.is_empty() { parts.text.clone() } else { mention::neutralized(&parts.text, &[]) };
    mention::prepend(mention::as_text(parts), text)
}

/// Returns the title of an embed, as Markdown. An embed without any text is refused, so the
/// button's label becomes its title.
fn title(parts: &Parts) -> Option<String> {
    let label = parts.action.as_ref().map(|action| &action.label).filter(|_| parts.text.is_empty());
    parts.title.as_ref().or(label).map(|title| escaped(Flavor::Discord, title))
}

/// Builds the message: an embed if the post has a title, button or picture, else text alone.
fn body(parts: &Parts) -> Body {
    if !is_card(parts) {
        return Body::Json(json!({ "content": content(parts), "allowed_mentions": allowed_mentions(parts) }));
    }
    let mut message = Map::new();
    message.insert("allowed_mentions".to_owned(), allowed_mentions(parts));
    // Embeds never mention anyone.
    if let Some(call) = mention::as_text(parts) {
        message.insert("content".to_owned(), call.into());
    }
    let mut embed = json!({});
    if !parts.text.is_empty() {
        embed["description"] = parts.text.clone().into();
    }
    if let Some(title) = title(parts) {
        embed["title"] = title.into();
    }
    if let Some(action) = &parts.action {
        embed["url"] = action.url.clone().into();
        let button = json!({ "type": 2, "style": 5, "label": action.label, "url": action.url });
        message.insert("components".to_owned(), json!([{ "type": 1, "components": [button] }]));
    }
    let picture = parts.picture.as_ref();
    if let Some((picture, url)) = picture.and_then(|picture| Some((picture, picture.url()?))) {
        embed["image"] = json!({ "url": url });
        // An embed has no other field for a picture's alternative text.
        if !picture.alt.is_empty() {
            embed["footer"] = json!({ "text": picture.alt });
        }
    }
    let Some((picture, file)) = picture.and_then(|picture| Some((picture, picture.file()?))) else {
        message.insert("embeds".to_owned(), json!([embed]));
        return Body::Json(message.into());
    };
    let name = safe_file_name(&file.name);
    embed["image"] = json!({ "url": format!("attachment://{name}") });
    message.insert("embeds".to_owned(), json!([embed]));
    let attachment = json!({ "id": 0, "filename": name, "description": picture.alt });
    message.insert("attachments".to_owned(), json!([attachment]));
    let part = Part { name: "files[0]", file: Some((name, file.media.clone())), bytes: file.bytes.clone() };
    Body::Multipart(vec![Part::text("payload_json", Value::from(message).to_string()), part])
}

/// Returns a file name that `attachment://` accepts: letters, digits, dash, dot, underscore.
fn safe_file_name(name: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.chars().map(|c| if good(c) { c } else { '_' }).collect()
}

/// Returns true if one of the errors, which are nested like the fields they concern, is about
/// length.
fn is_too_long(errors: &Value) -> bool {
    match errors {
        Value::Object(map) => {
            let long = ["BASE_TYPE_MAX_LENGTH", "BASE_TYPE_BAD_LENGTH", "MAX_EMBED_SIZE_EXCEEDED"];
            map.get("code").and_then(Value::as_str).is_some_and(|code| long.contains(&code))
                || map.values().any(is_too_long)
        }
        Value::Array(list) => list.iter().any(is_too_long),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, json, next, post, post_of, post_with_file, prior, verdict};

    #[test]
    fn a_post_is_an_embed_with_a_button() {
        let request = next("discord", &post(), &prior(&[]));
        assert_eq!(request.target, "/hook/T1/B2/topsecret?key=k1&wait=true&with_components=true");
        assert!(request.publishes);
        insta::assert_json_snapshot!(json(&request), @r#"
        {
          "allowed_mentions": {
            "parse": []
          },
          "components": [
            {
              "components": [
                {
                  "label": "Choose",
                  "style": 5,
                  "type": 2,
                  "url": "https://news.example/c/1.tok"
                }
              ],
              "type": 1
            }
          ],
          "embeds": [
            {
              "description": "CNY 98 for 250 g & a cup",
              "footer": {
                "text": "A white cup"
              },
              "image": {
                "url": "https://harbour.example/spring.png"
              },
              "title": "Spring Tide",
              "url": "https://news.example/c/1.tok"
            }
          ]
        }
        "#);
        let plain = json(&next("discord", &post_of("only @everyone"), &prior(&[])));
        assert_eq!(plain, json!({ "content": "only @everyone", "allowed_mentions": { "parse": [] } }));
        let mut bare = post();
        if let Content::Parts(parts) = &mut bare.content {
            (parts.title, parts.text) = (None, String::new());
        }
        let bare = json(&next("discord", &bare, &prior(&[])));
        assert_eq!(
            (&bare["embeds"][0]["title"], bare["embeds"][0].get("description")),
            (&Value::from("Choose"), None)
        );
        let own = Post { content: Content::Json("{\"content\":\"x\"}".into()), ..post() };
        assert_eq!(json(&next("discord", &own, &prior(&[])))["allowed_mentions"], no_mentions());
    }

    #[test]
    fn a_file_goes_with_its_words() {
        let request = next("discord", &post_with_file(), &prior(&[]));
        let Body::Multipart(parts) = &request.body else { panic!("{request:?}") };
        let payload: Value = serde_json::from_slice(&parts[0].bytes).unwrap();
        assert_eq!(payload["embeds"][0]["image"]["url"], "attachment://spring.png");
        assert_eq!(
            payload["attachments"],
            json!([{ "id": 0, "filename": "spring.png", "description": "A white cup" }])
        );
        assert_eq!((parts[1].name, parts[1].bytes.as_slice()), ("files[0]", &[1, 2, 3, 4][..]));
        assert_eq!(safe_file_name("春 a.png"), "__a.png");
    }

    #[test]
    fn the_access_check_requests_the_webhook() {
        let request = Discord.access_check(&access("discord"), crate::sample::now()).unwrap();
        assert_eq!((request.method, request.target.as_str()), ("GET", "/hook/T1/B2/topsecret"));
        assert_eq!(verdict("discord", "webhook", false, 200, &[], "{\"id\":\"1\"}"), Verdict::Ready);
    }

    #[test]
    fn the_parts_are_measured() {
        let budgets = crate::sample::budgets("discord", &post());
        assert!(budgets.iter().all(LengthBudget::fits) && budgets.len() == 6, "{budgets:?}");
        assert!(!crate::sample::budgets("discord", &post_of(&"x".repeat(2_001)))[0].fits());
    }

    #[test]
    fn every_answer_means_something() {
        let limited = |seconds: f64| Verdict::RateLimited(Some(Duration::from_secs_f64(seconds)));
        let long = "{\"code\":50035,\"errors\":{\"embeds\":{\"0\":{\"title\":{\"_errors\":[{\"code\":\"BASE_TYPE_MAX_LENGTH\"}]}}}}}";
        let bad = "{\"code\":50035,\"errors\":{\"embeds\":{\"0\":{\"url\":{\"_errors\":[{\"code\":\"URL_TYPE_INVALID_URL\"}]}}}}}";
        for (status, headers, body, expected) in [
            (200, &[][..], "{\"id\":\"12\",\"channel_id\":\"3\"}", Verdict::sent("12".to_owned(), None)),
            (204, &[], "", Verdict::sent(None, None)),
            (200, &[], "{\"id\":\"1", Verdict::Unknown),
            (200, &[], "", Verdict::Unknown),
            (400, &[], long, Verdict::Rejected(RejectReason::TooBig)),
            (400, &[], bad, Verdict::rejected()),
            (400, &[], "{\"code\":50006}", Verdict::rejected()),
            (400, &[], "{\"code\":240000}", Verdict::Rejected(RejectReason::Policy)),
            (401, &[], "{\"code\":50027}", Verdict::AuthExpired),
            (404, &[], "{\"code\":10015}", Verdict::Gone),
            (413, &[], "{\"code\":40005}", Verdict::Rejected(RejectReason::TooBig)),
            (429, &[("retry-after", "2")], "{\"retry_after\":1.25,\"global\":false}", limited(1.25)),
            (429, &[("retry-after", "2")], "<html>", limited(2.0)),
            (429, &[("x-ratelimit-reset", "1600000003.5")], "", limited(3.5)),
            (429, &[], "{\"retry_after\":-1}", Verdict::RateLimited(None)),
            (500, &[], "", Verdict::Unknown),
            (502, &[], "", Verdict::Unknown),
            (503, &[], "", Verdict::Retryable),
        ] {
            assert_eq!(verdict("discord", "post", true, status, headers, body), expected, "{status} {body}");
        }
    }
}
