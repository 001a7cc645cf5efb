//! Threads (developers.facebook.com/docs/threads: posts, create a container, wait, publish it).

use fake_server::text::{chars, is_web, links};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, account,
    ensure, field, required, rfc3339,
};
use serde_json::{Value, json};

use super::graph::{self, param, refuse};

/// The longest text in characters, with an emoji counted by its UTF-8 bytes.
const MAX_TEXT_CHARS: usize = 500;
/// The largest number of links in a text.
const MAX_LINKS: usize = 5;
/// The lifetime of a container, in milliseconds.
const CONTAINER_LIFETIME: i64 = 86_400_000;

/// The server side of Threads.
#[derive(Debug)]
pub(crate) struct Threads;

impl FakeNetwork for Threads {
    fn publishes(&self, request: &Request) -> bool {
        request.method == "POST" && request.path.ends_with("/threads_publish")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let keys = account(Kind::Threads);
        let user = required(keys.account);
        let fields = graph::parameters(request);
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let [version, rest @ ..] = &parts[..] else {
            return Err(refuse(400, 2500, 0, "Unknown path components: /"));
        };
        graph::check_access(request, &fields, version, required(keys.token))?;
        match (request.method.as_str(), rest) {
            ("GET", ["me"]) => Ok(Reply::json(200, &json!({ "id": user, "username": "harbourcoffee" }))),
            ("GET", [id]) if *id == user => {
                Ok(Reply::json(200, &json!({ "id": user, "username": "harbourcoffee" })))
            }
            ("GET", [id, "threads"]) if *id == user || *id == "me" => Ok(list(state)),
            ("GET", [id, "threads_publishing_limit"]) if *id == user || *id == "me" => {
                let used = state.received.iter().filter(|post| request.at - post.at < 86_400_000).count();
                let quota = json!([{ "quota_usage": used, "config": { "quota_total": 250, "quota_duration": 86_400 } }]);
                Ok(Reply::json(200, &json!({ "data": quota })))
            }
            ("POST", [id, "threads"]) if *id == user || *id == "me" => {
                create_container(state, request, &fields)
            }
            ("POST", [id, "threads_publish"]) if *id == user || *id == "me" => {
                publish(state, request, &fields)
            }
            ("GET", [id]) => container_status(state, request, id),
            (_, [id, ..]) => Err(refuse(
                400,
                100,
                33,
                &format!("Unsupported request. Object with ID '{id}' does not exist"),
            )),
            _ => Err(refuse(400, 2500, 0, "Unknown path components: /")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        graph::error_reply(error, required(account(Kind::Threads).account))
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 250, window: 86_400_000, penalty: 0 }]
    }
}

/// Returns the length of a text, with an emoji counted by its bytes.
fn length(text: &str) -> usize {
    let emoji = |c: char| matches!(u32::from(c), 0x1f000..=0x1faff | 0x2600..=0x27bf | 0x200d | 0xfe0f);
    text.chars().map(|c| if emoji(c) { c.len_utf8() } else { 1 }).sum()
}

fn row(post: &fake_server::Received) -> Value {
    json!({ "id": post.id, "text": post.text, "timestamp": rfc3339(post.at).replace(".000Z", "+0000"),
        "permalink": format!("https://www.threads.net/@harbourcoffee/post/{}", post.id) })
}

fn list(state: &NetworkState) -> Reply {
    let data: Vec<Value> = state.received.iter().rev().take(25).map(row).collect();
    Reply::json(200, &json!({ "data": data, "paging": {} }))
}

/// Stores a container, which is published later.
fn create_container(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let text = field(fields, "text").unwrap_or_default();
    let kind = field(fields, "media_type").unwrap_or_default();
    let image = field(fields, "image_url");
    match kind {
        "TEXT" => ensure(!text.is_empty(), || param("Param text must be a non-empty string"))?,
        "IMAGE" => ensure(image.is_some_and(is_web), || param("Param image_url is not a valid URI"))?,
        _ => return Err(param("Param media_type must be one of {TEXT, IMAGE, VIDEO, CAROUSEL}")),
    }
    ensure(length(text) <= MAX_TEXT_CHARS, || {
        param(&format!("Param text must be at most {MAX_TEXT_CHARS} characters long."))
    })?;
    ensure(links(text).len() <= MAX_LINKS, || {
        refuse(400, 100, 4_279_050, "(#100) Too many links: five at most")
    })?;
    let link = field(fields, "link_attachment");
    ensure(link.is_none_or(is_web), || param("Param link_attachment is not a valid URI"))?;
    ensure(link.is_none() || kind == "TEXT", || {
        param("Param link_attachment may only be used with media_type TEXT")
    })?;
    let alt = field(fields, "alt_text");
    ensure(alt.is_none_or(|alt| chars(alt) <= 1000), || {
        param("Param alt_text must be at most 1000 characters long.")
    })?;
    let id = format!("179{:014}", state.serial());
    let container = json!({ "text": text, "image": image, "alt": alt, "link": link, "at": request.at, "asked": 0, "published": null });
    state.notes.put(format!("container {id}"), container);
    Ok(Reply::json(200, &json!({ "id": id })))
}

fn not_found() -> Reply {
    refuse(400, 24, 4_279_009, "The requested resource does not exist")
}

