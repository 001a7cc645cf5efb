//! Runs: one firing of a step at one instant.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId, Condition, Micros, Moment, OnUncertain};
use jiff::tz::TimeZone;

use crate::{AddressKind, ContactId, Millis, RevisionId, RunId, Store, StoreError};

/// Why a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Its schedule fired.
    Scheduled,
    /// Somebody asked for it.
    Manual,
    /// One copy to one address; in no report.
    Test,
}

/// Where a run stands: `planned → running ⇄ paused → finished | finished_with_failures | cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Made, its deliveries not yet.
    Planned,
    /// Its deliveries are made and go out as they fall due.
    Running,
    /// Somebody, or Chorus itself, stopped it for now.
    Paused,
    /// Every delivery ended, none failed.
    Finished,
    /// Every delivery ended, some failed or are left uncertain.
    FinishedWithFailures,
    /// Somebody ended it.
    Cancelled,
}

/// A run to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// By this channel.
    pub channel: String,
    /// The key.
    pub instant: Millis,
    /// Why.
    pub kind: RunKind,
    /// What it says.
    pub revision_id: RevisionId,
    /// The run it follows, of an `after` step.
    pub parent_id: Option<RunId>,
    /// Who of the parent's recipients go on; looked at when each delivery falls due.
    pub condition: Option<Condition>,
    /// What a crash leaves.
    pub on_uncertain: OnUncertain,
    /// What each sent message costs.
    pub cost_micros: Micros,
    /// In this currency; empty when it costs nothing.
    pub currency: String,
    /// After this, what has not gone out does not.
    pub expires_at: Millis,
}

/// One run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Run {
    /// The row.
    pub id: RunId,
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// By this channel.
    pub channel: String,
    /// The key.
    pub instant: Millis,
    /// Why.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// What it says.
    pub revision_id: Option<RevisionId>,
    /// The run it follows.
    pub parent_id: Option<RunId>,
    /// Who of the parent's recipients go on.
    pub condition: Option<Condition>,
    /// What each sent message costs.
    pub cost_micros: Micros,
    /// In this currency.
    pub currency: String,
    /// After this, what has not gone out does not.
    pub expires_at: Millis,
    /// How many deliveries it has.
    pub total: i64,
    /// What people should know: why it paused, say.
    pub note: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When its deliveries were made.
    pub planned_at: Option<Millis>,
    /// When its first delivery was claimed.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// How its deliveries ended so far.
    pub tallies: Vec<Tally>,
}

/// How many deliveries ended in one way. The state `repeat` counts sends that may have been received twice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// A delivery state, or `repeat`.
    pub state: String,
    /// Why, where there is more to say; else empty.
    pub reason: String,
    /// How many.
    pub count: i64,
}

/// Whom a run goes to.
#[derive(Debug, Clone)]
pub enum Planned<'a> {
    /// The channel's own feed, once.
    Feed {
        /// When.
        due_at: Millis,
    },
    /// Members of an audience. One `insert … select`: those who cannot get it are there as `suppressed`,
    /// with the reason `no_address`, `no_consent`, `unsubscribed`, `bounced`, `complained`, `manual` or
    /// `too_late` (their local time passed longer ago than `catch_up_window`).
    Audience {
        /// Every audience of the workspace.
        audiences: &'a BTreeMap<AudienceId, Audience>,
        /// This one.
        audience: &'a AudienceId,
        /// Which address the channel needs.
        address: AddressKind,
        /// When it falls due.
        moment: Moment,
        /// The zone of contacts whose own is not known.
        fallback: &'a TimeZone,
        /// How late a local time may be, in milliseconds.
        catch_up_window: Millis,
    },
    /// Those whom the parent run reached, `delay` milliseconds after it did.
    Followers {
        /// How long after.
        delay: Millis,
        /// Which address the channel needs.
        address: AddressKind,
    },
    /// One contact.
    One {
        /// Who.
        contact: ContactId,
        /// Which address the channel needs.
        address: AddressKind,
        /// When.
        due_at: Millis,
    },
}

