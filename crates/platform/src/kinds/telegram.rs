//! Telegram's Bot API (core.telegram.org/bots/api).

use axum::http::Method;
use fake_server::text::{is_web, utf16};
use fake_server::{
    Answer, Button, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError,
    account, ensure, required, text_field,
};
use serde_json::{Map, Value, json};

use super::telegram_html;

/// The longest text, in UTF-16 code units after entities are parsed. The documents say
/// "characters"; offsets are UTF-16, and this is the strictest way to count.
const MAX_TEXT_UTF16: usize = 4096;
const MAX_CAPTION_UTF16: usize = 1024;
/// The largest uploaded photo, in bytes.
const MAX_PHOTO_BYTES: usize = 10 << 20;

/// The server side of Telegram.
#[derive(Debug)]
pub(crate) struct Telegram;

impl FakeNetwork for Telegram {
    fn publishes(&self, request: &Request) -> bool {
        request.path.starts_with("/bot") && request.path.contains("/send")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let parts = request.parts();
        let [bot, method] = parts.as_slice() else { return Err(refuse(404, "Not Found")) };
        let token = bot.strip_prefix("bot").filter(|token| token.contains(':'));
        let token = token.ok_or_else(|| refuse(404, "Not Found"))?;
        ensure(token == required(account(Kind::Telegram).token), || refuse(401, "Unauthorized"))?;
        ensure([Method::GET, Method::POST].contains(&request.method), || refuse(405, "Method Not Allowed"))?;
        let fields = parameters(request)?;
        // Method names are accepted in any case.
        match method.to_ascii_lowercase().as_str() {
            "getme" => Ok(success(&bot_user())),
            "getchat" => {
                let chat = chat(&fields)?;
                Ok(success(&json!({ "id": chat, "type": "channel", "title": "Launch" })))
            }
            "sendmessage" => message(state, request, fields),
            "sendphoto" => photo(state, request, fields),
            _ => Err(refuse(404, "Not Found: method not found")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let description = format!("Too Many Requests: retry after {seconds}");
                let body = json!({ "ok": false, "error_code": 429, "description": description,
                    "parameters": { "retry_after": seconds } });
                Reply::json(429, &body).with_reason(description).with("retry-after", seconds)
            }
            VendorError::Expired => refuse(401, "Unauthorized"),
            VendorError::Revoked => refuse(403, "Forbidden: bot was kicked from the channel chat"),
            VendorError::Rejected(reason) => refuse(400, &format!("Bad Request: {reason}")),
        }
    }

    fn rate_limit_key(&self, request: &Request) -> String {
        let chat = parameters(request).ok().and_then(|fields| fields.get("chat_id").map(ToString::to_string));
        chat.unwrap_or_default()
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 1, window: 1000, penalty: 0 }, RateLimit { max: 20, window: 60_000, penalty: 0 }]
    }
}

fn success(result: &Value) -> Reply {
    Reply::json(200, &json!({ "ok": true, "result": result }))
}

fn refuse(code: u16, description: &str) -> Reply {
    let body = json!({ "ok": false, "error_code": code, "description": description });
    Reply::json(code, &body).with_reason(description)
}

fn bad(what: &str) -> Reply {
    refuse(400, &format!("Bad Request: {what}"))
}

fn bot_user() -> Value {
    json!({ "id": 110_201_543, "is_bot": true, "first_name": "Harbour Coffee", "username": "harbour_bot" })
}

/// Returns the parameters of the query and of the body, which is JSON, urlencoded or multipart;
/// JSON texts in a form are parsed.
fn parameters(request: &Request) -> Result<Map<String, Value>, Reply> {
    if request.is_json() {
        let body = request.object().and_then(|body| body.as_object().cloned());
        return body.ok_or_else(|| bad("can't parse JSON object"));
    }
    let read = |(key, text): (String, String)| {
        let nested = ["reply_markup", "link_preview_options"].contains(&key.as_str());
        let value = if nested {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        } else {
            Value::String(text)
        };
        (key, value)
    };
    Ok(request.query.clone().into_iter().chain(request.fields()).map(read).collect())
}

