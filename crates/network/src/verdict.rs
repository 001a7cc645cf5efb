//! The meaning of a network's answer, and the outcome of the post that follows from it.

use std::time::Duration;

use egress::Response;
use message::{DeferralScope, RejectReason, SendOutcome};

/// The meaning of a network's answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A preparing request succeeded; the next one can be made.
    Ready,
    /// The post is published.
    Sent {
        /// The network's identifier of the post.
        id: Option<String>,
        /// The public page of the post.
        url: Option<String>,
    },
    /// The upload or container is not ready; the same request must be repeated after this time.
    Wait(Duration),
    /// Too many requests: the whole channel waits for this time, or for a default if the answer
    /// names none.
    RateLimited(Option<Duration>),
    /// A temporary failure: this post is tried again later.
    Retryable,
    /// The network permanently refuses this post.
    Rejected(RejectReason),
    /// The credentials have expired or are not accepted.
    AuthExpired,
    /// The post is refused because it lacks a keyword of the robot: the channel's settings are
    /// wrong, not the post.
    KeywordMissing,
    /// The destination no longer exists, such as a revoked webhook or an archived room.
    Gone,
    /// The post may or may not have been published.
    Unknown,
}

impl Verdict {
    /// A published post.
    pub(crate) fn sent(id: impl Into<Option<String>>, url: impl Into<Option<String>>) -> Self {
        Self::Sent { id: id.into(), url: url.into() }
    }

    /// A permanent refusal without a more specific reason.
    pub(crate) const fn rejected() -> Self {
        Self::Rejected(RejectReason::Rejected)
    }

    /// Interprets an answer by its status alone, when the network's own file finds nothing better.
    /// 2xx is a success only for a preparing request; a published post must have been recognised by
    /// the network's own file, otherwise the outcome is unknown.
    pub(crate) fn by_status(answer: &Response, publishes: bool) -> Self {
        match answer.status {
            200..=299 if !publishes => Self::Ready,
            200..=299 => Self::Unknown,
            401 | 403 => Self::AuthExpired,
            410 => Self::Gone,
            408 | 425 => Self::Retryable,
            429 => Self::RateLimited(answer.retry_after()),
            413 => Self::Rejected(RejectReason::TooBig),
            500..=599 => Self::server_error(answer, publishes),
            300..=399 | 407 => Self::Gone,
            400..=498 => Self::rejected(),
            // 499, with which nginx reports that the client gave up, and statuses that HTTP does
            // not define (RFC 9110 §15).
            _ if publishes => Self::Unknown,
            _ => Self::Retryable,
        }
    }

    /// Interprets a 5xx answer. 503, or an answer with `Retry-After`, means that nothing was done;
    /// with the others, such as 502 and 504, the post may have been published.
    pub(crate) fn server_error(answer: &Response, publishes: bool) -> Self {
        match answer.status {
            503 => Self::Retryable,
            _ if answer.retry_after().is_some() => Self::RateLimited(answer.retry_after()),
            _ if publishes => Self::Unknown,
            _ => Self::Retryable,
        }
    }
}

/// Returns the outcome of a post whose last answer was `answer`. `network` is the network's name
/// for messages.
pub(crate) fn outcome(verdict: Verdict, answer: &Response, network: &str) -> SendOutcome {
    let shown = answer.summary();
    match verdict {
        Verdict::Sent { id, url } => SendOutcome::Accepted { answer: shown, id, url },
        Verdict::RateLimited(retry_after) => {
            SendOutcome::Deferred { retry_after, scope: DeferralScope::Receiver, answer: shown }
        }
        Verdict::Wait(_) | Verdict::Retryable | Verdict::Ready => SendOutcome::Deferred {
            retry_after: answer.retry_after(),
            scope: DeferralScope::Message,
            answer: shown,
        },
        Verdict::Rejected(reason) => SendOutcome::Rejected { reason, answer: shown },
        Verdict::AuthExpired => SendOutcome::ChannelBlocked {
            answer: format!(
                "{network} denies access ({shown}): renew the channel's credentials, then resume"
            ),
        },
        Verdict::KeywordMissing => SendOutcome::ChannelBlocked {
            answer: format!(
                "{network} finds none of the robot's keywords in the post ({shown}): set one as `keyword` \
                 of the channel and write it in the message, then revise or resume the run"
            ),
        },
        Verdict::Gone => SendOutcome::ChannelBlocked {
            answer: format!(
                "{network} no longer has this destination ({shown}): give the channel a new one, then resume"
            ),
        },
        Verdict::Unknown => SendOutcome::Unknown { answer: shown },
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn an_undefined_status_is_not_a_refusal() {
        let verdict = |status, publishes| {
            let (headers, body) = (Vec::new(), Vec::new());
            Verdict::by_status(
                &Response { status, headers, body, truncated: false, at: Timestamp::UNIX_EPOCH },
                publishes,
            )
        };
        for status in [101, 499, 600, 999] {
            assert_eq!(verdict(status, true), Verdict::Unknown, "{status}");
            assert_eq!(verdict(status, false), Verdict::Retryable, "{status}");
        }
        for status in [400, 404, 422, 451] {
            assert_eq!(verdict(status, true), Verdict::rejected(), "{status}");
        }
        for status in [302, 407] {
            assert_eq!(verdict(status, true), Verdict::Gone, "{status}");
        }
    }
}
