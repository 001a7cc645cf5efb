//! An endpoint of the brand's own, signed by Standard Webhooks 1.0.0:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Body, Request, Response};
use hmac::{Hmac, Mac};
use message::{Post, RejectReason};
use sha2::Sha256;

use crate::access::Access;
use crate::protocol::{ComposeError, PriorAnswers, Protocol};
use crate::verdict::Verdict;

#[derive(Debug)]
pub(crate) struct Webhook;

impl Protocol for Webhook {
    fn check_settings(&self, access: &Access) -> Result<(), ComposeError> {
        let secret = access.secret.as_deref().unwrap_or_default();
        sign(secret, "", 0, b"").map(|_| ())
    }

    fn next(&self, access: &Access, post: &Post, prior: &PriorAnswers) -> Result<Request, ComposeError> {
        let body = post.text();
        let at = prior.now().as_second();
        let mut request =
            Request::new("post", "POST", access.webhook_path.clone(), Body::JsonText(body.to_owned()))
                .header("webhook-id", &post.id)
                .header("webhook-timestamp", at.to_string());
        if let Some(secret) = &access.secret {
            request = request.header("webhook-signature", sign(secret, &post.id, at, body.as_bytes())?);
        }
        Ok(request.publishes())
    }

    /// Interprets the status. 2xx: the message arrived. 408, 425, 429 and 5xx: it is sent again
    /// later with the same `webhook-id`, by which the receiver recognises it. 3xx, 401, 407 and 410
    /// concern the endpoint and not this message, so no message is lost. Every other 4xx refuses
    /// this message.
    fn verdict(&self, _request: &Request, answer: &Response) -> Verdict {
        match answer.status {
            200..=299 => Verdict::sent(None, None),
            429 | 502 | 504 => Verdict::RateLimited(answer.retry_after()),
            408 | 425 | 500..=599 => Verdict::Retryable,
            403 => Verdict::Rejected(RejectReason::Policy),
            413 => Verdict::Rejected(RejectReason::TooBig),
            401 => Verdict::AuthExpired,
            300..=399 | 407 | 410 => Verdict::Gone,
            _ => Verdict::rejected(),
        }
    }
}

/// Returns the value of the signature header for a body at a time in Unix seconds. Each of several
/// secrets, separated by white space, signs, so that a secret can be changed without an
/// interruption ("Multiple signatures").
///
/// # Errors
/// A secret is not 24 to 64 bytes in Base64, with or without `whsec_`.
fn sign(secrets: &str, id: &str, at: i64, body: &[u8]) -> Result<String, ComposeError> {
    let signatures = secrets.split_whitespace().map(|secret| Ok(signature(&key(secret)?, id, at, body)));
    Ok(signatures.collect::<Result<Vec<_>, ComposeError>>()?.join(" "))
}

fn key(secret: &str) -> Result<Vec<u8>, ComposeError> {
    match STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)) {
        Ok(key) if (24..=64).contains(&key.len()) => Ok(key),
        Ok(key) => {
            Err(ComposeError::from(format!("its secret has {} bytes; it must have 24 to 64", key.len())))
        }
        Err(_) => Err(ComposeError::from("its secret is not `whsec_` and Base64")),
    }
}

fn signature(key: &[u8], id: &str, at: i64, body: &[u8]) -> String {
    // HMAC accepts keys of any length, so the error cannot happen.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED: &str = "v1,AQG81rX2n4rTN1fkXoqILSHO9gAOcwya9dP41rhrQDI=";

    #[test]
    fn signs_as_the_standard_does() {
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_674_087_231, body).unwrap();
        assert_eq!(signed, SIGNED);
        let other = STANDARD.encode([7; 32]);
        let both = sign(&format!("{SECRET} {other}"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_674_087_231, body);
        let both = both.unwrap();
        assert!(both.starts_with(&format!("{SIGNED} v1,")) && both.split(' ').count() == 2, "{both}");
    }

    #[test]
    fn takes_secrets_of_24_to_64_bytes() {
        for (bytes, good) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(key(&STANDARD.encode(vec![1; bytes])).is_ok(), good, "{bytes}");
        }
        let error = key("whsec_not base64!").unwrap_err();
        assert!(!error.to_string().contains("not base64!"), "{error}");
    }
}