/// Returns a container's status: in progress at the first request, finished afterwards.
fn container_status(state: &mut NetworkState, request: &Request, id: &str) -> Answer {
    if let Some(post) = state.received.iter().find(|post| post.id == id) {
        return Ok(Reply::json(200, &row(post)));
    }
    let container = state.notes.get_mut(&format!("container {id}")).ok_or_else(not_found)?;
    let asked = container["asked"].as_u64().unwrap_or_default();
    container["asked"] = json!(asked + 1);
    let expired = request.at - container["at"].as_i64().unwrap_or_default() > CONTAINER_LIFETIME;
    let status = match (expired, container["published"].is_null(), asked) {
        (_, false, _) => "PUBLISHED",
        (true, ..) => "EXPIRED",
        (_, _, 0) => "IN_PROGRESS",
        _ => "FINISHED",
    };
    Ok(Reply::json(200, &json!({ "id": id, "status": status })))
}

fn publish(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let id = field(fields, "creation_id").ok_or_else(|| param("The parameter creation_id is required."))?;
    let key = format!("container {id}");
    let container = state.notes.get(&key).ok_or_else(not_found)?.clone();
    let old = request.at - container["at"].as_i64().unwrap_or_default() > CONTAINER_LIFETIME;
    ensure(!old && container["published"].is_null(), not_found)?;
    let finished = container["asked"].as_u64().is_some_and(|asked| asked > 1);
    ensure(finished, || {
        refuse(
            400,
            9007,
            2_207_027,
            "Media ID is not available: the media is not ready for publishing, please wait for a moment",
        )
    })?;
    let post = format!("180{:014}", state.serial());
    if let Some(container) = state.notes.get_mut(&key) {
        container["published"] = json!(post);
    }
    let get = |name: &str| container[name].as_str();
    let published = Post {
        account: "@harbourcoffee".to_owned(),
        id: post.clone(),
        idempotency: Some(id.to_owned()),
        text: get("text").unwrap_or_default().to_owned(),
        links: get("link").map(str::to_owned).into_iter().collect(),
        image: get("image").map(|url| Picture::at(url, get("alt"))),
        raw: container.clone(),
        ..Post::default()
    };
    state.add_post(request, published);
    Ok(Reply::json(200, &json!({ "id": post })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const USER: &str = "/v1.0/17841400000000001";

    fn authorized(probe: Probe) -> Probe {
        probe.header("authorization", "Bearer threads-token")
    }

    fn container(fields: &[(&str, &str)]) -> Probe {
        authorized(Probe::post(Kind::Threads, &format!("{USER}/threads"))).form(fields)
    }

    fn publish(id: &str) -> Probe {
        authorized(Probe::post(Kind::Threads, &format!("{USER}/threads_publish?creation_id={id}")))
    }

    #[test]
    fn a_container_is_published_once_when_it_is_finished() {
        let mut probe = container(&[
            ("media_type", "IMAGE"),
            ("text", "茶"),
            ("image_url", "https://img.example/a.png"),
            ("alt_text", "A cup"),
        ]);
        let id = probe.value()["id"].as_str().unwrap().to_owned();
        let mut early = probe.then(publish(&id));
        assert_eq!(early.send().0, 400);
        let path = format!("/v1.0/{id}?fields=status");
        let mut state = early.then(authorized(Probe::get(Kind::Threads, &path)));
        assert_eq!(
            (state.value()["status"].as_str(), state.value()["status"].as_str()),
            (Some("IN_PROGRESS"), Some("FINISHED"))
        );
        let mut ready = state.then(publish(&id));
        let post = ready.value()["id"].as_str().unwrap().to_owned();
        assert_eq!(ready.value()["error"]["code"], 24);
        assert_eq!(ready.received()[0].image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
        let path = format!("/v1.0/{post}?fields=permalink");
        let mut one = ready.then(authorized(Probe::get(Kind::Threads, &path)));
        assert!(one.value()["permalink"].as_str().unwrap().ends_with(&post));
        let mut list = one.then(authorized(Probe::get(Kind::Threads, &format!("{USER}/threads"))));
        assert_eq!(list.value()["data"][0]["id"], post.as_str());
        let mut quota =
            list.then(authorized(Probe::get(Kind::Threads, &format!("{USER}/threads_publishing_limit"))));
        assert_eq!(quota.value()["data"][0]["quota_usage"], 1);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = "茶".repeat(501);
        let emoji = "👍".repeat(126);
        let many: String = (0..6).map(|n| format!("https://a.example/{n} ")).collect();
        assert_eq!(container(&[("media_type", "TEXT"), ("text", &"茶".repeat(500))]).send().0, 200);
        Probe::table([
            (
                container(&[("media_type", "TEXT"), ("text", "x")]).header("authorization", "Bearer x"),
                400,
                "\"code\":190",
            ),
            (container(&[("media_type", "TEXT"), ("text", "x")]).without("authorization"), 400, "2500"),
            (container(&[("text", "x")]), 400, "media_type"),
            (container(&[("media_type", "TEXT")]), 400, "text"),
            (container(&[("media_type", "TEXT"), ("text", &long)]), 400, "at most 500"),
            (container(&[("media_type", "TEXT"), ("text", &emoji)]), 400, "at most 500"),
            (container(&[("media_type", "TEXT"), ("text", &many)]), 400, "links"),
            (container(&[("media_type", "IMAGE"), ("text", "x")]), 400, "image_url"),
            (
                container(&[("media_type", "TEXT"), ("text", "x"), ("link_attachment", "x")]),
                400,
                "link_attachment",
            ),
            (publish("1"), 400, "\"code\":24"),
        ]);
    }
}
