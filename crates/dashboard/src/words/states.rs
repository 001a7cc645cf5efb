//! What states, reasons and events are called.

use store::{Consent, DeliveryState, EventKind, RunKind, RunState, SuppressionReason, TallyState};

use super::{FAILED, LEFT_OUT, SENT};

/// Where a delivery stands.
#[must_use]
pub const fn delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "Waiting",
        DeliveryState::Sending => "Being sent",
        DeliveryState::Sent => SENT,
        DeliveryState::Deferred => "To be tried again",
        DeliveryState::Failed => FAILED,
        DeliveryState::Uncertain => "Not certain",
        DeliveryState::Suppressed => LEFT_OUT,
        DeliveryState::Cancelled => "Cancelled",
    }
}

/// The subject of a tally.
#[must_use]
pub const fn tally(state: TallyState) -> &'static str {
    match state {
        TallyState::Ended(state) => delivery_state(state),
        TallyState::Repeat => "May have come twice",
        TallyState::Bounced | TallyState::Complained => state.as_str(),
    }
}

/// Why somebody did not get it, in a marketer's words.
#[must_use]
pub fn reason(reason: &str) -> &str {
    match reason {
        "no_address" => "we have no address for this channel",
        "no_consent" => "they did not agree to be written to",
        "unsubscribed" => "they unsubscribed",
        "bounced" => "the address does not exist: an earlier message came back",
        "complained" => "they called an earlier message spam",
        "manual" => "somebody here blocked the address",
        "too_late" => "it was too late where they are",
        "condition" => "they do not meet the step's condition",
        "expired" => "it could not go out in time",
        "bad_address" => "there is no such address",
        "inactive" => "their mailbox is closed or asleep",
        "policy" => "the other side refused us, not them: see its answer",
        "too_big" => "the message is too big for the other side",
        "render" => "the message could not be made for them: see the answer",
        "rejected" => "the other side refused it: see its answer",
        "missed" => "its time had passed for them when the step was added or edited",
        "superseded" => "a newer occurrence of the same step reached them first",
        "sent_by_hand" => "it was sent to them by hand",
        "settled" => "a person said that it went out",
        other => other,
    }
}

/// Where a run stands.
#[must_use]
pub const fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Planned => "Planned",
        RunState::Running => "Going out",
        RunState::Paused => "Paused",
        RunState::Finished => "Finished",
        RunState::FinishedWithFailures => "Finished, with failures",
        RunState::Cancelled => "Cancelled",
    }
}

/// Why a run was made.
#[must_use]
pub const fn run_kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Scheduled => "by its schedule",
        RunKind::Manual => "by hand",
        RunKind::Test => "as a test, in no report",
    }
}

/// What somebody did.
pub(crate) const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Delivered => "It arrived",
        EventKind::Opened => "Opened it",
        EventKind::Clicked => "Clicked",
        EventKind::Converted => "Converted",
        EventKind::Bounced => "It came back",
        EventKind::Complained => "Called it spam",
        EventKind::Unsubscribed => "Unsubscribed",
        EventKind::Replied => "Answered",
        EventKind::Custom => "Did",
    }
}

/// What a machine did, and so does not count.
pub(crate) const fn machine_event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Opened => "A machine fetched its picture",
        EventKind::Clicked => "A machine followed a link",
        _ => "A machine did something with it",
    }
}

pub(crate) const NOT_COUNTED: &str = "not counted";

/// Whether a person agreed.
pub(crate) const fn consent(consent: Consent) -> &'static str {
    match consent {
        Consent::Yes => "Agreed to be written to",
        Consent::No => "Did not agree to be written to",
    }
}

/// The same in a column of its own.
pub(crate) const fn agreed(consent: Consent) -> &'static str {
    match consent {
        Consent::Yes => "Yes",
        Consent::No => "No",
    }
}

/// Why an address is blocked.
pub(crate) const fn suppression(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Unsubscribed => "They unsubscribed",
        SuppressionReason::Bounced => "The address does not exist: a message came back",
        SuppressionReason::Complained => "They called a message spam",
        SuppressionReason::Manual => "Somebody here blocked it",
    }
}
