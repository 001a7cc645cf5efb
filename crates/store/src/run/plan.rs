//! The deliveries of a run, made by `insert … select` in ranges of contacts.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{
    Assembled, DeliveryId, Dialect, ID_SPACE, Millis, RunId, Sql, StoreError, Tx, again_if_deadlocked, args,
    id_space, sql,
};

use super::people::{Counts, People, Zones, counts_by_reason, judged, left_out, plan_counts};
use super::{PlanCounts, Planned};
use crate::moves::Moves;
use crate::{Address, DeliveryState, Store};

/// A run gets its name anew with its deliveries: one that was planned in a copy, too, has another name there. One made
/// before names existed keeps none.
pub(super) const START: Sql = sql!(
    "update runs set state = 'running', planned_at = $2, address = $3, name = case when name is not null then "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    " end
     where id = $1 and state = 'planned'"
);

const FEED: Sql = sql!(
    "insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
     values ($1 * " id_space!() ", $1, 0, 'queued', $2, $2)"
);

/// Open follow-ups of those between $2 and $3 who get one by hand: that one is theirs.
const USE_UP: Sql = sql!(
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

/// The progress of planning a run. Held until the commit, so that of two workers each makes other rows.
const PROGRESS: Sql = sql!(
    "select planning_at, planned_through, planning, missed_to, to_address from runs where id = $1 and state = 'planned'"
    { sqlite: "", postgres: " for no key update" }
);

#[derive(sqlx::FromRow)]
struct Progress {
    /// The time at which the planning began.
    planning_at: Option<Millis>,
    /// The contact up to which deliveries are made.
    planned_through: i64,
    /// The digest of the rules by which they are made.
    planning: Option<String>,
    missed_to: Option<Millis>,
    to_address: Option<String>,
}

/// The last of the next contacts after $1, and how many they are, $2 at most.
const NEXT: Sql = sql!(
    "select coalesce(max(id), 0), count(*) from (select id from contacts where id > $1 order by id limit $2) next"
);

const PROGRESSED: Sql = sql!(
    "update runs set total = total + $2, planning_at = $3, planned_through = $4, planning = $5 where id = $1"
);

const GROWN: Sql = sql!("update runs set total = total + $2 where id = $1");

/// Deliveries that were made by other rules than those that count now.
const UNMADE: Sql = sql!(
    "delete from deliveries where id in (
       select id from deliveries where id >= $1 * " id_space!() " and id < ($1 + 1) * " id_space!() " order by id limit $2)
     returning id, state, coalesce(reason, '')"
);

const BEGIN_ANEW: Sql =
    sql!("update runs set total = 0, planning_at = null, planned_through = 0, planning = null where id = $1");

/// From how many new deliveries on the planner's statistics are worth renewing.
pub(super) const MANY: i64 = 1_000;

/// Of how many contacts the deliveries are made in one transaction: some tens of milliseconds.
const RANGE: i64 = 10_000;

/// The planning of a run by one call.
struct Planning<'a> {
    run: RunId,
    whom: &'a Planned<'a>,
    zones: Zones,
    /// Made once for all ranges.
    rules: Option<Rules>,
}

/// The statement that makes deliveries, as of a time, with the digest of the rules in it.
struct Rules {
    at: Millis,
    people: People,
    digest: String,
}

impl Planning<'_> {
    /// The rules as of `at`. `missed_to` and `to_address` are those of the run.
    fn rules(
        &mut self,
        dialect: Dialect,
        at: Millis,
        missed_to: Option<Millis>,
        to_address: Option<&str>,
    ) -> Result<&mut Rules, StoreError> {
        let rules = match self.rules.take().filter(|rules| rules.at == at) {
            Some(rules) => rules,
            None => {
                let mut people =
                    People::of(dialect, self.run, self.whom, &self.zones, ContactRange::ALL, at)?;
                people.leave_out_missed(missed_to);
                people.whatever = to_address.is_some();
                let digest = people.digest();
                Rules { at, people, digest }
            }
        };
        Ok(self.rules.insert(rules))
    }
}

