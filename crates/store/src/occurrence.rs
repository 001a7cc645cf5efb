//! Occurrences that did not become runs as scheduled, each a row with its reason.

use std::collections::BTreeSet;

use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, enum_names, sql};

use crate::Store;

/// The kind of an occurrence that is not a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceKind {
    /// It was passed over, because of another run or by a person.
    Skipped,
    /// Its time passed while it could not run.
    Missed,
    /// It waits until a person runs or dismisses it.
    Held,
    /// Its campaign had ended.
    Ended,
    /// Not an occurrence but a report that the clock was wrong.
    Clock,
}

/// The reason for which an occurrence is not a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceReason {
    /// No worker was running at its time.
    Off,
    /// Its time was edited while no worker was running.
    Edited,
    /// Its time had passed when the step was added.
    Added,
    /// The campaign's file had errors.
    FileError,
    /// The campaign's file, or the step in it, was absent.
    Absent,
    /// The previous run of the step had not handed out all deliveries.
    Overlap,
    /// The campaign's file contains `hold = true`.
    Hold,
    /// A person stopped everything with `chorus stop`.
    Stop,
    /// The database is a copy of another.
    Copy,
    /// Its text is that of a removed step that contacts of its audience received.
    SameText,
    /// Its step happens once, and was sent before.
    AlreadySent,
    /// A person skipped the occurrence.
    ByHand,
    /// Its campaign had ended.
    Ends,
    /// The machine's clock went back.
    ClockBack,
}

/// The state of an occurrence that is not a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// It waits: a person may run or dismiss it.
    Open,
    /// A person requested that it run now.
    #[serde(rename = "asked")]
    Requested,
    /// It became a run later.
    Fired,
    /// A person dismissed the occurrence.
    Dismissed,
}

enum_names!(OccurrenceKind, {
    Skipped => "skipped",
    Missed => "missed",
    Held => "held",
    Ended => "ended",
    Clock => "clock",
});

enum_names!(OccurrenceReason, {
    Off => "off",
    Edited => "edited",
    Added => "added",
    FileError => "error",
    Absent => "absent",
    Overlap => "overlap",
    Hold => "hold",
    Stop => "stop",
    Copy => "copy",
    SameText => "same_text",
    AlreadySent => "already_sent",
    ByHand => "by_hand",
    Ends => "ends",
    ClockBack => "clock_back",
});

enum_names!(OccurrenceState, {
    Open => "open",
    Requested => "asked",
    Fired => "fired",
    Dismissed => "dismissed",
});

/// An occurrence to insert that is not a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOccurrence {
    /// The instant at which it was due.
    pub instant: Millis,
    /// The kind, which says what happened to it.
    pub kind: OccurrenceKind,
    /// The reason for which it did not run.
    pub reason: OccurrenceReason,
    /// The subject of the reason: the number of a run or the name of a step.
    pub detail: Option<String>,
    /// The last instant, if the row stands for several occurrences.
    pub through: Option<Millis>,
    /// The number of occurrences that the row stands for.
    pub count: i64,
    /// The id of the parent run that it would have followed.
    pub parent_id: Option<RunId>,
}

impl NewOccurrence {
    /// Creates a row for one occurrence without details.
    #[must_use]
    pub const fn one(instant: Millis, kind: OccurrenceKind, reason: OccurrenceReason) -> Self {
        Self { instant, kind, reason, detail: None, through: None, count: 1, parent_id: None }
    }
}

