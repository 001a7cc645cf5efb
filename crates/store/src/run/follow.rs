//! Who gets a run that follows another: those whom the other reached, more of them while it is still going.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};

use super::plan::{MANY, People, START};
use crate::audience::Expression;
use crate::moves::Moves;
use crate::sql::{Arg, Assembled, Dialect, Sql, Tx, args, sql};
use crate::{Address, ContactId, Delays, DeliveryId, DeliveryState, Millis, RunId, Store, StoreError};

/// Locked, so that of two that look at once the second sees whom the first has added.
const PARENT: Sql = sql!(
    "select parent_id, delays from runs where id = $1 and state = 'running'"
    { sqlite: "", postgres: " for no key update" }
);

/// Whether the step was ever sent by hand: then it uses up the follow-up of each recipient's latest parent delivery.
const BY_HAND: Sql = sql!(
    "select m.id from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
     where f.id = $1 limit 1"
);

/// Of parent delivery `p` in a run of the follow-up $1: a run by hand reached the recipient after it, and no later
/// parent delivery came before that run.
const USED_UP: &str = "exists (
    select 1 from runs f join runs m on m.campaign = f.campaign and m.step = f.step and m.kind = 'manual'
    join deliveries md on md.id = m.id * 4294967296 + p.contact_id
    where f.id = $1 and m.created_at >= p.sent_at and md.state not in ('suppressed', 'cancelled', 'failed')
      and not exists (
        select 1 from runs pr join runs q on q.campaign = pr.campaign and q.step = pr.step and q.kind <> 'test'
        join deliveries qd on qd.id = q.id * 4294967296 + p.contact_id
        where pr.id = p.run_id and qd.sent_at > p.sent_at and qd.sent_at <= m.created_at))";

/// Where the next deliveries of a parent run end.
const NEXT: Sql = sql!(
    "select max(id) from (select id from deliveries where id > $2 and id < ($1 + 1) * 4294967296
                          order by id limit 20000) slab"
);

/// `planned_at` says up to when the parent was looked at: `run_finish` waits for a look after its end.
const GROWN: Sql = sql!("update runs set total = total + $2, planned_at = $3 where id = $1");

impl Store {
    /// Makes the deliveries of a planned run that follows another, or adds to those of a running one: contacts
    /// whom the parent reached, each after the delay that counts for them: the run's own delays, or `delay`
    /// milliseconds in a run made before they were kept. Those whose time lay before the step was added are
    /// `missed`. Says how many rows were made.
    pub(super) async fn run_follow(
        &self,
        run: RunId,
        address: &Address,
        delay: Millis,
        of: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let address = address.stored()?;
        let mut tx = self.begin().await?;
        tx.execute(&START, args![run, now, address.as_str()]).await?;
        let row = tx.row::<(Option<RunId>, Option<String>)>(&PARENT, args![run]).await?;
        let Some((Some(parent), delays)) = row else { return Ok(0) };
        let delays = delays.map_or_else(|| Ok(Delays::always(delay)), |json| Delays::read(&json))?;
        let by_hand = tx.row::<(RunId,)>(&BY_HAND, args![run]).await?.is_some();
        let due = due(&delays, by_hand);
        let mut moves = Moves::default();
        let dialect = self.pools().dialect();
        let whom = |args| People::followers(args, dialect, of, &due, now);
        let made = follow(&mut tx, run, parent, &address, &whom, &mut moves).await?;
        tx.execute(&GROWN, args![run, made, now]).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        if made >= MANY {
            self.analyze().await;
        }
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
        args: Vec<Arg>,
        dialect: Dialect,
        of: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        due: &str,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut members = "p.id > $3 and p.id <= $4 and p.state = 'sent'
             and not exists (select 1 from deliveries f where f.id = $1 * 4294967296 + p.contact_id)"
            .to_owned();
        let mut args = args;
        if let Some((audiences, audience)) = of {
            let mut who = Expression::new(dialect, audiences, now, args);
            members = format!("{members} and {}", who.audience(audience)?);
            args = who.args();
        }
        let mut people = Self::at(args, &members);
        people.from = "deliveries p join contacts c on c.id = p.contact_id".to_owned();
        due.clone_into(&mut people.due);
        people.left_out.push_str(" when due = -2 then 'sent_by_hand' when due = -1 then 'missed'");
        Ok(people)
    }
}

/// Some at a time, because SQLite copies what it reads from the table that it writes.
async fn follow(
    tx: &mut Tx,
    run: RunId,
    parent: RunId,
    address: &str,
    whom: &(dyn Fn(Vec<Arg>) -> Result<People, StoreError> + Sync),
    moves: &mut Moves,
) -> Result<i64, StoreError> {
    let mut made = 0;
    let mut after = DeliveryId::new(parent, ContactId::FEED);
    while let Some((Some(upto),)) = tx.row::<(Option<DeliveryId>,)>(&NEXT, args![parent, after]).await? {
        let (text, args) = whom(args![run, address, after, upto])?.insert();
        let text = format!("{text} where true returning coalesce(reason, '')");
        for (reason,) in tx.rows::<(String,)>(Assembled(text), args).await? {
            made += 1;
            if !reason.is_empty() {
                moves.ended(run, DeliveryState::Suppressed, &reason, 1);
            }
        }
        after = upto;
    }
    Ok(made)
}
