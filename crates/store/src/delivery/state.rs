//! The states of a delivery.

use database::words;

/// The state of a delivery. Its words in rows, files, addresses of pages and JSON are those of `as_str`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits until it is due.
    Queued,
    /// Begun; no answer is recorded.
    Sending,
    /// The relay or platform accepted it.
    Sent,
    /// To be tried again.
    Deferred,
    /// Refused for good.
    Failed,
    /// A crash or a lost connection left no answer, and the step says `hold`.
    Uncertain,
    /// Was not to be sent.
    Suppressed,
    /// Its run was ended first.
    Cancelled,
}

impl DeliveryState {
    /// True where a delivery leaves the state by itself: it is to be sent, or being sent.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Deferred)
    }
}

words!(DeliveryState, {
    Queued => "queued",
    Sending => "sending",
    Sent => "sent",
    Deferred => "deferred",
    Failed => "failed",
    Uncertain => "uncertain",
    Suppressed => "suppressed",
    Cancelled => "cancelled",
});
