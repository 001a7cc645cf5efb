//! Planning of runs: their deliveries are made by `insert … select` in ranges of contacts.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{
    Assembled, DeliveryId, ID_SPACE, Millis, RunId, Sql, SqlDialect, StoreError, Tx, args, id_space,
    retry_on_deadlock, sql,
};

use super::recipients::{
    ReasonCounts, RecipientQuery, Zones, counts_by_reason, excluded_counts, plan_counts, recipients_query,
};
use super::{PlanCounts, RecipientSource};
use crate::counter_deltas::CounterDeltas;
use crate::{DeliveryState, RecipientAddress, Store};

/// Sets a run running and gives it a new random name with its deliveries: a copy of the database
/// that also plans it gives another name. A run made before names existed keeps none.
pub(super) const SET_RUNNING: Sql = sql!(
    "update runs set state = 'running', planned_at = $2, address = $3, name = case when name is not null then "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    " end
     where id = $1 and state = 'planned'"
);

const FEED: Sql = sql!(
    "insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
     values ($1 * " id_space!() ", $1, 0, 'queued', $2, $2)"
);

/// Ends open follow-ups of contacts between $2 and $3 who get the follow-up by hand: the run by
/// hand replaces them.
const END_FOLLOW_UPS: Sql = sql!(
    "update deliveries set state = 'suppressed', reason = 'sent_by_hand', due_at = null
     where state in ('queued', 'deferred') and lease_id is null and id in (
       select f.id from runs m
       join runs r on r.campaign = m.campaign and r.step = m.step and r.kind = 'scheduled' and r.parent_id is not null
         and r.finished_at is null
       join deliveries d on d.id > m.id * " id_space!() " + $2 and d.id <= m.id * " id_space!() " + $3 and d.state = 'queued'
       join deliveries f on f.id = r.id * " id_space!() " + d.contact_id
       where m.id = $1 and m.kind = 'manual' and m.trigger = 'after')
     returning id"
);

/// Reads the progress of planning a run, and locks it until the commit, so that two workers make
/// different rows.
const PROGRESS: Sql = sql!(
    "select planning_at, planned_through, planning, missed_to, to_address from runs where id = $1 and state = 'planned'"
    { sqlite: "", postgres: " for no key update" }
);

#[derive(sqlx::FromRow)]
struct HighWaterMarks {
    /// The time at which the planning began.
    planning_at: Option<Millis>,
    /// The contact up to which deliveries are made.
    planned_through: i64,
    /// The digest of the rules by which they are made.
    planning: Option<String>,
    missed_to: Option<Millis>,
    to_address: Option<String>,
}

/// Selects the last of the next contacts after $1, and their number, at most $2.
const NEXT: Sql = sql!(
    "select coalesce(max(id), 0), count(*) from (select id from contacts where id > $1 order by id limit $2) next"
);

const SET_PROGRESS: Sql = sql!(
    "update runs set total = total + $2, planning_at = $3, planned_through = $4, planning = $5 where id = $1"
);

const ADD_TO_TOTAL: Sql = sql!("update runs set total = total + $2 where id = $1");

/// Deletes deliveries that were made by rules that are not valid any more.
const DELETE_OUTDATED: Sql = sql!(
    "delete from deliveries where id in (
       select id from deliveries where id >= $1 * " id_space!() " and id < ($1 + 1) * " id_space!() " order by id limit $2)
     returning id, state, coalesce(reason, '')"
);

const RESET_PLANNING: Sql =
    sql!("update runs set total = 0, planning_at = null, planned_through = 0, planning = null where id = $1");

/// The number of new deliveries from which the statistics of PostgreSQL's planner are renewed.
pub(super) const ANALYZE_THRESHOLD: i64 = 1_000;

/// The number of contacts whose deliveries are made in one transaction, which takes some tens of
/// milliseconds.
const RANGE_SIZE: i64 = 10_000;

/// The planning of a run by one call.
struct Planning<'a> {
    run: RunId,
    recipients: &'a RecipientSource<'a>,
    zones: Zones,
    /// The rules, built once for all ranges.
    rules: Option<Rules>,
}

/// The query that makes deliveries, as of a time, with the digest of its rules.
struct Rules {
    at: Millis,
    query: RecipientQuery,
    digest: String,
}

