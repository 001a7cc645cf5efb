//! Runs: one firing of a step at one instant.

mod cancel;
mod changed_contacts;
mod delays;
mod figures;
mod finish;
mod follow_up;
mod forecast;
pub(crate) mod insert;
mod plan;
mod read;
mod recipients;
mod reopen;
mod sample;
mod step;
mod stop;

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId, Money, OnUncertain};
use database::{ContactId, InputError, Millis, RevisionId, RowError, RunId, RunName, StoreError, enum_names};
use jiff::tz::TimeZone;
use schedule::{Condition, Moment};

pub(crate) use cancel::{CHUNK_SIZE, before_first, chunk_end, count_in_state};
use delays::StoredDelays;
pub use delays::{Delay, Delays};
use figures::StoredFigures;
pub use figures::{FeedbackCounts, RunFigures};
pub use insert::ManualInsert;
pub use sample::LengthUnit;
pub use step::{RevisionText, StepText};

use crate::{RecipientAddress, Tally};

/// The cause of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// The schedule of its step fired.
    Scheduled,
    /// A person sent the step by hand.
    Manual,
    /// A test copy to one address; it is in no report.
    Test,
}

/// The state of a run: `planned → running ⇄ paused → finished | finished_with_failures |
/// cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The run was inserted, its deliveries were not.
    Planned,
    /// Its deliveries exist and are sent as they become due.
    Running,
    /// A person, or Chorus itself, paused it.
    Paused,
    /// All deliveries ended, none failed.
    Finished,
    /// All deliveries ended, some failed or are left uncertain.
    FinishedWithFailures,
    /// A person cancelled it.
    Cancelled,
}

/// A run to insert. Campaign, step and instant are its key.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The id of its campaign.
    pub campaign: String,
    /// The id of its step.
    pub step: String,
    /// The id of its channel.
    pub channel: String,
    /// The instant that it fires for, unique within the step.
    pub instant: Millis,
    /// The cause of the run.
    pub kind: RunKind,
    /// The compiled step that it sends.
    pub revision_id: RevisionId,
    /// The parent run that it follows, of an `after` step.
    pub parent_id: Option<RunId>,
    /// The condition on the parent's recipients; evaluated when each delivery is due.
    pub condition: Option<Condition>,
    /// The treatment of deliveries whose outcome a crash left unknown.
    pub on_uncertain: OnUncertain,
    /// The time for which the other side may be busy with an uncertain try, in milliseconds: a
    /// second try, which looks the first one up, waits so long. 0 if the other side recognises a
    /// repeated message.
    pub look_after: i64,
    /// The cost of each sent message, in millionths of `currency`.
    pub cost_micros: Money,
    /// The currency of the cost; empty if a message costs nothing.
    pub currency: String,
    /// The expiry: deliveries that are not sent by then are not sent at all.
    pub expires_at: Millis,
    /// The settings that the run takes from the files when it is inserted.
    pub origin: RunOrigin,
}

/// The settings that a run takes from its files when it is inserted; later edits do not change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunOrigin {
    /// The kind of trigger of the step.
    pub trigger: Option<RunTrigger>,
    /// The end of the campaign: deliveries that are not handed out by then are not sent.
    pub ends_at: Option<Millis>,
    /// The delays of a follow-up run after a parent delivery.
    pub delays: Option<Delays>,
    /// The time of an edit up to which no recipient is due: recipients whose own due time is not
    /// after it are `missed`.
    pub missed_to: Option<Millis>,
    /// True if the due time depends on each contact's time zone.
    pub own_clock: bool,
    /// The address of a test copy, which replaces the contact's own.
    pub to_address: Option<String>,
    /// The account that the channel used when the run was inserted.
    pub account: Option<String>,
    /// The request of the person, of a run by hand or a test copy.
    pub request: Option<ManualRequest>,
    /// The id of the purpose whose consent each recipient must have given; `None` where no consent
    /// is needed.
    pub purpose: Option<String>,
}

/// The request of a person who sent a step by hand. It is stored so that an interrupted planning
/// continues with the same recipients.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct ManualRequest {
    /// A filter that selects only contacts who have not got the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingFrom>,
    /// The step that it follows, and the condition on each contact's reaction to the latest
    /// delivery of that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<(String, Condition)>,
    /// The contact whose values a test copy shows; `None` for no contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
}

impl ManualRequest {
    pub(crate) fn stored(&self) -> Result<String, StoreError> {
        Ok(serde_json::to_string(self).map_err(InputError::Json)?)
    }
}

/// The column `runs.asked`: the JSON of a [`ManualRequest`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredManualRequest(Option<String>);

impl TryFrom<StoredManualRequest> for Option<ManualRequest> {
    type Error = RowError;

