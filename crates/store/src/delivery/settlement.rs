//! What a person says of an uncertain delivery: it went out, or send it again.

use database::{ContactId, DeliveryId, Millis, RunId, Sql, StoreError, Tx, args, sql};

use crate::engagement::sends_anew;
use crate::moves::Moves;
use crate::run::before;
use crate::tally::SETTLED;
use crate::{DeliveryState, Store};

/// What becomes of uncertain deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// They arrived: `sent`, with the reason `settled`.
    WentOut,
    /// They did not, or once more does no harm: queued again, counted as repeats.
    SendAgain,
}

/// Held until the commit: what ends the run, or queues it again, sees what was settled. A run whose cancellation
/// is under way is left to it.
pub(super) const LOCK: Sql = sql!(
    "select id from runs where id = $1 and (state <> 'cancelled' or finished_at is not null)"
    { sqlite: "", postgres: " for no key update" }
);

/// Those between $1 and $2, some at a time. $3 is now.
const WENT_OUT: Sql = sql!(
    "update deliveries set state = 'sent', reason = 'settled', sent_at = $3, due_at = null
     where id in (select d.id from deliveries d where d.id > $1 and d.id < $2 and d.state = 'uncertain'
                  order by d.id limit 20000)
       and state = 'uncertain'
     returning id"
);

const SEND_AGAIN: Sql = sql!(
    "update deliveries set state = 'queued', reason = null, due_at = $3, repeats = repeats + 1
     where id in (select d.id from deliveries d where d.id > $1 and d.id < $2 and d.state = 'uncertain'
                  order by d.id limit 20000)
       and state = 'uncertain'
     returning id"
);

/// A run that ended with nothing but these in doubt. When it ended is now, so that a step that follows looks again.
pub(super) const ENDED_WELL: Sql = sql!(
    "update runs set finished_at = $2, " sends_anew!() ",
       state = case when state = 'finished_with_failures'
                     and not exists (select 1 from run_tallies t where t.run_id = runs.id and t.count > 0
                                     and t.state in ('failed', 'uncertain'))
                    then 'finished' else state end
     where id = $1 and finished_at is not null"
);

/// A paused run stays paused. Its expiry, if past, moves as it does for a retry.
const GOES_ON: Sql = sql!(
    "update runs set finished_at = null, " sends_anew!() ",
       state = case when state = 'paused' then 'paused' else 'running' end,
       note = case when state = 'paused' then note end,
       expires_at = case when expires_at > $2 then expires_at
                         when expires_at - instant > 3600000 then $2 + expires_at - instant
                         else $2 + 3600000 end
     where id = $1"
);

impl Store {
    /// Settles the uncertain deliveries of a run, or the one to `contact` ([`ContactId::FEED`] for its feed). Those
    /// that went out count as sent, now; a run that ended with failures only because of them becomes `finished`.
    /// Those to be sent again are queued, and their run goes on, an ended one too. Says how many: none where
    /// somebody else was faster.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_settle(
        &self,
        run: RunId,
        contact: Option<ContactId>,
        settlement: Settlement,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let count = moved(&mut tx, run, contact, settlement, now).await?;
        if count == 0 {
            return Ok(0);
        }
        let mut moves = Moves::default();
        moves.ended(run, DeliveryState::Uncertain, "", -count);
        let follow = match settlement {
            Settlement::WentOut => {
                moves.ended(run, DeliveryState::Sent, SETTLED, count);
                &ENDED_WELL
            }
            Settlement::SendAgain => {
                moves.repeated(run, count);
                &GOES_ON
            }
        };
        moves.apply(&mut tx, now).await?;
        tx.execute(follow, args![run, now]).await?;
        tx.commit().await?;
        Ok(count)
    }
}

/// Moves them a slab at a time, because SQLite remembers every row that a statement is about to move in an index.
async fn moved(
    tx: &mut Tx,
    run: RunId,
    contact: Option<ContactId>,
    settlement: Settlement,
    now: Millis,
) -> Result<i64, StoreError> {
    // A number beyond 32 bits would be somebody else's in another run.
    if contact.is_some_and(|contact| !(0..=ContactId::LAST.0).contains(&contact.0)) {
        return Ok(0);
    }
    let one = contact.map(|contact| DeliveryId::new(run, contact).0);
    let mut after = one.map_or_else(|| before(run), |id| DeliveryId(id - 1));
    let last = one.unwrap_or_else(|| DeliveryId::new(run, ContactId::LAST).0);
    let end = last.saturating_add(1);
    let statement = match settlement {
        Settlement::WentOut => &WENT_OUT,
        Settlement::SendAgain => &SEND_AGAIN,
    };
    let mut count = 0;
    loop {
        let some: Vec<(DeliveryId,)> = tx.rows(statement, args![after, end, now]).await?;
        let Some((last,)) = some.iter().max() else { return Ok(count) };
        after = *last;
        count += i64::try_from(some.len()).unwrap_or(i64::MAX);
    }
}
