//! Posts to an endpoint, signed as Standard Webhooks 1.0.0 asks.
//!
//! What the answers mean: 2xx, it is there; 408, 425, 429 and 5xx, again later, with the same `webhook-id`;
//! 413, too big; 3xx, 401, 407 and 410, the endpoint has moved, does not know us or is gone, which has nothing
//! to do with this message, so the channel rests and nobody's message is lost; every other 4xx, a refusal of
//! this message. No answer after the request went out: nobody knows.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use rustls::pki_types::CertificateDer;
use sha2::Sha256;
use url::Url;

use super::{Limits, RejectReason, Scope, SendOutcome, SenderError};
use crate::{Post, egress};

/// An endpoint to post to.
pub(crate) struct Endpoint {
    url: Url,
    key: Option<Vec<u8>>,
    local: bool,
    limits: Limits,
    roots: Vec<CertificateDer<'static>>,
    client: OnceLock<Result<Client, String>>,
}

/// The most of an answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The longest that an endpoint can make us wait.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint and the secret to sign with: `whsec_…` or its Base64. Errors show neither.
    pub(crate) fn new(
        url: &str,
        secret: Option<&str>,
        roots: Vec<CertificateDer<'static>>,
        limits: Limits,
    ) -> Result<Self, SenderError> {
        let url = Url::parse(url).map_err(|error| SenderError(format!("its url is not one: {error}")))?;
        let local = egress::check(&url).map_err(|barred| SenderError(barred.to_string()))?;
        let key = secret.map(key).transpose()?;
        Ok(Self { url, key, local, limits, roots, client: OnceLock::new() })
    }

    /// Posts one message.
    pub(crate) async fn send(&self, post: &Post, now: Timestamp) -> SendOutcome {
        let make =
            || egress::client(self.local, self.url.scheme() == "https", &self.roots, self.limits.request);
        let client = match self.client.get_or_init(make) {
            Ok(client) => client,
            Err(error) => return SendOutcome::Down { answer: error.clone() },
        };
        let timestamp = now.as_second().to_string();
        let mut request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &post.id)
            .header("webhook-timestamp", &timestamp);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", signature(key, &post.id, &timestamp, &post.body));
        }
        match request.body(post.body.clone()).send().await {
            Ok(response) => answered(response, now).await,
            Err(error) => failed(error),
        }
    }
}

/// Standard Webhooks 1.0.0, "Signature scheme": 24 to 64 bytes in Base64.
fn key(secret: &str) -> Result<Vec<u8>, SenderError> {
    let text = secret.trim();
    let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
    match key {
        Ok(key) if (24..=64).contains(&key.len()) => Ok(key),
        Ok(key) => Err(SenderError(format!("its secret has {} bytes; it must have 24 to 64", key.len()))),
        Err(_) => Err(SenderError("its secret is not `whsec_` and Base64".to_owned())),
    }
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    // HMAC takes keys of any length; the error cannot happen.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn answered(mut response: Response, now: Timestamp) -> SendOutcome {
    let status = response.status();
    let retry_after = retry_after(response.headers(), now);
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - body.len())]),
            // The verdict is in the status; the words are for people.
            Ok(None) | Err(_) => break,
        }
    }
    outcome(status, retry_after, &words(status, &body))
}

fn words(status: StatusCode, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let body: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    format!("{} {}", status.as_u16(), body.trim()).trim_end().to_owned()
}

fn outcome(status: StatusCode, retry_after: Option<Duration>, answer: &str) -> SendOutcome {
    let answer = answer.to_owned();
    let rejected = |reason| SendOutcome::Rejected { reason, answer: answer.clone() };
    match status.as_u16() {
        200..=299 => SendOutcome::Accepted { answer },
        300..=399 | 401 | 407 | 410 => SendOutcome::Down { answer },
        408 | 425 | 429 | 500.. => SendOutcome::Deferred { retry_after, scope: Scope::Message, answer },
        403 => rejected(RejectReason::Policy),
        413 => rejected(RejectReason::TooBig),
        _ => rejected(RejectReason::Rejected),
    }
}

/// Before the connection stood, nothing was sent; after that nobody knows.
fn failed(error: reqwest::Error) -> SendOutcome {
    let nothing_sent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut answer = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        answer = format!("{answer}: {error}");
        cause = error.source();
    }
    if nothing_sent { SendOutcome::Down { answer } } else { SendOutcome::Unknown { answer } }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, which some write as `1.5`, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_standard_does() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1674087231", r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,AQG81rX2n4rTN1fkXoqILSHO9gAOcwya9dP41rhrQDI=");
    }

    #[test]
    fn takes_secrets_of_24_to_64_bytes() {
        for (bytes, good) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(key(&STANDARD.encode(vec![1; bytes])).is_ok(), good, "{bytes}");
        }
        let error = key("whsec_not base64!").unwrap_err().to_string();
        assert!(!error.contains("not base64!"), "{error}");
    }

    #[test]
    fn waits_as_it_is_told() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, Timestamp::from_second(784_111_700).unwrap()).map(|wait| wait.as_secs_f64())
        };
        assert_eq!(wait("120"), Some(120.0));
        assert_eq!(wait("1.5"), Some(1.5));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(77.0));
        assert_eq!(wait("Sun, 06 Nov 1993 08:49:37 GMT"), None);
        assert_eq!(wait("Sat, 06 Nov 1993 08:49:37 GMT"), Some(0.0));
        assert_eq!(wait("1e300"), None);
        assert_eq!(wait("-5"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("99999999"), Some(86_400.0));
    }
}
