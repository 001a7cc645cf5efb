//! Weibo's share (open.weibo.com/wiki/2/statuses/share; codes as in
//! open.weibo.com/wiki/Error_code).

use std::net::IpAddr;

use axum::http::Method;
use fake_server::text::links;
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    field,
};
use serde_json::{Value, json};

/// The longest text in Chinese characters; two other letters count as one, and a URL, which is
/// shortened, as ten.
const MAX_TEXT_CHARS: usize = 140;
const URL_HALF_CHARS: usize = 20;
/// Texts of more bytes are too long without being counted.
const MAX_COUNTED_BYTES: usize = 16 << 10;
/// The largest picture, in bytes.
const MAX_IMAGE_BYTES: usize = 5_000_000;
const UID: u64 = 1_404_376_560;

/// The server side of Weibo.
#[derive(Debug)]
pub(crate) struct Weibo;

impl FakeNetwork for Weibo {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/2/statuses/share.json"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let fields: Vec<(String, String)> = request.query.iter().cloned().chain(request.fields()).collect();
        let token = field(&fields, "access_token");
        ensure(token.is_some(), || refuse(request, 400, 10006, "source paramter(appkey) is missing"))?;
        ensure(token == account(Kind::Weibo).token, || refuse(request, 400, 21332, "invalid_access_token"))?;
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/2/statuses/share.json") => share(state, request, &fields),
            ("GET", "/2/statuses/user_timeline.json") => {
                let statuses: Vec<&Value> =
                    state.received.iter().rev().take(20).map(|post| &post.raw).collect();
                Ok(Reply::json(200, &json!({ "statuses": statuses, "total_number": state.received.len() })))
            }
            ("POST", "/oauth2/get_token_info") => {
                let token = json!({ "uid": UID, "appkey": "1", "scope": null, "create_at": 1, "expire_in": 157_679_471 });
                Ok(Reply::json(200, &token))
            }
            ("GET", "/2/account/get_uid.json") => Ok(Reply::json(200, &json!({ "uid": UID }))),
            ("GET", "/2/users/show.json") => Ok(Reply::json(200, &user())),
            (_, "/2/statuses/share.json") => {
                Err(refuse(request, 405, 10021, "HTTP METHOD is not suported for this request!"))
            }
            _ => Err(refuse(request, 404, 10020, "Request Api not found!")),
        }
    }

    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => {
                refuse(request, 403, 10024, "User requests for (share) out of rate limit!")
            }
            VendorError::Expired => refuse(request, 401, 21327, "expired_token"),
            VendorError::Revoked => refuse(request, 403, 21316, "accessor_was_revoked"),
            VendorError::Rejected(reason) => {
                refuse(request, 400, 20021, &format!("content is illegal! {reason}"))
            }
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 30, window: 3_600_000, penalty: 0 }]
    }
}

fn refuse(request: &Request, status: u16, code: u32, error: &str) -> Reply {
    let body = json!({ "request": request.path, "error_code": code, "error": error });
    Reply::json(status, &body).with_reason(format!("{code} {error}"))
}

fn user() -> Value {
    json!({ "id": UID, "idstr": UID.to_string(), "screen_name": "港湾咖啡", "name": "港湾咖啡" })
}

/// Returns the length of a text in half Chinese characters.
fn half_chars(status: &str) -> usize {
    let mut rest = status.to_owned();
    let mut sum = 0;
    for link in links(status) {
        sum += URL_HALF_CHARS * rest.matches(&link).count();
        rest = rest.replace(&link, "");
    }
    sum + rest.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum::<usize>()
}

