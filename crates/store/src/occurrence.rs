//! Occurrences that did not run as their schedule said: each a row, with its reason.

use std::collections::BTreeSet;

use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql, words};

use crate::Store;

/// What became of an occurrence that is no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceKind {
    /// Passed over, because of another run or by a person.
    Skipped,
    /// Its time passed while it could not run.
    Missed,
    /// It waits for a person to let it go.
    Held,
    /// The campaign had ended.
    Ended,
    /// No occurrence, but a report: the clock was wrong.
    Clock,
}

/// Why an occurrence is no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceReason {
    /// Nothing was running at its time.
    Off,
    /// Its time was edited while nothing was running.
    Edited,
    /// Its time had passed when the step was added.
    Added,
    /// The campaign's file had errors.
    FileError,
    /// The campaign's file, or the step in it, was absent.
    Absent,
    /// The last run of the step had not been handed out.
    Overlap,
    /// `hold = true` in the campaign's file.
    Hold,
    /// `chorus stop`.
    Stop,
    /// The database is a copy.
    Copy,
    /// Its text is that of a step that is gone, and people of its audience got that.
    SameText,
    /// It happens once, and went out before.
    AlreadySent,
    /// A person skipped it.
    ByHand,
    /// The campaign had ended.
    Ends,
    /// The clock went back.
    ClockBack,
}

/// Whether an occurrence that is no run still waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// A person may run or dismiss it.
    Open,
    /// A person asked for it to run now.
    Asked,
    /// It became a run after all.
    Fired,
    /// A person dismissed it.
    Dismissed,
}

words!(OccurrenceKind, {
    Skipped => "skipped",
    Missed => "missed",
    Held => "held",
    Ended => "ended",
    Clock => "clock",
});

words!(OccurrenceReason, {
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

words!(OccurrenceState, {
    Open => "open",
    Asked => "asked",
    Fired => "fired",
    Dismissed => "dismissed",
});

/// An occurrence to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOccurrence {
    /// When it was due.
    pub instant: Millis,
    /// What became of it.
    pub kind: OccurrenceKind,
    /// Why.
    pub reason: OccurrenceReason,
    /// What the reason is about: a run's number, a step's name.
    pub detail: Option<String>,
    /// The last instant, where the row stands for several.
    pub through: Option<Millis>,
    /// How many occurrences the row stands for.
    pub count: i64,
    /// The run it would have followed.
    pub parent_id: Option<RunId>,
}

impl NewOccurrence {
    /// One occurrence.
    #[must_use]
    pub const fn one(instant: Millis, kind: OccurrenceKind, reason: OccurrenceReason) -> Self {
        Self { instant, kind, reason, detail: None, through: None, count: 1, parent_id: None }
    }
}

/// An occurrence that is no run, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct OccurrenceRow {
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// When it was due.
    pub instant: Millis,
    /// What became of it.
    #[sqlx(try_from = "String")]
    pub kind: OccurrenceKind,
    /// Why.
    #[sqlx(try_from = "String")]
    pub reason: OccurrenceReason,
    /// What the reason is about.
    pub detail: Option<String>,
    /// The last instant, where the row stands for several.
    pub through: Option<Millis>,
    /// How many occurrences the row stands for.
    pub count: i64,
    /// The run it would have followed.
    pub parent_id: Option<RunId>,
    /// Whether it still waits for a person.
    #[sqlx(try_from = "String")]
    pub state: OccurrenceState,
    /// The run that it became.
    pub run_id: Option<RunId>,
    /// When it was written down.
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
struct Made {
    id: RunId,
}

const FIRED: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update occurrences set state = 'fired', run_id = r.id from input i join runs r on r.id = i.id
     where occurrences.campaign = r.campaign and occurrences.step = r.step and occurrences.instant = r.instant"
);

const OVER: Sql = sql!(
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

const ASK: Sql = sql!(
    "update occurrences set state = 'asked'
     where campaign = $1 and step = $2 and instant = $3 and state = 'open' and kind <> 'clock'"
);

const ASKED: Sql = sql!(
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

/// Writes occurrences of one step down; those that are runs, or written down already, stay as they are.
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

/// Marks the occurrences that became these runs.
pub(crate) async fn fired(tx: &mut Tx, made: &[RunId]) -> Result<(), StoreError> {
    if made.is_empty() {
        return Ok(());
    }
    let input: Vec<_> = made.iter().map(|id| Made { id: *id }).collect();
    tx.execute(&FIRED, args![batch(&input)?]).await.map(|_| ())
}

/// Marks every occurrence of a step that happens once, now that it went out by hand.
pub(crate) async fn over(tx: &mut Tx, campaign: &str, step: &str, made: &[RunId]) -> Result<(), StoreError> {
    let Some(run) = made.first() else { return Ok(()) };
    tx.execute(&OVER, args![campaign, step, *run]).await.map(|_| ())
}

impl Store {
    /// Writes occurrences of one step down without moving its watermark. What is a run, or written down already, stays
    /// as it is.
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

    /// Occurrences that are no runs, the latest first, of one campaign if given; only those that wait for a person,
    /// if `open`.
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

    /// The parent runs that a step does not follow because that occurrence is written down: campaign, step, parent.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_parents(&self) -> Result<BTreeSet<(String, String, RunId)>, StoreError> {
        Ok(self.rows(&PARENTS, args![]).await?.into_iter().collect())
    }

    /// One occurrence that is no run.
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

    /// Notes that a person wants an occurrence to run now: the planner sees it. False where it does not wait for
    /// anybody.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_ask(
        &self,
        campaign: &str,
        step: &str,
        instant: Millis,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(&ASK, args![campaign, step, instant]).await? > 0)
    }

    /// The occurrences that a person wants to run now.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_asked(&self) -> Result<Vec<OccurrenceRow>, StoreError> {
        self.rows(&ASKED, args![]).await
    }

    /// Gives an occurrence back that could not run although a person asked for it, with the reason.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn occurrence_reopen(&self, row: &OccurrenceRow, why: &str) -> Result<(), StoreError> {
        self.execute(&REOPEN, args![row.campaign.as_str(), row.step.as_str(), row.instant, why])
            .await
            .map(|_| ())
    }

    /// Dismisses an occurrence: one that was written down waits for nobody any more, one that is still to come does not
    /// run. False where it is a run, or was dismissed before.
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
