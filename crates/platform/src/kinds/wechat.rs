//! A WeChat official account: drafts and mass messages (developers.weixin.qq.com/doc/offiaccount,
//! Batch_Sends).

use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, ensure, text_field,
};
use serde_json::{Value, json};

use super::wechat_api::{self, body, check_token, refuse};

/// The longest title, author and digest in characters; the longest article in characters and in
/// bytes.
const MAX_TITLE_CHARS: usize = 64;
const MAX_AUTHOR_CHARS: usize = 16;
const MAX_DIGEST_CHARS: usize = 128;
const MAX_CONTENT_CHARS: usize = 20_000;
const MAX_CONTENT_BYTES: usize = 1 << 20;
/// The longest clientmsgid in bytes, and the time for which it is remembered, in milliseconds.
const MAX_CLIENT_ID_BYTES: usize = 64;
const IDEMPOTENCY_PERIOD: i64 = 86_400_000;
/// The largest number of articles in a draft.
const MAX_ARTICLES: usize = 8;

/// The server side of a WeChat official account.
#[derive(Debug)]
pub(crate) struct Wechat;

impl FakeNetwork for Wechat {
    fn publishes(&self, request: &Request) -> bool {
        request.method == "POST"
            && ["/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/send"]
                .contains(&request.path.as_str())
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if let Some(answer) = wechat_api::shared(state, request, Kind::Wechat) {
            return answer;
        }
        check_token(state, request)?;
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/cgi-bin/draft/add") => draft(state, &body(request)?),
            ("POST", "/cgi-bin/message/mass/sendall") => mass(state, request, true),
            ("POST", "/cgi-bin/message/mass/send") => mass(state, request, false),
            ("POST", "/cgi-bin/message/mass/get") => {
                let id = body(request)?["msg_id"].clone();
                let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
                let is_known = state.received.iter().any(|post| post.id == id);
                ensure(is_known, || refuse(40001, "msg_id is not known"))?;
                Ok(Reply::json(200, &json!({ "msg_id": id, "msg_status": "SEND_SUCCESS" })))
            }
            ("GET", _) => Err(refuse(43002, "require POST method")),
            _ => Err(refuse(40066, "invalid url")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        wechat_api::error_reply(error)
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[
            RateLimit { max: 60, window: 60_000, penalty: 0 },
            RateLimit { max: 100, window: 86_400_000, penalty: 0 },
        ]
    }
}

/// Checks and stores the articles of a draft.
fn draft(state: &mut NetworkState, body: &Value) -> Answer {
    let articles = body.get("articles").and_then(Value::as_array);
    let articles = articles
        .filter(|all| (1..=MAX_ARTICLES).contains(&all.len()))
        .ok_or_else(|| refuse(45008, "article size out of limit"))?;
    for article in articles {
        let get = |name: &str| text_field(article, name).unwrap_or_default();
        ensure(!get("title").is_empty(), || refuse(40035, "invalid parameter: title"))?;
        ensure(chars(get("title")) <= MAX_TITLE_CHARS, || refuse(45003, "title size out of limit"))?;
        ensure(chars(get("author")) <= MAX_AUTHOR_CHARS, || refuse(45110, "author size out of limit"))?;
        ensure(chars(get("digest")) <= MAX_DIGEST_CHARS, || refuse(45004, "description size out of limit"))?;
        let content = get("content");
        ensure(!content.is_empty(), || refuse(44004, "empty content"))?;
        ensure(chars(content) <= MAX_CONTENT_CHARS && content.len() <= MAX_CONTENT_BYTES, || {
            refuse(45002, "content size out of limit")
        })?;
        let script = content.to_lowercase().contains("<script");
        ensure(!script, || refuse(45166, "invalid content"))?;
        let source = get("content_source_url");
        ensure(source.is_empty() || is_web(source), || refuse(40039, "invalid url size"))?;
        let cover = get("thumb_media_id");
        ensure(state.upload(cover).is_some(), || refuse(40007, "invalid media_id"))?;
    }
    let id = format!("draft_{:08}", state.serial());
    state.notes.put(id.clone(), articles[0].clone());
    Ok(Reply::json(200, &json!({ "media_id": id, "item": [] })))
}

/// Sends to all followers, to a tag, or to 2 to 10,000 followers.
fn mass(state: &mut NetworkState, request: &Request, to_all: bool) -> Answer {
    let body = body(request)?;
    if to_all {
        let filter = body.get("filter").filter(|filter| filter.is_object());
        let filter = filter.ok_or_else(|| refuse(40035, "invalid parameter: filter"))?;
        ensure(filter["is_to_all"] == true || filter["tag_id"].is_i64(), || refuse(40152, "invalid tagid"))?;
    } else {
        let users =
            body.get("touser").and_then(Value::as_array).filter(|users| (2..=10_000).contains(&users.len()));
        let users = users.ok_or_else(|| refuse(40130, "invalid openid list size, at least two openid"))?;
        users.iter().try_for_each(|user| wechat_api::follower(user.as_str().unwrap_or_default()))?;
    }
    let client = body.get("clientmsgid").and_then(Value::as_str).map(str::to_owned);
    ensure(client.as_deref().is_none_or(|id| id.len() <= MAX_CLIENT_ID_BYTES), || {
        refuse(40035, "invalid parameter: clientmsgid")
    })?;
    let known = client
        .as_deref()
        .and_then(|id| state.replies.get(id))
        .filter(|(at, _)| request.at - at < IDEMPOTENCY_PERIOD);
    if let Some((_, reply)) = known {
        let first: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let again = json!({ "errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": first["msg_id"] });
        return Err(Reply::json(200, &again).with_reason("45065 clientmsgid exist"));
    }
    let mut post = content(state, &body)?;
    let id = 3_147_483_000 + state.serial();
    post.id = id.to_string();
    post.account = "港湾咖啡".to_owned();
    post.idempotency.clone_from(&client);
    post.raw = body;
    state.add_post(request, post);
    let answer = json!({ "errcode": 0, "errmsg": "send job submission success", "msg_id": id, "msg_data_id": 206_227_730 + id });
    let reply = Reply::json(200, &answer);
    if let Some(client) = client {
        state.replies.put(client, (request.at, reply.clone()));
    }
    Ok(reply)
}

fn content(state: &NetworkState, body: &Value) -> Result<Post, Reply> {
    let kind = text_field(body, "msgtype").unwrap_or_default();
    let part = body.get(kind).unwrap_or(&Value::Null);
    let media = text_field(part, "media_id").unwrap_or_default();
    match kind {
        "text" => {
            let text = text_field(part, "content")
                .filter(|text| !text.is_empty())
                .ok_or_else(|| refuse(44004, "empty content"))?;
            ensure(text.len() <= 2048, || refuse(45002, "content size out of limit"))?;
            Ok(Post { text: text.to_owned(), ..Post::default() })
        }
        "mpnews" => {
            let article = state.notes.get(media).filter(|_| media.starts_with("draft_"));
            let article = article.ok_or_else(|| refuse(40007, "invalid media_id"))?;
            let get = |name: &str| text_field(article, name).unwrap_or_default();
            let source = Some(get("content_source_url").to_owned()).filter(|url| !url.is_empty());
            Ok(Post {
                title: Some(get("title").to_owned()),
                text: plain(get("content")),
                links: hrefs(get("content")).chain(source).collect(),
                image: state.picture(get("thumb_media_id"), None),
                ..Post::default()
            })
        }
        "image" => {
            let list = body.pointer("/images/media_ids/0").and_then(Value::as_str).unwrap_or(media);
            let image = state.picture(list, None).ok_or_else(|| refuse(40007, "invalid media_id"))?;
            let text =
                body.pointer("/images/recommend").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(Post { image: Some(image), text, ..Post::default() })
        }
        _ => Err(refuse(40008, "invalid message type")),
    }
}

/// Returns the text of HTML, one line per paragraph.
fn plain(html: &str) -> String {
    let html =
        html.replace("</p>", "\n").replace("<br>", "\n").replace("<br/>", "\n").replace("<br />", "\n");
    let mut out = String::new();
    for (number, piece) in html.split('<').enumerate() {
        out.push_str(if number == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) });
    }
    fake_server::text::unescaped(out.trim())
}

