//! DingTalk's group robots (open.dingtalk.com/document/robots/custom-robot-access). Every answer
//! has status 200.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::is_web;
use fake_server::{
    Answer, Button, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError,
    account, ensure, required, signature, text_field,
};
use serde_json::{Value, json};

/// The largest deviation of the timestamp, in milliseconds.
const MAX_CLOCK_SKEW: u64 = 3_600_000;
/// The largest body, in bytes (errcode 460101).
const MAX_BODY_BYTES: usize = 20_000;
const TOKEN: &str = "d1a9harbour";

/// The server side of DingTalk.
#[derive(Debug)]
pub(crate) struct Dingtalk;

impl FakeNetwork for Dingtalk {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/robot/send"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        ensure(request.path == "/robot/send", || Reply::text(404, "Not Found").with_reason("no such path"))?;
        ensure(request.is(&Method::POST), || refuse(43002, "需要POST请求"))?;
        ensure(request.is_json(), || refuse(43004, "无效的HTTP HEADER Content-Type"))?;
        ensure(request.param("access_token") == Some(TOKEN), || refuse(300_001, "token is not exist"))?;
        check_signature(request)?;
        ensure(request.body.len() <= MAX_BODY_BYTES, || {
            refuse(460_101, "message too long, exceed 20000 bytes")
        })?;
        let body = request.object().ok_or_else(|| refuse(40035, "不合法的参数"))?;
        let mut post = read(&body)?;
        post.account = "群机器人".to_owned();
        post.id = state.serial().to_string();
        post.raw = body;
        state.add_post(request, post);
        Ok(Reply::json(200, &json!({ "errcode": 0, "errmsg": "ok" })))
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                let message = "send too fast, exceed 20 times per minute";
                let body = json!({ "status": 1111, "punish": "deny", "wait": seconds, "errcode": 130_101, "errmsg": message });
                Reply::json(200, &body).with_reason(message)
            }
            VendorError::Expired => refuse(300_001, "token is not exist"),
            VendorError::Revoked => refuse(400_102, "机器人已停用"),
            VendorError::Rejected(reason) => refuse(430_104, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 20, window: 60_000, penalty: 600_000 }]
    }
}

fn refuse(code: i64, message: &str) -> Reply {
    Reply::json(200, &json!({ "errcode": code, "errmsg": message })).with_reason(format!("{code} {message}"))
}

fn check_signature(request: &Request) -> Result<(), Reply> {
    let more = "more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]";
    let at = request.param("timestamp").unwrap_or_default();
    let near = at.parse::<i64>().is_ok_and(|at| request.at.abs_diff(at) <= MAX_CLOCK_SKEW);
    ensure(near, || refuse(310_000, &format!("invalid timestamp, {more}")))?;
    let expected = signature(at, required(account(Kind::Dingtalk).secret));
    ensure(request.param("sign") == Some(&expected), || refuse(310_000, &format!("sign not match, {more}")))
}

/// Returns the base64 of HMAC-SHA256 with the secret as key over `milliseconds\nsecret`.
fn signature(at: &str, secret: &str) -> String {
    STANDARD.encode(signature::hmac_sha256(secret.as_bytes(), format!("{at}\n{secret}").as_bytes()))
}

fn read(body: &Value) -> Result<Post, Reply> {
    let kind = text_field(body, "msgtype").unwrap_or_default();
    let known = ["text", "link", "markdown", "actionCard", "feedCard"].contains(&kind);
    ensure(known, || refuse(400_105, "不支持的消息类型"))?;
    let part = body.get(kind).filter(|part| part.is_object());
    let part = part.ok_or_else(|| refuse(40035, &format!("缺少参数 {kind}")))?;
    let need = |name: &str| {
        let value = text_field(part, name).filter(|value| !value.trim().is_empty()).map(str::to_owned);
        value.ok_or_else(|| refuse(40035, &format!("缺少参数 {kind}.{name}")))
    };
    let web = |name: &str| {
        let url = need(name)?;
        if is_web(&url) { Ok(url) } else { Err(refuse(40035, &format!("不合法的参数 {kind}.{name}"))) }
    };
    match kind {
        "text" => Ok(Post { text: need("content")?, ..Post::default() }),
        "markdown" => Ok(Post { title: Some(need("title")?), text: need("text")?, ..Post::default() }),
        "link" => {
            let image =
                text_field(part, "picUrl").filter(|url| is_web(url)).map(|url| Picture::at(url, None));
            let links = vec![web("messageUrl")?];
            Ok(Post { title: Some(need("title")?), text: need("text")?, links, image, ..Post::default() })
        }
        "actionCard" => {
            let buttons = if part.get("btns").is_some() {
                buttons(part)?
            } else {
                vec![Button { text: need("singleTitle")?, url: web("singleURL")? }]
            };
            let links = buttons.iter().map(|button| button.url.clone()).collect();
            Ok(Post { title: Some(need("title")?), text: need("text")?, links, buttons, ..Post::default() })
        }
        _ => feed(part),
    }
}

