//! WeCom's group robots (developer.work.weixin.qq.com/document/path/91770). Every answer has status
//! 200.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::is_web;
use fake_server::{
    Answer, Button, FakeNetwork, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, ensure,
    signature, text_field,
};
use serde_json::{Value, json};

const KEY: &str = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa";
/// The longest text and Markdown in bytes of UTF-8, and the largest picture in bytes before base64.
const MAX_TEXT_BYTES: usize = 2048;
const MAX_MARKDOWN_BYTES: usize = 4096;
const MAX_IMAGE_BYTES: usize = 2 << 20;

/// The server side of WeCom.
#[derive(Debug)]
pub(crate) struct Wecom;

impl FakeNetwork for Wecom {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/cgi-bin/webhook/send"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        ensure(request.path == "/cgi-bin/webhook/send", || {
            Reply::text(404, "404 page not found").with_reason("no such path")
        })?;
        ensure(request.param("key") == Some(KEY), || refuse(93000, "invalid webhook url"))?;
        ensure(request.is(&Method::POST), || refuse(43002, "require POST method"))?;
        let body =
            request.json().filter(Value::is_object).ok_or_else(|| refuse(47001, "data format error"))?;
        let kind = text_field(&body, "msgtype").unwrap_or_default().to_owned();
        let empty = Value::Null;
        let part = body.get(&kind).filter(|part| part.is_object()).unwrap_or(&empty);
        let mut post = match kind.as_str() {
            "text" => text_post(part, "text", MAX_TEXT_BYTES),
            "markdown" | "markdown_v2" => text_post(part, &kind, MAX_MARKDOWN_BYTES),
            "image" => image(state, part),
            "news" => news(part),
            "template_card" => card(part),
            _ => Err(refuse(40008, "invalid message type")),
        }?;
        post.account = "群机器人".to_owned();
        post.id = state.serial().to_string();
        post.raw = body;
        state.add_post(request, post);
        Ok(Reply::json(200, &json!({ "errcode": 0, "errmsg": "ok" })))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => refuse(45009, "api freq out of limit"),
            VendorError::Expired | VendorError::Revoked => refuse(93000, "invalid webhook url"),
            VendorError::Rejected(reason) => refuse(40058, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 20, window: 60_000, penalty: 0 }]
    }
}

fn refuse(code: i64, message: &str) -> Reply {
    let hint = format!(
        "{message}, hint: [1787392800], more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    );
    Reply::json(200, &json!({ "errcode": code, "errmsg": hint })).with_reason(format!("{code} {message}"))
}

fn text_post(part: &Value, kind: &str, max: usize) -> Result<Post, Reply> {
    let content = text_field(part, "content").filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| refuse(44004, "empty content"))?;
    ensure(content.len() <= max, || refuse(40058, &format!("{kind}.content exceed max length {max}")))?;
    Ok(Post { text: content.to_owned(), ..Post::default() })
}

fn image(state: &mut NetworkState, part: &Value) -> Result<Post, Reply> {
    let bytes = text_field(part, "base64")
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or_else(|| refuse(40058, "image.base64 is invalid"))?;
    ensure(bytes.len() <= MAX_IMAGE_BYTES, || refuse(40009, "invalid image size"))?;
    let known = ["image/png", "image/jpeg"];
    ensure(fake_server::image_type(&bytes).is_some_and(|kind| known.contains(&kind)), || {
        refuse(40005, "invalid file type")
    })?;
    let sum = signature::md5_hex(&bytes);
    ensure(text_field(part, "md5") == Some(&sum), || refuse(301_019, "image md5 not match"))?;
    state.add_upload(&sum, bytes.into(), None);
    Ok(Post { image: state.picture(&sum, None), ..Post::default() })
}

fn news(part: &Value) -> Result<Post, Reply> {
    let articles = part.get("articles").and_then(Value::as_array).filter(|all| (1..=8).contains(&all.len()));
    let articles =
        articles.ok_or_else(|| refuse(40058, "news.articles exceed max length 8 or is missing"))?;
    for article in articles {
        let title = text_field(article, "title").filter(|title| !title.is_empty());
        let title = title.ok_or_else(|| refuse(40058, "news.articles.title missing"))?;
        ensure(title.len() <= 128, || refuse(40058, "news.articles.title exceed max length 128"))?;
        let description = text_field(article, "description").unwrap_or_default();
        ensure(description.len() <= 512, || {
            refuse(40058, "news.articles.description exceed max length 512")
        })?;
        ensure(text_field(article, "url").is_some_and(is_web), || {
            refuse(40058, "news.articles.url missing")
        })?;
    }
    let first = &articles[0];
    Ok(Post {
        title: text_field(first, "title").map(str::to_owned),
        text: text_field(first, "description").unwrap_or_default().to_owned(),
        links: text_field(first, "url").map(str::to_owned).into_iter().collect(),
        image: text_field(first, "picurl").filter(|url| is_web(url)).map(|url| Picture::at(url, None)),
        ..Post::default()
    })
}