fn hrefs(html: &str) -> impl Iterator<Item = String> {
    let all = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    all.map(fake_server::text::unescaped).filter(|href| is_web(href))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::wechat_api::tests::signed_in;
    use crate::probe::Probe;

    fn with(path: &str, body: &Value) -> Probe {
        let (probe, token) = signed_in(Kind::Wechat);
        probe.then(Probe::post(Kind::Wechat, &format!("/cgi-bin/{path}?access_token={token}")).json(body))
    }

    fn text(text: &str) -> Value {
        json!({ "filter": { "is_to_all": true }, "msgtype": "text", "text": { "content": text }, "clientmsgid": "d1" })
    }

    #[test]
    fn a_message_goes_out_once_per_clientmsgid() {
        let mut probe = with("message/mass/sendall", &text("茶"));
        let first = probe.value();
        assert_eq!(
            (&first["errcode"], first["msg_id"].is_u64(), first["msg_data_id"].is_u64()),
            (&json!(0), true, true)
        );
        let again = probe.value();
        assert_eq!((again["errcode"].as_i64(), &again["msg_id"]), (Some(45065), &first["msg_id"]));
        assert_eq!((probe.received().len(), probe.received()[0].idempotency.as_deref()), (1, Some("d1")));
    }

    #[test]
    fn an_article_is_drafted_with_its_cover_and_sent() {
        let (probe, token) = signed_in(Kind::Wechat);
        let to = |path: &str| Probe::post(Kind::Wechat, &format!("/cgi-bin/{path}access_token={token}"));
        let mut probe =
            probe.then(to("material/add_material?type=image&").multipart(&[], Some(("media", b"\x89PNG"))));
        let cover = probe.value()["media_id"].clone();
        let article = json!({ "title": "春茶", "content": "<p>免费 &amp; <a href=\"https://harbour.example/a\">续订</a></p>",
            "thumb_media_id": cover, "content_source_url": "https://harbour.example/b" });
        let mut probe = probe.then(to("draft/add?").json(&json!({ "articles": [article] })));
        let draft = probe.value()["media_id"].clone();
        let body = json!({ "filter": { "is_to_all": true }, "msgtype": "mpnews", "mpnews": { "media_id": draft }, "send_ignore_reprint": 0 });
        let mut probe = probe.then(to("message/mass/sendall?").json(&body));
        assert_eq!(probe.value()["errcode"], 0);
        let post = &probe.received()[0];
        assert_eq!(
            (post.title.as_deref(), post.text.as_str(), post.links.len()),
            (Some("春茶"), "免费 & 续订", 2)
        );
        assert_eq!(post.image.as_ref().unwrap().bytes, 4);
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        let send = |body: &Value| with("message/mass/sendall", body);
        let few = json!({ "touser": ["o000000000000000000000000001"], "msgtype": "text", "text": { "content": "x" } });
        let strange = json!({ "touser": ["x", "y"], "msgtype": "text", "text": { "content": "x" } });
        let long = "茶".repeat(683);
        let mut id = text("x");
        id["clientmsgid"] = json!("x".repeat(65));
        Probe::table([
            (send(&text("x")).path("/cgi-bin/message/mass/sendall"), 200, "41001"),
            (send(&text("x")).path("/cgi-bin/message/mass/sendall?access_token=x"), 200, "40001"),
            (send(&text("x")).at(crate::probe::NOW + 7_200_000), 200, "42001"),
            (send(&text("x")).bytes("application/json", "{"), 200, "47001"),
            (send(&text("x")).bytes("application/json", ""), 200, "44002"),
            (send(&json!({ "msgtype": "text", "text": { "content": "x" } })), 200, "filter"),
            (send(&text("")), 200, "44004"),
            (send(&text(&long)), 200, "45002"),
            (send(&id), 200, "clientmsgid"),
            (send(&json!({ "filter": { "is_to_all": true }, "msgtype": "poem" })), 200, "40008"),
            (
                send(
                    &json!({ "filter": { "is_to_all": true }, "msgtype": "mpnews", "mpnews": { "media_id": "x" } }),
                ),
                200,
                "40007",
            ),
            (with("message/mass/send", &few), 200, "40130"),
            (with("message/mass/send", &strange), 200, "40003"),
            (with("draft/add", &json!({ "articles": [{ "title": "x", "content": "y" }] })), 200, "40007"),
            (
                with("draft/add", &json!({ "articles": [{ "title": "茶".repeat(65), "content": "y" }] })),
                200,
                "45003",
            ),
        ]);
    }
}
