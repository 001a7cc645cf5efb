//! Who gets a run that follows another: those whom the other reached, more of them while it is still going.

use super::plan::{MANY, People, START};
use crate::moves::Moves;
use crate::sql::{Assembled, Sql, Tx, args, sql};
use crate::{Address, ContactId, DeliveryId, DeliveryState, Millis, RunId, Store, StoreError};

/// Locked, so that of two that look at once the second sees whom the first has added.
const PARENT: Sql = sql!(
    "select parent_id from runs where id = $1 and state = 'running'"
    { sqlite: "", postgres: " for no key update" }
);

/// Where the next deliveries of a parent run end.
const NEXT: Sql = sql!(
    "select max(id) from (select id from deliveries where id > $2 and id < ($1 + 1) * 4294967296
                          order by id limit 20000) slab"
);

/// `planned_at` says up to when the parent was looked at: `run_finish` waits for a look after its end.
const GROWN: Sql = sql!("update runs set total = total + $2, planned_at = $3 where id = $1");

impl Store {
    /// Makes the deliveries of a planned run that follows another, or adds to those of a running one: contacts
    /// whom the parent reached, `delay` milliseconds after it did. Says how many rows were made.
    pub(super) async fn run_follow(
        &self,
        run: RunId,
        address: &Address,
        delay: Millis,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let address = address.stored()?;
        let mut tx = self.begin().await?;
        tx.execute(&START, args![run, now, address.as_str()]).await?;
        let Some((Some(parent),)) = tx.row::<(Option<RunId>,)>(&PARENT, args![run]).await? else {
            return Ok(0);
        };
        let mut moves = Moves::default();
        let made = follow(&mut tx, run, parent, &address, delay, &mut moves).await?;
        tx.execute(&GROWN, args![run, made, now]).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        if made >= MANY {
            self.analyze().await;
        }
        Ok(made)
    }
}

/// Some at a time, because SQLite copies what it reads from the table that it writes.
async fn follow(
    tx: &mut Tx,
    run: RunId,
    parent: RunId,
    address: &str,
    delay: Millis,
    moves: &mut Moves,
) -> Result<i64, StoreError> {
    let mut made = 0;
    let mut after = DeliveryId::new(parent, ContactId::FEED);
    while let Some((Some(upto),)) = tx.row::<(Option<DeliveryId>,)>(&NEXT, args![parent, after]).await? {
        let mut people = People::at(
            args![run, address, delay, after, upto],
            "p.id > $4 and p.id <= $5 and p.state = 'sent'
             and not exists (select 1 from deliveries f where f.id = $1 * 4294967296 + p.contact_id)",
        );
        people.from = "deliveries p join contacts c on c.id = p.contact_id".to_owned();
        people.due = "p.sent_at + $3";
        let (text, args) = people.insert();
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
