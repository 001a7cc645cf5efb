//! A WeChat official account, which posts to all its followers:
//! <https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Batch_Sends_and_Originality_Checks.html>,
//! tokens:
//! <https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html>,
//! articles: <https://developers.weixin.qq.com/doc/offiaccount/Draft_Box/Add_draft.html>, pictures:
//! <https://developers.weixin.qq.com/doc/offiaccount/Asset_Management/Adding_Permanent_Assets.html>,
//! codes:
//! <https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html>.

use std::time::Duration;

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, Measure};
use message::{Content, Parts, PictureFile, Post, RejectReason, escape};
use serde_json::{Value, json};

use crate::access::Access;
use crate::json_template;
use crate::picture::{self, FETCH, Upload};
use crate::protocol::{ComposeError, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct WeChat;

pub(crate) const TOKEN: &str = "token";
const MATERIAL: &str = "material";
const DRAFT: &str = "draft";

/// The time for which a token is reused. WeChat renews a token five minutes before it expires, and
/// the old one is valid until then, so a token fetched less than five minutes ago is valid.
const TOKEN_CACHE_TIME: Duration = Duration::from_secs(4 * 60 + 30);

impl Protocol for WeChat {
    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let Some(token) = prior.text(TOKEN, "/access_token") else { return Ok(self::token(access)) };
        let mut body = match &post.content {
            Content::Json(json) => json_template::parse_object(json)?,
            Content::Parts(parts) => match prepared(parts, prior, &token)? {
                Prepared::Before(request) => return Ok(request),
                Prepared::Post(body) => json_template::parse_object(&body.to_string())?,
            },
        };
        json_template::set_default(&mut body, "filter", json!({ "is_to_all": true }));
        // At most 64 bytes, of which we use 32. WeChat remembers it for a day and answers a
        // repetition with 45065.
        body.insert("clientmsgid".to_owned(), post.id.as_str().into());
        let target = with_token("/cgi-bin/message/mass/sendall", &token);
        Ok(Request::json("post", target, Value::Object(body)).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match (request.name, code(&json)) {
            (FETCH, _) => picture::verdict(answer),
            (TOKEN, None | Some(0)) if has_text(&json, "/access_token") => Verdict::Ready,
            (MATERIAL | DRAFT, None | Some(0)) if has_text(&json, "/media_id") => Verdict::Ready,
            (_, Some(0 | 45065)) if request.publishes => Verdict::sent(text_at(&json, "/msg_id"), None),
            (_, Some(code)) if code != 0 => refusal(code, answer),
            // WeChat recognises the post by its key.
            _ if request.publishes && (answer.is_success() || answer.status >= 500) => Verdict::Retryable,
            _ if answer.is_success() => Verdict::Retryable,
            _ => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limits of an article are 64 characters in its title, 20,000 in its content and 1 KB in
    /// its link; of a text 2,048 bytes.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        let Some(parts) = post.parts() else { return Vec::new() };
        if !is_article(parts) {
            let text = if parts.picture.is_some() { &parts.text } else { &parts.plain };
            return vec![Measure::Bytes.budget("text", text, 2_048)];
        }
        let title = parts.title.iter().map(|title| Measure::Characters.budget("title", title, 64));
        let link = link(parts).map(|link| Measure::Bytes.budget("link", link, 1_024));
        let text = Measure::Characters.budget("text", &parts.text, 20_000);
        title.chain([text]).chain(link).collect()
    }

    /// Requests the token; there is no further check.
    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(self::token(access))
    }

    fn example_answer(&self, name: &str) -> Value {
        match name {
            TOKEN => json!({ "access_token": "ACCESS_TOKEN", "expires_in": 7200 }),
            MATERIAL => json!({ "media_id": "MEDIA_ID", "url": "https://mmbiz.qpic.cn/mmbiz_png/example/0" }),
            _ => json!({ "media_id": "MEDIA_ID" }),
        }
    }
}

/// Requests the stable token, which all programs share until it expires, so that no other program's
/// token becomes invalid.
pub(crate) fn token(access: &Access) -> Request {
    let body = json!({
        "grant_type": "client_credential",
        "appid": access.account,
        "secret": access.secret.as_deref().unwrap_or_default(),
    });
    Request::json(TOKEN, "/cgi-bin/stable_token", body).cached_for(TOKEN_CACHE_TIME)
}

/// Returns `path` with the token in its query.
pub(crate) fn with_token(path: &str, token: &str) -> String {
    format!("{path}?access_token={}", segment(token))
}

/// Returns `errcode` of an answer.
pub(crate) fn code(json: &Value) -> Option<i64> {
    json.get("errcode").and_then(Value::as_i64)
}

/// Returns true if the answer has a text at `pointer`.
pub(crate) fn has_text(json: &Value, pointer: &str) -> bool {
    text_at(json, pointer).is_some()
}

/// Returns the meaning of a code other than 0; all codes come with status 200.
pub(crate) fn refusal(code: i64, answer: &Response) -> Verdict {
    match code {
        // The system is busy, or the same key was used too soon.
        -1 | 45_066 => Verdict::Retryable,
        // The limits of calls per day or minute, and of messages per month.
        45_009 | 45_011 | 45_028 | 45_047 | 45_064 => Verdict::RateLimited(answer.retry_after()),
        // The token, the application, its permissions, or the IP address is not accepted.
        40_001 | 40_002 | 40_013 | 40_014 | 40_125 | 40_164 | 40_243 | 41_001 | 41_002 | 41_004 | 42_001
        | 42_007 | 48_001 | 48_004 | 48_005 | 48_006 | 50_001 | 50_002 | 61_004 | 61_007 => {
            Verdict::AuthExpired
        }
        // The recipient does not follow the account, has blocked it, or does not exist.
        40_003 | 43_004 | 43_019 | 43_101 => Verdict::Rejected(RejectReason::BadAddress),
        40_009 | 45_001..=45_005 | 45_007 | 45_008 | 45_110 | 45_166 => {
            Verdict::Rejected(RejectReason::TooBig)
        }
        // Refused by the content review or the originality check.
        45_110..=45_112 | 53_500..=53_505 | 87_014 => Verdict::Rejected(RejectReason::Policy),
        _ => Verdict::rejected(),
    }
}

/// Returns true if the post becomes an article, which needs a title and a cover.
const fn is_article(parts: &Parts) -> bool {
    parts.title.is_some() && parts.picture.is_some()
}

fn link(parts: &Parts) -> Option<&str> {
    parts.action.as_ref().map(|action| action.url.as_str()).or(parts.link.as_deref())
}

/// The preparation of a post made of parts.
enum Prepared {
    /// A request that must be answered first.
    Before(Request),
    /// The body of the finished post.
    Post(Value),
}

fn prepared(parts: &Parts, prior: &PriorAnswers, token: &str) -> Result<Prepared, ComposeError> {
    let file = match Upload::of(parts, prior)? {
        Upload::None => {
            return Ok(Prepared::Post(json!({ "msgtype": "text", "text": { "content": parts.plain } })));
        }
        Upload::Fetch(request) => return Ok(Prepared::Before(request)),
        Upload::File(file, _) => file,
    };
    let Some(picture) = prior.text(MATERIAL, "/media_id") else {
        return Ok(Prepared::Before(material(&file, token)));
    };
    if !is_article(parts) {
        let images = json!({ "media_ids": [picture], "recommend": parts.plain });
        return Ok(Prepared::Post(json!({ "msgtype": "image", "images": images })));
    }
    Ok(match prior.text(DRAFT, "/media_id") {
        None => {
            let shown = prior.text(MATERIAL, "/url");
            let articles = json!({ "articles": [article(parts, &picture, shown.as_deref())] });
            Prepared::Before(Request::json(DRAFT, with_token("/cgi-bin/draft/add", token), articles))
        }
        Some(draft) => Prepared::Post(json!({
            "msgtype": "mpnews", "mpnews": { "media_id": draft }, "send_ignore_reprint": 0
        })),
    })
}

/// Uploads the cover; a cover must be a permanent picture.
fn material(file: &PictureFile, token: &str) -> Request {
    let target = with_token("/cgi-bin/material/add_material", token) + "&type=image";
    Request::new(MATERIAL, "POST", target, Body::Multipart(vec![picture::part("media", file)]))
}

fn article(parts: &Parts, cover: &str, shown: Option<&str>) -> Value {
    let mut article = json!({
        "title": parts.title,
        "content": html(parts, shown),
        "thumb_media_id": cover,
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    });
    if let Some(link) = link(parts) {
        article["content_source_url"] = link.into();
    }
    article
}

/// Returns the article's HTML: the picture with its alternative text, the paragraphs, and the
/// button as a link. For accounts that may not link elsewhere WeChat shows only the label, and
/// "Read more" opens the link.
fn html(parts: &Parts, shown: Option<&str>) -> String {
    let escaped = |text: &str| {
        let mut out = String::with_capacity(text.len());
        escape::html(text, &mut out);
        out
    };
    let alt = parts.picture.as_ref().map(|picture| escaped(&picture.alt)).unwrap_or_default();
    let picture = shown.map(|url| format!("<p><img src=\"{}\" alt=\"{alt}\"></p>", escaped(url)));
    let paragraphs = parts.text.split("\n\n").filter(|text| !text.trim().is_empty());
    let paragraphs = paragraphs.map(|text| format!("<p>{}</p>", escaped(text.trim()).replace('\n', "<br>")));
    let action = parts.action.as_ref();
    let action =
        action.map(|one| format!("<p><a href=\"{}\">{}</a></p>", escaped(&one.url), escaped(&one.label)));
    picture.into_iter().chain(paragraphs).chain(action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json, next, post, post_of, post_with_file, prior, verdict};

    const TOKEN_ANSWER: (&str, &str) = (TOKEN, r#"{"access_token":"T 1","expires_in":7200}"#);

    #[test]
    fn a_token_is_requested_and_cached() {
        let request = next("wechat", &post_of("a"), &prior(&[]));
        assert_eq!(
            (request.name, &*request.target, request.cache_for),
            (TOKEN, "/cgi-bin/stable_token", Some(TOKEN_CACHE_TIME))
        );
        assert_eq!(
            json(&request),
            json!({ "grant_type": "client_credential", "appid": "account-1", "secret": "this is secret" })
        );
    }

    #[test]
    fn a_text_is_sent_to_all_followers_with_its_key() {
        let request = next("wechat", &post_of("春"), &prior(&[TOKEN_ANSWER]));
        assert_eq!(request.target, "/cgi-bin/message/mass/sendall?access_token=T%201");
        assert!(request.publishes);
        assert_eq!(
            json(&request),
            json!({ "msgtype": "text", "text": { "content": "春" }, "filter": { "is_to_all": true },
                "clientmsgid": "5f2b0c1d" })
        );
        let own = Content::Json(r#"{"filter":{"tag_id":2},"msgtype":"text","text":{"content":"a"}}"#.into());
        let body = json(&next("wechat", &Post { content: own, ..post() }, &prior(&[TOKEN_ANSWER])));
        assert_eq!((&body["filter"], &body["clientmsgid"]), (&json!({ "tag_id": 2 }), &json!("5f2b0c1d")));
    }

    #[test]
    fn title_and_picture_are_an_article() {
        let post = post_with_file();
        let answers = [
            TOKEN_ANSWER,
            (MATERIAL, r#"{"media_id":"M1","url":"https://mmbiz/1"}"#),
            (DRAFT, r#"{"media_id":"D1"}"#),
        ];
        let request = next("wechat", &post, &prior(&answers[..1]));
        assert_eq!(request.target, "/cgi-bin/material/add_material?access_token=T%201&type=image");
        let Body::Multipart(parts) = &request.body else { panic!() };
        assert_eq!((parts[0].name, &*parts[0].bytes), ("media", &[1, 2, 3, 4][..]));
        let draft = next("wechat", &post, &prior(&answers[..2]));
        assert_eq!((draft.name, draft.publishes), (DRAFT, false));
        insta::assert_json_snapshot!(json(&draft));
        let mass = json(&next("wechat", &post, &prior(&answers)));
        assert_eq!((&mass["msgtype"], &mass["mpnews"]), (&json!("mpnews"), &json!({ "media_id": "D1" })));
    }

    #[test]
    fn a_picture_without_a_title_is_a_picture() {
        let mut post = post_with_file();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        parts.title = None;
        let body = json(&next("wechat", &post, &prior(&[TOKEN_ANSWER, (MATERIAL, r#"{"media_id":"M1"}"#)])));
        assert_eq!(body["images"]["media_ids"], json!(["M1"]));
        assert!(body["images"]["recommend"].as_str().unwrap().contains("CNY 98"));
    }

    #[test]
    fn every_answer_means_something() {
        let code = |code: i64| format!("{{\"errcode\":{code},\"errmsg\":\"m\"}}");
        let sent = Verdict::sent("34182".to_owned(), None);
        let big = Verdict::Rejected(RejectReason::TooBig);
        for (status, body, expected) in [
            (200, r#"{"errcode":0,"errmsg":"ok","msg_id":34182,"msg_data_id":2}"#.to_owned(), sent.clone()),
            (200, r#"{"errcode":45065,"errmsg":"clientmsgid exist","msg_id":34182}"#.into(), sent),
            (200, code(45_065), Verdict::sent(None, None)),
            (200, code(45_066), Verdict::Retryable),
            (200, code(-1), Verdict::Retryable),
            (200, code(45_009), Verdict::RateLimited(None)),
            (200, code(45_011), Verdict::RateLimited(None)),
            (200, code(45_028), Verdict::RateLimited(None)),
            (200, code(40_001), Verdict::AuthExpired),
            (200, code(40_014), Verdict::AuthExpired),
            (200, code(42_001), Verdict::AuthExpired),
            (200, code(48_001), Verdict::AuthExpired),
            (200, code(40_164), Verdict::AuthExpired),
            (200, code(45_002), big),
            (200, code(40_007), Verdict::rejected()),
            (200, code(87_014), Verdict::Rejected(RejectReason::Policy)),
            (200, "{\"errc".into(), Verdict::Retryable),
            (200, "<html>".into(), Verdict::Retryable),
            (502, String::new(), Verdict::Retryable),
            (429, String::new(), Verdict::RateLimited(None)),
        ] {
            assert_eq!(verdict("wechat", "post", true, status, &[], &body), expected, "{status} {body}");
        }
        for (name, body, expected) in [
            (TOKEN, TOKEN_ANSWER.1.to_owned(), Verdict::Ready),
            (TOKEN, code(40_125), Verdict::AuthExpired),
            (TOKEN, "{}".into(), Verdict::Retryable),
            (MATERIAL, r#"{"media_id":"M1"}"#.into(), Verdict::Ready),
            (DRAFT, code(45_003), Verdict::Rejected(RejectReason::TooBig)),
        ] {
            assert_eq!(verdict("wechat", name, false, 200, &[], &body), expected, "{name} {body}");
        }
    }

    #[test]
    fn text_is_escaped_in_html() {
        let mut post = post_with_file();
        let Content::Parts(parts) = &mut post.content else { panic!() };
        parts.text = "<b>1\n2</b>\n\n\"3\"".into();
        assert!(html(parts, None).starts_with("<p>&lt;b&gt;1<br>2&lt;/b&gt;</p><p>&quot;3&quot;</p>"));
        assert_eq!(
            WeChat
                .budgets(&post, &crate::sample::prior(&[]))
                .iter()
                .map(|budget| budget.what)
                .collect::<Vec<_>>(),
            ["title", "text", "link"]
        );
        assert!(!WeChat.budgets(&post_of(&"春".repeat(683)), &crate::sample::prior(&[]))[0].fits());
    }
}
