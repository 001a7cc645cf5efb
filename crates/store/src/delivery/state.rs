//! The states of a delivery, from queued to an end state.

use database::enum_names;

/// The state of a delivery. Rows, files, page addresses and JSON contain the words of `as_str`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits until it is due.
    Queued,
    /// It was begun; no answer is recorded.
    Sending,
    /// The relay or platform accepted it.
    Sent,
    /// The last try failed for now; it is tried again.
    Deferred,
    /// It was refused permanently, or it expired.
    Failed,
    /// A crash or a lost connection left no answer, and the step says `hold`.
    Uncertain,
    /// It was left out and not sent.
    Suppressed,
    /// Its run was cancelled before it was sent.
    Cancelled,
}

impl DeliveryState {
    /// Returns whether the delivery is still to be sent or being sent, and so leaves the state
    /// without a person's help.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Deferred)
    }
}

enum_names!(DeliveryState, {
    Queued => "queued",
    Sending => "sending",
    Sent => "sent",
    Deferred => "deferred",
    Failed => "failed",
    Uncertain => "uncertain",
    Suppressed => "suppressed",
    Cancelled => "cancelled",
});
