//! Template messages of a WeChat official account (developers.weixin.qq.com/doc/offiaccount,
//! api_sendtemplatemessage).

use fake_server::text::is_web;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    text_field,
};
use serde_json::{Value, json};

use super::wechat_api::{self, body, check_token, refuse};

/// The server side of WeChat template messages.
#[derive(Debug)]
pub(crate) struct WechatTemplate;

impl FakeNetwork for WechatTemplate {
    fn publishes(&self, request: &Request) -> bool {
        request.method == "POST" && request.path == "/cgi-bin/message/template/send"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if let Some(answer) = wechat_api::shared(state, request, Kind::WechatTemplate) {
            return answer;
        }
        check_token(state, request)?;
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/cgi-bin/message/template/send") => send(state, request),
            ("GET", "/cgi-bin/template/get_all_private_template") => {
                let id = account(Kind::WechatTemplate).template_id;
                let template = json!({ "template_id": id, "title": "活动通知", "content": "{{first.DATA}}\n{{remark.DATA}}" });
                Ok(Reply::json(200, &json!({ "template_list": [template] })))
            }
            ("GET", _) => Err(refuse(43002, "require POST method")),
            _ => Err(refuse(40066, "invalid url")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        wechat_api::error_reply(error)
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 100_000, window: 86_400_000, penalty: 0 }]
    }
}

fn send(state: &mut NetworkState, request: &Request) -> Answer {
    let body = body(request)?;
    let to = text_field(&body, "touser").unwrap_or_default().to_owned();
    wechat_api::follower(&to)?;
    let template = text_field(&body, "template_id");
    ensure(template == account(Kind::WechatTemplate).template_id, || refuse(40037, "invalid template_id"))?;
    let url = text_field(&body, "url").filter(|url| !url.is_empty()).map(str::to_owned);
    ensure(url.as_deref().is_none_or(is_web), || refuse(40039, "invalid url size"))?;
    if let Some(program) = body.get("miniprogram").filter(|program| !program.is_null()) {
        ensure(text_field(program, "appid").is_some_and(|id| id.starts_with("wx")), || {
            refuse(40165, "invalid weapp pagepath")
        })?;
    }
    let data = body.get("data").and_then(Value::as_object).filter(|data| !data.is_empty());
    let data = data.ok_or_else(|| refuse(47001, "data format error: data"))?;
    let mut lines = Vec::new();
    for (name, value) in data {
        let words = text_field(value, "value")
            .ok_or_else(|| refuse(47001, &format!("data format error: {name}.value")))?;
        lines.push(words.to_owned());
    }
    let number = 200_228_332 + state.serial();
    let client = text_field(&body, "client_msg_id").map(str::to_owned);
    let again = client.as_deref().and_then(|id| state.replies.get(&format!("{to} {id}")));
    if let Some((_, reply)) = again {
        return Ok(reply.clone());
    }
    let reply = Reply::json(200, &json!({ "errcode": 0, "errmsg": "ok", "msgid": number }));
    if let Some(id) = &client {
        state.replies.put(format!("{to} {id}"), (request.at, reply.clone()));
    }
    let post = Post {
        account: to,
        id: number.to_string(),
        idempotency: client,
        text: lines.join("\n"),
        links: url.into_iter().collect(),
        raw: body.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::wechat_api::tests::signed_in;
    use crate::probe::Probe;

    fn good() -> Value {
        json!({ "touser": "o000000000000000000000000001", "template_id": account(Kind::WechatTemplate).template_id,
            "url": "https://harbour.example/a", "data": { "first": { "value": "春茶" }, "remark": { "value": "免费" } } })
    }

    fn with(body: &Value) -> Probe {
        let (probe, token) = signed_in(Kind::WechatTemplate);
        let path = format!("/cgi-bin/message/template/send?access_token={token}");
        probe.then(Probe::post(Kind::WechatTemplate, &path).json(body))
    }

    fn field(name: &str, value: Value) -> Probe {
        let mut body = good();
        body[name] = value;
        with(&body)
    }

    #[test]
    fn a_message_is_taken() {
        let mut probe = with(&good());
        let answer = probe.value();
        assert_eq!((answer["errcode"].as_i64(), answer["msgid"].is_u64()), (Some(0), true));
        let post = &probe.received()[0];
        assert_eq!((post.text.as_str(), post.links[0].as_str()), ("春茶\n免费", "https://harbour.example/a"));
        let mut twice = field("client_msg_id", json!("d1"));
        assert_eq!((twice.value(), twice.received().len()), (twice.value(), 1));
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        Probe::table([
            (with(&good()).path("/cgi-bin/message/template/send?access_token=x"), 200, "40001"),
            (field("touser", json!("x")), 200, "40003"),
            (field("touser", json!("oUNFOLLOWED00000000000000000")), 200, "43004"),
            (field("template_id", json!("x")), 200, "40037"),
            (field("url", json!("x")), 200, "40039"),
            (field("data", json!({})), 200, "47001"),
            (field("data", json!({ "first": "x" })), 200, "first.value"),
            (with(&good()).method("GET"), 200, "43002"),
        ]);
    }
}
