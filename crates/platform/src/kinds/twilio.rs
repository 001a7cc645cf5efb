//! Twilio's Messages resource (twilio.com/docs/messaging/api/message-resource; magic numbers as in
//! twilio.com/docs/iam/test-credentials).

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_server::text::{chars, is_web};
use fake_server::{
    Answer, FakeNetwork, Kind, NetworkState, Picture, Post, RateLimit, Reply, Request, VendorError, account,
    ensure, field, required, signature,
};
use serde_json::{Value, json};

use super::sms;

/// The longest body, in characters.
const MAX_BODY_CHARS: usize = 1600;

/// The server side of Twilio.
#[derive(Debug)]
pub(crate) struct Twilio;

impl FakeNetwork for Twilio {
    fn publishes(&self, request: &Request) -> bool {
        request.is(&Method::POST) && request.path.ends_with("/Messages.json")
    }

    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
        let keys = account(Kind::Twilio);
        let (sid, token) = (required(keys.account), required(keys.token));
        let basic = format!("Basic {}", STANDARD.encode(format!("{sid}:{token}")));
        ensure(request.header("authorization") == Some(&basic), || refuse(401, 20003, "Authenticate"))?;
        let missing =
            || refuse(404, 20404, &format!("The requested resource {} was not found", request.path));
        let parts = request.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (["2010-04-01", "Accounts", rest @ ..], method) = (&parts[..], request.method.as_str()) else {
            return Err(missing());
        };
        match (method, rest) {
            ("GET", [one]) if *one == format!("{sid}.json") => Ok(Reply::json(
                200,
                &json!({ "sid": sid, "friendly_name": "Harbour Coffee", "status": "active", "type": "Full" }),
            )),
            ("POST", [one, "Messages.json"]) if *one == sid => create(state, request),
            ("GET", [one, "Messages.json"]) if *one == sid => Ok(list(state, request)),
            ("GET", [one, "Messages", message]) if *one == sid => {
                let name = message.strip_suffix(".json").unwrap_or(message);
                let known = state.received.iter().find(|post| post.id == name);
                known.map_or_else(|| Err(missing()), |post| Ok(Reply::json(200, &post.raw)))
            }
            _ => Err(missing()),
        }
    }

    fn error_reply(&self, error: &VendorError, _: &Request) -> Reply {
        match error {
            VendorError::RateLimited(seconds) => {
                refuse(429, 20429, "Too Many Requests").with("retry-after", seconds)
            }
            VendorError::Expired => refuse(401, 20003, "Authenticate"),
            VendorError::Revoked => refuse(401, 20005, "Account not active"),
            VendorError::Rejected(reason) => refuse(400, 30007, reason),
        }
    }

    fn rate_limits(&self) -> &'static [RateLimit] {
        &[RateLimit { max: 100, window: 1000, penalty: 0 }]
    }
}

fn refuse(status: u16, code: u32, message: &str) -> Reply {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({ "code": code, "message": message, "more_info": more, "status": status });
    Reply::json(status, &body).with_reason(format!("{code} {message}"))
}

/// Refuses the test numbers that Twilio has reserved for errors.
fn check_magic_number(to: &str) -> Result<(), Reply> {
    let (code, message) = match to {
        "+15005550001" => (21211, format!("Invalid 'To' Phone Number: {to}")),
        "+15005550002" => (21612, format!("The 'To' phone number: {to}, is not currently reachable.")),
        "+15005550003" => {
            (21408, format!("Permission to send an SMS has not been enabled for the region of {to}"))
        }
        "+15005550004" => (21610, "Attempt to send to unsubscribed recipient".to_owned()),
        "+15005550009" => (21614, format!("'To' number {to} is not a valid mobile number")),
        _ => return Ok(()),
    };
    Err(refuse(400, code, &message))
}