fn buttons(part: &Value) -> Result<Vec<Button>, Reply> {
    let wrong = || refuse(40035, "不合法的参数 actionCard.btns");
    let all = part["btns"].as_array().filter(|all| !all.is_empty()).ok_or_else(wrong)?;
    let button = |one: &Value| {
        let (text, url) =
            (text_field(one, "title").filter(|text| !text.is_empty()), text_field(one, "actionURL"));
        let (text, url) = (text.ok_or_else(wrong)?, url.filter(|url| is_web(url)).ok_or_else(wrong)?);
        Ok(Button { text: text.to_owned(), url: url.to_owned() })
    };
    all.iter().map(button).collect()
}

fn feed(part: &Value) -> Result<Post, Reply> {
    let wrong = || refuse(40035, "不合法的参数 feedCard.links");
    let all = part.get("links").and_then(Value::as_array).filter(|all| !all.is_empty()).ok_or_else(wrong)?;
    let mut post = Post::default();
    for one in all {
        let (title, url) =
            (text_field(one, "title").ok_or_else(wrong)?, text_field(one, "messageURL").ok_or_else(wrong)?);
        let image = text_field(one, "picURL").ok_or_else(wrong)?;
        post.text.push_str(title);
        post.text.push('\n');
        post.links.push(url.to_owned());
        post.image.get_or_insert_with(|| Picture::at(image, None));
    }
    Ok(post)
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::{NOW, Probe};

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Dingtalk, &path(NOW, &signature(&NOW.to_string(), "this is secret"))).json(body)
    }

    fn path(at: i64, sign: &str) -> String {
        let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("/robot/send?access_token={TOKEN}&timestamp={at}&sign={sign}")
    }

    fn text() -> Probe {
        with(&json!({ "msgtype": "text", "text": { "content": "茶" } }))
    }

    #[test]
    fn the_vector_is_reproduced() {
        assert_eq!(
            signature("1600000000000", "this is secret"),
            "MYEtKC4/NfMR1l4prX++ai6oOf70X1xOf6UlnyUhJH4="
        );
    }

    #[test]
    fn good_messages_are_taken() {
        let card = json!({ "msgtype": "actionCard", "actionCard": { "title": "春茶", "text": "# 春茶\n免费",
            "singleTitle": "续订", "singleURL": "https://harbour.example/a" } });
        let mut probe = with(&card);
        assert_eq!(probe.value(), json!({ "errcode": 0, "errmsg": "ok" }));
        assert_eq!(probe.received()[0].buttons[0].text, "续订");
        let buttons = json!({ "msgtype": "actionCard", "actionCard": { "title": "x", "text": "y",
            "btns": [{ "title": "a", "actionURL": "https://a.example/" }] } });
        let link = json!({ "msgtype": "link", "link": { "title": "x", "text": "y", "messageUrl": "https://a.example/" } });
        for mut probe in [text(), with(&buttons), with(&link)] {
            assert_eq!(probe.value()["errcode"], 0);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        let old = NOW - 3_600_001;
        let late = path(old, &signature(&old.to_string(), "this is secret"));
        let twice = path(NOW, &signature(&NOW.to_string(), "this is secret")).replace('%', "%25");
        let long = json!({ "msgtype": "text", "text": { "content": "x".repeat(MAX_BODY_BYTES) } });
        Probe::table([
            (text().path("/robot/send?access_token=other"), 200, "300001"),
            (text().path(&path(NOW, "other")), 200, "sign not match"),
            (text().path(&twice), 200, "sign not match"),
            (text().path(&late), 200, "invalid timestamp"),
            (text().path(&path(i64::MIN, "x")), 200, "invalid timestamp"),
            (text().path(&format!("/robot/send?access_token={TOKEN}")), 200, "310000"),
            (text().header("content-type", "text/plain"), 200, "43004"),
            (text().method("PUT"), 200, "43002"),
            (with(&json!({ "msgtype": "post" })), 200, "400105"),
            (with(&json!({ "msgtype": "text" })), 200, "40035"),
            (with(&json!({ "msgtype": "text", "text": { "content": " " } })), 200, "text.content"),
            (with(&json!({ "msgtype": "markdown", "markdown": { "text": "x" } })), 200, "markdown.title"),
            (
                with(
                    &json!({ "msgtype": "actionCard", "actionCard": { "title": "x", "text": "y", "btns": [] } }),
                ),
                200,
                "btns",
            ),
            (with(&long), 200, "460101"),
        ]);
        let limited = text().error_reply(&Fault::RateLimited { seconds: 5 });
        let body: Value = serde_json::from_slice(&limited.body).unwrap();
        assert_eq!((limited.status, &body["errcode"], &body["wait"]), (200, &json!(130_101), &json!(5)));
    }
}
