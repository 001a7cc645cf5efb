//! Insertion of runs, each once per campaign, step and instant.

use campaign::OnUncertain;
use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql};

use super::{Delays, ManualRequest, NewRun, RunTrigger, StoredCondition};
use crate::engagement;
use crate::{Store, occurrence};

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
    look_after: i64,
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
    asked: Option<String>,
    purpose: Option<&'a str>,
}

/// Inserts runs. A run's name comes from the database's own random number generator (SQLite:
/// ChaCha20 seeded by the system; PostgreSQL: strong random UUIDs), so that a copy of a database
/// never gives a name that the original gave.
const INSERT: Sql = sql!(
    "with " [batch 1 as input: position bigint, campaign text, step text, channel text, instant bigint, kind text,
             revision_id bigint, parent_id bigint, condition text, on_uncertain text, look_after bigint,
             cost_micros bigint, currency text, expires_at bigint, trigger text, ends_at bigint, delays text,
             missed_to bigint, own_clock bigint, to_address text, account text, asked text,
             purpose text]
    "insert into runs (campaign, step, channel, instant, kind, state, revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, trigger, ends_at, delays, missed_to, own_clock,
       to_address, account, asked, purpose, engaged, name, created_at)
     select campaign, step, channel, instant, kind, 'planned', revision_id, parent_id, condition,
       on_uncertain, look_after, cost_micros, currency, expires_at, trigger, ends_at, delays, missed_to, own_clock,
       to_address, account, asked, purpose, case kind when 'test' then 2 else 1 end, "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    ", $2
     from input where true order by position
     on conflict (campaign, step, instant) do nothing
     returning id"
);

impl Store {
    /// Inserts one run. Returns `None` if its key exists.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_insert(&self, run: &NewRun, now: Millis) -> Result<Option<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let inserted = insert(&mut tx, std::slice::from_ref(run), now).await?;
        occurrence::mark_fired(&mut tx, &inserted).await?;
        tx.commit().await?;
        Ok(inserted.into_iter().next())
    }
}

/// Locks a step: of two people who send the same step by hand, one waits for the other; both wait
/// for the planner, which advances the schedule.
const STEP_LOCK: Sql = sql!(
    { sqlite: "select campaign from schedules where campaign = $1 and step = $2",
      postgres: "select cast(pg_advisory_xact_lock(hashtextextended(cast($1 as text) || '/' || cast($2 as text), 0)) as text),
                   (select count(*) from (select 1 from schedules where campaign = $1 and step = $2 for update) held)" }
);

const LATEST: Sql =
    sql!("select id from runs where campaign = $1 and step = $2 and kind <> 'test' order by id desc limit 1");

/// The result of [`Store::run_insert_manual`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManualInsert {
    /// The run was inserted.
    Made(RunId),
    /// The step has another run at the same instant; nothing was inserted.
    KeyExists,
    /// The step has this run, which is later than the latest that the person knew of; nothing was
    /// inserted.
    Raced(RunId),
}

impl Store {
    /// Inserts a run by hand, unless the step has a later run than `seen`, the latest that the
    /// person knew of. Open occurrences of a step that happens once become the run.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_insert_manual(
        &self,
        run: &NewRun,
        seen: RunId,
        now: Millis,
    ) -> Result<ManualInsert, StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(&STEP_LOCK, args![run.campaign.as_str(), run.step.as_str()]).await?;
        let latest: Option<(RunId,)> =
            tx.row(&LATEST, args![run.campaign.as_str(), run.step.as_str()]).await?;
        if let Some((latest,)) = latest.filter(|(latest,)| *latest > seen) {
            return Ok(ManualInsert::Raced(latest));
        }
        let inserted = insert(&mut tx, std::slice::from_ref(run), now).await?;
        occurrence::mark_fired(&mut tx, &inserted).await?;
        if run.origin.trigger == Some(RunTrigger::At) {
            occurrence::fire_open(&mut tx, &run.campaign, &run.step, &inserted).await?;
        }
        tx.commit().await?;
        Ok(inserted.into_iter().next().map_or(ManualInsert::KeyExists, ManualInsert::Made))
    }
}

/// Locks the parent run until the commit, so that of two processes one inserts the follow-up run.
const PARENT: Sql = sql!(
    "select id from runs where id = $1 and state <> 'cancelled'"
    { sqlite: "", postgres: " for no key update" }
);

const FOLLOWED: Sql =
    sql!("select id from runs where campaign = $1 and step = $2 and parent_id = $3 limit 1");

/// The number of instants that are tried for a follow-up run whose instant another run has.
const MAX_INSTANT_TRIES: i64 = 1_000;

impl Store {
    /// Inserts the run of a step that follows another run, once per parent run. If another run of
    /// the step has its instant, it gets an instant some milliseconds later. Returns `None` if the
    /// parent is followed already, or was cancelled.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_insert_follower(&self, run: &NewRun, now: Millis) -> Result<Option<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(RunId,)>(&PARENT, args![run.parent_id]).await?.is_none() {
            return Ok(None);
        }
        let args = args![run.campaign.as_str(), run.step.as_str(), run.parent_id];
        if tx.row::<(RunId,)>(&FOLLOWED, args).await?.is_some() {
            return Ok(None);
        }
        for later in 0..MAX_INSTANT_TRIES {
            let run = NewRun { instant: run.instant.saturating_add(later), ..run.clone() };
            let inserted = insert(&mut tx, std::slice::from_ref(&run), now).await?;
            if !inserted.is_empty() {
                occurrence::mark_fired(&mut tx, &inserted).await?;
                tx.commit().await?;
                return Ok(inserted.into_iter().next());
            }
        }
        Ok(None)
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
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        engagement::number_campaigns(tx, *first, *last).await?;
    }
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
        cost_micros: run.cost_micros.millionths(),
        currency: &run.currency,
        expires_at: run.expires_at,
        trigger: run.origin.trigger.map(RunTrigger::as_str),
        ends_at: run.origin.ends_at,
        delays: run.origin.delays.as_ref().map(Delays::stored).transpose()?,
        missed_to: run.origin.missed_to,
        own_clock: i64::from(run.origin.own_clock),
        to_address: run.origin.to_address.as_deref(),
        account: run.origin.account.as_deref(),
        asked: run.origin.request.as_ref().map(ManualRequest::stored).transpose()?,
        purpose: run.origin.purpose.as_deref(),
    })
}