/// Reads `text_notice` and `news_notice`: a title or a text, and the target of a tap.
fn card(part: &Value) -> Result<Post, Reply> {
    let kind = text_field(part, "card_type").unwrap_or_default();
    ensure(["text_notice", "news_notice"].contains(&kind), || {
        refuse(42045, "template_card.card_type is invalid")
    })?;
    let title = part.pointer("/main_title/title").and_then(Value::as_str);
    let below = part.pointer("/main_title/desc").and_then(Value::as_str);
    let text = text_field(part, "sub_title_text");
    ensure(title.or(text).is_some_and(|value| !value.is_empty()), || {
        refuse(42046, "template_card has no title")
    })?;
    let action = part.get("card_action").unwrap_or(&Value::Null);
    let url = text_field(action, "url").filter(|url| action["type"] == 1 && is_web(url));
    let url = url.ok_or_else(|| refuse(42047, "template_card.card_action is invalid"))?;
    let image = part.pointer("/card_image/url").and_then(Value::as_str);
    ensure(kind != "news_notice" || image.is_some(), || refuse(42048, "template_card.card_image missing"))?;
    let jumps = part.get("jump_list").and_then(Value::as_array);
    ensure(jumps.is_none_or(|jumps| jumps.len() <= 3), || refuse(42049, "template_card.jump_list exceed 3"))?;
    let jumps = jumps.into_iter().flatten().filter(|jump| jump["type"] == 1);
    let buttons = jumps.filter_map(|jump| {
        Some(Button { text: text_field(jump, "title")?.to_owned(), url: text_field(jump, "url")?.to_owned() })
    });
    let words: Vec<&str> = [below, text].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Ok(Post {
        title: title.map(str::to_owned),
        text: words.join("\n"),
        links: vec![url.to_owned()],
        image: image.map(|url| Picture::at(url, None)),
        buttons: buttons.collect(),
        ..Post::default()
    })
}

#[cfg(test)]
mod tests {
    use fake_server::{Fault, Kind};

    use super::*;
    use crate::probe::Probe;

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Wecom, &format!("/cgi-bin/webhook/send?key={KEY}")).json(body)
    }

    fn text(length: usize) -> Probe {
        with(&json!({ "msgtype": "text", "text": { "content": "x".repeat(length) } }))
    }

    fn notice(action: &Value) -> Probe {
        with(&json!({ "msgtype": "template_card", "template_card": { "card_type": "text_notice",
            "main_title": { "title": "春茶", "desc": "免费一个月" }, "card_action": action } }))
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    fn picture(bytes: &[u8], md5: &str) -> Probe {
        with(&json!({ "msgtype": "image", "image": { "base64": STANDARD.encode(bytes), "md5": md5 } }))
    }

    #[test]
    fn good_messages_are_taken() {
        let mut probe = notice(&json!({ "type": 1, "url": "https://harbour.example/a" }));
        assert_eq!(probe.value(), json!({ "errcode": 0, "errmsg": "ok" }));
        let post = &probe.received()[0];
        assert_eq!((post.title.as_deref(), post.text.as_str()), (Some("春茶"), "免费一个月"));
        let markdown = "茶".repeat(1365);
        for mut probe in [
            text(2048),
            with(&json!({ "msgtype": "markdown", "markdown": { "content": markdown } })),
            with(
                &json!({ "msgtype": "news", "news": { "articles": [{ "title": "x", "url": "https://a.example/" }] } }),
            ),
            picture(PNG, &signature::md5_hex(PNG)),
        ] {
            assert_eq!(probe.value()["errcode"], 0);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        let markdown =
            |content: &str| with(&json!({ "msgtype": "markdown", "markdown": { "content": content } }));
        let title = "x".repeat(129);
        Probe::table([
            (text(1).path("/cgi-bin/webhook/send?key=other"), 200, "93000"),
            (text(1).method("GET"), 200, "43002"),
            (text(1).bytes("application/json", "{"), 200, "47001"),
            (with(&json!({ "msgtype": "post" })), 200, "40008"),
            (text(0), 200, "44004"),
            (text(2049), 200, "text.content exceed max length 2048"),
            (markdown(&"茶".repeat(1366)), 200, "markdown.content exceed max length 4096"),
            (with(&json!({ "msgtype": "news", "news": { "articles": [] } })), 200, "40058"),
            (
                with(
                    &json!({ "msgtype": "news", "news": { "articles": [{ "title": title, "url": "https://a.example/" }] } }),
                ),
                200,
                "128",
            ),
            (picture(PNG, "00"), 200, "301019"),
            (picture(b"<svg>", ""), 200, "40005"),
            (notice(&json!({ "type": 1 })), 200, "42047"),
            (notice(&json!({ "type": 0, "url": "https://a.example/" })), 200, "42047"),
        ]);
        let limited = text(1).error_reply(&Fault::RateLimited { seconds: 1 });
        assert_eq!(limited.status, 200);
        assert!(String::from_utf8_lossy(&limited.body).contains("45009"));
    }
}