/// Who a plan reaches and who is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct PlanCounts {
    /// Everybody in the audience.
    pub audience: i64,
    /// Who would get it.
    pub reached: i64,
    /// Who would not: reason to count.
    pub left_out: BTreeMap<String, i64>,
}

impl Store {
    /// Up to where the occurrences of each (campaign, step) have been decided.
    pub async fn schedule_all(&self) -> Result<BTreeMap<(String, String), Millis>, StoreError> {
        todo!()
    }

    /// Makes the runs of one step and moves its watermark from `from` (`None`: it has none yet) to `to`, in one
    /// transaction. `None` when somebody else moved it first, and nothing was done. A run whose key exists is
    /// not made again.
    pub async fn schedule_advance(
        &self,
        _campaign: &str,
        _step: &str,
        _from: Option<Millis>,
        _to: Millis,
        _runs: &[NewRun],
        _now: Millis,
    ) -> Result<Option<Vec<RunId>>, StoreError> {
        todo!()
    }

    /// Makes one run. `None` when its key exists.
    pub async fn run_insert(&self, _run: &NewRun, _now: Millis) -> Result<Option<RunId>, StoreError> {
        todo!()
    }

    /// Makes a planned run's deliveries and sets it running, in one transaction. Does nothing to a run that is
    /// not `planned`. Says how many rows were made.
    pub async fn run_plan(
        &self,
        _run: RunId,
        _whom: &Planned<'_>,
        _now: Millis,
    ) -> Result<i64, StoreError> {
        todo!()
    }

    /// What `run_plan` would do for an audience, without doing it.
    pub async fn plan_count(
        &self,
        _audiences: &BTreeMap<AudienceId, Audience>,
        _audience: &AudienceId,
        _address: AddressKind,
        _now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        todo!()
    }

    /// One run.
    pub async fn run_get(&self, _id: RunId) -> Result<Option<Run>, StoreError> {
        todo!()
    }

    /// Runs that have not ended, oldest first.
    pub async fn run_live(&self) -> Result<Vec<Run>, StoreError> {
        todo!()
    }

    /// The latest runs first, of one campaign if given, of kind `test` too.
    pub async fn run_list(&self, _campaign: Option<&str>, _limit: i64) -> Result<Vec<Run>, StoreError> {
        todo!()
    }

    /// Runs of (campaign, parent step), not of kind `test`, that were planned after `since` and that have no
    /// run of (campaign, step) following them yet; with the earliest sending time of their deliveries.
    pub async fn run_parents(
        &self,
        _campaign: &str,
        _parent_step: &str,
        _step: &str,
        _since: Millis,
    ) -> Result<Vec<Run>, StoreError> {
        todo!()
    }

    /// Stops a planned or running run for now, with a note. Says whether it did.
    pub async fn run_pause(&self, _id: RunId, _note: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// Lets a paused run go on: `planned` if its deliveries are not made yet, else `running`.
    pub async fn run_resume(&self, _id: RunId) -> Result<bool, StoreError> {
        todo!()
    }

    /// Ends a run: what is not under way is `cancelled`; what is finishes. Says how many were cancelled, or
    /// `None` if it had ended.
    pub async fn run_cancel(&self, _id: RunId, _now: Millis) -> Result<Option<i64>, StoreError> {
        todo!()
    }

    /// Queues exactly the failed and the held uncertain deliveries of an ended or running run again, and sets it
    /// running. Says how many.
    pub async fn run_retry(&self, _id: RunId, _now: Millis) -> Result<i64, StoreError> {
        todo!()
    }

    /// Ends running runs that have no open delivery left. Says which.
    pub async fn run_finish(&self, _now: Millis) -> Result<Vec<RunId>, StoreError> {
        todo!()
    }
}