/// An occurrence that is not a run, as stored in `occurrences`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct OccurrenceRow {
    /// The id of the campaign.
    pub campaign: String,
    /// The id of the step.
    pub step: String,
    /// The instant at which it was due.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub instant: Millis,
    /// The kind, which says what happened to it.
    #[sqlx(try_from = "String")]
    pub kind: OccurrenceKind,
    /// The reason for which it did not run.
    #[sqlx(try_from = "String")]
    pub reason: OccurrenceReason,
    /// The subject of the reason: the number of a run or the name of a step.
    pub detail: Option<String>,
    /// The last instant, if the row stands for several occurrences.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub through: Option<Millis>,
    /// The number of occurrences that the row stands for.
    pub count: i64,
    /// The id of the parent run that it would have followed.
    pub parent_id: Option<RunId>,
    /// The state, which says whether it still waits for a person.
    #[sqlx(try_from = "String")]
    pub state: OccurrenceState,
    /// The id of the run that it became.
    pub run_id: Option<RunId>,
    /// The time at which the row was inserted.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub created_at: Millis,
}

#[derive(serde::Serialize)]
struct Input<'a> {
    instant: Millis,
    kind: &'static str,
    reason: &'static str,
    detail: Option<&'a str>,
    through: Option<Millis>,
    count: i64,
    parent_id: Option<i64>,
    state: &'static str,
}

const ADD: Sql = sql!(
    "with " [batch 3 as input: instant bigint, kind text, reason text, detail text, through bigint, count bigint,
             parent_id bigint, state text]
    "insert into occurrences (campaign, step, instant, kind, reason, detail, through, count, parent_id, state, created_at)
     select cast($1 as text), cast($2 as text), instant, kind, reason, detail, through, count, parent_id, state, $4
     from input i
     where not exists (select 1 from runs r where r.campaign = $1 and r.step = $2 and r.instant = i.instant)
     order by instant
     on conflict (campaign, step, instant) do nothing"
);

#[derive(serde::Serialize)]
struct RunKey {
    id: RunId,
}

const MARK_FIRED: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update occurrences set state = 'fired', run_id = r.id from input i join runs r on r.id = i.id
     where occurrences.campaign = r.campaign and occurrences.step = r.step and occurrences.instant = r.instant"
);

const FIRE_OPEN: Sql = sql!(
    "update occurrences set state = 'fired', run_id = $3
     where campaign = $1 and step = $2 and state in ('open', 'asked') and kind <> 'clock'"
);

const LIST: Sql = sql!(
    "select campaign, step, instant, kind, reason, detail, through, count, parent_id, state, run_id, created_at
     from occurrences where ($1 is null or campaign = $1) and ($2 = 0 or state = 'open')
     order by instant desc, campaign, step limit $3"
);

const PARENTS: Sql = sql!(
    "select campaign, step, parent_id from occurrences where parent_id is not null and state <> 'fired'"
);

const GET: Sql = sql!(
    "select campaign, step, instant, kind, reason, detail, through, count, parent_id, state, run_id, created_at
     from occurrences where campaign = $1 and step = $2 and instant = $3"
);

const REQUEST: Sql = sql!(
    "update occurrences set state = 'asked'
     where campaign = $1 and step = $2 and instant = $3 and state = 'open' and kind <> 'clock'"
);

const LIST_REQUESTED: Sql = sql!(
    "select campaign, step, instant, kind, reason, detail, through, count, parent_id, state, run_id, created_at
     from occurrences where state = 'asked' order by instant limit 100"
);

const REOPEN: Sql = sql!(
    "update occurrences set state = 'open', detail = $4
     where campaign = $1 and step = $2 and instant = $3 and state = 'asked'"
);

const DISMISS: Sql = sql!(
    "insert into occurrences (campaign, step, instant, kind, reason, state, created_at)
     select cast($1 as text), cast($2 as text), cast($3 as bigint), 'skipped', 'by_hand', 'dismissed', cast($4 as bigint)
     where not exists (select 1 from runs r where r.campaign = $1 and r.step = $2 and r.instant = $3)
     on conflict (campaign, step, instant) do update set state = 'dismissed'
     where occurrences.state in ('open', 'asked')"
);

