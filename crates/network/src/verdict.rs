//! What an answer means: the outcome, not the status.

use std::time::Duration;

use egress::Response;
use message::{RejectReason, Scope, SendOutcome};

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A preparation is done; go on.
    Ready,
    /// The post is out.
    Sent {
        /// What the network calls it.
        id: Option<String>,
        /// Where people see it.
        url: Option<String>,
    },
    /// Not ready yet: ask the same again after so long.
    Wait(Duration),
    /// Too fast: everything on this channel waits, so long if it was said.
    RateLimited(Option<Duration>),
    /// Passing trouble: this post again later.
    Retryable,
    /// This post never.
    Rejected(RejectReason),
    /// What lets us in has run out or is wrong.
    AuthExpired,
    /// Refused because it does not say a word that the robot's owner asked for: the channel's settings are wrong, and
    /// the post is not.
    KeywordMissing,
    /// The place is gone: a revoked webhook, an archived room.
    Gone,
    /// It may or may not be out.
    Unknown,
}

impl Verdict {
    /// A post that is out.
    pub(crate) fn sent(id: impl Into<Option<String>>, url: impl Into<Option<String>>) -> Self {
        Self::Sent { id: id.into(), url: url.into() }
    }

    /// This post never, for no reason of its own kind.
    pub(crate) const fn rejected() -> Self {
        Self::Rejected(RejectReason::Rejected)
    }

    /// What an answer means by its status alone: what is left when a network says nothing better. 2xx is good
    /// only for a preparation; for a post the network's own file must have recognised it, else nobody knows.
    pub(crate) fn by_status(answer: &Response, publishes: bool) -> Self {
        match answer.status {
            200..=299 if !publishes => Self::Ready,
            200..=299 => Self::Unknown,
            401 | 403 => Self::AuthExpired,
            410 => Self::Gone,
            408 | 425 => Self::Retryable,
            429 => Self::RateLimited(answer.retry_after()),
            413 => Self::Rejected(RejectReason::TooBig),
            500..=599 => Self::trouble(answer, publishes),
            300..=399 | 407 => Self::Gone,
            400..=498 => Self::rejected(),
            // 499, by which nginx says that somebody gave up waiting, and what HTTP does not have (RFC 9110 §15).
            _ if publishes => Self::Unknown,
            _ => Self::Retryable,
        }
    }

    /// 5xx: 503 says that nothing was done, and so does a wait that is named; behind 502 and 504 the post may have
    /// been made.
    pub(crate) fn trouble(answer: &Response, publishes: bool) -> Self {
        match answer.status {
            503 => Self::Retryable,
            _ if answer.retry_after().is_some() => Self::RateLimited(answer.retry_after()),
            _ if publishes => Self::Unknown,
            _ => Self::Retryable,
        }
    }
}

/// The outcome of a post whose last answer was `answer`, called `name` on screens.
pub(crate) fn outcome(verdict: Verdict, answer: &Response, network: &str) -> SendOutcome {
    let shown = answer.shown();
    match verdict {
        Verdict::Sent { id, url } => SendOutcome::Accepted { answer: shown, id, url },
        Verdict::RateLimited(retry_after) => {
            SendOutcome::Deferred { retry_after, scope: Scope::Group, answer: shown }
        }
        Verdict::Wait(_) | Verdict::Retryable | Verdict::Ready => {
            SendOutcome::Deferred { retry_after: answer.retry_after(), scope: Scope::Message, answer: shown }
        }
        Verdict::Rejected(reason) => SendOutcome::Rejected { reason, answer: shown },
        Verdict::AuthExpired => SendOutcome::Barred {
            answer: format!(
                "{network} does not let us in ({shown}): renew what lets the channel in, then resume"
            ),
        },
        Verdict::KeywordMissing => SendOutcome::Barred {
            answer: format!(
                "{network} finds none of the robot's keywords in the post ({shown}): write one as `keyword` of the \
                 channel and say it in the message, then revise or resume the run"
            ),
        },
        Verdict::Gone => SendOutcome::Barred {
            answer: format!(
                "{network} says that the place is gone ({shown}): give the channel a new one, then resume"
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
    fn a_status_that_says_nothing_is_no_refusal() {
        let verdict = |status, publishes| {
            let (headers, body) = (Vec::new(), Vec::new());
            Verdict::by_status(
                &Response { status, headers, body, cut: false, at: Timestamp::UNIX_EPOCH },
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