fn create(state: &mut NetworkState, request: &Request) -> Answer {
    let fields = request.fields();
    let get = |name: &str| field(&fields, name).filter(|value| !value.is_empty());
    let to = get("To").ok_or_else(|| refuse(400, 21604, "A 'To' phone number is required."))?;
    ensure(sms::is_e164(to), || refuse(400, 21211, &format!("Invalid 'To' Phone Number: {to}")))?;
    let sender = get("From").or_else(|| get("MessagingServiceSid"));
    let from = sender.ok_or_else(|| refuse(400, 21603, "A 'From' phone number is required."))?;
    let mine = required(account(Kind::Twilio).from);
    let owned = from == mine || from.starts_with("MG");
    ensure(owned, || {
        refuse(
            400,
            21606,
            &format!("The 'From' phone number {from} is not a valid, SMS-capable inbound phone number"),
        )
    })?;
    let body = get("Body").unwrap_or_default();
    let media = get("MediaUrl");
    ensure(!body.is_empty() || media.is_some(), || refuse(400, 21602, "Message body is required."))?;
    ensure(media.is_none_or(is_web), || refuse(400, 21620, "Invalid media URL(s)"))?;
    ensure(chars(body) <= MAX_BODY_CHARS, || {
        refuse(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    })?;
    let callback = get("StatusCallback").is_none_or(is_web);
    ensure(callback, || refuse(400, 21609, "The 'StatusCallback' URL is not a valid URL."))?;
    check_magic_number(to)?;
    let sid = format!(
        "SM{}",
        &signature::hex(&signature::sha256(format!("{} {to}", state.serial()).as_bytes()))[..32]
    );
    let segments = sms::segments(body);
    let at = jiff::Timestamp::from_millisecond(request.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let uri = format!("{}/{sid}.json", request.path.trim_end_matches(".json"));
    let message = json!({ "sid": sid, "account_sid": required(account(Kind::Twilio).account), "to": to, "from": from,
        "body": body, "status": "queued", "num_segments": segments.to_string(), "num_media": "0",
        "direction": "outbound-api", "date_created": at, "date_updated": at, "date_sent": null, "price": null,
        "price_unit": "USD", "error_code": null, "error_message": null, "api_version": "2010-04-01", "uri": uri });
    let image = media.map(|url| Picture::at(url, None));
    let post = Post {
        account: to.to_owned(),
        id: sid,
        text: body.to_owned(),
        image,
        raw: message.clone(),
        ..Post::default()
    };
    state.add_post(request, post);
    Ok(Reply::json(201, &message))
}

/// Returns the messages, newest first, of one recipient if `To` names it.
fn list(state: &NetworkState, request: &Request) -> Reply {
    let to = request.param("To");
    let mine = state.received.iter().rev().filter(|post| to.is_none_or(|to| post.account == to));
    let messages: Vec<&Value> = mine.take(50).map(|post| &post.raw).collect();
    let body = json!({ "messages": messages, "page": 0, "page_size": 50, "start": 0, "uri": request.path, "next_page_uri": null });
    Reply::json(200, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    const PATH: &str = "/2010-04-01/Accounts/ACaaaabbbbccccddddeeeeffff00001111/Messages.json";

    fn signed(probe: Probe) -> Probe {
        let basic = STANDARD.encode("ACaaaabbbbccccddddeeeeffff00001111:twilio-auth-token");
        probe.header("authorization", format!("Basic {basic}"))
    }

    fn with(to: &str, from: &str, body: &str) -> Probe {
        signed(Probe::post(Kind::Twilio, PATH)).form(&[("To", to), ("From", from), ("Body", body)])
    }

    const FROM: &str = "+15005550006";
    const TO: &str = "+8613800138000";

    #[test]
    fn a_message_is_queued_in_segments_and_listed() {
        let mut probe = with(TO, FROM, &"春".repeat(71));
        let answer = probe.value();
        assert_eq!((answer["status"].as_str(), answer["num_segments"].as_str()), (Some("queued"), Some("2")));
        let mut list = probe.then(signed(Probe::get(Kind::Twilio, &format!("{PATH}?To=%2B8613800138000"))));
        assert_eq!(list.value()["messages"][0]["sid"], answer["sid"]);
        let mut none = list.then(signed(Probe::get(Kind::Twilio, &format!("{PATH}?To=%2B1"))));
        assert_eq!(none.value()["messages"], json!([]));
        let one = PATH.replace(".json", &format!("/{}.json", answer["sid"].as_str().unwrap()));
        assert_eq!(none.then(signed(Probe::get(Kind::Twilio, &one))).value()["sid"], answer["sid"]);
        assert_eq!(
            signed(Probe::get(Kind::Twilio, &PATH.replace("/Messages", ""))).value()["status"],
            "active"
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        Probe::table([
            (with(TO, FROM, "x").without("authorization"), 401, "20003"),
            (with(TO, FROM, "x").path("/2010-04-01/Accounts/AC2/Messages.json"), 404, "20404"),
            (with(TO, FROM, "x").header("content-type", "application/json"), 400, "21604"),
            (with("", FROM, "x"), 400, "21604"),
            (with("13800138000", FROM, "x"), 400, "21211"),
            (with(TO, "", "x"), 400, "21603"),
            (with(TO, "+15005550007", "x"), 400, "21606"),
            (with(TO, FROM, ""), 400, "21602"),
            (with(TO, FROM, &"x".repeat(1601)), 400, "21617"),
            (with("+15005550004", FROM, "x"), 400, "21610"),
            (with("+15005550009", FROM, "x"), 400, "21614"),
        ]);
    }
}