fn share(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let refused = |code: u32, error: &str| refuse(request, 400, code, error);
    let status = field(fields, "status").unwrap_or_default();
    ensure(!status.trim().is_empty(), || {
        refused(10016, "miss required parameter (status), see doc for more info.")
    })?;
    let rip = field(fields, "rip").filter(|rip| !rip.is_empty());
    let rip = rip.ok_or_else(|| refused(10016, "miss required parameter (rip), see doc for more info."))?;
    ensure(rip.parse::<IpAddr>().is_ok(), || refused(10008, "param error, see doc for more info."))?;
    ensure(status.len() <= MAX_COUNTED_BYTES && half_chars(status) <= MAX_TEXT_CHARS * 2, || {
        refused(20012, "Text too long, please input text less than 140 characters!")
    })?;
    let topic = status.matches('#').count() >= 2;
    ensure(!topic, || refused(20021, "content is illegal! no topics"))?;
    let safe = |link: &String| {
        let host =
            url::Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        state.safe_hosts.iter().any(|safe| host == *safe || host.ends_with(&format!(".{safe}")))
    };
    ensure(links(status).iter().any(safe), || refused(10017, "appkey not bind domain!"))?;
    let twice = state.received.last().is_some_and(|last| last.text == status);
    ensure(!twice, || refused(20019, "repeat content!"))?;
    let id = 5_000_000_000_000_000_u64 + state.serial();
    let files = request.files();
    let picture = files.iter().find(|part| part.name == "pic" && part.file.is_some());
    if let Some(picture) = picture {
        ensure(picture.body.len() < MAX_IMAGE_BYTES, || refused(20006, "image size too large."))?;
        let kind = fake_server::image_type(&picture.body).is_some_and(|kind| kind != "image/webp");
        ensure(kind, || refused(20005, "unsupport image type, only suport JPG, GIF, PNG!"))?;
        state.add_upload(&id.to_string(), picture.body.clone(), None);
    }
    let at = jiff::Timestamp::from_millisecond(request.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let body = json!({ "created_at": at.strftime("%a %b %d %H:%M:%S +0000 %Y").to_string(), "id": id,
        "idstr": id.to_string(), "mid": id.to_string(), "text": status, "user": user(), "reposts_count": 0,
        "comments_count": 0, "attitudes_count": 0 });
    let image = state.picture(&id.to_string(), None);
    let post = Post {
        account: "@港湾咖啡".to_owned(),
        id: id.to_string(),
        text: status.to_owned(),
        image,
        raw: body.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(Reply::json(200, &body))
}

#[cfg(test)]
mod tests {
    use fake_server::required;

    use super::*;
    use crate::probe::Probe;

    const STATUS: &str = "春茶上市 https://harbour.example/a";

    fn with(changes: &[(&str, &str)]) -> Probe {
        Probe::post(Kind::Weibo, "/2/statuses/share.json").form(&fields(changes))
    }

    fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let all = [
            ("access_token", required(account(Kind::Weibo).token)),
            ("status", STATUS),
            ("rip", "203.0.113.7"),
        ];
        let unchanged = all.into_iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        unchanged.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
    }

    #[test]
    fn a_status_is_shared_with_its_picture_and_found_again() {
        let mut probe = Probe::post(Kind::Weibo, "/2/statuses/share.json");
        probe = probe.multipart(&fields(&[]), Some(("pic", b"\x89PNG")));
        let made = probe.value();
        assert_eq!((made["text"].as_str(), made["mid"].is_string()), (Some(STATUS), true));
        assert_eq!(probe.received()[0].image.as_ref().unwrap().bytes, 4);
        assert_eq!(probe.value()["error_code"], 20019);
        let list = Probe::get(Kind::Weibo, "/2/statuses/user_timeline.json?access_token=2.00weibo-token");
        assert_eq!(probe.then(list).value()["statuses"][0]["idstr"], made["idstr"]);
        let long = format!("{}https://www.harbour.example/{}", "春".repeat(130), "x".repeat(100));
        assert_eq!(with(&[("status", &long)]).send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = format!("{}https://harbour.example/a", "春".repeat(131));
        Probe::table([
            (with(&[("access_token", "")]), 400, "10006"),
            (with(&[("access_token", "x")]), 400, "21332"),
            (with(&[]).path("/2/statuses/update.json"), 404, "10020"),
            (with(&[]).method("PUT"), 405, "10021"),
            (with(&[("status", "")]), 400, "(status)"),
            (with(&[("rip", "")]), 400, "(rip)"),
            (with(&[("rip", "here")]), 400, "10008"),
            (with(&[("status", &long)]), 400, "20012"),
            (with(&[("status", "#春茶# https://harbour.example/a")]), 400, "20021"),
            (with(&[("status", "春茶")]), 400, "appkey not bind domain"),
            (with(&[("status", "春茶 https://notharbour.example/a")]), 400, "10017"),
        ]);
    }
}
