//! Who gets a run that follows another: those whom the other reached, more of them while it is still going.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{
    Arg, ContactId, DeliveryId, Dialect, ID_SPACE, Millis, RunId, Sql, StoreError, again_if_deadlocked, args,
    id_space, sql,
};

use super::people::People;
use super::plan::{MANY, START, add};
use crate::moves::Moves;
use crate::{Address, Delays, Store};

const PARENT: Sql =
    sql!("select parent_id, delays from runs where id = $1 and state in ('planned', 'running')");

/// Held until the commit, so that of two that look at once the second sees whom the first has added.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state in ('planned', 'running')"
    { sqlite: "", postgres: " for no key update" }
);

/// Whether the step was ever sent by hand: then it uses up the follow-up of each recipient's latest parent delivery.
const BY_HAND: Sql = sql!(
    "select m.id from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
     where f.id = $1 limit 1"
);

/// Of parent delivery `p` in a run of the follow-up $1: a run by hand reached the recipient after it, and no later
/// parent delivery came before that run.
const USED_UP: &str = concat!(
    "exists (
    select 1 from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
    join deliveries md on md.id = m.id * ", id_space!(), " + p.contact_id
    where f.id = $1 and m.created_at >= p.sent_at and md.state not in ('suppressed', 'cancelled', 'failed')
      and not exists (
        select 1 from runs pr join runs q on q.campaign = pr.campaign and q.step = pr.step and q.kind <> 'test'
        join deliveries qd on qd.id = q.id * ", id_space!(), " + p.contact_id
        where pr.id = p.run_id and qd.sent_at > p.sent_at and qd.sent_at <= m.created_at))"
);

/// The last of the next deliveries of parent run $1, after contact $2; and the number of those that were sent and have
/// no delivery in run $3.
const NEXT: Sql = sql!(
    "select coalesce(max(id), 0), count(*) filter (
       where state = 'sent'
         and not exists (select 1 from deliveries f where f.id = $3 * " id_space!() " + slab.contact_id))
     from (select id, contact_id, state from deliveries
           where id > $1 * " id_space!() " + $2 and id < ($1 + 1) * " id_space!() " order by id limit 20000) slab"
);

/// `planned_at` says up to when the parent was looked at: `run_finish` waits for a look after its end.
const LOOKED: Sql = sql!("update runs set planned_at = $2 where id = $1 and state = 'running'");

/// The run that follows another, and the terms on which its deliveries are made.
struct Following<'a> {
    run: RunId,
    parent: RunId,
    address: &'a str,
    of: Option<(&'a BTreeMap<AudienceId, Audience>, &'a AudienceId)>,
    due: String,
    now: Millis,
}

impl Store {
    /// Makes the deliveries of a planned run that follows another, or adds to those of a running one: contacts
    /// whom the parent reached, each after the delay that counts for them: the run's own delays, or `delay`
    /// milliseconds in a run made before they were kept. Those whose time lay before the step was added are
    /// `missed`. Some thousands of the parent's deliveries in each transaction, and none where nobody is to be added;
    /// a planned run is handed out after the last. Says how many rows were made.
    pub(super) async fn run_follow(
        &self,
        run: RunId,
        address: &Address,
        delay: i64,
        of: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let address = address.stored()?;
        let row = self.row::<(Option<RunId>, Option<String>)>(&PARENT, args![run]).await?;
        let Some((Some(parent), delays)) = row else { return Ok(0) };
        let delays = delays.map_or_else(|| Ok(Delays::always(delay)), |json| Delays::read(&json))?;
        let by_hand = self.row::<(RunId,)>(&BY_HAND, args![run]).await?.is_some();
        let following = Following { run, parent, address: &address, of, due: due(&delays, by_hand), now };
        let (mut made, mut after) = (0, 0);
        loop {
            let next = self.row::<(i64, i64)>(&NEXT, args![parent, after, run]).await?;
            let Some((last, missing)) = next.filter(|(last, _)| *last > 0) else { break };
            let range = ContactRange { after, upto: DeliveryId(last).contact().0 };
            if missing > 0 {
                made += again_if_deadlocked!(self.follow_slab(&following, range))?;
                self.let_others_write().await;
            }
            after = range.upto;
        }
        let mut tx = self.begin().await?;
        tx.execute(&START, args![run, now, &*address]).await?;
        tx.execute(&LOOKED, args![run, now]).await?;
        tx.commit().await?;
        if made >= MANY {
            self.analyze().await;
        }
        Ok(made)
    }

    /// Makes the deliveries of those whom the parent reached in a range.
    async fn follow_slab(&self, following: &Following<'_>, range: ContactRange) -> Result<i64, StoreError> {
        let Following { run, parent, address, now, .. } = *following;
        let after = DeliveryId::new(parent, ContactId(range.after));
        let upto = DeliveryId::new(parent, ContactId(range.upto));
        let people = People::followers(args![run, address, after, upto], self.dialect(), range, following)?;
        let mut tx = self.begin().await?;
        if tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let mut moves = Moves::default();
        let made = add(&mut tx, run, &people, &mut moves).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(made)
    }
}

/// When somebody falls due whom parent delivery `p` reached; -1 where that lay before the step was added, -2 where
/// it was sent by hand.
fn due(delays: &Delays, by_hand: bool) -> String {
    let due = format!("coalesce({}, -1)", delays.expression("p.sent_at"));
    if by_hand { format!("case when {USED_UP} then -2 else {due} end") } else { due }
}

impl People {
    /// The people whom parent deliveries between $3 and $4 reached, in an audience if one is given.
    fn followers(
        mut args: Vec<Arg>,
        dialect: Dialect,
        range: ContactRange,
        following: &Following<'_>,
    ) -> Result<Self, StoreError> {
        let mut members = format!(
            "p.id > $3 and p.id <= $4 and p.state = 'sent'
             and not exists (select 1 from deliveries f where f.id = $1 * {ID_SPACE} + p.contact_id)"
        );
        if let Some((audiences, audience)) = following.of {
            let mut who = Expression::new(dialect, audiences, following.now, range, args);
            members = format!("{members} and {}", who.members(audience)?);
            args = who.args();
        }
        let mut people = Self::at(args, &members);
        people.from = "deliveries p join contacts c on c.id = p.contact_id".to_owned();
        people.due.clone_from(&following.due);
        people.left_out.push_str(" when due = -2 then 'sent_by_hand' when due = -1 then 'missed'");
        Ok(people)
    }
}
