//! Weibo's share (open.weibo.com/wiki/2/statuses/share; codes as in open.weibo.com/wiki/Error_code).

use std::net::IpAddr;

use axum::http::Method;
use serde_json::{Value, json};

use crate::Kind;
use crate::account::account;
use crate::answer::{Answer, Reply, must};
use crate::ask::{Ask, field};
use crate::fault::Trouble;
use crate::network::Network;
use crate::pace::Ceiling;
use crate::room::{Post, Room};
use crate::text::links;

/// Chinese characters; two of other letters count as one, and an address as ten: it becomes a short one.
const TEXT: usize = 140;
const LINK: usize = 20;
/// No text of more bytes is worth being counted.
const LONGEST: usize = 16 << 10;
/// Bytes of a picture.
const IMAGE: usize = 5_000_000;
const UID: u64 = 1_404_376_560;

/// Weibo.
#[derive(Debug)]
pub(crate) struct Weibo;

impl Network for Weibo {
    fn publishes(&self, ask: &Ask) -> bool {
        ask.is(&Method::POST) && ask.path == "/2/statuses/share.json"
    }

    fn play(&self, room: &mut Room, ask: &Ask) -> Answer {
        let fields: Vec<(String, String)> = ask.query.iter().cloned().chain(ask.fields()).collect();
        let token = field(&fields, "access_token");
        must(token.is_some(), || refuse(ask, 400, 10006, "source paramter(appkey) is missing"))?;
        must(token == account(Kind::Weibo).token, || refuse(ask, 400, 21332, "invalid_access_token"))?;
        match (ask.method.as_str(), ask.path.as_str()) {
            ("POST", "/2/statuses/share.json") => share(room, ask, &fields),
            ("GET", "/2/statuses/user_timeline.json") => {
                let statuses: Vec<&Value> =
                    room.received.iter().rev().take(20).map(|post| &post.raw).collect();
                Ok(Reply::json(200, &json!({ "statuses": statuses, "total_number": room.received.len() })))
            }
            ("POST", "/oauth2/get_token_info") => {
                let token = json!({ "uid": UID, "appkey": "1", "scope": null, "create_at": 1, "expire_in": 157_679_471 });
                Ok(Reply::json(200, &token))
            }
            ("GET", "/2/account/get_uid.json") => Ok(Reply::json(200, &json!({ "uid": UID }))),
            ("GET", "/2/users/show.json") => Ok(Reply::json(200, &user())),
            (_, "/2/statuses/share.json") => {
                Err(refuse(ask, 405, 10021, "HTTP METHOD is not suported for this request!"))
            }
            _ => Err(refuse(ask, 404, 10020, "Request Api not found!")),
        }
    }

    fn trouble(&self, trouble: &Trouble, ask: &Ask) -> Reply {
        match trouble {
            Trouble::RateLimited(_) => {
                refuse(ask, 403, 10024, "User requests for (share) out of rate limit!")
            }
            Trouble::Expired => refuse(ask, 401, 21327, "expired_token"),
            Trouble::Revoked => refuse(ask, 403, 21316, "accessor_was_revoked"),
            Trouble::Rejected(reason) => refuse(ask, 400, 20021, &format!("content is illegal! {reason}")),
        }
    }

    fn ceilings(&self) -> &'static [Ceiling] {
        &[Ceiling { most: 30, window: 3_600_000, penalty: 0 }]
    }
}

fn refuse(ask: &Ask, status: u16, code: u32, error: &str) -> Reply {
    let body = json!({ "request": ask.path, "error_code": code, "error": error });
    Reply::json(status, &body).because(format!("{code} {error}"))
}

fn user() -> Value {
    json!({ "id": UID, "idstr": UID.to_string(), "screen_name": "港湾咖啡", "name": "港湾咖啡" })
}

/// In halves of a Chinese character.
fn halves(status: &str) -> usize {
    let mut rest = status.to_owned();
    let mut sum = 0;
    for link in links(status) {
        sum += LINK * rest.matches(&link).count();
        rest = rest.replace(&link, "");
    }
    sum + rest.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum::<usize>()
}

fn share(room: &mut Room, ask: &Ask, fields: &[(String, String)]) -> Answer {
    let no = |code: u32, error: &str| refuse(ask, 400, code, error);
    let status = field(fields, "status").unwrap_or_default();
    must(!status.trim().is_empty(), || {
        no(10016, "miss required parameter (status), see doc for more info.")
    })?;
    let rip = field(fields, "rip").filter(|rip| !rip.is_empty());
    let rip = rip.ok_or_else(|| no(10016, "miss required parameter (rip), see doc for more info."))?;
    must(rip.parse::<IpAddr>().is_ok(), || no(10008, "param error, see doc for more info."))?;
    must(status.len() <= LONGEST && halves(status) <= TEXT * 2, || {
        no(20012, "Text too long, please input text less than 140 characters!")
    })?;
    let topic = status.matches('#').count() >= 2;
    must(!topic, || no(20021, "content is illegal! no topics"))?;
    let safe = |link: &String| {
        let host =
            url::Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        room.safe_hosts.iter().any(|safe| host == *safe || host.ends_with(&format!(".{safe}")))
    };
    must(links(status).iter().any(safe), || no(10017, "appkey not bind domain!"))?;
    let twice = room.received.last().is_some_and(|last| last.text == status);
    must(!twice, || no(20019, "repeat content!"))?;
    let id = 5_000_000_000_000_000_u64 + room.serial();
    let files = ask.files();
    let picture = files.iter().find(|part| part.name == "pic" && part.file.is_some());
    if let Some(picture) = picture {
        must(picture.body.len() < IMAGE, || no(20006, "image size too large."))?;
        let kind = crate::page::sniffed(&picture.body).is_some_and(|kind| kind != "image/webp");
        must(kind, || no(20005, "unsupport image type, only suport JPG, GIF, PNG!"))?;
        room.upload(&id.to_string(), picture.body.clone(), None);
    }
    let at = jiff::Timestamp::from_millisecond(ask.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let body = json!({ "created_at": at.strftime("%a %b %d %H:%M:%S +0000 %Y").to_string(), "id": id,
        "idstr": id.to_string(), "mid": id.to_string(), "text": status, "user": user(), "reposts_count": 0,
        "comments_count": 0, "attitudes_count": 0 });
    let image = room.picture(&id.to_string(), None);
    let post = Post {
        account: "@港湾咖啡".to_owned(),
        id: id.to_string(),
        text: status.to_owned(),
        image,
        raw: body.clone(),
        ..Post::default()
    };
    room.keep(ask, post);
    Ok(Reply::json(200, &body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::known;
    use crate::network::probe::Probe;

    const STATUS: &str = "春茶上市 https://harbour.example/a";

    fn with(changes: &[(&str, &str)]) -> Probe {
        Probe::post(Kind::Weibo, "/2/statuses/share.json").form(&fields(changes))
    }

    fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let all =
            [("access_token", known(account(Kind::Weibo).token)), ("status", STATUS), ("rip", "203.0.113.7")];
        let kept = all.into_iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
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
