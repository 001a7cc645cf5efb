//! Planning of runs that follow another: their recipients are the contacts that the parent run
//! reached, and more are added while the parent is sending.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{
    Arg, ContactId, DeliveryId, ID_SPACE, Millis, RunId, Sql, SqlDialect, StoreError, args, id_space,
    retry_on_deadlock, sql,
};

use super::plan::{ANALYZE_THRESHOLD, SET_RUNNING, add_recipients};
use super::recipients::RecipientQuery;
use crate::counter_deltas::CounterDeltas;
use crate::{Delays, RecipientAddress, Store};

const PARENT: Sql =
    sql!("select parent_id, delays from runs where id = $1 and state in ('planned', 'running')");

/// Locks the run until the commit, so that of two concurrent planners the second sees the contacts
/// that the first added.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state in ('planned', 'running')"
    { sqlite: "", postgres: " for no key update" }
);

/// Finds out whether the step was ever sent by hand: that send uses up the follow-up of each
/// recipient's latest parent delivery.
const EVER_BY_HAND: Sql = sql!(
    "select m.id from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
     where f.id = $1 limit 1"
);

/// SQL condition on parent delivery `p` of follow-up run $1: a run by hand reached the recipient
/// after it, and no later parent delivery came before that run.
const SENT_BY_HAND: &str = concat!(
    "exists (
    select 1 from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
    join deliveries md on md.id = m.id * ", id_space!(), " + p.contact_id
    where f.id = $1 and m.created_at >= p.sent_at and md.state not in ('suppressed', 'cancelled', 'failed')
      and not exists (
        select 1 from runs pr join runs q on q.campaign = pr.campaign and q.step = pr.step and q.kind <> 'test'
        join deliveries qd on qd.id = q.id * ", id_space!(), " + p.contact_id
        where pr.id = p.run_id and qd.sent_at > p.sent_at and qd.sent_at <= m.created_at))"
);

/// Selects the last of the next deliveries of parent run $1 after contact $2, and the number of
/// those that were sent and have no delivery in run $3.
const NEXT: Sql = sql!(
    "select coalesce(max(id), 0), count(*) filter (
       where state = 'sent'
         and not exists (select 1 from deliveries f where f.id = $3 * " id_space!() " + slab.contact_id))
     from (select id, contact_id, state from deliveries
           where id > $1 * " id_space!() " + $2 and id < ($1 + 1) * " id_space!() " order by id limit 20000) slab"
);

/// Sets `planned_at`, the time at which the parent was last checked: `run_finish` waits for a check
/// after the parent's end.
const SET_CHECKED_AT: Sql = sql!("update runs set planned_at = $2 where id = $1 and state = 'running'");

/// A run that follows another, and the terms on which its deliveries are made.
struct FollowUp<'a> {
    run: RunId,
    parent: RunId,
    address: &'a str,
    audience: Option<(&'a BTreeMap<AudienceId, Audience>, &'a AudienceId)>,
    due: String,
    now: Millis,
}

impl Store {
    /// Inserts the deliveries of a planned run that follows another, or adds to those of a running
    /// one: contacts that the parent reached, each due after the delay that counts for them, from
    /// the run's own delays, or `delay` milliseconds in a run made before delays were stored.
    /// Recipients whose due time was before the step was added are `missed`. Each transaction
    /// covers some thousands of the parent's deliveries; none is opened if no contact is to be
    /// added. A planned run is handed out after the last. Returns the number of inserted rows.
    pub(super) async fn run_follow(
        &self,
        run: RunId,
        address: &RecipientAddress,
        delay: i64,
        audience: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let address = address.stored()?;
        let row = self.row::<(Option<RunId>, Option<String>)>(&PARENT, args![run]).await?;
        let Some((Some(parent), delays)) = row else { return Ok(0) };
        let delays = delays.map_or_else(|| Ok(Delays::always(delay)), |json| Delays::read(&json))?;
        let by_hand = self.row::<(RunId,)>(&EVER_BY_HAND, args![run]).await?.is_some();
        let follow_up =
            FollowUp { run, parent, address: &address, audience, due: due(&delays, by_hand), now };
        let (mut made, mut after) = (0, 0);
        loop {
            let next = self.row::<(i64, i64)>(&NEXT, args![parent, after, run]).await?;
            let Some((last, missing)) = next.filter(|(last, _)| *last > 0) else { break };
            let range = ContactRange { after, upto: DeliveryId(last).contact().0 };
            if missing > 0 {
                made += retry_on_deadlock!(self.follow_up_chunk(&follow_up, range))?;
                self.yield_writer().await;
            }
            after = range.upto;
        }
        let mut tx = self.begin().await?;
        tx.execute(&SET_RUNNING, args![run, now, &*address]).await?;
        tx.execute(&SET_CHECKED_AT, args![run, now]).await?;
        tx.commit().await?;
        if made >= ANALYZE_THRESHOLD {
            self.analyze().await;
        }
        Ok(made)
    }

    /// Inserts the deliveries of contacts that the parent reached in a range.
    async fn follow_up_chunk(
        &self,
        follow_up: &FollowUp<'_>,
        range: ContactRange,
    ) -> Result<i64, StoreError> {
        let FollowUp { run, parent, address, now, .. } = *follow_up;
        let after = DeliveryId::new(parent, ContactId(range.after));
        let upto = DeliveryId::new(parent, ContactId(range.upto));
        let query =
            RecipientQuery::followers(args![run, address, after, upto], self.dialect(), range, follow_up)?;
        let mut tx = self.begin().await?;
        if tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let mut deltas = CounterDeltas::default();
        let made = add_recipients(&mut tx, run, &query, &mut deltas).await?;
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(made)
    }
}

/// The SQL expression of the due time of a follow-up of parent delivery `p`; -1 if it was before
/// the step was added, -2 if the follow-up was sent by hand.
fn due(delays: &Delays, by_hand: bool) -> String {
    let due = format!("coalesce({}, -1)", delays.expression("p.sent_at"));
    if by_hand { format!("case when {SENT_BY_HAND} then -2 else {due} end") } else { due }
}

impl RecipientQuery {
    /// Creates the query for contacts that parent deliveries between $3 and $4 reached, in an
    /// audience if one is given.
    fn followers(
        mut args: Vec<Arg>,
        dialect: SqlDialect,
        range: ContactRange,
        follow_up: &FollowUp<'_>,
    ) -> Result<Self, StoreError> {
        let mut members = format!(
            "p.id > $3 and p.id <= $4 and p.state = 'sent'
             and not exists (select 1 from deliveries f where f.id = $1 * {ID_SPACE} + p.contact_id)"
        );
        if let Some((audiences, audience)) = follow_up.audience {
            let mut expression = Expression::new(dialect, audiences, follow_up.now, range, args);
            members = format!("{members} and {}", expression.members(audience)?);
            args = expression.args();
        }
        let mut query = Self::with_members(args, &members);
        query.from = "deliveries p join contacts c on c.id = p.contact_id".to_owned();
        query.due.clone_from(&follow_up.due);
        query.exclusions.push_str(" when due = -2 then 'sent_by_hand' when due = -1 then 'missed'");
        Ok(query)
    }
}
