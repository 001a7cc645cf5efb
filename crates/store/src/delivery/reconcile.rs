//! Deliveries that a relay's log or a mail dump shows to have gone out, though they are not recorded as sent.

use database::{DeliveryId, Millis, RunId, Sql, StoreError, args, batch_of_ids, id_space, sql};

use super::settlement::{ENDED_WELL, LOCK};
use crate::moves::Moves;
use crate::tally::SETTLED;
use crate::{DeliveryState, Store};

const OPEN: Sql = sql!(
    "select id from deliveries
     where id > $2 and id < ($1 + 1) * " id_space!() " and state in ('queued', 'deferred', 'sending', 'uncertain', 'cancelled')
     order by id limit $3"
);

/// Marks those in these states. Takes them from the worker that may have claimed them: what it records of them is not
/// written.
macro_rules! went_out {
    ($states:literal) => {
        concat!(
            "update deliveries set state = 'sent', reason = 'settled', sent_at = $2, due_at = null, lease_id = null
             from input i where deliveries.id = i.id and deliveries.state in ",
            $states
        )
    };
}

const WENT_OUT: Sql =
    sql!("with " [batch 1 as input: id bigint] went_out!("('queued', 'deferred', 'sending')"));

const UNCERTAIN_WENT_OUT: Sql = sql!("with " [batch 1 as input: id bigint] went_out!("('uncertain')"));

const CANCELLED_WENT_OUT: Sql = sql!("with " [batch 1 as input: id bigint] went_out!("('cancelled')"));

/// The deliveries to come of run $1, which follows another: of people whom the other reached, without one in it yet, after
/// contact $2.
const UNMADE: Sql = sql!(
    "select r.id * " id_space!() " + p.contact_id from runs r
     join deliveries p on p.id > r.parent_id * " id_space!() " + $2 and p.id < (r.parent_id + 1) * " id_space!() "
     where r.id = $1 and p.state = 'sent'
       and not exists (select 1 from deliveries f where f.id = r.id * " id_space!() " + p.contact_id)
     order by p.id limit $3"
);

const MAKE_SENT: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "insert into deliveries (id, run_id, contact_id, state, reason, scheduled_at, attempts, sent_at)
     select id, $2, id - $2 * " id_space!() ", 'sent', 'settled', $3, 1, $3 from input where true
     on conflict (id) do nothing"
);

const GROWN: Sql = sql!("update runs set total = total + $2 where id = $1");

impl Store {
    /// Lists the deliveries that a run which follows another will have, and has not yet: in the order of their ids after
    /// `after`.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_unmade(
        &self,
        run: RunId,
        after: DeliveryId,
        limit: i64,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let rows: Vec<(DeliveryId,)> = self.rows(&UNMADE, args![run, after.contact(), limit]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Makes deliveries of a run that follows another as sent, now, with the reason `settled`. Returns how many were
    /// made: none in a run whose cancellation is under way.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_make_sent(
        &self,
        run: RunId,
        deliveries: &[DeliveryId],
        now: Millis,
    ) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        if deliveries.is_empty() || tx.row::<(RunId,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let made = tx.execute(&MAKE_SENT, args![batch_of_ids(deliveries)?, run, now]).await?;
        let made = i64::try_from(made).unwrap_or(i64::MAX);
        let mut moves = Moves::default();
        moves.ended(run, DeliveryState::Sent, SETTLED, made);
        moves.apply(&mut tx, now).await?;
        tx.execute(&GROWN, args![run, made]).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Lists deliveries of a run that are not recorded as sent and may have been, after `after` in the order of their
    /// ids: queued, deferred, sending, uncertain or cancelled.
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
        let rows: Vec<(DeliveryId,)> = self.rows(&OPEN, args![run, after, limit]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Marks open deliveries of a run as sent, now, with the reason `settled`; those of other runs are left alone, and
    /// so is a run whose cancellation is under way. A run that ended with failures only because of them becomes
    /// `finished`. Returns how many were marked. At most some thousands at a time: it is one transaction.
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
        let open = count(tx.execute(&WENT_OUT, args![input.clone(), now]).await?);
        let uncertain = count(tx.execute(&UNCERTAIN_WENT_OUT, args![input.clone(), now]).await?);
        let cancelled = count(tx.execute(&CANCELLED_WENT_OUT, args![input, now]).await?);
        let all = open + uncertain + cancelled;
        if all == 0 {
            return Ok(0);
        }
        let mut moves = Moves::default();
        moves.ended(run, DeliveryState::Uncertain, "", -uncertain);
        moves.ended(run, DeliveryState::Cancelled, "", -cancelled);
        moves.ended(run, DeliveryState::Sent, SETTLED, all);
        moves.apply(&mut tx, now).await?;
        tx.execute(&ENDED_WELL, args![run, now]).await?;
        tx.commit().await?;
        Ok(all)
    }
}
