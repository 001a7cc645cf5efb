//! An ntfy server (docs.ntfy.sh/publish; codes as in server/errors.go).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::is_web;
use fake_server::{
    Answer, Button, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError,
    account, ensure, required, text_field,
};
use serde_json::{Value, json};

/// The longest message in bytes; longer ones become an attachment.
const MAX_MESSAGE_BYTES: usize = 4096;
/// The largest attachment, in bytes.
const MAX_ATTACHMENT_BYTES: usize = 15 << 20;

/// The server side of ntfy.
#[derive(Debug)]
pub(crate) struct Ntfy;

impl FakeNetwork for Ntfy {
    fn publishes(&self, request: &Request) -> bool {
        request.method == "POST" || request.method == "PUT"
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        if request.path == "/v1/health" {
            return Ok(Reply::json(200, &json!({ "healthy": true })));
        }
        if request.method == "GET" {
            return self.answer_query(state, request);
        }
        let publish = match request.path.as_str() {
            "/" => PublishRequest::of_json(request),
            _ => PublishRequest::of_headers(request),
        }?;
        self.check_access(request, &publish.topic)?;
        ensure(self.publishes(request), || refuse(404, 40401, "page not found"))?;
        publish.publish(state, request)
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(_) => refuse(429, 42901, "limit reached: too many requests"),
            VendorError::Expired => refuse(401, 40101, "unauthorized"),
            VendorError::Revoked => refuse(403, 40301, "forbidden"),
            VendorError::Rejected(reason) => refuse(400, 40018, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        // A bucket of 60 requests, refilled with one every five seconds.
        &[RateLimit { max: 60, window: 300_000, penalty: 0 }]
    }
}

impl Ntfy {
    /// Answers requests about a topic: the permission to use it, the account, and its messages, one
    /// line of JSON each.
    fn answer_query(&self, state: &NetworkState, request: &Request) -> Answer {
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts[..] {
            ["v1", "account"] => {
                self.check_access(request, required(account(Kind::Ntfy).room))?;
                Ok(Reply::json(200, &json!({ "username": "harbour", "role": "user" })))
            }
            [topic, "auth"] => {
                self.check_access(request, topic)?;
                Ok(Reply::json(200, &json!({ "success": true })))
            }
            [topic, "json"] if request.param("poll") == Some("1") => {
                self.check_access(request, topic)?;
                let line = |post: &fake_server::Received| {
                    let time = post.at.div_euclid(1000);
                    let line = json!({ "id": post.id, "time": time, "event": "message", "topic": topic,
                        "message": post.text, "title": post.title });
                    format!("{line}\n")
                };
                Ok(Reply::text(200, state.received.iter().map(line).collect::<String>())
                    .with("content-type", "application/x-ndjson"))
            }
            _ => Err(refuse(404, 40401, "page not found")),
        }
    }

