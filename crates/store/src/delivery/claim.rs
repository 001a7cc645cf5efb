//! Claims of due deliveries by a worker; deliveries that must not be sent any more end on the way.

use std::collections::HashMap;

use contacts::{Contact, lacks_consent, packed_columns, unpack_contacts};
use database::{
    ContactId, DeliveryId, LeaseId, Millis, RunId, RunName, Sql, StoreError, Tx, args, batch, batch_of_ids,
    id_space, sql,
};
use schedule::{Condition, Reaction};

use super::{ClaimedDelivery, DeliveryName, DeliveryState};
use crate::Store;
use crate::address::{address_of, suppressed_because};
use crate::counter_deltas::CounterDeltas;
use crate::run::{CHUNK_SIZE, StoredCondition, before_first, chunk_end, count_in_state};

/// Checks and locks a lease. The lock is held until the commit, so that a sweep that ends the lease
/// sees what was claimed under it.
const LOCK_LEASE: Sql = sql!(
    "select id from leases where id = $1 and expires_at > $2"
    { sqlite: "", postgres: " for key share" }
);

/// Reads a running run, whether the step has a newer occurrence, and whether it has an older one
/// that may have reached contacts within the last minute. No delivery leaves after the campaign's
/// end, which is its last instant.
const GET_RUN: Sql = sql!(
    "select r.parent_id, r.condition, r.started_at, r.name, r.to_address,
       cast(case when r.expires_at <= $2 or coalesce(r.ends_at, $2) < $2 then 1 else 0 end as bigint) as is_over,
       cast(case when exists (select 1 from runs n where " is_newer!("$2") ") then 1 else 0 end as bigint) as has_newer,
       cast(case when exists (select 1 from runs o
                              where o.campaign = r.campaign and o.step = r.step and o.instant < r.instant
                                and o.kind = 'scheduled' and coalesce(o.finished_at, $2) > $2 - 60000)
                 then 1 else 0 end as bigint) as has_older
     from runs r where r.id = $1 and r.state = 'running'"
);

const STARTED: Sql = sql!("update runs set started_at = $2 where id = $1 and started_at is null");

/// Ends deliveries of an expired run after id $2, at most $3 of them. A delivery that an earlier
/// try may have brought becomes `uncertain` and not `failed`.
const EXPIRE: Sql = sql!(
    "update deliveries set due_at = null, state = case when repeats > 0 then 'uncertain' else 'failed' end,
       reason = case when repeats > 0 then null else 'expired' end
     where id in (select d.id from deliveries d
                  where d.id > $2 and d.id < ($1 + 1) * " id_space!() " and d.lease_id is null
                    and d.state in ('queued', 'deferred') order by d.id limit $3 "
    { sqlite: "", postgres: "for update skip locked" }
    ") and lease_id is null and state in ('queued', 'deferred')
     returning id, state"
);

/// Arguments: $1 run, $2 now, $3 limit, $4 lease, $5 parent run, $6 reaction, $7 1 if the reaction
/// is required, $8 1 if a newer occurrence may supersede, $9 1 if an older one may have reached
/// contacts within the last minute. No contact gets two occurrences of a step out of order, or
/// within a minute of each other because the older one was deferred. Of occurrences that are caught
/// up together, the newer waits for the older.
const CLAIM: Sql = sql!(
    "with due as materialized (
       select d.id, d.contact_id from deliveries d
       where d.run_id = $1 and d.due_at <= $2 and d.lease_id is null and d.state in ('queued', 'deferred')
       order by d.due_at, d.id limit $3 "
    { sqlite: "", postgres: "for update skip locked" }
    "), judged as materialized (
       select due.id, case
           when $8 = 1 and " superseded!() " then 'superseded'
           when $9 = 1 and exists (
             select 1 from runs o join deliveries od on od.id = o.id * " id_space!() " + due.contact_id
             where o.campaign = r.campaign and o.step = r.step and o.instant < r.instant and o.kind = 'scheduled'
               and (od.attempts > 1 and (od.state = 'sending' or od.state = 'sent' and od.sent_at > $2 - 60000)
                    or o.created_at = r.created_at and o.state = 'running' and od.state in ('queued', 'sending')))
             then 'spaced'
           when due.contact_id = 0 or r.to_address is not null then null
           when c.id is null then 'no_address'
           when " address_of!() " is null then 'no_address'
           else coalesce(" suppressed_because!() ", case
             when " lacks_consent!() " then 'no_consent'
             when $6 is not null
               and (case $6 when 'opened' then p.opened_at when 'clicked' then p.clicked_at
                            else p.converted_at end is not null) <> ($7 = 1) then 'condition' end)
         end as verdict
       from due
       join runs r on r.id = $1
       left join contacts c on c.id = due.contact_id
       left join deliveries p on p.id = $5 * " id_space!() " + due.contact_id)
     update deliveries set
       lease_id = case when j.verdict is null then $4 end,
       state = case when j.verdict is null or j.verdict = 'spaced' then deliveries.state else 'suppressed' end,
       reason = case when j.verdict is null or j.verdict = 'spaced' then deliveries.reason else j.verdict end,
       due_at = case when j.verdict is null then deliveries.due_at when j.verdict = 'spaced' then $2 + 60000 end
     from judged j where deliveries.id = j.id
     returning deliveries.id as id, deliveries.lease_id is not null as is_claimed,
       coalesce(deliveries.reason, '') as reason, deliveries.attempts as attempts,
       deliveries.due_at as due_at, deliveries.scheduled_at as scheduled_at, deliveries.repeats as repeats"
);