impl Planning<'_> {
    /// Returns the rules as of `at`. `missed_to` and `to_address` are those of the run.
    fn rules(
        &mut self,
        dialect: SqlDialect,
        at: Millis,
        missed_to: Option<Millis>,
        to_address: Option<&str>,
    ) -> Result<&mut Rules, StoreError> {
        let rules = match self.rules.take().filter(|rules| rules.at == at) {
            Some(rules) => rules,
            None => {
                let mut query = RecipientQuery::build(
                    dialect,
                    self.run,
                    self.recipients,
                    &self.zones,
                    ContactRange::ALL,
                    at,
                )?;
                query.leave_out_missed(missed_to);
                query.ignores_exclusions = to_address.is_some();
                let digest = query.digest();
                Rules { at, query, digest }
            }
        };
        Ok(self.rules.insert(rules))
    }
}

/// The result of one transaction of a planning.
struct RangeResult {
    count: i64,
    is_last: bool,
}

impl Store {
    /// Makes a planned run's deliveries in ranges of contacts, each in a transaction of its own,
    /// and sets it running with the last: until then none is handed out. An interrupted planning
    /// continues; if the audience or the values it uses have changed since, it starts again. Does
    /// nothing to a run that is not `planned`, with one exception: `RecipientSource::Followers` of
    /// a running run adds contacts that the parent reached since. Returns the number of inserted
    /// rows.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_plan(
        &self,
        run: RunId,
        recipients: &RecipientSource<'_>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        if let RecipientSource::Followers { delay, address, audience } = recipients {
            return self.run_follow(run, address, *delay, *audience, now).await;
        }
        if let RecipientSource::Feed { due_at } = recipients {
            return self.plan_feed(run, *due_at, now).await;
        }
        let mut planning =
            Planning { run, recipients, zones: Zones::read(self, recipients).await?, rules: None };
        let mut count = 0;
        loop {
            let made = retry_on_deadlock!(self.plan_range(&mut planning, now))?;
            count += made.count;
            if made.is_last {
                break;
            }
            self.yield_writer().await;
        }
        if count >= ANALYZE_THRESHOLD {
            self.analyze().await;
        }
        Ok(count)
    }

    /// Makes the one delivery of a feed.
    async fn plan_feed(&self, run: RunId, due_at: Millis, now: Millis) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if tx.execute(&SET_RUNNING, args![run, now, None::<&str>]).await? == 0 {
            return Ok(0);
        }
        tx.execute(&FEED, args![run, due_at]).await?;
        tx.execute(&ADD_TO_TOTAL, args![run, 1]).await?;
        tx.commit().await?;
        Ok(1)
    }

    /// Makes the deliveries of one range of contacts.
    async fn plan_range(&self, planning: &mut Planning<'_>, now: Millis) -> Result<RangeResult, StoreError> {
        let Planning { run, recipients, .. } = *planning;
        let address = recipients.address().map(RecipientAddress::stored).transpose()?;
        let mut tx = self.begin().await?;
        let Some(progress) = tx.row::<HighWaterMarks>(&PROGRESS, args![run]).await? else {
            return Ok(RangeResult { count: 0, is_last: true });
        };
        // The audience is evaluated as of the time at which the planning began.
        let at = progress.planning_at.unwrap_or(now);
        let to_address = progress.to_address.as_deref();
        let rules = planning.rules(tx.dialect(), at, progress.missed_to, to_address)?;
        let mut deltas = CounterDeltas::default();
        if progress.planning.is_some_and(|by| by != rules.digest) {
            delete_outdated(&mut tx, run, &mut deltas).await?;
            deltas.apply(&mut tx, now).await?;
            tx.commit().await?;
            return Ok(RangeResult { count: 0, is_last: false });
        }
        let (range, is_last) = next_range(&mut tx, recipients, progress.planned_through).await?;
        rules.query.set_range(range);
        let (text, args) = rules.query.insert_statement();
        let count = i64::try_from(tx.execute(Assembled(text), args).await?).unwrap_or(i64::MAX);
        count_left_out(&mut tx, run, range, &mut deltas).await?;
        tx.execute(&SET_PROGRESS, args![run, count, at, range.upto, rules.digest.as_str()]).await?;
        if is_last {
            tx.execute(&SET_RUNNING, args![run, now, address.as_deref()]).await?;
        }
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(RangeResult { count, is_last })
    }

    /// Renews the statistics of PostgreSQL's planner after many new rows. Until autovacuum does so,
    /// a minute later, it would assume that a run of a million has few rows, and sort them again
    /// for each claim.
    pub(super) async fn analyze(&self) {
        if let Err(error) = self.maintain("analyze deliveries").await {
            tracing::warn!(%error, "claims may be slow until PostgreSQL has analysed the deliveries");
        }
    }

    /// Counts what `run_plan` would do for a run that does not exist yet: contacts whose own due
    /// time is not after `missed_to` are `missed`, those whose own due time is after `ends` would
    /// be `expired`.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_preview(
        &self,
        recipients: &RecipientSource<'_>,
        missed_to: Option<Millis>,
        ends: Option<Millis>,
        purpose: Option<&str>,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        if matches!(recipients, RecipientSource::Feed { .. }) {
            return Ok(PlanCounts { audience: 1, reached: 1, left_out: BTreeMap::new() });
        }
        let zones = Zones::read(self, recipients).await?;
        let dialect = self.dialect();
        let mut query = RecipientQuery::build(dialect, RunId(0), recipients, &zones, ContactRange::ALL, now)?;
        query.leave_out_missed(missed_to);
        if let Some(ends) = ends {
            query.exclusions.push_str(&format!(" when due > {ends} then 'expired'"));
        }
        let (text, args) = query.count_statement(purpose);
        let row: Option<ReasonCounts> = self.row(Assembled(text), args).await?;
        Ok(plan_counts(row))
    }

    /// Counts what `run_plan` would do for an audience.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_count(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &RecipientAddress,
        purpose: Option<&str>,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        let args = args![address.stored()?.as_str(), purpose];
        let mut expression = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args);
        let members = expression.members(audience)?;
        let query = recipients_query("contacts c", "0", "$1", "$2", &members, "");
        let text = format!("select {} from ({query}) judged", counts_by_reason());
        let row: Option<ReasonCounts> = self.row(Assembled(text), expression.args()).await?;
        Ok(plan_counts(row))
    }
}