    /// Checks the account's token, given as Bearer or as the password of Basic.
    fn check_access(&self, request: &Request, topic: &str) -> Result<(), Reply> {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let well = (1..=64).contains(&topic.len()) && topic.chars().all(named);
        ensure(well, || refuse(400, 40009, "invalid request: topic invalid"))?;
        let token = required(account(Kind::Ntfy).token);
        let basic = request.header("authorization").and_then(|header| header.strip_prefix("Basic "));
        let basic =
            basic.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
        let given = request.bearer().map(str::to_owned);
        let given = given.or_else(|| Some(basic?.split_once(':')?.1.to_owned()));
        match given {
            Some(given) => ensure(given == token, || refuse(401, 40101, "unauthorized")),
            None => ensure(false, || refuse(403, 40301, "forbidden")),
        }?;
        ensure(topic == required(account(Kind::Ntfy).room), || refuse(403, 40301, "forbidden"))
    }
}

fn refuse(status: u16, code: u32, error: &str) -> Reply {
    let body =
        json!({ "code": code, "http": status, "error": error, "link": "https://ntfy.sh/docs/publish/" });
    Reply::json(status, &body).with_reason(format!("{code} {error}"))
}

/// A request to publish a message.
#[derive(Default)]
struct PublishRequest {
    topic: String,
    message: String,
    title: Option<String>,
    click: Option<String>,
    attach: Option<String>,
    priority: Option<String>,
    actions: Vec<Button>,
    sequence: Option<String>,
    raw: Value,
}

impl PublishRequest {
    fn of_json(request: &Request) -> Result<Self, Reply> {
        let wrong = || refuse(400, 40024, "invalid request: request body must be valid JSON");
        let body = request.json().filter(Value::is_object).ok_or_else(wrong)?;
        let typed = |name: &str| body.get(name).is_none_or(|value| value.is_string() || value.is_null());
        ensure(
            ["topic", "message", "title", "click", "attach", "delay", "icon"].into_iter().all(typed),
            wrong,
        )?;
        let get = |name: &str| text_field(&body, name).filter(|text| !text.is_empty()).map(str::to_owned);
        let priority =
            body.get("priority").map(|value| value.as_i64().map_or("no".to_owned(), |n| n.to_string()));
        let actions = match body.get("actions") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(all)) => all.clone(),
            Some(_) => return Err(wrong()),
        };
        Ok(Self {
            topic: get("topic").unwrap_or_default(),
            message: get("message").unwrap_or_default(),
            title: get("title"),
            click: get("click"),
            attach: get("attach"),
            priority,
            actions: json_actions(&actions)?,
            sequence: get("sequence_id"),
            raw: body.clone(),
        })
    }

    /// Reads the topic from the path, the message from the body, and the rest from headers or
    /// parameters.
    fn of_headers(request: &Request) -> Result<Self, Reply> {
        let get = |names: [&str; 3]| {
            let found = names.iter().find_map(|name| request.header(name).or_else(|| request.param(name)));
            found.filter(|text| !text.is_empty()).map(decoded)
        };
        let message = String::from_utf8(request.body.to_vec());
        let message =
            message.map_err(|_| refuse(400, 40011, "invalid message: message must be UTF-8 encoded"))?;
        let actions = get(["x-actions", "actions", "action"]);
        Ok(Self {
            topic: request.parts().join("/"),
            message: if message.is_empty() {
                get(["x-message", "message", "m"]).unwrap_or_default()
            } else {
                message
            },
            title: get(["x-title", "title", "t"]),
            click: get(["x-click", "click", "click"]),
            attach: get(["x-attach", "attach", "a"]),
            priority: get(["x-priority", "priority", "p"]),
            actions: actions.map_or(Ok(Vec::new()), |actions| header_actions(&actions))?,
            sequence: get(["x-sequence-id", "sequence-id", "sid"]),
            raw: Value::Null,
        })
    }

    fn publish(self, state: &mut NetworkState, request: &Request) -> Answer {
        let words = ["1", "2", "3", "4", "5", "min", "low", "default", "high", "max", "urgent", "0"];
        let priority = self.priority.as_deref().is_none_or(|priority| words.contains(&priority));
        ensure(priority, || refuse(400, 40007, "invalid request: priority invalid"))?;
        let attach = self.attach.as_deref().is_none_or(is_web);
        ensure(attach, || refuse(400, 40013, "invalid request: attachment URL is invalid"))?;
        ensure(self.message.len() <= MAX_ATTACHMENT_BYTES, || {
            refuse(413, 41301, "attachment too large, or bandwidth limit reached")
        })?;
        let long = self.message.len() > MAX_MESSAGE_BYTES;
        let message = match () {
            () if long => "You received a file: attachment.txt".to_owned(),
            () if self.message.is_empty() => "triggered".to_owned(),
            () => self.message,
        };
        let id = format!("ntfy{:08}", state.serial());
        let mut answer = json!({ "id": id, "time": request.seconds(), "expires": request.seconds() + 43_200, "event": "message",
            "topic": self.topic, "message": message });
        for (name, value) in [("title", &self.title), ("click", &self.click)] {
            if let Some(value) = value {
                answer[name] = json!(value);
            }
        }
        let image = self.attach.as_deref().map(|url| Picture::at(url, None));
        let links = self.click.into_iter().chain(self.actions.iter().map(|action| action.url.clone()));
        let post = Post {
            account: self.topic,
            id,
            idempotency: self.sequence,
            text: message,
            title: self.title,
            links: links.collect(),
            image,
            buttons: self.actions,
            raw: if self.raw.is_null() { answer.clone() } else { self.raw },
        };
        state.add_post(request, post);
        Ok(Reply::json(200, &answer))
    }
}

/// Decodes a header, which may be RFC 2047 words in UTF-8 and base64: `=?UTF-8?B?…?=`.
fn decoded(text: &str) -> String {
    let word = text.strip_prefix("=?").and_then(|rest| rest.strip_suffix("?="));
    let parts: Vec<&str> = word.map(|word| word.splitn(3, '?').collect()).unwrap_or_default();
    let [charset, encoding, words] = parts[..] else { return text.to_owned() };
    let known = charset.eq_ignore_ascii_case("utf-8") && encoding.eq_ignore_ascii_case("b");
    let bytes = if known { STANDARD.decode(words).ok() } else { None };
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned())
}

