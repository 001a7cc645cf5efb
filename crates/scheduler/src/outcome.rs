//! What a session says, as the database keeps it.

use std::time::Duration;

use channel::{RejectReason, Scope, SendOutcome};
use store::{Clock, Outcome, PostRef, Rejection, SoftBounce, SuppressionReason};

use crate::retry::retry_delay;
use crate::session::Done;

/// The outcome to be recorded. What is to be tried again waits as long as its receiver is left alone, or as the
/// other side asked, else as long as [`retry_delay`] says.
pub(crate) fn outcome(done: &Done, clock: &Clock) -> Outcome {
    let later = |asked: Option<Duration>| {
        let wait = asked.map(|asked| asked.max(Duration::from_secs(1)));
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
            until: later(*retry_after),
            answer: answer.clone(),
            soft: (*scope == Scope::Mailbox).then_some(SoftBounce::Full),
        },
        Ok(SendOutcome::Rejected { reason, answer }) => Outcome::Rejected(Rejection {
            reason: reason.name().to_owned(),
            answer: answer.clone(),
            // Only an address that does not exist is the person's: everything else is between the servers.
            suppress: (*reason == RejectReason::BadAddress).then_some(SuppressionReason::Bounced),
            soft: (*reason == RejectReason::Inactive).then_some(SoftBounce::Inactive),
        }),
        Ok(SendOutcome::Unknown { answer }) => {
            Outcome::Unknown { retry_at: Some(later(None)), answer: answer.clone() }
        }
        Ok(SendOutcome::Doubtful { answer }) => Outcome::Unknown { retry_at: None, answer: answer.clone() },
        Ok(SendOutcome::Withheld) => Outcome::Returned { answer: String::new() },
        Ok(SendOutcome::Down { answer } | SendOutcome::Barred { answer }) => {
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

/// The metric under which a recorded outcome is counted.
pub(crate) const fn counted(outcome: &Outcome) -> telemetry::Outcome {
    match outcome {
        Outcome::Accepted { .. } => telemetry::Outcome::Sent,
        Outcome::Deferred { .. } | Outcome::PutOff { .. } => telemetry::Outcome::Deferred,
        Outcome::Rejected(_) => telemetry::Outcome::Failed,
        Outcome::Unknown { .. } => telemetry::Outcome::Unknown,
        Outcome::Returned { .. } => telemetry::Outcome::Returned,
    }
}
