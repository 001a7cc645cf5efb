//! Errors of the Graph APIs of Facebook and Threads:
//! <https://developers.facebook.com/docs/graph-api/guides/error-handling>, rate limits:
//! <https://developers.facebook.com/docs/graph-api/overview/rate-limiting>.

use std::time::Duration;

use egress::{Request, Response};
use message::RejectReason;
use serde_json::Value;

use crate::idempotency;
use crate::protocol::text_at;
use crate::verdict::Verdict;

/// Returns the meaning of an answer that the network's own file did not recognise, by `error.code`
/// and `error.error_subcode`, whatever the status is.
pub(crate) fn refusal(request: &Request, answer: &Response) -> Verdict {
    let json = answer.json();
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_u64);
    let Some(code) = number("/error/code") else { return Verdict::by_status(answer, request.publishes) };
    match (code, number("/error/error_subcode")) {
        // 368: "Temporarily blocked for policies violations. Wait and retry the operation."
        (4 | 17 | 32 | 341 | 368 | 613 | 80_000..=80_014, _) => Verdict::RateLimited(wait(answer)),
        (102 | 190, _) | (3 | 10 | 200..=299, _) => Verdict::AuthExpired,
        // The page or the account does not exist, or is not accessible.
        (100, Some(33)) | (803, _) => Verdict::Gone,
        (506, _) => idempotency::duplicate_refusal(request, None, None),
        // The container is not ready yet.
        (9007 | 24, Some(2_207_027 | 4_279_009)) => Verdict::Retryable,
        (1 | 2, _) if request.publishes => Verdict::Unknown,
        (1 | 2, _) => Verdict::Retryable,
        (100, _) if is_too_long(&json) => Verdict::Rejected(RejectReason::TooBig),
        _ if answer.status >= 500 => Verdict::server_error(answer, request.publishes),
        _ => Verdict::rejected(),
    }
}

fn is_too_long(json: &Value) -> bool {
    let message = text_at(json, "/error/message").unwrap_or_default().to_ascii_lowercase();
    ["too long", "at most", "maximum length", "character limit"].iter().any(|words| message.contains(words))
}

/// Returns `estimated_time_to_regain_access`, which is in minutes, from the usage headers; else
/// `Retry-After`.
fn wait(answer: &Response) -> Option<Duration> {
    const NAMES: [&str; 3] = ["x-business-use-case-usage", "x-app-usage", "x-ad-account-usage"];
    let minutes = NAMES.iter().filter_map(|name| {
        let usage: Value = serde_json::from_str(answer.header(name)?).ok()?;
        longest_wait(&usage)
    });
    let minutes = minutes.max().filter(|minutes| *minutes > 0);
    let wait = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
    wait.map(|wait| wait.min(egress::MAX_WAIT)).or_else(|| answer.retry_after())
}

/// Returns the longest wait in `usage`, which is either a list per account or the value
/// itself.
fn longest_wait(usage: &Value) -> Option<u64> {
    let top_level = usage.get("estimated_time_to_regain_access").and_then(Value::as_u64);
    let lists = usage.as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array());
    let nested = lists.flatten().filter_map(|one| one.get("estimated_time_to_regain_access")?.as_u64());
    top_level.into_iter().chain(nested).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::answer;

    #[test]
    fn every_code_means_something() {
        let usage = r#"{"17":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":5},{"estimated_time_to_regain_access":3}]}"#;
        let usage = [("x-business-use-case-usage", usage)];
        let five = Verdict::RateLimited(Some(Duration::from_secs(300)));
        for (status, headers, code, subcode, expected) in [
            (400, &usage[..], 32, 0, five),
            (403, &[][..], 4, 0, Verdict::RateLimited(None)),
            (400, &[], 17, 0, Verdict::RateLimited(None)),
            (400, &[], 613, 0, Verdict::RateLimited(None)),
            (400, &[], 80_001, 0, Verdict::RateLimited(None)),
            (400, &[], 368, 0, Verdict::RateLimited(None)),
            (400, &[], 190, 463, Verdict::AuthExpired),
            (400, &[], 102, 0, Verdict::AuthExpired),
            (403, &[], 200, 0, Verdict::AuthExpired),
            (403, &[], 10, 0, Verdict::AuthExpired),
            (400, &[], 100, 33, Verdict::Gone),
            (400, &[], 100, 0, Verdict::rejected()),
            (400, &[], 506, 0, Verdict::rejected()),
            (400, &[], 24, 4_279_009, Verdict::Retryable),
            (500, &[], 1, 0, Verdict::Unknown),
            (500, &[], 2, 0, Verdict::Unknown),
            (500, &[], 999, 0, Verdict::Unknown),
        ] {
            let body = format!("{{\"error\":{{\"code\":{code},\"error_subcode\":{subcode}}}}}");
            let request = Request::get("post", "/").publishes();
            assert_eq!(refusal(&request, &answer(status, headers, &body)), expected, "{code} {subcode}");
        }
        let again = Request::get("again", "/").publishes();
        let duplicate = answer(400, &[], r#"{"error":{"code":506}}"#);
        assert_eq!(refusal(&again, &duplicate), Verdict::sent(None, None));
        let long = answer(
            400,
            &[],
            r#"{"error":{"code":100,"message":"Param text must be at most 500 characters long."}}"#,
        );
        assert_eq!(refusal(&again, &long), Verdict::Rejected(RejectReason::TooBig));
        assert_eq!(refusal(&again, &answer(503, &[], "<html>")), Verdict::Retryable);
    }
}