fn json_actions(all: &[Value]) -> Result<Vec<Button>, Reply> {
    let wrong = |what: &str| refuse(400, 40018, &format!("invalid request: actions invalid; {what}"));
    ensure(all.len() <= 3, || wrong("too many actions, only 3 allowed"))?;
    let action = |one: &Value| {
        let kind = text_field(one, "action").unwrap_or_default();
        ensure(["view", "broadcast", "http", "copy"].contains(&kind), || {
            wrong("only actions 'view', 'broadcast', 'http' and 'copy' are supported")
        })?;
        let label = text_field(one, "label").filter(|label| !label.is_empty());
        let label = label.ok_or_else(|| wrong("parameter 'label' is required"))?.to_owned();
        let url = text_field(one, "url").unwrap_or_default().to_owned();
        ensure(is_web(&url) || !["view", "http"].contains(&kind), || {
            wrong("parameter 'url' is required for action 'view'")
        })?;
        Ok(Button { text: label, url })
    };
    all.iter().map(action).collect()
}

/// Reads actions written as `view, label, https://…; …`, or as JSON.
fn header_actions(text: &str) -> Result<Vec<Button>, Reply> {
    if text.trim_start().starts_with('[') {
        let all: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|_| vec![Value::Null]);
        return json_actions(&all);
    }
    let all: Vec<Value> = text
        .split(';')
        .map(|one| {
            let parts: Vec<&str> = one.split(',').map(str::trim).collect();
            let get = |at: usize| parts.get(at).copied().unwrap_or_default();
            json!({ "action": get(0), "label": get(1), "url": get(2) })
        })
        .collect();
    json_actions(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    fn with(body: &Value) -> Probe {
        Probe::post(Kind::Ntfy, "/").bearer().json(body)
    }

    fn message(message: &str) -> Value {
        json!({ "topic": "harbour-launch", "message": message })
    }

    #[test]
    fn good_messages_are_taken() {
        let body = json!({ "topic": "harbour-launch", "title": "春茶", "message": "Tea", "click": "https://harbour.example/a",
            "actions": [{ "action": "view", "label": "Renew", "url": "https://harbour.example/b" }] });
        let mut probe = with(&body);
        let answer = probe.value();
        assert_eq!(
            (answer["event"].as_str(), answer["topic"].as_str()),
            (Some("message"), Some("harbour-launch"))
        );
        assert_eq!((probe.received()[0].links.len(), probe.received()[0].buttons.len()), (2, 1));
        let mut plain = Probe::post(Kind::Ntfy, "/harbour-launch").bearer().bytes("text/plain", "茶");
        plain = plain
            .header("title", "=?UTF-8?B?6Iy2?=")
            .header("actions", "view, Renew, https://harbour.example/b");
        assert_eq!(plain.send().0, 200);
        let post = &plain.received()[0];
        assert_eq!((post.title.as_deref(), post.text.as_str(), post.buttons.len()), (Some("茶"), "茶", 1));
        assert_eq!(
            with(&message(&"茶".repeat(1366))).value()["message"],
            "You received a file: attachment.txt"
        );
        let poll = Probe::get(Kind::Ntfy, "/harbour-launch/json?poll=1").bearer();
        assert_eq!(probe.then(poll).value()["message"], "Tea");
        let auth = Probe::get(Kind::Ntfy, "/harbour-launch/auth").bearer();
        assert_eq!({ auth }.value()["success"], true);
        let basic = Probe::post(Kind::Ntfy, "/harbour-launch").bytes("text/plain", "x");
        let basic = basic.header(
            "authorization",
            format!("Basic {}", STANDARD.encode(":tk_harbourcoffee1234567890abcdef")),
        );
        assert_eq!({ basic }.send().0, 200);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let field = |name: &str, value: Value| {
            let mut body = message("x");
            body[name] = value;
            with(&body)
        };
        let view = json!({ "action": "view", "label": "x", "url": "https://a.example/" });
        Probe::table([
            (with(&message("x")).without("authorization"), 403, "40301"),
            (with(&message("x")).header("authorization", "Bearer x"), 401, "40101"),
            (with(&json!({ "topic": "other", "message": "x" })), 403, "40301"),
            (with(&json!({ "topic": "a b", "message": "x" })), 400, "40009"),
            (with(&message("x")).bytes("application/json", "{"), 400, "40024"),
            (with(&json!({ "topic": "harbour-launch", "message": 1 })), 400, "40024"),
            (field("priority", json!(6)), 400, "40007"),
            (field("attach", json!("x")), 400, "40013"),
            (field("actions", json!(vec![view; 4])), 400, "40018"),
            (field("actions", json!([{ "action": "view", "label": "x" }])), 400, "40018"),
            (field("actions", json!([{ "action": "dance", "label": "x" }])), 400, "40018"),
        ]);
    }
}
