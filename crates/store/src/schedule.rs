//! Watermarks of steps: the instant up to which a step's occurrences are decided, and the
//! transaction that decides more of them.

use std::collections::{BTreeMap, BTreeSet};

use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql};

use crate::occurrence::{self, NewOccurrence};
use crate::run::insert;
use crate::{Delays, NewRun, Store};

/// The ids of a campaign and of a step in it.
pub type StepKey = (String, String);

/// The stored schedule of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The watermark: the instant up to which occurrences are decided.
    pub planned_through: Millis,
    /// The definition that decided its times when it was last planned, as JSON; `None` in a
    /// database made before definitions were stored.
    pub definition: Option<String>,
    /// The history of delays of a step that follows another.
    pub history: Option<Delays>,
    /// The time since which the step has been absent from the files.
    pub gone_since: Option<Millis>,
}

/// An advance of a step's watermark, with everything that it decides.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleAdvance<'a> {
    /// The id of the campaign.
    pub campaign: &'a str,
    /// The id of the step.
    pub step: &'a str,
    /// The expected current watermark; `None` if the step must have none yet.
    pub from: Option<Millis>,
    /// The new watermark: earlier than before if the clock was wrong.
    pub to: Millis,
    /// The definition that decides the step's times from now on.
    pub definition: &'a str,
    /// The history of delays of a step that follows another.
    pub history: Option<&'a Delays>,
    /// The runs to insert.
    pub runs: &'a [NewRun],
    /// The occurrences that do not run.
    pub occurrences: &'a [NewOccurrence],
}

const LIST: Sql =
    sql!("select campaign, step, planned_through, definition, history, gone_since from schedules");

const INSERT_FIRST: Sql = sql!(
    "insert into schedules (campaign, step, planned_through, definition, history) values ($1, $2, $3, $4, $5)
     on conflict (campaign, step) do nothing"
);

const INSERT_NEW: Sql = sql!(
    "with " [batch 1 as input: campaign text, step text, definition text]
    "insert into schedules (campaign, step, planned_through, definition)
     select campaign, step, $2, definition from input where true
     on conflict (campaign, step) do nothing"
);

#[derive(serde::Serialize)]
struct NewSchedule<'a> {
    campaign: &'a str,
    step: &'a str,
    definition: &'a str,
}

const ADVANCE: Sql = sql!(
    "update schedules set planned_through = $3, definition = $4, history = $5, gone_since = null
     where campaign = $1 and step = $2 and planned_through = $6"
);

/// The instants in $3 that a person dismissed before.
const DISMISSED: Sql = sql!(
    "with " [batch 3 as input: instant bigint]
    "select o.instant from input i join occurrences o on o.campaign = $1 and o.step = $2 and o.instant = i.instant
     where o.state = 'dismissed'"
);

#[derive(serde::Serialize)]
struct Instant {
    instant: Millis,
}

#[derive(serde::Serialize)]
struct Key<'a> {
    campaign: &'a str,
    step: &'a str,
}

const MARK_ABSENT: Sql = sql!(
    "with " [batch 1 as input: campaign text, step text]
    "update schedules set gone_since = $2 from input i
     where schedules.campaign = i.campaign and schedules.step = i.step and schedules.gone_since is null"
);

const MARK_PRESENT: Sql = sql!(
    "with " [batch 1 as input: campaign text, step text]
    "update schedules set gone_since = null from input i
     where schedules.campaign = i.campaign and schedules.step = i.step and schedules.gone_since is not null"
);

#[derive(sqlx::FromRow)]
struct Row {
    campaign: String,
    step: String,
    planned_through: Millis,
    definition: Option<String>,
    history: Option<String>,
    gone_since: Option<Millis>,
}