/// The result of one transaction of a planning.
struct Made {
    count: i64,
    is_last: bool,
}

impl Store {
    /// Makes a planned run's deliveries in ranges of contacts, each in a transaction of its own, and sets it running
    /// with the last: until then nothing is handed out. Where it was cut short it goes on; where the audience or what it
    /// is asked with has changed since, it begins anew. Does nothing to a run that is not `planned`, with one exception:
    /// `Planned::Followers` of a running run adds those whom the parent reached since. Says how many rows were made.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_plan(&self, run: RunId, whom: &Planned<'_>, now: Millis) -> Result<i64, StoreError> {
        if let Planned::Followers { delay, address, of } = whom {
            return self.run_follow(run, address, *delay, *of, now).await;
        }
        if let Planned::Feed { due_at } = whom {
            return self.plan_feed(run, *due_at, now).await;
        }
        let mut planning = Planning { run, whom, zones: Zones::read(self, whom).await?, rules: None };
        let mut count = 0;
        loop {
            let made = again_if_deadlocked!(self.plan_range(&mut planning, now))?;
            count += made.count;
            if made.is_last {
                break;
            }
            self.let_others_write().await;
        }
        if count >= MANY {
            self.analyze().await;
        }
        Ok(count)
    }

    /// Makes the one delivery of a feed.
    async fn plan_feed(&self, run: RunId, due_at: Millis, now: Millis) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if tx.execute(&START, args![run, now, None::<&str>]).await? == 0 {
            return Ok(0);
        }
        tx.execute(&FEED, args![run, due_at]).await?;
        tx.execute(&GROWN, args![run, 1]).await?;
        tx.commit().await?;
        Ok(1)
    }

    /// Makes the deliveries of one range.
    async fn plan_range(&self, planning: &mut Planning<'_>, now: Millis) -> Result<Made, StoreError> {
        let Planning { run, whom, .. } = *planning;
        let address = whom.address().map(Address::stored).transpose()?;
        let mut tx = self.begin().await?;
        let Some(progress) = tx.row::<Progress>(&PROGRESS, args![run]).await? else {
            return Ok(Made { count: 0, is_last: true });
        };
        // What is asked of contacts is asked as of when it began.
        let at = progress.planning_at.unwrap_or(now);
        let to_address = progress.to_address.as_deref();
        let rules = planning.rules(tx.dialect(), at, progress.missed_to, to_address)?;
        let mut moves = Moves::default();
        if progress.planning.is_some_and(|by| by != rules.digest) {
            unmake(&mut tx, run, &mut moves).await?;
            moves.apply(&mut tx, now).await?;
            tx.commit().await?;
            return Ok(Made { count: 0, is_last: false });
        }
        let (range, is_last) = next_range(&mut tx, whom, progress.planned_through).await?;
        rules.people.look_at(range);
        let (text, args) = rules.people.insert();
        let count = i64::try_from(tx.execute(Assembled(text), args).await?).unwrap_or(i64::MAX);
        count_left_out(&mut tx, run, range, &mut moves).await?;
        tx.execute(&PROGRESSED, args![run, count, at, range.upto, rules.digest.as_str()]).await?;
        if is_last {
            tx.execute(&START, args![run, now, address.as_deref()]).await?;
        }
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(Made { count, is_last })
    }

    /// Tells PostgreSQL's planner of the new rows: until it looks for itself, a minute later, it would take a run
    /// of a million for a handful, and sort them anew for every claim.
    pub(super) async fn analyze(&self) {
        if let Err(error) = self.maintain("analyze deliveries").await {
            tracing::warn!(%error, "claims may be slow until PostgreSQL has analysed the deliveries");
        }
    }

    /// What `run_plan` would do for a run that is not made yet, without doing it: those whose own instant lies up to
    /// `missed_to` are `missed`, those whose own instant lies after `ends` would be `expired`.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_preview(
        &self,
        whom: &Planned<'_>,
        missed_to: Option<Millis>,
        ends: Option<Millis>,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        if matches!(whom, Planned::Feed { .. }) {
            return Ok(PlanCounts { audience: 1, reached: 1, left_out: BTreeMap::new() });
        }
        let zones = Zones::read(self, whom).await?;
        let dialect = self.dialect();
        let mut people = People::of(dialect, RunId(0), whom, &zones, ContactRange::ALL, now)?;
        people.leave_out_missed(missed_to);
        if let Some(ends) = ends {
            people.left_out.push_str(&format!(" when due > {ends} then 'expired'"));
        }
        let (text, args) = people.count();
        let row: Option<Counts> = self.row(Assembled(text), args).await?;
        Ok(plan_counts(row))
    }

    /// What `run_plan` would do for an audience, without doing it.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_count(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &Address,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        let args = args![address.stored()?.as_str()];
        let mut who = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args);
        let members = who.members(audience)?;
        let people = judged("contacts c", "0", "$1", &members, "");
        let text = format!("select {} from ({people}) judged", counts_by_reason());
        let row: Option<Counts> = self.row(Assembled(text), who.args()).await?;
        Ok(plan_counts(row))
    }
}