/// Returns the next range of contacts after `after`, and whether it is the last: then it has no
/// end.
async fn next_range(
    tx: &mut Tx,
    recipients: &RecipientSource<'_>,
    after: i64,
) -> Result<(ContactRange, bool), StoreError> {
    if !matches!(recipients, RecipientSource::Audience { .. }) {
        return Ok((ContactRange::ALL, true));
    }
    let (upto, count) = tx.row::<(i64, i64)>(&NEXT, args![after, RANGE_SIZE]).await?.unwrap_or_default();
    let is_last = count < RANGE_SIZE;
    let upto = if is_last { ContactRange::ALL.upto } else { upto };
    Ok((ContactRange { after, upto }, is_last))
}

/// Adds recipients to a run that has deliveries. Returns the number added.
pub(super) async fn add_recipients(
    tx: &mut Tx,
    run: RunId,
    query: &RecipientQuery,
    deltas: &mut CounterDeltas,
) -> Result<i64, StoreError> {
    let (text, args) = query.insert_statement();
    let text = format!("{text} where true returning coalesce(reason, '')");
    let added = tx.rows::<(String,)>(Assembled(text), args).await?;
    for (reason,) in added.iter().filter(|(reason,)| !reason.is_empty()) {
        deltas.add_ended(run, DeliveryState::Suppressed, reason, 1);
    }
    let count = i64::try_from(added.len()).unwrap_or(i64::MAX);
    tx.execute(&ADD_TO_TOTAL, args![run, count]).await?;
    Ok(count)
}

/// Counts the contacts of a range that are left out, and ends the open follow-ups of contacts who
/// get one by hand.
async fn count_left_out(
    tx: &mut Tx,
    run: RunId,
    range: ContactRange,
    deltas: &mut CounterDeltas,
) -> Result<(), StoreError> {
    let between = || args![run, range.after, range.upto];
    for (id,) in tx.rows::<(DeliveryId,)>(&END_FOLLOW_UPS, between()).await? {
        deltas.add_ended(id.run(), DeliveryState::Suppressed, "sent_by_hand", 1);
    }
    let text = format!(
        "select {} from deliveries
         where id > $1 * {ID_SPACE} + $2 and id <= $1 * {ID_SPACE} + $3 and state = 'suppressed'",
        counts_by_reason()
    );
    for (reason, count) in excluded_counts(tx.row(Assembled(text), between()).await?) {
        deltas.add_ended(run, DeliveryState::Suppressed, reason, count);
    }
    Ok(())
}

/// Deletes some of the deliveries of a run that is not handed out yet; after the last, its planning
/// starts again.
async fn delete_outdated(tx: &mut Tx, run: RunId, deltas: &mut CounterDeltas) -> Result<(), StoreError> {
    let deleted: Vec<(DeliveryId, String, String)> =
        tx.rows(&DELETE_OUTDATED, args![run, RANGE_SIZE]).await?;
    for (_, _, reason) in deleted.iter().filter(|(_, state, _)| state == DeliveryState::Suppressed.as_str()) {
        deltas.add_ended(run, DeliveryState::Suppressed, reason, -1);
    }
    if deleted.is_empty() {
        tx.execute(&RESET_PLANNING, args![run]).await?;
    }
    Ok(())
}
