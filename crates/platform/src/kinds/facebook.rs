//! A Facebook Page (developers.facebook.com/docs/graph-api/reference/page/feed, page/photos).

use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, account,
    ensure, field, required,
};
use serde_json::{Value, json};

use super::graph::{self, param, refuse};

/// The longest message, in characters.
const MAX_MESSAGE_CHARS: usize = 63_206;
/// The time in which the same message counts as a duplicate, in milliseconds. The vendor publishes
/// no number.
const DUPLICATE_PERIOD: i64 = 600_000;

/// The server side of a Facebook Page.
#[derive(Debug)]
pub(crate) struct Facebook;

impl FakeNetwork for Facebook {
    fn publishes(&self, request: &Request) -> bool {
        let published = |request: &Request| field(&graph::parameters(request), "published") != Some("false");
        request.method == "POST"
            && (request.path.ends_with("/feed") || (request.path.ends_with("/photos") && published(request)))
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let keys = account(Kind::Facebook);
        let page = required(keys.account);
        let fields = graph::parameters(request);
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let [version, rest @ ..] = &parts[..] else {
            return Err(refuse(400, 2500, 0, "Unknown path components: /"));
        };
        graph::check_access(request, &fields, version, required(keys.token))?;
        match (request.method.as_str(), rest) {
            ("GET", [id]) if *id == page || *id == "me" => {
                Ok(Reply::json(200, &json!({ "id": page, "name": "Harbour Coffee" })))
            }
            ("GET", [id, "feed" | "posts" | "published_posts"]) if *id == page || *id == "me" => {
                Ok(list(state))
            }
            ("POST", [id, "feed"]) if *id == page || *id == "me" => feed(state, request, &fields),
            ("POST", [id, "photos"]) if *id == page || *id == "me" => photos(state, request, &fields),
            (_, [id, ..]) => {
                let message = format!(
                    "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to \
                     missing permissions, or does not support this operation.",
                    request.method.as_str().to_lowercase()
                );
                Err(refuse(400, 100, 33, &message))
            }
            _ => Err(refuse(400, 2500, 0, "Unknown path components: /")),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        graph::error_reply(error, required(account(Kind::Facebook).account))
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 4800, window: 86_400_000, penalty: 0 }]
    }
}

fn list(state: &NetworkState) -> Reply {
    let row = |post: &fake_server::Received| {
        let at = jiff::Timestamp::from_millisecond(post.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        json!({ "id": post.id, "message": post.text, "created_time": at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
            "permalink_url": format!("https://www.facebook.com/{}", post.id) })
    };
    let data: Vec<Value> = state.received.iter().rev().take(25).map(row).collect();
    Reply::json(200, &json!({ "data": data, "paging": {} }))
}

fn check_text<'a>(
    state: &NetworkState,
    request: &Request,
    fields: &'a [(String, String)],
    name: &str,
) -> Result<&'a str, Reply> {
    let message = field(fields, name).unwrap_or_default();
    ensure(chars(message) <= MAX_MESSAGE_CHARS, || {
        param(&format!("Param {name} must be at most {MAX_MESSAGE_CHARS} characters"))
    })?;
    let is_duplicate =
        |last: &&fake_server::Received| last.text == message && request.at - last.at < DUPLICATE_PERIOD;
    let last = state.received.last().filter(is_duplicate);
    ensure(message.is_empty() || last.is_none(), || refuse(400, 506, 0, "(#506) Duplicate status message"))?;
    Ok(message)
}

fn store_post(
    state: &mut NetworkState,
    request: &Request,
    fields: &[(String, String)],
    mut post: Post,
) -> String {
    let page = required(account(Kind::Facebook).account);
    post.id = format!("{page}_{}", 122_000_000_000_u64 + state.serial());
    post.account = "Harbour Coffee".to_owned();
    let raw = fields
        .iter()
        .filter(|(key, _)| key != "access_token")
        .map(|(key, value)| (key.clone(), json!(value)));
    post.raw = Value::Object(raw.collect());
    let id = post.id.clone();
    state.add_post(request, post);
    id
}

fn feed(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let message = check_text(state, request, fields, "message")?;
    let link = field(fields, "link").filter(|link| !link.is_empty());
    ensure(link.is_none_or(is_web), || param("link URL is not properly formatted"))?;
    let mut image = None;
    for id in attached(fields)? {
        let hidden = state.notes.get(&format!("photo {id}")).cloned();
        let hidden = hidden.ok_or_else(|| param("Param attached_media: the media is not there"))?;
        let alt = hidden["alt"].as_str();
        let known = state.picture(&id, alt);
        let picture = known.unwrap_or_else(|| Picture::at(hidden["url"].as_str().unwrap_or_default(), alt));
        image.get_or_insert(picture);
    }
    ensure(!message.is_empty() || link.is_some() || image.is_some(), || {
        param("Missing message or attachment")
    })?;
    ensure(field(fields, "published").is_none_or(|value| value == "true"), || {
        param("only published posts are supported here")
    })?;
    let post = Post {
        text: message.to_owned(),
        links: link.map(str::to_owned).into_iter().collect(),
        image,
        ..Post::default()
    };
    Ok(Reply::json(200, &json!({ "id": store_post(state, request, fields, post) })))
}