/// Reads contacts as one JSON text in one row, which is faster than a thousand rows.
const CONTACTS: Sql = sql!(
    "with " [batch 1 as input: id bigint] "select "
    { sqlite: "json_group_array(json_array(", postgres: "cast(coalesce(json_agg(json_build_array(" }
    packed_columns!()
    { sqlite: "))", postgres: ")), '[]') as text)" }
    " from input i join contacts c on c.id = i.id"
);

#[derive(serde::Serialize)]
struct ContactKey {
    id: ContactId,
}

/// The columns of a running run that a claim needs.
#[derive(sqlx::FromRow)]
struct RunRow {
    parent_id: Option<i64>,
    #[sqlx(try_from = "StoredCondition")]
    condition: Option<Condition>,
    started_at: Option<Millis>,
    name: Option<RunName>,
    to_address: Option<String>,
    is_over: i64,
    has_newer: i64,
    has_older: i64,
}

/// The result of one transaction of a claim.
enum ClaimStep {
    /// The claim is complete, with these deliveries.
    Done(Vec<ClaimedDelivery>),
    /// The run has expired, and may have more deliveries to end after this one.
    MoreExpired(DeliveryId),
}

/// One delivery that a claim changed.
#[derive(sqlx::FromRow)]
struct ClaimRow {
    id: DeliveryId,
    /// True where the lease holds it now.
    is_claimed: bool,
    /// The reason for which it was left out; empty where it was not.
    reason: String,
    attempts: i64,
    /// The time at which it is due; `None` where it was left out.
    due_at: Option<Millis>,
    /// The time at which it was first due.
    scheduled_at: Millis,
    repeats: i64,
}

impl Store {
    /// Claims up to `limit` due deliveries of a running run for a lease, earliest first, with their
    /// contacts. The same statements end others: deliveries past the run's expiry become `failed`
    /// (`expired`); those whose address was suppressed or whose consent was withdrawn since become
    /// `suppressed`; those that do not meet the run's condition become `suppressed` (`condition`).
    /// An expired lease claims nothing.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_claim(
        &self,
        lease: LeaseId,
        run: RunId,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut after = before_first(run);
        loop {
            // An expired run may be large: each chunk of it is a transaction of its own, so that
            // other writers get a turn.
            match self.claim_once(lease, run, now, limit, after).await? {
                ClaimStep::Done(claimed) => return Ok(claimed),
                ClaimStep::MoreExpired(last) => after = last,
            }
        }
    }

    /// Runs one transaction of a claim.
    async fn claim_once(
        &self,
        lease: LeaseId,
        run: RunId,
        now: Millis,
        limit: i64,
        after: DeliveryId,
    ) -> Result<ClaimStep, StoreError> {
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK_LEASE, args![lease, now]).await?.is_none() {
            return Ok(ClaimStep::Done(Vec::new()));
        }
        let Some(row) = tx.row::<RunRow>(&GET_RUN, args![run, now]).await? else {
            return Ok(ClaimStep::Done(Vec::new()));
        };
        let mut deltas = CounterDeltas::default();
        let mut more = None;
        let (name, to_address) = (row.name, row.to_address.clone());
        let claimed = if row.is_over == 1 {
            let expired: Vec<(DeliveryId, String)> = tx.rows(&EXPIRE, args![run, after, CHUNK_SIZE]).await?;
            more = chunk_end(&expired);
            let (failed, uncertain) = count_in_state(&expired, DeliveryState::Failed);
            deltas.add_ended(run, DeliveryState::Failed, "expired", failed);
            deltas.add_ended(run, DeliveryState::Uncertain, "", uncertain);
            Vec::new()
        } else {
            if row.started_at.is_none() {
                tx.execute(&STARTED, args![run, now]).await?;
            }
            let claim = Claim { lease, run, now, row };
            claim.fill(&mut tx, limit, &mut deltas).await?
        };
        deltas.apply(&mut tx, now).await?;
        let claimed = with_contacts(&mut tx, claimed, name, to_address.as_deref()).await?;
        tx.commit().await?;
        Ok(more.map_or(ClaimStep::Done(claimed), ClaimStep::MoreExpired))
    }
}

