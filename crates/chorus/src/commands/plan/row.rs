//! A row of the plan.

use campaign::Money;
use jiff::Timestamp;
use serde::Serialize;
use store::{OccurrenceKind, OccurrenceReason, PlanCounts};

/// One occurrence of one step.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) campaign: String,
    pub(super) step: String,
    pub(super) channel: String,
    /// The first instant at which it falls due for anybody.
    pub(super) at: Timestamp,
    /// The instant at which it falls due in the brand's time zone.
    #[serde(skip)]
    pub(super) here: Timestamp,
    /// The wall-clock time, when it follows each contact's own clock.
    pub(super) local: Option<String>,
    /// It fell due while nothing was running: this becomes of it as soon as something runs.
    pub(super) overdue: bool,
    /// Its step's schedule in words.
    pub(super) schedule: String,
    /// The same of an `after` step, whose people come one by one.
    pub(super) after: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) counts: PlanCounts,
    /// About when the last message would be out, where something bounds it.
    pub(super) finish: Option<Timestamp>,
    /// True if it expires before that, so that not everybody gets it.
    pub(super) expires_first: bool,
    pub(super) cost_micros: Money,
    pub(super) currency: String,
    /// True if it runs; else `kind` and `reason` say what becomes of it, and `because` says so in words.
    pub(super) runs: bool,
    pub(super) kind: Option<OccurrenceKind>,
    pub(super) reason: Option<OccurrenceReason>,
    pub(super) because: Option<String>,
}
