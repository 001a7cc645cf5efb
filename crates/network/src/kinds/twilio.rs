//! Text messages through Twilio and compatible services:
//! <https://www.twilio.com/docs/messaging/api/message-resource>, codes:
//! <https://www.twilio.com/docs/api/errors>.

use egress::{Body, Request, Response, segment};
use jiff::Timestamp;
use measure::{LengthBudget, limit};
use message::{Content, Post, RejectReason};
use serde_json::{Value, json};

use crate::access::Access;
use crate::form;
use crate::idempotency::{self, PostFingerprint};
use crate::protocol::{ComposeError, LOOK_UP, PriorAnswers, Protocol, text_at};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Twilio;

impl Protocol for Twilio {
    fn next(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let to = post.to.clone().ok_or("it has no phone number to go to")?;
        let from = if access.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let fixed = vec![("To", to), (from, access.from.clone())];
        let body = match &post.content {
            Content::Json(json) => form::of(json, fixed)?,
            Content::Parts(parts) => Body::Form([fixed, vec![("Body", parts.text.clone())]].concat()),
        };
        let request = Request::new("post", "POST", target(access, "/Messages.json"), body);
        Ok(request.basic(&access.account, &access.token).publishes())
    }

    fn verdict(&self, request: &Request, answer: &Response) -> Verdict {
        let json = answer.json();
        match json.get("code").and_then(Value::as_u64) {
            _ if answer.is_success() && !request.publishes => Verdict::Ready,
            _ if answer.status == 201 => accepted(&json),
            Some(code) => refusal(code, request, answer),
            None => Verdict::by_status(answer, request.publishes),
        }
    }

    /// The limit is 1,600 characters. Segments are reported, not limited: most carriers join ten of
    /// them.
    fn budgets(&self, post: &Post, _prior: &PriorAnswers) -> Vec<LengthBudget> {
        words(post).map(|words| limit::sms(&words, 10).to_vec()).unwrap_or_default()
    }

    fn look_up(&self, access: &Access, post: &Post, _prior: &PriorAnswers) -> Option<Request> {
        let to = segment(post.to.as_deref()?);
        let target = target(access, &format!("/Messages.json?To={to}&PageSize=50"));
        Some(Request::get(LOOK_UP, target).basic(&access.account, &access.token))
    }

    /// Searches the messages sent to this number since the post fell due, newest first, for one
    /// with the same text.
    fn find_post(&self, _access: &Access, post: &Post, answer: &Response) -> Option<Verdict> {
        let words = words(post)?;
        let fingerprint = PostFingerprint::of(post, &words);
        idempotency::search_list(answer, "/messages", |message| {
            let published_text = text_at(message, "/body")?;
            let at = text_at(message, "/date_created");
            let at = at.and_then(|at| jiff::fmt::rfc2822::parse(&at).ok()).map(|at| at.timestamp());
            fingerprint.matches(at, &published_text, &[]).then(|| accepted(message))
        })
    }

    fn access_check(&self, access: &Access, _now: Timestamp) -> Option<Request> {
        Some(Request::get("examine", target(access, ".json")).basic(&access.account, &access.token))
    }

    fn example_answer(&self, _name: &str) -> Value {
        json!({ "messages": [] })
    }
}

fn target(access: &Access, rest: &str) -> String {
    format!("/2010-04-01/Accounts/{}{rest}", segment(&access.account))
}

/// Returns the text of the message.
fn words(post: &Post) -> Option<String> {
    match &post.content {
        Content::Json(json) => form::field(json, "Body"),
        Content::Parts(parts) => Some(parts.text.clone()),
    }
}

/// Interprets a message that Twilio accepted: queued, sent, or refused by a carrier at once.
fn accepted(message: &Value) -> Verdict {
    let (sid, status) = (text_at(message, "/sid"), text_at(message, "/status"));
    match (sid, status.as_deref()) {
        (Some(_), Some("failed" | "undelivered")) => Verdict::rejected(),
        (Some(sid), _) => Verdict::sent(sid, None),
        (None, _) => Verdict::Unknown,
    }
}