struct Claim {
    lease: LeaseId,
    run: RunId,
    now: Millis,
    row: RunRow,
}

impl Claim {
    /// Claims until the limit is reached or no delivery is due; deliveries that are left out do not
    /// count.
    async fn fill(
        &self,
        tx: &mut Tx,
        limit: i64,
        deltas: &mut CounterDeltas,
    ) -> Result<Vec<ClaimRow>, StoreError> {
        let (reaction, wanted) = match self.row.condition {
            None => (None, 0),
            Some(Condition::If(reaction)) => (Some(reaction), 1),
            Some(Condition::Unless(reaction)) => (Some(reaction), 0),
        };
        let reaction = reaction.map(|reaction| match reaction {
            Reaction::Opened => "opened",
            Reaction::Clicked => "clicked",
            Reaction::Converted => "converted",
        });
        let mut claimed = Vec::new();
        loop {
            let left = limit - i64::try_from(claimed.len()).unwrap_or(i64::MAX);
            if left <= 0 {
                break;
            }
            let RunRow { parent_id, has_newer, has_older, .. } = self.row;
            let args = args![
                self.run, self.now, left, self.lease, parent_id, reaction, wanted, has_newer, has_older
            ];
            let changed: Vec<ClaimRow> = tx.rows(&CLAIM, args).await?;
            let found = i64::try_from(changed.len()).unwrap_or(i64::MAX);
            for row in changed {
                // A delivery that waits for an older occurrence keeps a due time, and has not
                // ended.
                if row.is_claimed {
                    claimed.push(row);
                } else if row.due_at.is_none() {
                    deltas.add_ended(self.run, DeliveryState::Suppressed, &row.reason, 1);
                }
            }
            if found < left {
                break;
            }
        }
        claimed.sort_unstable_by_key(|row: &ClaimRow| (row.due_at, row.id));
        Ok(claimed)
    }
}

async fn with_contacts(
    tx: &mut Tx,
    claimed: Vec<ClaimRow>,
    run: Option<RunName>,
    to_address: Option<&str>,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let keys: Vec<_> = claimed.iter().map(|row| ContactKey { id: row.id.contact() }).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let packed: Option<(String,)> = tx.row(&CONTACTS, args![batch(&keys)?]).await?;
    let contacts = packed.map_or_else(|| Ok(Vec::new()), |(packed,)| unpack_contacts(&packed))?;
    let mut contacts: HashMap<ContactId, Contact> = contacts.into_iter().map(|c| (c.id, c)).collect();
    let with_contact = |row: ClaimRow| ClaimedDelivery {
        id: row.id,
        name: DeliveryName::new(run, row.id),
        contact: contacts.remove(&row.id.contact()),
        to_address: to_address.map(str::to_owned),
        attempts: row.attempts,
        repeats: row.repeats,
        scheduled_at: row.scheduled_at,
    };
    Ok(claimed.into_iter().map(with_contact).collect())
}

/// The runs that have deliveries to claim or are past their expiry; read without the writer
/// connection.
const CLAIMABLE: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select i.id from input i join runs r on r.id = i.id
     where r.expires_at <= $2 or r.ends_at < $2
        or exists (select 1 from deliveries d
                   where d.run_id = i.id and d.due_at <= $2 and d.lease_id is null
                     and d.state in ('queued', 'deferred'))
     order by i.id"
);

#[derive(serde::Serialize)]
struct RunKey {
    id: RunId,
}

impl Store {
    /// Returns those of these running runs for which [`Store::delivery_claim`] would change
    /// anything. It only reads, so that waiting runs cost almost nothing.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_claimable(&self, runs: &[RunId], now: Millis) -> Result<Vec<RunId>, StoreError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let input: Vec<_> = runs.iter().map(|id| RunKey { id: *id }).collect();
        let rows: Vec<(RunId,)> = self.rows(&CLAIMABLE, args![batch(&input)?, now]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

const RELEASE: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update deliveries set lease_id = null from input i
     where deliveries.id = i.id and deliveries.lease_id + 0 = $2 and deliveries.state in ('queued', 'deferred')"
);

impl Store {
    /// Releases claimed deliveries that were not begun.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_release(&self, lease: LeaseId, released: &[DeliveryId]) -> Result<(), StoreError> {
        if released.is_empty() {
            return Ok(());
        }
        self.execute(&RELEASE, args![batch_of_ids(released)?, lease]).await.map(|_| ())
    }
}