    fn try_from(stored: StoredManualRequest) -> Result<Self, Self::Error> {
        let read = |json: String| {
            serde_json::from_str(&json).map_err(|error| RowError::Json {
                problem: format!("the manual request {json} is not known"),
                error,
            })
        };
        stored.0.map(read).transpose()
    }
}

/// The kind of trigger that a run's step had when the run was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// The step recurs: `cron`, `every` or `dates`.
    Cron,
    /// The step happens once: `at`.
    At,
    /// The step follows another: `after`.
    After,
    /// The step has no `when`.
    None,
}

/// The person or mechanism that paused a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// A person paused it by hand.
    Hand,
    /// One of the campaign's stop rules.
    StopRule,
    /// The channel, which cannot be used until a person repairs it.
    Channel,
    /// The line `hold = true` in the campaign's file.
    Hold,
    /// The command `chorus stop`.
    Stop,
    /// The absence of the campaign's file or of the step in it.
    Absent,
    /// A change of the channel's kind or account.
    Account,
    /// The command `chorus send`, which waited too long without progress.
    Wait,
}

/// A run, as stored in `runs`, with its tallies.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct Run {
    /// The id of the run.
    pub id: RunId,
    /// The id of its campaign.
    pub campaign: String,
    /// The id of its step.
    pub step: String,
    /// The id of its channel.
    pub channel: String,
    /// The instant that it fires for, unique within the step.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub instant: Millis,
    /// The cause of the run.
    #[sqlx(try_from = "String")]
    pub kind: RunKind,
    /// The current state of the run.
    #[sqlx(try_from = "String")]
    pub state: RunState,
    /// The compiled step that it sends.
    pub revision_id: Option<RevisionId>,
    /// The parent run that it follows.
    pub parent_id: Option<RunId>,
    /// The condition on the parent's recipients.
    #[sqlx(try_from = "StoredCondition")]
    pub condition: Option<Condition>,
    /// The cost of each sent message, in millionths of `currency`.
    #[serde(rename = "cost")]
    #[sqlx(try_from = "i64")]
    pub cost_micros: Money,
    /// The currency of the cost.
    pub currency: String,
    /// The expiry: deliveries that are not sent by then are not sent at all.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub expires_at: Millis,
    /// The number of its deliveries.
    pub total: i64,
    /// A note for people, such as why it paused.
    pub note: Option<String>,
    /// The figures at the time at which its stop rules last paused it.
    #[sqlx(try_from = "StoredFigures")]
    pub stopped: Option<RunFigures>,
    /// The time at which it was inserted.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub created_at: Millis,
    /// The time at which its deliveries were made.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub planned_at: Option<Millis>,
    /// The time at which its first delivery was claimed.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub started_at: Option<Millis>,
    /// The time at which it ended.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub finished_at: Option<Millis>,
    /// Its random name, never given twice; `None` for a run made before names existed.
    #[serde(skip)]
    pub name: Option<RunName>,
    /// The kind of trigger of the step when the run was inserted; `None` for a run made before it
    /// was stored.
    #[sqlx(try_from = "StoredTrigger")]
    pub trigger: Option<RunTrigger>,
    /// The time at which the campaign ends.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub ends_at: Option<Millis>,
    /// The delays of a follow-up run after a parent delivery.
    #[serde(skip)]
    #[sqlx(try_from = "StoredDelays")]
    pub delays: Option<Delays>,
    /// The time of an edit up to which no recipient is due.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub missed_to: Option<Millis>,
    /// 1 if the due time depends on each contact's time zone, otherwise 0.
    pub own_clock: i64,
    /// The person or mechanism that paused it; `None` while it is not paused, or if that was not
    /// stored.
    #[sqlx(try_from = "StoredPausedBy")]
    pub paused_by: Option<PausedBy>,
    /// The run whose cancellation also cancelled this one.
    pub cancelled_with: Option<RunId>,
    /// The address of a test copy.
    #[serde(skip)]
    pub to_address: Option<String>,
    /// The account that the channel used when the run was inserted.
    #[serde(skip)]
    pub account: Option<String>,
    /// The request of the person who sent it by hand.
    #[serde(skip)]
    #[sqlx(rename = "asked", try_from = "StoredManualRequest")]
    pub request: Option<ManualRequest>,
    /// The contact up to which its deliveries are made, during planning.
    #[serde(skip)]
    pub planned_through: i64,
    /// The numbers of its deliveries by how they ended so far.
    #[sqlx(skip)]
    pub tallies: Vec<Tally>,
    /// The bounces and complaints of its sent deliveries.
    #[serde(rename = "came_back")]
    #[sqlx(skip)]
    pub feedback: FeedbackCounts,
}

impl Run {
    /// Returns its figures so far, as stop rules read them.
    #[must_use]
    pub fn figures(&self) -> RunFigures {
        RunFigures::of(&self.tallies, self.feedback)
    }
}

