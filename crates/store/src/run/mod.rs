//! Runs: one firing of a step at one instant.

mod cancel;
mod delays;
mod figures;
mod finish;
mod follow;
pub(crate) mod insert;
mod join;
mod outlook;
mod people;
mod plan;
mod read;
mod reader;
mod reopen;
mod step;
mod stop;

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId, Money, OnUncertain};
use database::{ContactId, InputError, Millis, RevisionId, RowError, RunId, RunName, StoreError, words};
use jiff::tz::TimeZone;
use schedule::{Condition, Moment};

pub(crate) use cancel::{SLAB, before, counted, slab_end};
use delays::StoredDelays;
pub use delays::{Delay, Delays};
use figures::StoredFigures;
pub use figures::{CameBack, Figures};
pub use insert::InsertedByHand;
pub use reader::Length;
pub use step::{RevisionText, StepText};

use crate::{Address, Tally};

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
    /// How long the other side may be busy with a try in doubt: a second one, which looks for it first, waits so
    /// long. 0 where the other side knows a message again.
    pub look_after: i64,
    /// What each sent message costs.
    pub cost_micros: Money,
    /// In this currency; empty when it costs nothing.
    pub currency: String,
    /// After this, what has not gone out does not.
    pub expires_at: Millis,
    /// What the run takes from the files as they are when it is made.
    pub origin: Origin,
}

/// What a run takes from its files when it is made; later edits do not change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The trigger of the step.
    pub trigger: Option<RunTrigger>,
    /// The end of the campaign: what has not been handed out by then does not go out.
    pub ends_at: Option<Millis>,
    /// By which delays those who follow a parent delivery fall due.
    pub delays: Option<Delays>,
    /// An edit up to which nobody falls due: recipients whose own instant is not after it are `missed`.
    pub missed_to: Option<Millis>,
    /// Whether each contact's own time zone decides when they fall due.
    pub own_clock: bool,
    /// Where a test copy goes, whatever the contact's own address is.
    pub to_address: Option<String>,
    /// Names the account that the channel used when the run was made.
    pub account: Option<String>,
    /// A person's request, of a run by hand or a test copy.
    pub asked: Option<Asked>,
}

/// The request of a person who sent a step by hand: kept, so that a planning that is cut short goes on for the same
/// people.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Asked {
    /// Only those who have not got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// The step that it follows, and who goes on by what they did with the latest of it that they got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<(String, Condition)>,
    /// The contact whose values a test copy shows; nobody's if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
}

impl Asked {
    pub(crate) fn stored(&self) -> Result<String, StoreError> {
        Ok(serde_json::to_string(self).map_err(InputError::Json)?)
    }
}

/// `runs.asked`: the JSON of an [`Asked`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredAsked(Option<String>);

impl TryFrom<StoredAsked> for Option<Asked> {
    type Error = RowError;

    fn try_from(stored: StoredAsked) -> Result<Self, Self::Error> {
        let read = |json: String| {
            serde_json::from_str(&json).map_err(|error| RowError::Json {
                problem: format!("what was asked for, {json}, is not known"),
                error,
            })
        };
        stored.0.map(read).transpose()
    }
}

/// The trigger of a run's step when the run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// Recurs: `cron`, `every` or `dates`.
    Cron,
    /// Happens once: `at`.
    At,
    /// Follows another step: `after`.
    After,
    /// The step has no `when`.
    None,
}

/// Who or what paused a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// A person.
    Hand,
    /// One of the campaign's stop rules.
    StopRule,
    /// The channel, which cannot be used until somebody repairs it.
    Channel,
    /// `hold = true` in the campaign's file.
    Hold,
    /// `chorus stop`.
    Stop,
    /// The campaign's file, or the step in it, is absent.
    Absent,
    /// The channel changed its kind or account.
    Account,
    /// `chorus send`, which waited too long without progress.
    Wait,
}

/// One run.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
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
    #[sqlx(try_from = "String")]
    pub kind: RunKind,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: RunState,
    /// What it says.
    pub revision_id: Option<RevisionId>,
    /// The run it follows.
    pub parent_id: Option<RunId>,
    /// Who of the parent's recipients go on.
    #[sqlx(try_from = "StoredCondition")]
    pub condition: Option<Condition>,
    /// What each sent message costs.
    #[sqlx(try_from = "i64")]
    pub cost_micros: Money,
    /// In this currency.
    pub currency: String,
    /// After this, what has not gone out does not.
    pub expires_at: Millis,
    /// How many deliveries it has.
    pub total: i64,
    /// What people should know: why it paused, say.
    pub note: Option<String>,
    /// What it had come to when it last stopped itself.
    #[sqlx(try_from = "StoredFigures")]
    pub stopped: Option<Figures>,
    /// When it was made.
    pub created_at: Millis,
    /// When its deliveries were made.
    pub planned_at: Option<Millis>,
    /// When its first delivery was claimed.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// Random and never given twice; `None` for a run made before names existed.
    #[serde(skip)]
    pub name: Option<RunName>,
    /// The trigger of the step when the run was made; `None` for a run made before it was kept.
    #[sqlx(try_from = "StoredTrigger")]
    pub trigger: Option<RunTrigger>,
    /// The end of the campaign.
    pub ends_at: Option<Millis>,
    /// By which delays those who follow a parent delivery fall due.
    #[serde(skip)]
    #[sqlx(try_from = "StoredDelays")]
    pub delays: Option<Delays>,
    /// An edit up to which nobody falls due.
    pub missed_to: Option<Millis>,
    /// 1 where each contact's own time zone decides when they fall due.
    pub own_clock: i64,
    /// Who or what paused it; `None` while it is not paused, or where that was not kept.
    #[sqlx(try_from = "StoredPausedBy")]
    pub paused_by: Option<PausedBy>,
    /// The run whose cancellation reached it.
    pub cancelled_with: Option<RunId>,
    /// Where a test copy goes.
    #[serde(skip)]
    pub to_address: Option<String>,
    /// Names the account that the channel used when the run was made.
    #[serde(skip)]
    pub account: Option<String>,
    /// The request of the person who sent it by hand.
    #[serde(skip)]
    #[sqlx(try_from = "StoredAsked")]
    pub asked: Option<Asked>,
    /// The contact up to which its deliveries are made, while they are.
    #[serde(skip)]
    pub planned_through: i64,
    /// How its deliveries ended so far.
    #[sqlx(skip)]
    pub tallies: Vec<Tally>,
    /// What came back of those that were sent.
    #[sqlx(skip)]
    pub came_back: CameBack,
}