/// Returns the chat of a number or `@name`. Chat 403403 has blocked the bot; 400400 has become a
/// supergroup.
fn chat(fields: &Map<String, Value>) -> Result<Value, Reply> {
    let id = fields.get("chat_id").filter(|id| **id != "").ok_or_else(|| bad("chat_id is empty"))?;
    let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let name = text
        .strip_prefix('@')
        .is_some_and(|name| name.len() >= 5 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let number = text.parse::<i64>().ok().filter(|number| *number != 0);
    ensure(name || number.is_some(), || bad("chat not found"))?;
    match number {
        Some(403_403) => Err(refuse(403, "Forbidden: bot was blocked by the user")),
        Some(400_400) => {
            let description = "Bad Request: group chat was upgraded to a supergroup chat";
            let body = json!({ "ok": false, "error_code": 400, "description": description,
                "parameters": { "migrate_to_chat_id": -1_001_234_567_890_i64 } });
            Err(Reply::json(400, &body).with_reason(description))
        }
        Some(number) => Ok(json!(number)),
        None => Ok(json!(text)),
    }
}

/// Returns the visible text, and the URLs in it.
fn parsed(fields: &Map<String, Value>, name: &str) -> Result<(String, Vec<String>), Reply> {
    let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match fields.get("parse_mode").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("html") => {
            telegram_html::parse(text).map_err(|reason| bad(&format!("can't parse entities: {reason}")))
        }
        Some("markdown" | "markdownv2") => Err(bad("can't parse entities: only HTML is supported here")),
        Some(_) => Err(bad("unsupported parse_mode")),
        None => Ok((text.to_owned(), Vec::new())),
    }
}

/// Reads `inline_keyboard`: rows of buttons with URLs or data.
fn buttons(fields: &Map<String, Value>) -> Result<Vec<Button>, Reply> {
    let Some(markup) = fields.get("reply_markup") else { return Ok(Vec::new()) };
    ensure(markup.is_object(), || bad("object expected as reply markup"))?;
    let Some(rows) = markup.get("inline_keyboard") else { return Ok(Vec::new()) };
    let rows = rows.as_array().ok_or_else(|| bad("field \"inline_keyboard\" must be of type Array"))?;
    let mut found = Vec::new();
    for row in rows {
        let row =
            row.as_array().ok_or_else(|| bad("field \"inline_keyboard\" must be an Array of Arrays"))?;
        for button in row {
            let text = text_field(button, "text").filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| bad("inline keyboard button text is empty"))?;
            let Some(url) = text_field(button, "url") else {
                ensure(button.get("callback_data").is_some(), || {
                    bad("text buttons are unallowed in the inline keyboard")
                })?;
                continue;
            };
            let wrong = || bad(&format!("inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"));
            ensure(is_web(url) || url.starts_with("tg://"), wrong)?;
            found.push(Button { text: text.to_owned(), url: url.to_owned() });
        }
    }
    Ok(found)
}

fn message(state: &mut NetworkState, request: &Request, fields: Map<String, Value>) -> Answer {
    let chat = chat(&fields)?;
    let (text, links) = parsed(&fields, "text")?;
    ensure(!text.trim().is_empty(), || bad("message text is empty"))?;
    ensure(utf16(&text) <= MAX_TEXT_UTF16, || bad("message is too long"))?;
    let buttons = buttons(&fields)?;
    Ok(store_message(
        state,
        request,
        &chat,
        "text",
        Post { text, links, buttons, raw: Value::Object(fields), ..Post::default() },
    ))
}

fn photo(state: &mut NetworkState, request: &Request, fields: Map<String, Value>) -> Answer {
    let chat = chat(&fields)?;
    let files = request.files();
    let file = files.iter().find(|part| part.name == "photo" && part.file.is_some());
    let image = match (file, fields.get("photo").and_then(Value::as_str)) {
        (Some(file), _) => {
            ensure(fake_server::image_type(&file.body).is_some(), || bad("IMAGE_PROCESS_FAILED"))?;
            ensure(file.body.len() <= MAX_PHOTO_BYTES, || refuse(413, "Request Entity Too Large"))?;
            let id = format!("photo{}", state.serial());
            state.add_upload(&id, file.body.clone(), None);
            state.picture(&id, None)
        }
        (None, Some(url)) if is_web(url) => Some(Picture::at(url, None)),
        (None, Some(_)) => return Err(bad("wrong file identifier/HTTP URL specified")),
        (None, None) => return Err(bad("there is no photo in the request")),
    };
    let (text, links) = parsed(&fields, "caption")?;
    ensure(utf16(&text) <= MAX_CAPTION_UTF16, || bad("message caption is too long"))?;
    let buttons = buttons(&fields)?;
    Ok(store_message(
        state,
        request,
        &chat,
        "caption",
        Post { text, links, buttons, image, raw: Value::Object(fields), ..Post::default() },
    ))
}