/// The source of a run's recipients.
#[derive(Debug, Clone)]
pub enum RecipientSource<'a> {
    /// The channel's own feed: one delivery without a contact.
    Feed {
        /// The time at which it is due.
        due_at: Millis,
    },
    /// Members of an audience, inserted by `insert … select`. Contacts who cannot get it have a
    /// delivery that is `suppressed`, with the reason `no_address`, `no_consent`, `unsubscribed`,
    /// `bounced`, `complained`, `manual` or `too_late` (their local time passed longer ago than
    /// `catch_up_window`).
    Audience {
        /// All audiences of the workspace.
        audiences: &'a BTreeMap<AudienceId, Audience>,
        /// The audience of the run.
        audience: &'a AudienceId,
        /// The address that the channel needs.
        address: RecipientAddress,
        /// The instant or local time at which it is due.
        moment: Moment,
        /// The time zone of contacts without a known one.
        fallback: &'a TimeZone,
        /// The longest time by which a local time may have passed, in milliseconds.
        catch_up_window: i64,
        /// The request of a person, of a run by hand.
        by_hand: Option<ManualSend<'a>>,
    },
    /// Contacts that the parent run reached, `delay` milliseconds after it did.
    Followers {
        /// The delay after the parent delivery, in milliseconds.
        delay: i64,
        /// The address that the channel needs.
        address: RecipientAddress,
        /// All audiences and the audience that followers must belong to, if the step has another
        /// audience than its parent.
        audience: Option<(&'a BTreeMap<AudienceId, Audience>, &'a AudienceId)>,
    },
    /// One contact, for a test copy.
    One {
        /// The id of the contact.
        contact: ContactId,
        /// The address that the channel needs.
        address: RecipientAddress,
        /// The time at which it is due.
        due_at: Millis,
    },
}

/// A person's request to send a step by hand, with the step.
#[derive(Debug, Clone, Copy)]
pub struct ManualSend<'a> {
    /// The id of the campaign.
    pub campaign: &'a str,
    /// The id of the step.
    pub step: &'a str,
    /// The request, which selects recipients from the step's audience.
    pub request: &'a ManualRequest,
}

/// A filter for contacts who have not got a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingFrom {
    /// Contacts that no run of the step reached or will reach.
    #[serde(rename = "ever")]
    AllRuns,
    /// Contacts that the latest run of the step did not and will not reach.
    #[serde(rename = "last_time")]
    LatestRun,
}

/// The numbers of contacts that a plan reaches and leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct PlanCounts {
    /// The number of contacts in the audience.
    pub audience: i64,
    /// The number of contacts who would get it.
    pub reached: i64,
    /// The numbers of contacts who would not get it, by reason.
    pub left_out: BTreeMap<String, i64>,
}

enum_names!(RunKind, {
    Scheduled => "scheduled",
    Manual => "manual",
    Test => "test",
});

enum_names!(RunTrigger, {
    Cron => "cron",
    At => "at",
    After => "after",
    None => "none",
});

enum_names!(PausedBy, {
    Hand => "hand",
    StopRule => "stop_rule",
    Channel => "channel",
    Hold => "hold",
    Stop => "stop",
    Absent => "absent",
    Account => "account",
    Wait => "wait",
});

enum_names!(RunState, {
    Planned => "planned",
    Running => "running",
    Paused => "paused",
    Finished => "finished",
    FinishedWithFailures => "finished_with_failures",
    Cancelled => "cancelled",
});

/// The columns of a [`Run`], selected from `runs r`.
macro_rules! run_columns {
    () => {
        "r.id, r.campaign, r.step, r.channel, r.instant, r.kind, r.state, r.revision_id, r.parent_id, r.condition, \
         r.cost_micros, r.currency, r.expires_at, r.total, r.note, r.stopped, r.created_at, r.planned_at, r.started_at, \
         r.finished_at, r.name, r.trigger, r.ends_at, r.delays, r.missed_to, r.own_clock, r.paused_by, r.cancelled_with, \
         r.to_address, r.account, r.asked, r.planned_through"
    };
}
pub(crate) use run_columns;

/// The column `runs.condition`: the JSON of a [`Condition`].
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

/// The column `runs.trigger`, null for none.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredTrigger(Option<String>);

impl TryFrom<StoredTrigger> for Option<RunTrigger> {
    type Error = RowError;

    fn try_from(stored: StoredTrigger) -> Result<Self, Self::Error> {
        stored.0.map(RunTrigger::try_from).transpose()
    }
}

/// The column `runs.paused_by`, null for none.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct StoredPausedBy(Option<String>);

impl TryFrom<StoredPausedBy> for Option<PausedBy> {
    type Error = RowError;

    fn try_from(stored: StoredPausedBy) -> Result<Self, Self::Error> {
        stored.0.map(PausedBy::try_from).transpose()
    }
}
