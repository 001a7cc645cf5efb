//! A row of the plan: one occurrence.

use campaign::Money;
use jiff::Timestamp;
use serde::Serialize;
use store::{OccurrenceKind, OccurrenceReason, PlanCounts};

/// An occurrence of a step, as it is printed and serialized.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) campaign: String,
    pub(super) step: String,
    pub(super) channel: String,
    /// The instant at which it is due for the first recipient.
    #[serde(serialize_with = "store::iso8601::serialize")]
    pub(super) at: Timestamp,
    /// The instant at which it is due in the brand's time zone.
    #[serde(skip)]
    pub(super) brand_time: Timestamp,
    /// The local time, if it is due in each contact's time zone.
    pub(super) local: Option<String>,
    /// True if it was due while no worker was running; it is handled when one runs again.
    pub(super) overdue: bool,
    /// The step's schedule in words.
    pub(super) schedule: String,
    /// The schedule in words of an `after` step, whose recipients are due one by one.
    pub(super) after: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) counts: PlanCounts,
    /// Estimated time of the last message; `None` if nothing limits the rate.
    #[serde(serialize_with = "store::iso8601::serialize")]
    pub(super) finish: Option<Timestamp>,
    /// True if it expires before `finish`, so that some recipients do not get it.
    pub(super) expires_first: bool,
    /// The cost of its messages, in `currency`.
    pub(super) cost: Money,
    /// ISO 4217 code of the currency; empty for free messages.
    pub(super) currency: String,
    /// True if it runs; otherwise `kind` and `reason` state why not, and `because` in words.
    pub(super) runs: bool,
    pub(super) kind: Option<OccurrenceKind>,
    pub(super) reason: Option<OccurrenceReason>,
    pub(super) because: Option<String>,
}