/// Inserts occurrences of one step. Those that are runs or have a row already stay as they are.
pub(crate) async fn add(
    tx: &mut Tx,
    campaign: &str,
    step: &str,
    occurrences: &[NewOccurrence],
    now: Millis,
) -> Result<(), StoreError> {
    if occurrences.is_empty() {
        return Ok(());
    }
    let input = occurrences.iter().map(|occurrence| Input {
        instant: occurrence.instant,
        kind: occurrence.kind.as_str(),
        reason: occurrence.reason.as_str(),
        detail: occurrence.detail.as_deref(),
        through: occurrence.through,
        count: occurrence.count,
        parent_id: occurrence.parent_id.map(|id| id.0),
        state: OccurrenceState::Open.as_str(),
    });
    let input: Vec<_> = input.collect();
    tx.execute(&ADD, args![campaign, step, batch(&input)?, now]).await.map(|_| ())
}

/// Marks the occurrences that became these runs as fired.
pub(crate) async fn mark_fired(tx: &mut Tx, made: &[RunId]) -> Result<(), StoreError> {
    if made.is_empty() {
        return Ok(());
    }
    let input: Vec<_> = made.iter().map(|id| RunKey { id: *id }).collect();
    tx.execute(&MARK_FIRED, args![batch(&input)?]).await.map(|_| ())
}

/// Marks all open occurrences of a one-time step as fired, after it was sent by hand.
pub(crate) async fn fire_open(
    tx: &mut Tx,
    campaign: &str,
    step: &str,
    made: &[RunId],
) -> Result<(), StoreError> {
    let Some(run) = made.first() else { return Ok(()) };
    tx.execute(&FIRE_OPEN, args![campaign, step, *run]).await.map(|_| ())
}

impl Store {
    /// Inserts occurrences of one step without advancing its watermark. Those that are runs or have
    /// a row already stay as they are.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_add(
        &self,
        campaign: &str,
        step: &str,
        occurrences: &[NewOccurrence],
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        add(&mut tx, campaign, step, occurrences, now).await?;
        tx.commit().await
    }

    /// Lists occurrences that are not runs, the latest first, of one campaign if given; only those
    /// that wait for a person, if `open`.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_list(
        &self,
        campaign: Option<&str>,
        open: bool,
        limit: i64,
    ) -> Result<Vec<OccurrenceRow>, StoreError> {
        self.rows(&LIST, args![campaign, i64::from(open), limit]).await
    }

    /// Returns the parent runs that a step does not follow because the occurrence has a row here:
    /// campaign, step, parent run.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_parents(&self) -> Result<BTreeSet<(String, String, RunId)>, StoreError> {
        Ok(self.rows(&PARENTS, args![]).await?.into_iter().collect())
    }

    /// Returns one occurrence that is not a run.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_get(
        &self,
        campaign: &str,
        step: &str,
        instant: Millis,
    ) -> Result<Option<OccurrenceRow>, StoreError> {
        self.row(&GET, args![campaign, step, instant]).await
    }

    /// Records that a person wants an occurrence to run now; the planner reads it. Returns false if
    /// the occurrence is not open.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_request(
        &self,
        campaign: &str,
        step: &str,
        instant: Millis,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(&REQUEST, args![campaign, step, instant]).await? > 0)
    }

    /// Lists the occurrences that a person requested to run now.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_requested(&self) -> Result<Vec<OccurrenceRow>, StoreError> {
        self.rows(&LIST_REQUESTED, args![]).await
    }

    /// Opens a requested occurrence again that could not run, with the reason.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_reopen(&self, row: &OccurrenceRow, why: &str) -> Result<(), StoreError> {
        self.execute(&REOPEN, args![row.campaign.as_str(), row.step.as_str(), row.instant, why])
            .await
            .map(|_| ())
    }

    /// Dismisses an occurrence: one that has a row does not wait for a person any more, a future
    /// one will not run. Returns false if it is a run or was dismissed before.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_dismiss(
        &self,
        campaign: &str,
        step: &str,
        instant: Millis,
        now: Millis,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(&DISMISS, args![campaign, step, instant, now]).await? > 0)
    }
}
