//! Names of states, reasons and events.

use std::collections::BTreeMap;

use store::{
    ConsentKind, ConsentState, Consents, DeliveryState, EventKind, RunKind, RunState, SuppressionReason,
    TallyState,
};

use super::{FAILED, LEFT_OUT, SENT};

/// Returns the name of a delivery's state.
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

/// Returns the name of what a tally counts.
#[must_use]
pub const fn tally(state: TallyState) -> &'static str {
    match state {
        TallyState::Ended(state) => delivery_state(state),
        TallyState::Repeat => "May have been received twice",
        TallyState::Bounced | TallyState::Complained => state.as_str(),
    }
}

/// Returns the reason for a delivery's state in a marketer's words; an unknown reason is returned
/// as it is.
#[must_use]
pub fn reason(reason: &str) -> &str {
    match reason {
        "no_address" => "we have no address for this channel",
        "no_consent" => "they did not agree to be written to",
        "unsubscribed" => "they unsubscribed",
        "bounced" => "the address does not exist: an earlier message bounced",
        "complained" => "they marked an earlier message as spam",
        "manual" => "the address was blocked manually",
        "too_late" => "it was too late where they are",
        "condition" => "they do not meet the step's condition",
        "expired" => "it could not go out in time",
        "bad_address" => "there is no such address",
        "inactive" => "their mailbox is closed or inactive",
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

/// Returns the name of a run's state.
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

/// Returns the origin of a run.
#[must_use]
pub const fn run_kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Scheduled => "by its schedule",
        RunKind::Manual => "by hand",
        RunKind::Test => "as a test, in no report",
    }
}

/// Returns the name of a contact's event.
pub(crate) const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Delivered => "It arrived",
        EventKind::Opened => "Opened it",
        EventKind::Clicked => "Clicked",
        EventKind::Converted => "Converted",
        EventKind::Bounced => "Bounced",
        EventKind::Complained => "Marked as spam",
        EventKind::Unsubscribed => "Unsubscribed",
        EventKind::Replied => "Answered",
        EventKind::Custom => "Event",
    }
}

/// Returns the name of an event that a machine caused, which is not counted.
pub(crate) const fn machine_event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Opened => "A machine fetched its picture",
        EventKind::Clicked => "A machine followed a link",
        _ => "A machine did something with it",
    }
}

pub(crate) const NOT_COUNTED: &str = "not counted";

/// Returns the consents of a contact, one text per purpose and state: `news: agreed to e-mail`.
#[must_use]
pub fn consents(consents: &Consents) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (purpose, kind, state) in consents.iter() {
        let state = match state {
            ConsentState::Granted => "agreed to",
            ConsentState::Pending => "not yet confirmed for",
            ConsentState::Withdrawn => "refused",
        };
        let kind = match kind {
            ConsentKind::Email => "e-mail",
            ConsentKind::Phone => "phone",
            ConsentKind::Other => "other channels",
        };
        groups.entry((purpose, state)).or_default().push(kind);
    }
    groups
        .iter()
        .map(|((purpose, state), kinds)| format!("{purpose}: {state} {}", kinds.join(", ")))
        .collect()
}

/// Returns the consents of a contact for a table column.
pub(crate) fn agreed(consents: &Consents) -> &'static str {
    let has = |wanted| consents.iter().any(|(.., state)| state == wanted);
    match (has(ConsentState::Granted), has(ConsentState::Withdrawn), has(ConsentState::Pending)) {
        (true, true, _) => "Partly",
        (true, false, _) => "Yes",
        (false, true, _) => "No",
        (false, false, true) => "Not confirmed",
        (false, false, false) => "Unknown",
    }
}

/// Returns the reason for which an address is blocked.
pub(crate) const fn suppression(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Unsubscribed => "They unsubscribed",
        SuppressionReason::Bounced => "The address does not exist: a message bounced",
        SuppressionReason::Complained => "They marked a message as spam",
        SuppressionReason::Manual => "It was blocked manually",
    }
}
