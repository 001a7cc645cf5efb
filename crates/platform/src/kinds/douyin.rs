//! Douyin's open platform: pictures with a text (developer.open-douyin.com). Refusals have status
//! 200.

use axum::http::Method;
use fake_server::text::chars;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field, required, text_field,
};
use serde_json::{Value, json};

/// The largest picture, and the largest video that is uploaded in one request, in bytes.
const MAX_FILE_BYTES: usize = 20 << 20;
/// The largest number of pictures in a post.
const MAX_IMAGES: usize = 30;
/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 1000;

/// The server side of Douyin.
#[derive(Debug)]
pub(crate) struct Douyin;

impl FakeNetwork for Douyin {
    fn publishes(&self, request: &Request) -> bool {
        let path = request.path.trim_end_matches('/');
        request.is(&Method::POST) && (path.ends_with("/create_image_text") || path.ends_with("/create_video"))
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let keys = account(Kind::Douyin);
        let path = request.path.trim_end_matches('/');
        let path = path.strip_prefix("/api/douyin/v1").unwrap_or(path);
        let fields = request.fields();
        let param = |name: &str| request.param(name).or_else(|| field(&fields, name));
        // The requests about the account may have the token as a parameter.
        let given = request
            .header("access-token")
            .or_else(|| param("access_token").filter(|_| path == "/oauth/userinfo"));
        let token = given.unwrap_or_default();
        ensure(token == required(keys.token), || refuse(request, 2_190_002, "access_token无效"))?;
        if (request.method.as_str(), path) == ("POST", "/tool/imagex/client_upload") {
            return upload(state, request, "image");
        }
        let id = param("open_id").unwrap_or_default();
        ensure(id == required(keys.account), || refuse(request, 2_190_003, "open_id参数错误"))?;
        match (request.method.as_str(), path) {
            ("POST", "/video/upload_image" | "/image/upload") => upload(state, request, "image"),
            ("POST", "/video/upload_video" | "/video/upload") => upload(state, request, "video"),
            ("POST", "/video/create_image_text" | "/image/create") => create(state, request, "image"),
            ("POST", "/video/create_video" | "/video/create") => create(state, request, "video"),
            ("GET" | "POST", "/oauth/userinfo") => {
                Ok(success(request, json!({ "open_id": id, "nickname": "港湾咖啡" })))
            }
            ("GET", "/video/video_list") => {
                let row = |post: &fake_server::Received| json!({ "item_id": post.id, "title": post.text, "create_time": post.at.div_euclid(1000) });
                let list: Vec<Value> = state.received.iter().rev().take(20).map(row).collect();
                Ok(success(request, json!({ "list": list, "cursor": 0, "has_more": false })))
            }
            _ => Err(Reply::text(404, "404 page not found").with_reason("no such path")),
        }
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => refuse(request, 2_118_110, "发布过于频繁，请稍后再试"),
            VendorError::Expired => refuse(request, 2_190_008, "access_token过期,请刷新或重新授权"),
            VendorError::Revoked => refuse(request, 2_190_004, "应用未获得该能力, 请去开放平台申请"),
            VendorError::Rejected(reason) => refuse(request, 2_111_038, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 75, window: 86_400_000, penalty: 0 }]
    }
}

fn envelope(request: &Request, code: u32, words: &str, mut data: Value) -> Reply {
    data["error_code"] = json!(code);
    data["description"] = json!(words);
    let extra = json!({ "error_code": code, "description": words, "sub_error_code": 0, "sub_description": "",
        "logid": "202608221800000102120601500A2C6F1C", "now": request.at });
    Reply::json(200, &json!({ "data": data, "extra": extra }))
}

fn success(request: &Request, data: Value) -> Reply {
    envelope(request, 0, "", data)
}

fn refuse(request: &Request, code: u32, words: &str) -> Reply {
    envelope(request, code, words, json!({})).with_reason(format!("{code} {words}"))
}

fn bad(request: &Request, what: &str) -> Reply {
    refuse(request, 2_100_005, &format!("参数不合法: {what}"))
}

/// Stores a picture or a video from a multipart body.
fn upload(state: &mut NetworkState, request: &Request, kind: &str) -> Answer {
    let files = request.files();
    let file = files
        .iter()
        .find(|part| part.name == kind && part.file.is_some())
        .ok_or_else(|| bad(request, kind))?;
    ensure(file.body.len() <= MAX_FILE_BYTES, || refuse(request, 2_118_020, "文件过大"))?;
    let known =
        kind == "video" || fake_server::image_type(&file.body).is_some_and(|kind| kind != "image/gif");
    ensure(known, || refuse(request, 2_118_021, "不支持的图片格式"))?;
    let id = format!("{kind}{:06}", state.serial());
    state.add_upload(&id, file.body.clone(), None);
    let mut data = json!({});
    data[kind] = json!({ format!("{kind}_id"): id, "width": 1080, "height": 1080 });
    // The picture upload has its id directly in `data`.
    data[format!("{kind}_id")] = json!(id);
    Ok(success(request, data))
}

