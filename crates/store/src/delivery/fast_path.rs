//! The fast path of a group commit, for the usual case: each delivery that was sent was accepted,
//! and each intent is granted. Counting the changed rows is enough then, and no row has to be read
//! back.

use std::collections::BTreeMap;

use contacts::lacks_consent;
use database::{DeliveryId, LeaseId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, sql};

use super::answer::truncated;
use super::locks::lock_runs;
use super::outcomes::record_outcomes;
use super::{DeliveryState, GroupCommit, Outcome, intent, post};
use crate::address::{address_of, suppressed_because};
use crate::counter_deltas::CounterDeltas;
use crate::soft_bounce;

#[derive(serde::Serialize)]
struct AcceptedInput<'a> {
    id: DeliveryId,
    answer: &'a str,
}

const ACCEPT: Sql = sql!(
    "with " [batch 1 as input: id bigint, answer text]
    "update deliveries set state = 'sent', reason = null, due_at = null, sent_at = $3, answer = i.answer,
       lease_id = null
     from input i
     where deliveries.id = i.id and deliveries.lease_id + 0 = $2 and deliveries.state = 'sending'"
);

/// Grants intents under the conditions of the statement in `intent.rs` that reads rows back; a
/// delivery that fails one is not counted. A second try that has a newer occurrence is left to that
/// statement, which decides whether it is superseded.
const GRANT: Sql = sql!(
    "with " [batch 1 as input: id bigint] ", good as materialized (
       select d.id
       from input i
       join deliveries d on d.id = i.id
       join runs r on r.id = d.run_id and r.state = 'running' and r.expires_at > $3
         and (r.ends_at is null or r.ends_at >= $3)
       left join contacts c on c.id = d.contact_id
       where (d.attempts = 0 or not exists (select 1 from runs n where " is_newer!("$3") "))
         and (d.contact_id = 0 or r.to_address is not null
          or not " lacks_consent!() "
             and " address_of!() " is not null
             and " suppressed_because!() " is null))
     update deliveries set state = 'sending', reason = null, attempts = deliveries.attempts + 1
     from good g
     where deliveries.id = g.id and deliveries.lease_id + 0 = $2 and deliveries.state in ('queued', 'deferred')"
);

/// Records all outcomes and grants all intents, and returns the counters and the number of outcomes
/// that changed a row. `None` where the fast path does not apply: then the transaction must be
/// rolled back.
pub(super) async fn record_all(
    tx: &mut Tx,
    lease: LeaseId,
    record: &GroupCommit,
    outcomes: &BTreeMap<DeliveryId, &Outcome>,
    now: Millis,
) -> Result<Option<(CounterDeltas, u64)>, StoreError> {
    let mut deltas = CounterDeltas::default();
    if !record.outbox.is_empty()
        || !record.put_off.is_empty()
        || !intent::lease_is_valid(tx, lease, now).await?
    {
        return Ok(None);
    }
    lock_runs(tx, record).await?;
    let mut accepted = Vec::with_capacity(outcomes.len());
    let mut others = BTreeMap::new();
    let mut posts = Vec::new();
    for (id, outcome) in outcomes {
        match outcome {
            Outcome::Accepted { answer, post } => {
                accepted.push(AcceptedInput { id: *id, answer: truncated(answer) });
                posts.extend(post.as_ref().map(|post| (*id, post)));
            }
            _ => {
                others.insert(*id, *outcome);
            }
        }
    }
    if !accepted.is_empty() {
        if tx.execute(&ACCEPT, args![batch(&accepted)?, lease, now]).await? != accepted.len() as u64 {
            return Ok(None);
        }
        for input in &accepted {
            deltas.add_ended(input.id.run(), DeliveryState::Sent, "", 1);
        }
        soft_bounce::clear(tx, accepted.iter().map(|input| input.id)).await?;
        post::upsert(tx, posts, now).await?;
    }
    let recorded = record_outcomes(tx, lease, &others, now, &mut deltas).await?;
    if !record.intents.is_empty()
        && tx.execute(&GRANT, args![batch_of_ids(&record.intents)?, lease, now]).await?
            != record.intents.len() as u64
    {
        return Ok(None);
    }
    Ok(Some((deltas, (accepted.len() + recorded.len()) as u64)))
}
