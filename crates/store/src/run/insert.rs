//! Making runs, each once, with the watermark that says so.

use std::collections::BTreeMap;

use campaign::OnUncertain;

use super::{NewRun, StoredCondition};
use crate::sql::{Sql, Tx, args, batch, sql};
use crate::{Millis, RunId, Store, StoreError};

const SCHEDULES: Sql = sql!("select campaign, step, planned_through from schedules");

const WATERMARK_FIRST: Sql = sql!(
    "insert into schedules (campaign, step, planned_through) values ($1, $2, $3)
     on conflict (campaign, step) do nothing"
);

const WATERMARK_NEXT: Sql = sql!(
    "update schedules set planned_through = $3 where campaign = $1 and step = $2 and planned_through = $4"
);

#[derive(serde::Serialize)]
struct Input<'a> {
    position: usize,
    campaign: &'a str,
    step: &'a str,
    channel: &'a str,
    instant: Millis,
    kind: &'static str,
    revision_id: i64,
    parent_id: Option<i64>,
    condition: Option<String>,
    on_uncertain: &'static str,
    look_after: Millis,
    cost_micros: i64,
    currency: &'a str,
    expires_at: Millis,
}

const INSERT: Sql = sql!(
    "with " [batch 1 as input: position bigint, campaign text, step text, channel text, instant bigint, kind text,
             revision_id bigint, parent_id bigint, condition text, on_uncertain text, look_after bigint,
             cost_micros bigint, currency text, expires_at bigint]
    "insert into runs (campaign, step, channel, instant, kind, state, revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, created_at)
     select campaign, step, channel, instant, kind, 'planned', revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, $2
     from input where true order by position
     on conflict (campaign, step, instant) do nothing
     returning id"
);

impl Store {
    /// Up to where the occurrences of each (campaign, step) have been decided.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn schedule_all(&self) -> Result<BTreeMap<(String, String), Millis>, StoreError> {
        let rows: Vec<(String, String, Millis)> = self.rows(&SCHEDULES, args![]).await?;
        Ok(rows.into_iter().map(|(campaign, step, through)| ((campaign, step), through)).collect())
    }

    /// Makes the runs of one step and moves its watermark from `from` (`None`: it has none yet) to `to`, in one
    /// transaction. `None` when somebody else moved it first, and nothing was done. A run whose key exists is
    /// not made again.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn schedule_advance(
        &self,
        campaign: &str,
        step: &str,
        from: Option<Millis>,
        to: Millis,
        runs: &[NewRun],
        now: Millis,
    ) -> Result<Option<Vec<RunId>>, StoreError> {
        let mut tx = self.begin().await?;
        let moved = match from {
            None => tx.execute(&WATERMARK_FIRST, args![campaign, step, to]).await?,
            Some(from) => tx.execute(&WATERMARK_NEXT, args![campaign, step, to, from]).await?,
        };
        if moved == 0 {
            return Ok(None);
        }
        let made = insert(&mut tx, runs, now).await?;
        tx.commit().await?;
        Ok(Some(made))
    }

    /// Makes one run. `None` when its key exists.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn run_insert(&self, run: &NewRun, now: Millis) -> Result<Option<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let made = insert(&mut tx, std::slice::from_ref(run), now).await?;
        tx.commit().await?;
        Ok(made.into_iter().next())
    }
}

async fn insert(tx: &mut Tx, runs: &[NewRun], now: Millis) -> Result<Vec<RunId>, StoreError> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let input = runs.iter().enumerate().map(input).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<(RunId,)> = tx.rows(&INSERT, args![batch(&input)?, now]).await?;
    let mut ids: Vec<_> = rows.into_iter().map(|(id,)| id).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn input((position, run): (usize, &NewRun)) -> Result<Input<'_>, StoreError> {
    Ok(Input {
        position,
        campaign: &run.campaign,
        step: &run.step,
        channel: &run.channel,
        instant: run.instant,
        kind: run.kind.as_str(),
        revision_id: run.revision_id.0,
        parent_id: run.parent_id.map(|id| id.0),
        condition: StoredCondition::of(run.condition)?,
        on_uncertain: match run.on_uncertain {
            OnUncertain::Resend => "resend",
            OnUncertain::Hold => "hold",
        },
        look_after: run.look_after,
        cost_micros: run.cost_micros,
        currency: &run.currency,
        expires_at: run.expires_at,
    })
}
