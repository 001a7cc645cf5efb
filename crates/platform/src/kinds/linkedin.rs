//! LinkedIn's Posts and Images APIs (learn.microsoft.com/linkedin: posts-api, images-api,
//! little-text-format).

use axum::http::Method;
use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Post, RateLimit, Reply, Request, VendorError, account, ensure,
    required, text_field,
};
use serde_json::{Value, json};

use super::linkedin_text;

/// The longest commentary, in characters.
const MAX_COMMENTARY_CHARS: usize = 3000;
/// The longest alternative text, in characters.
const MAX_ALT_CHARS: usize = 4086;
/// The lifetime of a version, in months.
const VERSION_LIFETIME_MONTHS: i64 = 12;
const KNOWN_FIELDS: [&str; 8] = [
    "author",
    "commentary",
    "visibility",
    "distribution",
    "lifecycleState",
    "isReshareDisabledByAuthor",
    "content",
    "contentLandingPage",
];

/// The server side of LinkedIn.
#[derive(Debug)]
pub(crate) struct Linkedin;

impl FakeNetwork for Linkedin {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path == "/rest/posts"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let ("PUT", ["dms-uploads", id]) = (request.method.as_str(), &parts[..]) {
            return stored(state, request, id);
        }
        let is_authorized = request.bearer() == Some(required(account(Kind::Linkedin).token));
        ensure(is_authorized, || refuse(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600))?;
        if let ("GET", ["v2", "userinfo" | "me"]) = (request.method.as_str(), &parts[..]) {
            return Ok(Reply::json(200, &json!({ "sub": "harbour", "name": "Harbour Coffee" })));
        }
        version(request)?;
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["rest", "posts"]) => publish(state, request),
            ("GET", ["rest", "posts"]) => find(state, request),
            ("POST", ["rest", "images"]) if request.param("action") == Some("initializeUpload") => {
                initialize(state, request)
            }
            ("GET", ["rest", "images", id]) => {
                let is_uploaded = state.upload(&urn_id(id)).is_some();
                let status = if is_uploaded { "AVAILABLE" } else { "WAITING_UPLOAD" };
                Ok(Reply::json(200, &json!({ "id": id, "owner": author(), "status": status })))
            }
            ("GET", ["rest", "organizations", id]) => {
                let mine = author().ends_with(&format!(":{id}"));
                ensure(mine, || {
                    refuse(403, "ACCESS_DENIED", "Not enough permissions to access: organizations.GET", 100)
                })?;
                Ok(Reply::json(
                    200,
                    &json!({ "id": id, "localizedName": "Harbour Coffee", "vanityName": "harbour-coffee" }),
                ))
            }
            _ => Err(refuse(
                404,
                "RESOURCE_NOT_FOUND",
                &format!("No virtual resource found for {}", request.path),
                0,
            )),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => {
                let message =
                    "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.";
                refuse(429, "TOO_MANY_REQUESTS", message, 101)
            }
            VendorError::Expired => {
                refuse(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)
            }
            VendorError::Revoked => refuse(
                401,
                "REVOKED_ACCESS_TOKEN",
                "The token used in the request has been revoked by the user",
                65601,
            ),
            VendorError::Rejected(reason) => refuse(422, "CONTENT_REJECTED", reason, 0),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 150, window: 86_400_000, penalty: 0 }]
    }
}

fn author() -> &'static str {
    required(account(Kind::Linkedin).account)
}

fn refuse(status: u16, code: &str, message: &str, service: u32) -> Reply {
    let mut body = json!({ "status": status, "code": code, "message": message });
    if service > 0 {
        body["serviceErrorCode"] = json!(service);
    }
    Reply::json(status, &body).with_reason(format!("{code}: {message}"))
}