/// Stores a post, which is reviewed later.
fn create(state: &mut NetworkState, request: &Request, kind: &str) -> Answer {
    let body = request.object().ok_or_else(|| bad(request, "body"))?;
    let text = text_field(&body, "text").unwrap_or_default();
    ensure(chars(text) <= MAX_TEXT_CHARS, || bad(request, "text"))?;
    let ids: Vec<&str> = match kind {
        "video" => text_field(&body, "video_id").into_iter().collect(),
        _ => {
            let list = body.get("image_list").and_then(Value::as_array);
            let list: Vec<&str> = list.into_iter().flatten().filter_map(Value::as_str).collect();
            text_field(&body, "image_id").into_iter().chain(list).collect()
        }
    };
    let count = (1..=MAX_IMAGES).contains(&ids.len());
    ensure(count, || bad(request, if kind == "video" { "video_id" } else { "image_list" }))?;
    ensure(ids.iter().all(|id| id.starts_with(kind) && state.upload(id).is_some()), || bad(request, "id"))?;
    let image = state.picture(ids[0], None);
    let id = format!("@9VwKzuuES8gmaXS7YohtSM780mzrPfCHPJJ4qwKvL1gaa{:06}", state.serial());
    let post = Post {
        account: "港湾咖啡".to_owned(),
        id: id.clone(),
        text: text.to_owned(),
        image,
        raw: body.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(success(request, json!({ "item_id": id })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const ID: &str = "open_id=ba253642-0590-40bc-9bdf-9a1334b94059";

    fn to(path: &str) -> Probe {
        Probe::post(Kind::Douyin, &format!("/api/douyin/v1/video/{path}/?{ID}"))
            .header("access-token", "act.douyin-token")
    }

    fn create(body: &Value) -> Probe {
        to("create_image_text").json(body)
    }

    #[test]
    fn a_picture_is_uploaded_and_posted_with_its_text() {
        let mut probe = to("upload_image").multipart(&[], Some(("image", b"\x89PNG")));
        let id = probe.value()["data"]["image"]["image_id"].clone();
        let mut probe = probe.then(create(&json!({ "text": "春茶上市 #春茶", "image_list": [id] })));
        let made = probe.value();
        assert_eq!(
            (made["data"]["error_code"].as_i64(), made["data"]["item_id"].is_string()),
            (Some(0), true)
        );
        assert_eq!(probe.received()[0].text, "春茶上市 #春茶");
        let mut tool = Probe::post(Kind::Douyin, "/tool/imagex/client_upload/")
            .header("access-token", "act.douyin-token");
        tool = tool.multipart(&[], Some(("image", b"\x89PNG")));
        assert_eq!(tool.value()["data"]["image_id"], "image000001");
        let mut me = probe.then(to("x").method("GET").path(&format!("/oauth/userinfo/?{ID}")));
        assert_eq!(me.value()["data"]["error_code"], 0);
        let form = [("open_id", &ID["open_id=".len()..]), ("access_token", "act.douyin-token")];
        let mut me = Probe::post(Kind::Douyin, "/oauth/userinfo/").form(&form);
        assert_eq!(me.value()["data"]["nickname"], "港湾咖啡");
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_200() {
        Probe::table([
            (create(&json!({})).without("access-token"), 200, "2190002"),
            (create(&json!({})).header("access-token", "x"), 200, "2190002"),
            (create(&json!({})).path("/api/douyin/v1/video/create_image_text/?open_id=x"), 200, "2190003"),
            (create(&json!({ "text": "x" })), 200, "2100005"),
            (create(&json!({ "text": "x", "image_list": ["image9"] })), 200, "2100005"),
            (create(&json!({ "text": "春".repeat(1001), "image_list": ["x"] })), 200, "text"),
            (create(&json!({})).bytes("application/json", "{"), 200, "body"),
            (to("create_video").json(&json!({ "text": "x" })), 200, "video_id"),
            (to("upload_image").multipart(&[], Some(("image", b"<svg>"))), 200, "2118021"),
            (to("upload_image").multipart(&[], None), 200, "2100005"),
            (to("create_poem").json(&json!({})), 404, "not found"),
        ]);
    }
}