/// The contacts that come after `after`, and whether they are the last: then the range has no end.
async fn next_range(tx: &mut Tx, whom: &Planned<'_>, after: i64) -> Result<(ContactRange, bool), StoreError> {
    if !matches!(whom, Planned::Audience { .. }) {
        return Ok((ContactRange::ALL, true));
    }
    let (upto, count) = tx.row::<(i64, i64)>(&NEXT, args![after, RANGE]).await?.unwrap_or_default();
    let is_last = count < RANGE;
    let upto = if is_last { ContactRange::ALL.upto } else { upto };
    Ok((ContactRange { after, upto }, is_last))
}

/// Adds people to a run that has deliveries. Returns how many.
pub(super) async fn add(
    tx: &mut Tx,
    run: RunId,
    people: &People,
    moves: &mut Moves,
) -> Result<i64, StoreError> {
    let (text, args) = people.insert();
    let text = format!("{text} where true returning coalesce(reason, '')");
    let added = tx.rows::<(String,)>(Assembled(text), args).await?;
    for (reason,) in added.iter().filter(|(reason,)| !reason.is_empty()) {
        moves.ended(run, DeliveryState::Suppressed, reason, 1);
    }
    let count = i64::try_from(added.len()).unwrap_or(i64::MAX);
    tx.execute(&GROWN, args![run, count]).await?;
    Ok(count)
}

/// Counts those of a range who are left out, and takes the open follow-ups of those who get one by hand.
async fn count_left_out(
    tx: &mut Tx,
    run: RunId,
    range: ContactRange,
    moves: &mut Moves,
) -> Result<(), StoreError> {
    let between = || args![run, range.after, range.upto];
    for (id,) in tx.rows::<(DeliveryId,)>(&USE_UP, between()).await? {
        moves.ended(id.run(), DeliveryState::Suppressed, "sent_by_hand", 1);
    }
    let text = format!(
        "select {} from deliveries
         where id > $1 * {ID_SPACE} + $2 and id <= $1 * {ID_SPACE} + $3 and state = 'suppressed'",
        counts_by_reason()
    );
    for (reason, count) in left_out(tx.row(Assembled(text), between()).await?) {
        moves.ended(run, DeliveryState::Suppressed, reason, count);
    }
    Ok(())
}

/// Takes back some of the deliveries of a run that is not handed out yet; with the last, its planning begins anew.
async fn unmake(tx: &mut Tx, run: RunId, moves: &mut Moves) -> Result<(), StoreError> {
    let some: Vec<(DeliveryId, String, String)> = tx.rows(&UNMADE, args![run, RANGE]).await?;
    for (_, _, reason) in some.iter().filter(|(_, state, _)| state == DeliveryState::Suppressed.as_str()) {
        moves.ended(run, DeliveryState::Suppressed, reason, -1);
    }
    if some.is_empty() {
        tx.execute(&BEGIN_ANEW, args![run]).await?;
    }
    Ok(())
}