/// Checks `Linkedin-Version: YYYYMM`, which must be of the last twelve months.
fn version(request: &Request) -> Result<(), Reply> {
    let given = request.header("linkedin-version");
    let given = given.ok_or_else(|| {
        refuse(
            400,
            "VERSION_MISSING",
            "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
            0,
        )
    })?;
    let inactive =
        || refuse(426, "NONEXISTENT_VERSION", &format!("Requested version {given} is not active"), 0);
    let number = given.parse::<i64>().ok().filter(|_| given.len() == 6).ok_or_else(inactive)?;
    let months = |number: i64| number / 100 * 12 + number % 100 - 1;
    let now = jiff::Timestamp::from_millisecond(request.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let now = now.strftime("%Y%m").to_string().parse::<i64>().unwrap_or_default();
    let real = (1..=12).contains(&(number % 100));
    ensure(real && (0..=VERSION_LIFETIME_MONTHS).contains(&(months(now) - months(number))), inactive)?;
    let protocol = request.header("x-restli-protocol-version") == Some("2.0.0");
    ensure(protocol, || refuse(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version is to be 2.0.0", 0))
}

fn wrong(path: &str, what: &str) -> Reply {
    refuse(422, "INPUT_VALIDATION_FAILED", &format!("ERROR :: {path} :: {what}"), 0)
}

fn publish(state: &mut NetworkState, request: &Request) -> Answer {
    let body =
        request.object().ok_or_else(|| refuse(400, "BAD_REQUEST", "Could not read the request's JSON", 0))?;
    let mut fields = body.as_object().into_iter().flatten();
    if let Some((other, _)) = fields.find(|(key, _)| !KNOWN_FIELDS.contains(&key.as_str())) {
        return Err(wrong(&format!("/{other}"), "unrecognized field found but not allowed"));
    }
    let get = |name: &str| {
        text_field(&body, name).ok_or_else(|| {
            wrong(&format!("/{name}"), "field is required but not found and has no default value")
        })
    };
    ensure(get("author")? == author(), || {
        refuse(
            403,
            "ACCESS_DENIED",
            "Field Value validation failed in REQUEST_BODY: Data Processing Exception while processing fields [/author]",
            100,
        )
    })?;
    let seen = ["PUBLIC", "CONNECTIONS", "LOGGED_IN", "CONTAINER"].contains(&get("visibility")?);
    ensure(seen, || wrong("/visibility", "is not an enum symbol"))?;
    ensure(get("lifecycleState")? == "PUBLISHED", || wrong("/lifecycleState", "is not PUBLISHED"))?;
    let feed = body.pointer("/distribution/feedDistribution").and_then(Value::as_str);
    ensure(feed.is_some_and(|feed| ["MAIN_FEED", "NONE"].contains(&feed)), || {
        wrong("/distribution/feedDistribution", "field is required but not found and has no default value")
    })?;
    let written = get("commentary")?;
    ensure(chars(written) <= MAX_COMMENTARY_CHARS, || {
        wrong("/commentary", &format!("the length is out of range 0..{MAX_COMMENTARY_CHARS}"))
    })?;
    // An unescaped reserved character ends the text without an error.
    let text = linkedin_text::read(written);
    let mut post = Post { account: author().to_owned(), text, ..Post::default() };
    if let Some(content) = body.get("content") {
        attach(state, content, &mut post)?;
    }
    ensure(!post.text.is_empty() || body.get("content").is_some(), || {
        wrong("/commentary", "there is nothing to post")
    })?;
    let urn = format!("urn:li:share:70{:017}", state.serial());
    post.id.clone_from(&urn);
    let mut stored = body.clone();
    stored["id"] = json!(urn);
    stored["createdAt"] = json!(request.at);
    stored["publishedAt"] = json!(request.at);
    stored["commentary"] = json!(post.text);
    post.raw = stored;
    state.add_post(request, post);
    Ok(Reply::empty(201).with("x-restli-id", &urn).with("x-linkedin-id", urn))
}

/// Adds a picture, several pictures or an article to a post.
fn attach(state: &NetworkState, content: &Value, post: &mut Post) -> Result<(), Reply> {
    let picture = |id: &str, alt: Option<&str>| {
        ensure(alt.is_none_or(|alt| chars(alt) <= MAX_ALT_CHARS), || {
            wrong("/content/media/altText", "is too long")
        })?;
        state
            .picture(&urn_id(id), alt)
            .ok_or_else(|| refuse(400, "INVALID_URN_ID", &format!("{id} is no image that was uploaded"), 0))
    };
    if let Some(media) = content.get("media") {
        let id = text_field(media, "id").ok_or_else(|| wrong("/content/media/id", "field is required"))?;
        post.image = Some(picture(id, text_field(media, "altText"))?);
        return Ok(());
    }
    if let Some(images) = content.pointer("/multiImage/images").and_then(Value::as_array) {
        ensure((2..=20).contains(&images.len()), || wrong("/content/multiImage/images", "2 to 20 images"))?;
        for image in images {
            let one = picture(text_field(image, "id").unwrap_or_default(), text_field(image, "altText"))?;
            post.image.get_or_insert(one);
        }
        return Ok(());
    }
    let article = content.get("article").ok_or_else(|| wrong("/content", "union type is not known"))?;
    let source = text_field(article, "source").filter(|source| is_web(source));
    let source = source.ok_or_else(|| wrong("/content/article/source", "is no URL"))?;
    let title = text_field(article, "title").filter(|title| !title.is_empty());
    let title = title.ok_or_else(|| {
        wrong("/content/article/title", "field is required but not found and has no default value")
    })?;
    ensure(chars(title) <= 400, || wrong("/content/article/title", "the length is out of range 0..400"))?;
    post.links.push(source.to_owned());
    post.title = Some(title.to_owned());
    if let Some(thumbnail) = text_field(article, "thumbnail") {
        post.image = Some(picture(thumbnail, text_field(article, "thumbnailAltText"))?);
    }
    Ok(())
}

/// Returns the posts of an author, newest first.
fn find(state: &NetworkState, request: &Request) -> Answer {
    ensure(request.param("q") == Some("author"), || refuse(400, "ILLEGAL_ARGUMENT", "q is to be author", 0))?;
    ensure(request.param("author") == Some(author()), || {
        refuse(403, "ACCESS_DENIED", "Not enough permissions to access: posts.FINDER-author.GET", 100)
    })?;
    let count = request.param("count").and_then(|count| count.parse::<usize>().ok()).unwrap_or(10).min(100);
    let elements: Vec<&Value> = state.received.iter().rev().take(count).map(|post| &post.raw).collect();
    let body = json!({ "elements": elements, "paging": { "start": 0, "count": count, "links": [] } });
    Ok(Reply::json(200, &body))
}

/// Returns the last part of a URN, which is the upload's id.
fn urn_id(urn: &str) -> String {
    urn.rsplit(':').next().unwrap_or_default().to_owned()
}

fn initialize(state: &mut NetworkState, request: &Request) -> Answer {
    let body =
        request.object().ok_or_else(|| refuse(400, "BAD_REQUEST", "Could not read the request's JSON", 0))?;
    let owner = body.pointer("/initializeUploadRequest/owner").and_then(Value::as_str);
    ensure(owner == Some(author()), || refuse(403, "ACCESS_DENIED", "the owner is another account", 100))?;
    let id = format!("C4E10AQ{:08}", state.serial());
    state.notes.put(format!("upload {id}"), Value::Bool(true));
    let value = json!({ "uploadUrlExpiresAt": request.at + 3_600_000, "uploadUrl": format!("{}/dms-uploads/{id}", request.base),
        "image": format!("urn:li:image:{id}") });
    Ok(Reply::json(200, &json!({ "value": value })))
}

fn stored(state: &mut NetworkState, request: &Request, id: &str) -> Answer {
    let expected = state.notes.get(&format!("upload {id}")).is_some();
    ensure(expected, || Reply::empty(404).with_reason("no upload was begun there"))?;
    ensure(fake_server::image_type(&request.body).is_some(), || {
        Reply::empty(400).with_reason("that is no picture")
    })?;
    state.add_upload(id, request.body.clone(), None);
    Ok(Reply::empty(201))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    fn headed(probe: Probe) -> Probe {
        probe.bearer().header("linkedin-version", "202606").header("x-restli-protocol-version", "2.0.0")
    }

    fn body(commentary: &str) -> Value {
        json!({ "author": author(), "commentary": commentary, "visibility": "PUBLIC", "lifecycleState": "PUBLISHED",
            "distribution": { "feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": [] },
            "isReshareDisabledByAuthor": false })
    }

    fn with(body: &Value) -> Probe {
        headed(Probe::post(Kind::Linkedin, "/rest/posts")).json(body)
    }

    #[test]
    fn a_post_is_made_and_found_again() {
        let mut probe = with(&body("茶 \\(new\\) #tea"));
        let reply = probe.reply();
        let id = reply.headers.iter().find(|(name, _)| *name == "x-restli-id").unwrap().1.clone();
        assert!(reply.status == 201 && reply.body.is_empty() && id.starts_with("urn:li:share:"));
        assert_eq!(probe.received()[0].text, "茶 (new) #tea");
        let list = format!("/rest/posts?q=author&author={}", author().replace(':', "%3A"));
        let mut list = probe.then(headed(Probe::get(Kind::Linkedin, &list)));
        assert_eq!(list.value()["elements"][0]["id"], id.as_str());
    }

    #[test]
    fn an_unescaped_character_cuts_the_text_silently() {
        let mut probe = with(&body("Tea (new) today"));
        assert_eq!((probe.send().0, probe.received()[0].text.as_str()), (201, "Tea "));
    }

    #[test]
    fn a_picture_is_uploaded_first() {
        let begin = json!({ "initializeUploadRequest": { "owner": author() } });
        let mut probe =
            headed(Probe::post(Kind::Linkedin, "/rest/images?action=initializeUpload")).json(&begin);
        let value = probe.value()["value"].clone();
        let path = value["uploadUrl"].as_str().unwrap().split_once("/linkedin").unwrap().1.to_owned();
        let mut post = body("Tea");
        post["content"] = json!({ "media": { "id": value["image"], "altText": "A cup" } });
        let mut early = probe.then(with(&post));
        assert_eq!(early.send().0, 400);
        let mut put =
            early.then(Probe::new(Kind::Linkedin, Method::PUT, &path).bytes("image/png", &b"\x89PNG"[..]));
        assert_eq!(put.send().0, 201);
        let mut late = put.then(with(&post));
        assert_eq!(late.send().0, 201);
        assert_eq!(late.received()[0].image.as_ref().unwrap().alt.as_deref(), Some("A cup"));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let field = |name: &str, value: Value| {
            let mut body = body("x");
            body[name] = value;
            with(&body)
        };
        Probe::table([
            (with(&body("x")).without("authorization"), 401, "INVALID_ACCESS_TOKEN"),
            (with(&body("x")).without("linkedin-version"), 400, "VERSION_MISSING"),
            (with(&body("x")).header("linkedin-version", "202306"), 426, "NONEXISTENT_VERSION"),
            (with(&body("x")).header("linkedin-version", "202613"), 426, "NONEXISTENT_VERSION"),
            (with(&body("x")).without("x-restli-protocol-version"), 400, "Restli"),
            (with(&body("x")).header("content-type", "text/plain"), 400, "JSON"),
            (field("colour", json!("red")), 422, "/colour"),
            (field("author", json!("urn:li:person:x")), 403, "/author"),
            (field("visibility", json!("ALL")), 422, "/visibility"),
            (field("lifecycleState", json!("DRAFT")), 422, "/lifecycleState"),
            (field("distribution", json!({})), 422, "/distribution"),
            (field("commentary", json!("x".repeat(3001))), 422, "/commentary"),
            (field("commentary", Value::Null), 422, "/commentary"),
            (
                field("content", json!({ "article": { "source": "https://a.example/" } })),
                422,
                "/content/article/title",
            ),
            (field("content", json!({ "media": { "id": "urn:li:image:x" } })), 400, "INVALID_URN_ID"),
        ]);
    }
}