impl Store {
    /// Returns the stored schedules of all steps, including steps that are not in the files any
    /// more.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_all(&self) -> Result<BTreeMap<StepKey, ScheduleRow>, StoreError> {
        let rows: Vec<Row> = self.rows(&LIST, args![]).await?;
        let read = |Row { campaign, step, planned_through, definition, history, gone_since }| {
            let history = history.map(|json| Delays::read(&json)).transpose()?;
            Ok(((campaign, step), ScheduleRow { planned_through, definition, history, gone_since }))
        };
        rows.into_iter().map(read).collect()
    }

    /// Inserts the runs of one step and the occurrences that do not run, and advances the
    /// watermark, in one transaction. Returns `None` if another process advanced it first; then
    /// nothing was done. A run whose key exists is not inserted again, nor one that a person
    /// dismissed before; an occurrence that is a run gets no row among those that are not.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_advance(
        &self,
        advance: &ScheduleAdvance<'_>,
        now: Millis,
    ) -> Result<Option<Vec<RunId>>, StoreError> {
        let ScheduleAdvance { campaign, step, from, to, definition, .. } = *advance;
        let history = advance.history.map(Delays::stored).transpose()?;
        let history = history.as_deref();
        let mut tx = self.begin().await?;
        let moved = match from {
            None => tx.execute(&INSERT_FIRST, args![campaign, step, to, definition, history]).await?,
            Some(from) => tx.execute(&ADVANCE, args![campaign, step, to, definition, history, from]).await?,
        };
        if moved == 0 {
            return Ok(None);
        }
        let runs = not_dismissed(&mut tx, advance).await?;
        let made = insert::insert(&mut tx, &runs, now).await?;
        occurrence::mark_fired(&mut tx, &made).await?;
        occurrence::add(&mut tx, campaign, step, advance.occurrences, now).await?;
        tx.commit().await?;
        Ok(Some(made))
    }

    /// Inserts schedules of new steps, each with the definition that decides its times: everything
    /// up to now counts as decided. Known steps stay as they are.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_insert_new(
        &self,
        steps: &[(StepKey, String)],
        now: Millis,
    ) -> Result<(), StoreError> {
        let new =
            steps.iter().map(|((campaign, step), definition)| NewSchedule { campaign, step, definition });
        let new: Vec<_> = new.collect();
        self.execute(&INSERT_NEW, args![batch(&new)?, now]).await.map(|_| ())
    }

    /// Marks steps as absent from the files since `now`, unless they are marked already.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_mark_absent(&self, steps: &[StepKey], now: Millis) -> Result<(), StoreError> {
        let keys = keys(steps);
        if keys.is_empty() {
            return Ok(());
        }
        self.execute(&MARK_ABSENT, args![batch(&keys)?, now]).await.map(|_| ())
    }

    /// Removes the mark of steps that are in the files again.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_mark_present(&self, steps: &[StepKey]) -> Result<(), StoreError> {
        let keys = keys(steps);
        if keys.is_empty() {
            return Ok(());
        }
        self.execute(&MARK_PRESENT, args![batch(&keys)?]).await.map(|_| ())
    }
}

fn keys(steps: &[StepKey]) -> Vec<Key<'_>> {
    steps.iter().map(|(campaign, step)| Key { campaign, step }).collect()
}

/// Returns the runs of an advance that no person dismissed before.
async fn not_dismissed(tx: &mut Tx, advance: &ScheduleAdvance<'_>) -> Result<Vec<NewRun>, StoreError> {
    if advance.runs.is_empty() {
        return Ok(Vec::new());
    }
    let input: Vec<_> = advance.runs.iter().map(|run| Instant { instant: run.instant }).collect();
    let args = args![advance.campaign, advance.step, batch(&input)?];
    let dismissed: Vec<(Millis,)> = tx.rows(&DISMISSED, args).await?;
    let dismissed: BTreeSet<_> = dismissed.into_iter().map(|(instant,)| instant).collect();
    Ok(advance.runs.iter().filter(|run| !dismissed.contains(&run.instant)).cloned().collect())
}
