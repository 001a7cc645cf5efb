//! Reconciliation of deliveries with a relay's log or a mail dump: those that were sent although
//! they are not recorded as sent.

use database::{DeliveryId, Millis, RunId, Sql, StoreError, args, batch_of_ids, id_space, sql};

use super::settlement::{FINISH_AGAIN, LOCK};
use crate::counter_deltas::CounterDeltas;
use crate::tally::SETTLED;
use crate::{DeliveryState, Store};

const LIST_OPEN: Sql = sql!(
    "select id from deliveries
     where id > $2 and id < ($1 + 1) * " id_space!() " and state in ('queued', 'deferred', 'sending', 'uncertain', 'cancelled')
     order by id limit $3"
);

/// Marks deliveries in these states as sent. A worker that has claimed one loses it: what it
/// records about the delivery is not written.
macro_rules! mark_sent {
    ($states:literal) => {
        concat!(
            "update deliveries set state = 'sent', reason = 'settled', sent_at = $2, due_at = null, lease_id = null
             from input i where deliveries.id = i.id and deliveries.state in ",
            $states
        )
    };
}

const MARK_OPEN_SENT: Sql =
    sql!("with " [batch 1 as input: id bigint] mark_sent!("('queued', 'deferred', 'sending')"));

const MARK_UNCERTAIN_SENT: Sql = sql!("with " [batch 1 as input: id bigint] mark_sent!("('uncertain')"));

const MARK_CANCELLED_SENT: Sql = sql!("with " [batch 1 as input: id bigint] mark_sent!("('cancelled')"));

/// The future follow-ups of run $1: contacts after $2 that its parent run reached and who have no
/// delivery in it yet.
const FUTURE_FOLLOW_UPS: Sql = sql!(
    "select r.id * " id_space!() " + p.contact_id from runs r
     join deliveries p on p.id > r.parent_id * " id_space!() " + $2 and p.id < (r.parent_id + 1) * " id_space!() "
     where r.id = $1 and p.state = 'sent'
       and not exists (select 1 from deliveries f where f.id = r.id * " id_space!() " + p.contact_id)
     order by p.id limit $3"
);

const INSERT_SENT: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "insert into deliveries (id, run_id, contact_id, state, reason, scheduled_at, attempts, sent_at)
     select id, $2, id - $2 * " id_space!() ", 'sent', 'settled', $3, 1, $3 from input where true
     on conflict (id) do nothing"
);

const ADD_TO_TOTAL: Sql = sql!("update runs set total = total + $2 where id = $1");

impl Store {
    /// Lists the deliveries that a follow-up run will have and does not have yet, in the order of
    /// their ids after `after`.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_future_follow_ups(
        &self,
        run: RunId,
        after: DeliveryId,
        limit: i64,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let rows: Vec<(DeliveryId,)> =
            self.rows(&FUTURE_FOLLOW_UPS, args![run, after.contact(), limit]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Inserts deliveries of a follow-up run as sent, now, with the reason `settled`. Returns the
    /// number inserted: 0 in a run that is being cancelled.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_insert_sent(
        &self,
        run: RunId,
        deliveries: &[DeliveryId],
        now: Millis,
    ) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if deliveries.is_empty() || tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let inserted = tx.execute(&INSERT_SENT, args![batch_of_ids(deliveries)?, run, now]).await?;
        let inserted = i64::try_from(inserted).unwrap_or(i64::MAX);
        let mut deltas = CounterDeltas::default();
        deltas.add_ended(run, DeliveryState::Sent, SETTLED, inserted);
        deltas.apply(&mut tx, now).await?;
        tx.execute(&ADD_TO_TOTAL, args![run, inserted]).await?;
        tx.commit().await?;
        Ok(inserted)
    }

    /// Lists deliveries of a run that are not recorded as sent and may have been, after `after` in
    /// the order of their ids: queued, deferred, sending, uncertain or cancelled.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_open(
        &self,
        run: RunId,
        after: DeliveryId,
        limit: i64,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let rows: Vec<(DeliveryId,)> = self.rows(&LIST_OPEN, args![run, after, limit]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Marks open deliveries of a run as sent, now, with the reason `settled`. Deliveries of other
    /// runs are ignored, and so is a run that is being cancelled. A run that ended with failures
    /// only because of these deliveries becomes `finished`. Returns the number marked. All are
    /// marked in one transaction: pass at most some thousands.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_reconcile(
        &self,
        run: RunId,
        deliveries: &[DeliveryId],
        now: Millis,
    ) -> Result<i64, StoreError> {
        let mut own: Vec<DeliveryId> = deliveries.iter().copied().filter(|id| id.run() == run).collect();
        own.sort_unstable();
        let mut tx = self.begin().await?;
        if own.is_empty() || tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let input = batch_of_ids(&own)?;
        let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let open = count(tx.execute(&MARK_OPEN_SENT, args![input.clone(), now]).await?);
        let uncertain = count(tx.execute(&MARK_UNCERTAIN_SENT, args![input.clone(), now]).await?);
        let cancelled = count(tx.execute(&MARK_CANCELLED_SENT, args![input, now]).await?);
        let all = open + uncertain + cancelled;
        if all == 0 {
            return Ok(0);
        }
        let mut deltas = CounterDeltas::default();
        deltas.add_ended(run, DeliveryState::Uncertain, "", -uncertain);
        deltas.add_ended(run, DeliveryState::Cancelled, "", -cancelled);
        deltas.add_ended(run, DeliveryState::Sent, SETTLED, all);
        deltas.apply(&mut tx, now).await?;
        tx.execute(&FINISH_AGAIN, args![run, now]).await?;
        tx.commit().await?;
        Ok(all)
    }
}
