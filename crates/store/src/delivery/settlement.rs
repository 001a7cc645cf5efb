//! Settlement of uncertain deliveries by a person: as sent, or to be sent again.

use database::{ContactId, DeliveryId, Millis, RunId, Sql, StoreError, Tx, args, sql};

use crate::counter_deltas::CounterDeltas;
use crate::engagement::reread_sends;
use crate::run::before_first;
use crate::tally::SETTLED;
use crate::{DeliveryState, Store};

/// A person's decision about uncertain deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// They arrived: they become `sent`, with the reason `settled`.
    Sent,
    /// They did not arrive, or a repeat does no harm: they are queued again and counted as repeats.
    Resend,
}

/// Locks a run until the commit, so that a transaction that ends or reopens it sees what was
/// settled. A run that is being cancelled is left to the cancellation.
pub(super) const LOCK: Sql = sql!(
    "select id from runs where id = $1 and (state <> 'cancelled' or finished_at is not null)"
    { sqlite: "", postgres: " for no key update" }
);

/// Marks uncertain deliveries between ids $1 and $2 as sent, at most 20,000 at a time. $3 is now.
const MARK_SENT: Sql = sql!(
    "update deliveries set state = 'sent', reason = 'settled', sent_at = $3, due_at = null
     where id in (select d.id from deliveries d where d.id > $1 and d.id < $2 and d.state = 'uncertain'
                  order by d.id limit 20000)
       and state = 'uncertain'
     returning id"
);

const QUEUE_AGAIN: Sql = sql!(
    "update deliveries set state = 'queued', reason = null, due_at = $3, repeats = repeats + 1
     where id in (select d.id from deliveries d where d.id > $1 and d.id < $2 and d.state = 'uncertain'
                  order by d.id limit 20000)
       and state = 'uncertain'
     returning id"
);

/// Ends an ended run again: it becomes `finished` if no failed or uncertain delivery is left. Its
/// end becomes now, so that the steps that follow it look at it again.
pub(super) const FINISH_AGAIN: Sql = sql!(
    "update runs set finished_at = $2, " reread_sends!() ",
       state = case when state = 'finished_with_failures'
                     and not exists (select 1 from run_tallies t where t.run_id = runs.id and t.count > 0
                                     and t.state in ('failed', 'uncertain'))
                    then 'finished' else state end
     where id = $1 and finished_at is not null"
);

/// Reopens a run; a paused run stays paused. An expiry in the past moves as it does for a retry.
const REOPEN: Sql = sql!(
    "update runs set finished_at = null, " reread_sends!() ",
       state = case when state = 'paused' then 'paused' else 'running' end,
       note = case when state = 'paused' then note end,
       expires_at = case when expires_at > $2 then expires_at
                         when expires_at - instant > 3600000 then $2 + expires_at - instant
                         else $2 + 3600000 end
     where id = $1"
);

impl Store {
    /// Settles the uncertain deliveries of a run, or the one to `contact` ([`ContactId::FEED`] for
    /// its feed). Those that were sent count as sent now; a run that ended with failures only
    /// because of them becomes `finished`. Those to resend are queued, and their run goes on, even
    /// if it had ended. Returns the number settled: 0 where another process settled them first.
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
        let count = settle_chunks(&mut tx, run, contact, settlement, now).await?;
        if count == 0 {
            return Ok(0);
        }
        let mut deltas = CounterDeltas::default();
        deltas.add_ended(run, DeliveryState::Uncertain, "", -count);
        let run_update = match settlement {
            Settlement::Sent => {
                deltas.add_ended(run, DeliveryState::Sent, SETTLED, count);
                &FINISH_AGAIN
            }
            Settlement::Resend => {
                deltas.add_repeats(run, count);
                &REOPEN
            }
        };
        deltas.apply(&mut tx, now).await?;
        tx.execute(run_update, args![run, now]).await?;
        tx.commit().await?;
        Ok(count)
    }
}

/// Settles the deliveries in chunks, because SQLite remembers each row whose index entry a
/// statement is about to move.
async fn settle_chunks(
    tx: &mut Tx,
    run: RunId,
    contact: Option<ContactId>,
    settlement: Settlement,
    now: Millis,
) -> Result<i64, StoreError> {
    // An id beyond 32 bits would belong to a delivery of another run.
    if contact.is_some_and(|contact| !(0..=ContactId::MAX.0).contains(&contact.0)) {
        return Ok(0);
    }
    let one = contact.map(|contact| DeliveryId::new(run, contact).0);
    let mut after = one.map_or_else(|| before_first(run), |id| DeliveryId(id - 1));
    let last = one.unwrap_or_else(|| DeliveryId::new(run, ContactId::MAX).0);
    let end = last.saturating_add(1);
    let statement = match settlement {
        Settlement::Sent => &MARK_SENT,
        Settlement::Resend => &QUEUE_AGAIN,
    };
    let mut count = 0;
    loop {
        let settled: Vec<(DeliveryId,)> = tx.rows(statement, args![after, end, now]).await?;
        let Some((last,)) = settled.iter().max() else { return Ok(count) };
        after = *last;
        count += i64::try_from(settled.len()).unwrap_or(i64::MAX);
    }
}