fn refusal(code: u64, request: &Request, answer: &Response) -> Verdict {
    match code {
        20_429 | 21_611 | 30_001 | 63_038 => Verdict::RateLimited(answer.retry_after()),
        // The credentials, or the permissions of the account.
        20_003..=20_006 | 20_008 | 20_101..=20_107 | 20_403 | 90_010 => Verdict::AuthExpired,
        // The sender does not belong to the account, or cannot send.
        21_212 | 21_603 | 21_606 | 21_607 | 21_618 | 21_659..=21_661 | 21_701..=21_705 => Verdict::Gone,
        // The number does not exist, is not a mobile number, or has opted out with STOP.
        21_211 | 21_214 | 21_217 | 21_265 | 21_610 | 21_612 | 21_614 | 21_635 => {
            Verdict::Rejected(RejectReason::BadAddress)
        }
        // Countries that the account may not send to, numbers that a trial account may not use, and
        // messages that carriers filter.
        21_215 | 21_408 | 21_608 | 30_007 | 30_034 => Verdict::Rejected(RejectReason::Policy),
        21_605 | 21_617 => Verdict::Rejected(RejectReason::TooBig),
        _ => Verdict::by_status(answer, request.publishes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, answer, next, post_of, prior, verdict};

    fn message() -> Post {
        Post { to: Some("+8613800138000".into()), ..post_of("Spring: https://news.example/c/1.tok") }
    }

    fn form(request: &Request) -> String {
        String::from_utf8(request.body.encoded().1).unwrap()
    }

    #[test]
    fn a_message_is_a_form() {
        let request = next("twilio", &message(), &prior(&[]));
        assert_eq!(
            (request.method, &*request.target),
            ("POST", "/2010-04-01/Accounts/account-1/Messages.json")
        );
        assert_eq!(request.credentials, [("authorization", "Basic YWNjb3VudC0xOnRva2VuLTE=".to_owned())]);
        assert_eq!(
            form(&request),
            "To=%2B8613800138000&From=%2B15005550006&Body=Spring%3A+https%3A%2F%2Fnews.example%2Fc%2F1.tok"
        );
        assert!(request.publishes);
        let service = Access { from: "MG123".into(), ..access("twilio") };
        let request = Twilio.next(&service, &message(), &prior(&[])).unwrap();
        assert!(form(&request).contains("MessagingServiceSid=MG123"));
        let own = Content::Json(r#"{"Body":"Hi","MediaUrl":["https://a/b.png"],"To":"+1"}"#.into());
        let request = next("twilio", &Post { content: own, ..message() }, &prior(&[]));
        assert_eq!(
            form(&request),
            "Body=Hi&MediaUrl=https%3A%2F%2Fa%2Fb.png&To=%2B8613800138000&From=%2B15005550006"
        );
        assert!(Twilio.next(&service, &post_of("x"), &prior(&[])).is_err());
    }

    #[test]
    fn every_answer_means_something() {
        let code =
            |code: u32, status: u32| format!("{{\"code\":{code},\"message\":\"m\",\"status\":{status}}}");
        let bad = Verdict::Rejected(RejectReason::BadAddress);
        let policy = Verdict::Rejected(RejectReason::Policy);
        for (status, body, expected) in [
            (
                201,
                r#"{"sid":"SM1","status":"queued","error_code":null}"#.to_owned(),
                Verdict::sent("SM1".to_owned(), None),
            ),
            (201, r#"{"sid":"SM1","status":"failed"}"#.into(), Verdict::rejected()),
            (201, "{\"sid\":".into(), Verdict::Unknown),
            (200, "<html>".into(), Verdict::Unknown),
            (400, code(21_211, 400), bad.clone()),
            (400, code(21_610, 400), bad.clone()),
            (400, code(21_614, 400), bad),
            (400, code(21_408, 400), policy.clone()),
            (400, code(30_007, 400), policy),
            (400, code(21_617, 400), Verdict::Rejected(RejectReason::TooBig)),
            (400, code(21_606, 400), Verdict::Gone),
            (400, code(21_602, 400), Verdict::rejected()),
            (401, code(20_003, 401), Verdict::AuthExpired),
            (403, code(20_005, 403), Verdict::AuthExpired),
            (404, code(20_404, 404), Verdict::rejected()),
            (429, code(20_429, 429), Verdict::RateLimited(None)),
            (429, String::new(), Verdict::RateLimited(None)),
            (500, code(20_500, 500), Verdict::Unknown),
            (503, String::new(), Verdict::Retryable),
        ] {
            assert_eq!(verdict("twilio", "post", true, status, &[], &body), expected, "{status} {body}");
        }
        assert_eq!(verdict("twilio", "examine", false, 200, &[], "{}"), Verdict::Ready);
    }

    #[test]
    fn a_message_is_looked_up_by_number_and_words() {
        let request = Twilio.look_up(&access("twilio"), &message(), &prior(&[])).unwrap();
        assert_eq!(
            request.target,
            "/2010-04-01/Accounts/account-1/Messages.json?To=%2B8613800138000&PageSize=50"
        );
        let found = |body: &str, date: &str| {
            let body = json!({ "messages": [{ "body": body, "date_created": date, "sid": "SM9", "status": "sent" }] });
            Twilio.find_post(&access("twilio"), &message(), &answer(200, &[], &body.to_string()))
        };
        let published_text = "Spring: https://news.example/c/1.tok";
        assert_eq!(
            found(published_text, "Sun, 13 Sep 2020 12:26:41 +0000"),
            Some(Verdict::sent("SM9".to_owned(), None))
        );
        assert_eq!(found(published_text, "Sun, 13 Sep 2020 11:26:41 +0000"), None);
        assert_eq!(found("Summer", "Sun, 13 Sep 2020 12:26:41 +0000"), None);
    }

    #[test]
    fn segments_are_reported() {
        let budgets = Twilio.budgets(&post_of(&"春".repeat(71)), &crate::sample::prior(&[]));
        assert_eq!((budgets[0].measured, budgets[1].measured), (71, 2));
        assert!(!Twilio.budgets(&post_of(&"a".repeat(1_601)), &crate::sample::prior(&[]))[0].fits());
    }
}