fn store_message(state: &mut NetworkState, request: &Request, chat: &Value, name: &str, post: Post) -> Reply {
    let number = state.serial();
    let chat_name = chat.as_str().map_or_else(|| chat.to_string(), str::to_owned);
    let mut result = json!({ "message_id": number, "from": bot_user(), "date": request.seconds(),
        "chat": { "id": chat, "type": if chat_name.starts_with('-') { "channel" } else { "private" } } });
    result[name] = json!(post.text);
    state.add_post(request, Post { account: chat_name, id: number.to_string(), ..post });
    success(&result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const SEND: &str = "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage";

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Telegram, SEND).json(body)
    }

    fn html(text: &str) -> Probe {
        with(&json!({ "chat_id": 5, "text": text, "parse_mode": "HTML" }))
    }

    fn photo(body: &Value) -> Probe {
        with(body).path(&SEND.replace("Message", "Photo"))
    }

    #[test]
    fn good_messages_are_taken() {
        let body = json!({ "chat_id": "-1001234567890", "parse_mode": "HTML",
            "text": "<b>茶 &amp; Tea</b> <a href=\"https://harbour.example/a?x=1&amp;y=2\">here</a>",
            "reply_markup": { "inline_keyboard": [[{ "text": "Renew", "url": "https://harbour.example/b" }]] } });
        let mut probe = with(&body);
        let answer = probe.value();
        assert_eq!(
            (&answer["ok"], &answer["result"]["chat"]["id"]),
            (&json!(true), &json!(-1_001_234_567_890_i64))
        );
        let post = &probe.received()[0];
        assert_eq!(
            (post.text.as_str(), post.links[0].as_str()),
            ("茶 & Tea here", "https://harbour.example/a?x=1&y=2")
        );
        assert_eq!(post.buttons[0].url, "https://harbour.example/b");
        let file = Probe::post(Kind::Telegram, &SEND.replace("Message", "Photo"));
        let mut file = file.multipart(&[("chat_id", "5"), ("caption", "Tea")], Some(("photo", b"\x89PNG")));
        assert_eq!((file.send().0, file.received()[0].image.as_ref().unwrap().bytes), (200, 4));
        let me = SEND.replace("sendMessage", "getMe");
        assert_eq!(Probe::get(Kind::Telegram, &me).value()["result"]["username"], "harbour_bot");
        assert_eq!(html(&format!("<b>{}</b>", "x".repeat(4096))).send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let keyboard = |button: Value| {
            with(&json!({ "chat_id": 5, "text": "x", "reply_markup": { "inline_keyboard": [[button]] } }))
        };
        let long = "x".repeat(1025);
        Probe::table([
            (html("x").path("/bot1:x/sendMessage"), 401, "Unauthorized"),
            (html("x").path("/botx/sendMessage"), 404, "Not Found"),
            (html("x").path(&SEND.replace("Message", "Letter")), 404, "method not found"),
            (html("x").bytes("application/json", "{"), 400, "can't parse JSON"),
            (with(&json!({ "text": "x" })), 400, "chat_id is empty"),
            (with(&json!({ "chat_id": "nobody", "text": "x" })), 400, "chat not found"),
            (with(&json!({ "chat_id": 403_403, "text": "x" })), 403, "blocked by the user"),
            (with(&json!({ "chat_id": 400_400, "text": "x" })), 400, "\"migrate_to_chat_id\":-1001234567890"),
            (html(" <b></b>"), 400, "text is empty"),
            (html(&"x".repeat(4097)), 400, "message is too long"),
            (html(&"👍".repeat(2049)), 400, "message is too long"),
            (html("<p>x</p>"), 400, "Unsupported start tag \\\"p\\\" at byte offset 0"),
            (html("茶<b>x"), 400, "Can't find end tag corresponding to start tag \\\"b\\\""),
            (html("x</b>"), 400, "Unexpected end tag at byte offset 1"),
            (
                html("<b>x</i>"),
                400,
                "Unmatched end tag at byte offset 4, expected \\\"</b>\\\", found \\\"</i>\\\"",
            ),
            (html("a < b"), 400, "can't parse entities"),
            (keyboard(json!({ "text": "x", "url": "nowhere" })), 400, "Wrong HTTP URL"),
            (keyboard(json!({ "text": "", "url": "https://a.example/" })), 400, "text is empty"),
            (keyboard(json!({ "text": "x" })), 400, "unallowed"),
            (photo(&json!({ "chat_id": 5 })), 400, "no photo"),
            (photo(&json!({ "chat_id": 5, "photo": "x" })), 400, "wrong file identifier"),
            (
                photo(&json!({ "chat_id": 5, "photo": "https://a.example/x.png", "caption": long })),
                400,
                "caption is too long",
            ),
        ]);
    }
}