impl Run {
    /// What it has come to.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures::of(&self.tallies, self.came_back)
    }
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
        address: Address,
        /// When it falls due.
        moment: Moment,
        /// The zone of contacts whose own is not known.
        fallback: &'a TimeZone,
        /// How late a local time may be, in milliseconds.
        catch_up_window: i64,
        /// What a person asked for, of a run by hand.
        by_hand: Option<ByHand<'a>>,
    },
    /// Those whom the parent run reached, `delay` milliseconds after it did.
    Followers {
        /// How long after.
        delay: i64,
        /// Which address the channel needs.
        address: Address,
        /// Only members of this audience, where the step has another than the earlier one; with all that it may name.
        of: Option<(&'a BTreeMap<AudienceId, Audience>, &'a AudienceId)>,
    },
    /// One contact.
    One {
        /// Who.
        contact: ContactId,
        /// Which address the channel needs.
        address: Address,
        /// When.
        due_at: Millis,
    },
}

/// What a person asked for who sends a step by hand.
#[derive(Debug, Clone, Copy)]
pub struct ByHand<'a> {
    /// Of this campaign.
    pub campaign: &'a str,
    /// This step.
    pub step: &'a str,
    /// To whom, of its audience.
    pub asked: &'a Asked,
}

/// Who has not got a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Whom none of its runs reached, or will.
    Ever,
    /// Whom its latest run did not reach, and will not.
    LastTime,
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

words!(RunKind, {
    Scheduled => "scheduled",
    Manual => "manual",
    Test => "test",
});

words!(RunTrigger, {
    Cron => "cron",
    At => "at",
    After => "after",
    None => "none",
});

words!(PausedBy, {
    Hand => "hand",
    StopRule => "stop_rule",
    Channel => "channel",
    Hold => "hold",
    Stop => "stop",
    Absent => "absent",
    Account => "account",
    Wait => "wait",
});

words!(RunState, {
    Planned => "planned",
    Running => "running",
    Paused => "paused",
    Finished => "finished",
    FinishedWithFailures => "finished_with_failures",
    Cancelled => "cancelled",
});

/// The columns of a [`Run`], of `runs r`.
macro_rules! run_columns {
    () => {
        "r.id, r.campaign, r.step, r.channel, r.instant, r.kind, r.state, r.revision_id, r.parent_id, r.condition, \
         r.cost_micros, r.currency, r.expires_at, r.total, r.note, r.stopped, r.created_at, r.planned_at, r.started_at, \
         r.finished_at, r.name, r.trigger, r.ends_at, r.delays, r.missed_to, r.own_clock, r.paused_by, r.cancelled_with, \
         r.to_address, r.account, r.asked, r.planned_through"
    };
}
pub(crate) use run_columns;

/// `runs.condition`: the JSON of a [`Condition`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct StoredCondition(Option<String>);

impl TryFrom<StoredCondition> for Option<Condition> {
    type Error = RowError;

    fn try_from(stored: StoredCondition) -> Result<Self, Self::Error> {
        stored
            .0
            .map(|json| {
                serde_json::from_str(&json).map_err(|error| RowError::Json {
                    problem: format!("the condition {json} is not known"),
                    error,
                })
            })
            .transpose()
    }
}

impl StoredCondition {
    pub(crate) fn of(condition: Option<Condition>) -> Result<Option<String>, StoreError> {
        let json = condition.map(|condition| serde_json::to_string(&condition)).transpose();
        Ok(json.map_err(InputError::Json)?)
    }
}

/// `runs.trigger`.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredTrigger(Option<String>);

impl TryFrom<StoredTrigger> for Option<RunTrigger> {
    type Error = RowError;

    fn try_from(stored: StoredTrigger) -> Result<Self, Self::Error> {
        stored.0.map(RunTrigger::try_from).transpose()
    }
}

/// `runs.paused_by`.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredPausedBy(Option<String>);

impl TryFrom<StoredPausedBy> for Option<PausedBy> {
    type Error = RowError;

    fn try_from(stored: StoredPausedBy) -> Result<Self, Self::Error> {
        stored.0.map(PausedBy::try_from).transpose()
    }
}
