//! Making runs, each once.

use campaign::OnUncertain;

use super::{Delays, NewRun, RunTrigger, StoredCondition};
use crate::sql::{Sql, Tx, args, batch, sql};
use crate::{Millis, RunId, Store, StoreError, occurrence};

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
    trigger: Option<&'static str>,
    ends_at: Option<Millis>,
    delays: Option<String>,
    missed_to: Option<Millis>,
    own_clock: i64,
    to_address: Option<&'a str>,
    account: Option<&'a str>,
}

/// A run's name comes from the database's own generator of random numbers (SQLite: ChaCha20 seeded by the system;
/// PostgreSQL: strong random UUIDs), so that a copy of a database never gives a name that the other gave.
const INSERT: Sql = sql!(
    "with " [batch 1 as input: position bigint, campaign text, step text, channel text, instant bigint, kind text,
             revision_id bigint, parent_id bigint, condition text, on_uncertain text, look_after bigint,
             cost_micros bigint, currency text, expires_at bigint, trigger text, ends_at bigint, delays text,
             missed_to bigint, own_clock bigint, to_address text, account text]
    "insert into runs (campaign, step, channel, instant, kind, state, revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, trigger, ends_at, delays, missed_to, own_clock,
       to_address, account, name, created_at)
     select campaign, step, channel, instant, kind, 'planned', revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, trigger, ends_at, delays, missed_to, own_clock,
       to_address, account, "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    ", $2
     from input where true order by position
     on conflict (campaign, step, instant) do nothing
     returning id"
);

impl Store {
    /// Makes one run. `None` when its key exists.
    ///
    /// # Errors
    /// The database refused or went away.
    pub async fn run_insert(&self, run: &NewRun, now: Millis) -> Result<Option<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let made = insert(&mut tx, std::slice::from_ref(run), now).await?;
        occurrence::fired(&mut tx, &made).await?;
        tx.commit().await?;
        Ok(made.into_iter().next())
    }
}

pub(crate) async fn insert(tx: &mut Tx, runs: &[NewRun], now: Millis) -> Result<Vec<RunId>, StoreError> {
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
        trigger: run.origin.trigger.map(RunTrigger::as_str),
        ends_at: run.origin.ends_at,
        delays: run.origin.delays.as_ref().map(Delays::stored).transpose()?,
        missed_to: run.origin.missed_to,
        own_clock: i64::from(run.origin.own_clock),
        to_address: run.origin.to_address.as_deref(),
        account: run.origin.account.as_deref(),
    })
}
