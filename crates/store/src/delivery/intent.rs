//! Intents: deliveries that a worker is about to begin, granted or refused.

use std::collections::HashSet;

use contacts::lacks_consent;
use database::{DeliveryId, LeaseId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, sql};

use super::DeliveryState;
use super::answer::truncated;
use crate::address::{address_of, suppressed_because};
use crate::counter_deltas::CounterDeltas;

/// Checks and locks a lease. The lock is held until the commit, so that a sweep that ends the lease
/// sees what was begun under it.
const LOCK_LEASE: Sql = sql!(
    "select id from leases where id = $1 and expires_at > $2"
    { sqlite: "", postgres: " for key share" }
);

/// Grants intents. Deliveries of a run that is not running any more are released; contacts who
/// withdrew their consent meanwhile are left out. $2 is now, $3 the lease.
const GRANT: Sql = sql!(
    "with " [batch 1 as input: id bigint] ", judged as materialized (
       select due.id, case
           when r.state <> 'running' or r.expires_at <= $2 or r.ends_at < $2 then 'released'
           when due.attempts > 0 and " superseded!() " then 'superseded'
           when due.contact_id = 0 or r.to_address is not null then null
           when c.id is null then 'no_address'
           when " address_of!() " is null then 'no_address'
           else coalesce(" suppressed_because!() ", case when " lacks_consent!() " then 'no_consent' end)
         end as verdict
       from input i
       join deliveries due on due.id = i.id
       join runs r on r.id = due.run_id
       left join contacts c on c.id = due.contact_id)
     update deliveries set
       state = case when j.verdict is null then 'sending'
                    when j.verdict = 'released' then deliveries.state else 'suppressed' end,
       reason = case when j.verdict is null then null
                     when j.verdict = 'released' then deliveries.reason else j.verdict end,
       due_at = case when j.verdict is null or j.verdict = 'released' then deliveries.due_at end,
       lease_id = case when j.verdict is null then deliveries.lease_id end,
       attempts = deliveries.attempts + case when j.verdict is null then 1 else 0 end
     from judged j
     where deliveries.id = j.id and deliveries.lease_id + 0 = $3 and deliveries.state in ('queued', 'deferred')
     returning deliveries.id, deliveries.state, coalesce(deliveries.reason, '')"
);

/// Returns whether the lease is still valid, and locks it until the commit.
pub(super) async fn lease_is_valid(tx: &mut Tx, lease: LeaseId, now: Millis) -> Result<bool, StoreError> {
    Ok(tx.row::<(i64,)>(&LOCK_LEASE, args![lease, now]).await?.is_some())
}

/// Sets the deliveries that may be begun to `sending` and returns them, in the order of `intents`.
pub(super) async fn grant(
    tx: &mut Tx,
    lease: LeaseId,
    intents: &[DeliveryId],
    now: Millis,
    deltas: &mut CounterDeltas,
) -> Result<Vec<DeliveryId>, StoreError> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let changed: Vec<(DeliveryId, String, String)> =
        tx.rows(&GRANT, args![batch_of_ids(intents)?, now, lease]).await?;
    let mut granted = HashSet::with_capacity(changed.len());
    for (id, state, reason) in changed {
        if state == DeliveryState::Sending.as_str() {
            granted.insert(id);
        } else if state == DeliveryState::Suppressed.as_str() {
            deltas.add_ended(id.run(), DeliveryState::Suppressed, &reason, 1);
        }
    }
    Ok(intents.iter().copied().filter(|id| granted.remove(id)).collect())
}

#[derive(serde::Serialize)]
struct PutOffInput<'a> {
    id: DeliveryId,
    due: Millis,
    reason: &'a str,
}

impl<'a> From<&'a (DeliveryId, Millis, String)> for PutOffInput<'a> {
    fn from((id, due, reason): &'a (DeliveryId, Millis, String)) -> Self {
        Self { id: *id, due: *due, reason: truncated(reason) }
    }
}

const PUT_OFF: Sql = sql!(
    "with " [batch 1 as input: id bigint, due bigint, reason text]
    "update deliveries set due_at = i.due, reason = i.reason, lease_id = null from input i
     where deliveries.id = i.id and deliveries.lease_id + 0 = $2 and deliveries.state in ('queued', 'deferred')"
);

/// Releases claimed deliveries, each until a time and with a reason.
pub(super) async fn put_off(
    tx: &mut Tx,
    lease: LeaseId,
    put_off: &[(DeliveryId, Millis, String)],
) -> Result<(), StoreError> {
    if put_off.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = put_off.iter().map(PutOffInput::from).collect();
    rows.sort_unstable_by_key(|row| row.id);
    tx.execute(&PUT_OFF, args![batch(&rows)?, lease]).await.map(|_| ())
}