/// Reads `attached_media[0]={"media_fbid":"1"}`, or `attached_media=[{"media_fbid":"1"}]`.
fn attached(fields: &[(String, String)]) -> Result<Vec<String>, Reply> {
    let wrong = || param("Param attached_media must be an array");
    let mut ids = Vec::new();
    for (_, value) in fields.iter().filter(|(key, _)| key.starts_with("attached_media")) {
        let value: Value = serde_json::from_str(value).map_err(|_| wrong())?;
        let all = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        for one in all {
            ids.push(one["media_fbid"].as_str().ok_or_else(wrong)?.to_owned());
        }
    }
    Ok(ids)
}

/// Stores a picture by URL or as a file; an unpublished one waits for a post.
fn photos(state: &mut NetworkState, request: &Request, fields: &[(String, String)]) -> Answer {
    let text = check_text(
        state,
        request,
        fields,
        if field(fields, "caption").is_some() { "caption" } else { "message" },
    )?
    .to_owned();
    let alt = field(fields, "alt_text_custom");
    let id = format!("{}", 500_000_000_000_u64 + state.serial());
    let files = request.files();
    let image = if let Some(file) = files.iter().find(|part| part.file.is_some()) {
        ensure(fake_server::image_type(&file.body).is_some(), || {
            refuse(400, 324, 2_069_019, "(#324) Missing or invalid image file")
        })?;
        state.add_upload(&id, file.body.clone(), alt.map(str::to_owned));
        state.picture(&id, alt)
    } else {
        let url = field(fields, "url").filter(|url| is_web(url));
        Some(Picture::at(
            url.ok_or_else(|| refuse(400, 324, 2_069_019, "(#324) Missing or invalid image file"))?,
            alt,
        ))
    };
    if field(fields, "published") == Some("false") {
        state.notes.put(format!("photo {id}"), json!({ "url": field(fields, "url"), "alt": alt }));
        return Ok(Reply::json(200, &json!({ "id": id })));
    }
    let post = store_post(state, request, fields, Post { text, image, ..Post::default() });
    Ok(Reply::json(200, &json!({ "id": id, "post_id": post })))
}

#[cfg(test)]
mod tests {
    use fake_server::Fault;

    use super::*;
    use crate::probe::Probe;

    const FEED: &str = "/v26.0/546349135390552/feed";

    fn with(fields: &[(&str, &str)]) -> Probe {
        let fields: Vec<(&str, &str)> =
            fields.iter().copied().chain([("access_token", "page-token")]).collect();
        Probe::post(Kind::Facebook, FEED).form(&fields)
    }

    #[test]
    fn a_post_is_made_once_and_found_again() {
        let mut probe = with(&[("message", "茶"), ("link", "https://harbour.example/a")]);
        let id = probe.value()["id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("546349135390552_"));
        assert_eq!(probe.value()["error"]["code"], 506);
        let mut list = probe.then(Probe::get(Kind::Facebook, &format!("{FEED}?access_token=page-token")));
        assert_eq!(list.value()["data"][0]["id"], id.as_str());
        let json = Probe::post(Kind::Facebook, FEED).bearer().json(&json!({ "message": "x" }));
        assert_eq!({ json }.send().0, 200);
    }

    #[test]
    fn a_picture_waits_for_its_post() {
        let photos = FEED.replace("feed", "photos");
        let fields = [("access_token", "page-token"), ("published", "false"), ("alt_text_custom", "A cup")];
        let mut probe = Probe::post(Kind::Facebook, &photos).multipart(&fields, Some(("source", b"\x89PNG")));
        assert!(!probe.publishes());
        let id = probe.value()["id"].as_str().unwrap().to_owned();
        assert!(probe.received().is_empty());
        let media = format!("{{\"media_fbid\":\"{id}\"}}");
        let mut post = probe.then(with(&[("message", "Tea"), ("attached_media[0]", &media)]));
        assert_eq!(post.send().0, 200);
        let image = post.received()[0].image.clone().unwrap();
        assert_eq!((image.bytes, image.alt.as_deref()), (4, Some("A cup")));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = "x".repeat(MAX_MESSAGE_CHARS + 1);
        Probe::table([
            (Probe::post(Kind::Facebook, FEED).form(&[("message", "x")]), 400, "\"code\":2500"),
            (
                Probe::post(Kind::Facebook, FEED).form(&[("message", "x"), ("access_token", "y")]),
                400,
                "\"code\":190",
            ),
            (with(&[("message", "x")]).path("/v9.0/546349135390552/feed"), 400, "2500"),
            (with(&[("message", "x")]).path("/v26.0/1/feed"), 400, "does not exist"),
            (with(&[]), 400, "Missing message or attachment"),
            (with(&[("message", &long)]), 400, "at most 63206"),
            (with(&[("link", "x")]), 400, "properly formatted"),
            (
                with(&[("message", "x"), ("attached_media[0]", "{\"media_fbid\":\"1\"}")]),
                400,
                "attached_media",
            ),
            (with(&[("url", "x")]).path("/v26.0/me/photos"), 400, "324"),
        ]);
        let limited = with(&[]).error_reply(&Fault::RateLimited { seconds: 61 });
        let usage = limited.headers.iter().find(|(name, _)| *name == "x-business-use-case-usage").unwrap();
        assert!(usage.1.contains("\"estimated_time_to_regain_access\":2"), "{}", usage.1);
    }
}
