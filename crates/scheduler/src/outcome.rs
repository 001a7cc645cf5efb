//! The conversion of a session's result to the outcome that the database records.

use std::time::Duration;

use channel::{DeferralScope, RejectReason, SendOutcome};
use store::{Clock, Outcome, PostRef, Rejection, SoftBounce, SuppressionReason};

use crate::retry::retry_delay;
use crate::session::JobResult;

/// Converts a result to the outcome to be recorded. A delivery that is to be tried again waits as
/// long as its receiver is held, or as the server requested, else for [`retry_delay`].
pub(crate) fn to_outcome(done: &JobResult, clock: &Clock) -> Outcome {
    let retry_at = |requested: Option<Duration>| {
        let wait = requested.map(|requested| requested.max(Duration::from_secs(1)));
        clock.millis_after(wait.unwrap_or_else(|| retry_delay(done.id, done.attempts)))
    };
    if let (Ok(SendOutcome::Deferred { answer, .. }), Some((wait, why))) = (&done.result, &done.put_off) {
        let until = clock.millis_after(*wait);
        return Outcome::PutOff { until, why: why.clone(), answer: answer.clone() };
    }
    match &done.result {
        Ok(SendOutcome::Accepted { answer, id, url }) => {
            let post = PostRef { id: id.clone(), url: url.clone() };
            let post = Some(post).filter(|post| post.id.is_some() || post.url.is_some());
            Outcome::Accepted { answer: answer.clone(), post }
        }
        Ok(SendOutcome::Deferred { retry_after, scope, answer }) => Outcome::Deferred {
            until: retry_at(*retry_after),
            answer: answer.clone(),
            soft: (*scope == DeferralScope::Mailbox).then_some(SoftBounce::Full),
        },
        Ok(SendOutcome::Rejected { reason, answer }) => Outcome::Rejected(Rejection {
            reason: reason.name().to_owned(),
            answer: answer.clone(),
            // Only an address that does not exist is a fault of the address; all else is between
            // the servers.
            suppress: (*reason == RejectReason::BadAddress).then_some(SuppressionReason::Bounced),
            soft: (*reason == RejectReason::Inactive).then_some(SoftBounce::Inactive),
        }),
        Ok(SendOutcome::Unknown { answer }) => {
            Outcome::Unknown { retry_at: Some(retry_at(None)), answer: answer.clone() }
        }
        Ok(SendOutcome::Doubtful { answer }) => Outcome::Unknown { retry_at: None, answer: answer.clone() },
        Ok(SendOutcome::Withheld) => Outcome::Returned { answer: String::new() },
        Ok(SendOutcome::Down { answer } | SendOutcome::ChannelBlocked { answer }) => {
            Outcome::Returned { answer: answer.clone() }
        }
        Err(error) => Outcome::Rejected(Rejection {
            reason: "render".to_owned(),
            answer: error.to_string(),
            suppress: None,
            soft: None,
        }),
    }
}

/// Returns the metric under which a recorded outcome is counted.
pub(crate) const fn metric_of(outcome: &Outcome) -> telemetry::OutcomeLabel {
    match outcome {
        Outcome::Accepted { .. } => telemetry::OutcomeLabel::Sent,
        Outcome::Deferred { .. } | Outcome::PutOff { .. } => telemetry::OutcomeLabel::Deferred,
        Outcome::Rejected(_) => telemetry::OutcomeLabel::Failed,
        Outcome::Unknown { .. } => telemetry::OutcomeLabel::Unknown,
        Outcome::Returned { .. } => telemetry::OutcomeLabel::Returned,
    }
}
