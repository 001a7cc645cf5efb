//! How far each step's occurrences have been decided, and the one transaction that decides more of them.

use std::collections::{BTreeMap, BTreeSet};

use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql};

use crate::occurrence::{self, NewOccurrence};
use crate::run::insert;
use crate::{Delays, NewRun, Store};

/// A campaign and a step.
pub type StepKey = (String, String);

/// What is kept of a step's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Up to which instant its occurrences are decided.
    pub planned_through: Millis,
    /// What decided its times when it was last looked at: JSON; `None` in a database made before it was kept.
    pub definition: Option<String>,
    /// The delays of a step that follows another.
    pub history: Option<Delays>,
    /// Since when the step has been absent from the files.
    pub gone_since: Option<Millis>,
}

/// A step of the watermark, with everything that it decides.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// Of this campaign.
    pub campaign: &'a str,
    /// And this step.
    pub step: &'a str,
    /// Where the watermark must stand; `None` if there must be none yet.
    pub from: Option<Millis>,
    /// Where it stands afterwards: earlier than before where the clock was wrong.
    pub to: Millis,
    /// What decides the step's times from now on.
    pub definition: &'a str,
    /// The delays of a step that follows another.
    pub history: Option<&'a Delays>,
    /// The runs to be made.
    pub runs: &'a [NewRun],
    /// The occurrences that do not run.
    pub occurrences: &'a [NewOccurrence],
}

const LIST: Sql =
    sql!("select campaign, step, planned_through, definition, history, gone_since from schedules");

const FIRST: Sql = sql!(
    "insert into schedules (campaign, step, planned_through, definition, history) values ($1, $2, $3, $4, $5)
     on conflict (campaign, step) do nothing"
);

const SEE: Sql = sql!(
    "with " [batch 1 as input: campaign text, step text, definition text]
    "insert into schedules (campaign, step, planned_through, definition)
     select campaign, step, $2, definition from input where true
     on conflict (campaign, step) do nothing"
);

#[derive(serde::Serialize)]
struct Seen<'a> {
    campaign: &'a str,
    step: &'a str,
    definition: &'a str,
}

const NEXT: Sql = sql!(
    "update schedules set planned_through = $3, definition = $4, history = $5, gone_since = null
     where campaign = $1 and step = $2 and planned_through = $6"
);

/// Those of the instants in $3 that a person took out beforehand.
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

const GONE: Sql = sql!(
    "with " [batch 1 as input: campaign text, step text]
    "update schedules set gone_since = $2 from input i
     where schedules.campaign = i.campaign and schedules.step = i.step and schedules.gone_since is null"
);

const BACK: Sql = sql!(
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
    /// What is kept of every step's schedule, also of steps that are not in the files any more.
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

    /// Makes the runs of one step, writes down the occurrences that do not run, and moves the watermark, in one
    /// transaction. `None` when somebody else moved it first, and nothing was done. A run whose key exists is not
    /// made again, nor one that a person skipped beforehand; an occurrence that is a run is not written down as one
    /// that is none.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_advance(
        &self,
        advance: &Advance<'_>,
        now: Millis,
    ) -> Result<Option<Vec<RunId>>, StoreError> {
        let Advance { campaign, step, from, to, definition, .. } = *advance;
        let history = advance.history.map(Delays::stored).transpose()?;
        let history = history.as_deref();
        let mut tx = self.begin().await?;
        let moved = match from {
            None => tx.execute(&FIRST, args![campaign, step, to, definition, history]).await?,
            Some(from) => tx.execute(&NEXT, args![campaign, step, to, definition, history, from]).await?,
        };
        if moved == 0 {
            return Ok(None);
        }
        let runs = not_dismissed(&mut tx, advance).await?;
        let made = insert::insert(&mut tx, &runs, now).await?;
        occurrence::fired(&mut tx, &made).await?;
        occurrence::add(&mut tx, campaign, step, advance.occurrences, now).await?;
        tx.commit().await?;
        Ok(Some(made))
    }

    /// Sees steps for the first time, each with what decides its times: everything up to now is decided. Steps that are
    /// known stay as they are.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_see(&self, steps: &[(StepKey, String)], now: Millis) -> Result<(), StoreError> {
        let seen = steps.iter().map(|((campaign, step), definition)| Seen { campaign, step, definition });
        let seen: Vec<_> = seen.collect();
        self.execute(&SEE, args![batch(&seen)?, now]).await.map(|_| ())
    }

    /// Notes that steps are absent from the files, since `now` unless it is known already.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_gone(&self, steps: &[StepKey], now: Millis) -> Result<(), StoreError> {
        let keys = keys(steps);
        if keys.is_empty() {
            return Ok(());
        }
        self.execute(&GONE, args![batch(&keys)?, now]).await.map(|_| ())
    }

    /// Notes that steps are in the files again.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn schedule_back(&self, steps: &[StepKey]) -> Result<(), StoreError> {
        let keys = keys(steps);
        if keys.is_empty() {
            return Ok(());
        }
        self.execute(&BACK, args![batch(&keys)?]).await.map(|_| ())
    }
}

fn keys(steps: &[StepKey]) -> Vec<Key<'_>> {
    steps.iter().map(|(campaign, step)| Key { campaign, step }).collect()
}

/// The runs that nobody skipped beforehand.
async fn not_dismissed(tx: &mut Tx, advance: &Advance<'_>) -> Result<Vec<NewRun>, StoreError> {
    if advance.runs.is_empty() {
        return Ok(Vec::new());
    }
    let input: Vec<_> = advance.runs.iter().map(|run| Instant { instant: run.instant }).collect();
    let args = args![advance.campaign, advance.step, batch(&input)?];
    let dismissed: Vec<(Millis,)> = tx.rows(&DISMISSED, args).await?;
    let dismissed: BTreeSet<_> = dismissed.into_iter().map(|(instant,)| instant).collect();
    Ok(advance.runs.iter().filter(|run| !dismissed.contains(&run.instant)).cloned().collect())
}
