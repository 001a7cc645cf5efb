//! Soft bounces: full or closed mailboxes, which suppress an address only after some time and are
//! reset by an accepted delivery.

use database::{DeliveryId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, enum_names, sql};

use crate::address::suppressible_address;

/// The cause of a soft bounce: a problem of a mailbox that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SoftBounce {
    /// The mailbox was full. The address is suppressed after the fourth counted day within a week
    /// or more. A day counts once, because one message is tried many times.
    Full,
    /// The mailbox was closed, suspended or dormant. The address is suppressed the second time.
    Inactive,
}

enum_names!(SoftBounce, {
    Full => "full",
    Inactive => "inactive",
});

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// The limit of [`SoftBounce::Full`]: the number of counted days, and the shortest time that they
/// span, in milliseconds.
const FULL_LIMIT: (i64, i64) = (4, 7 * DAY);
/// The number of [`SoftBounce::Inactive`] bounces that suppresses an address.
const INACTIVE_LIMIT: i64 = 2;

#[derive(serde::Serialize)]
struct Input {
    id: DeliveryId,
    cause: &'static str,
}

/// Counts soft bounces. The count starts again if the contact's address has changed. A day that was
/// counted is not counted again; $3 is a day in milliseconds.
const COUNT: Sql = sql!(
    "with " [batch 1 as input: id bigint, cause text]
    "insert into soft_bounces (contact_id, cause, kind, address, count, first_at, last_at)
     select contact, cause, max(kind), max(address), 1, $2, $2
     from (select d.contact_id as contact, i.cause, r.address as kind, " suppressible_address!() " as address
           from input i join deliveries d on d.id = i.id join runs r on r.id = d.run_id and r.kind <> 'test'
           join contacts c on c.id = d.contact_id) refused
     where address is not null group by contact, cause order by contact, cause
     on conflict (contact_id, cause) do update set
       kind = excluded.kind, address = excluded.address,
       count = case when soft_bounces.address <> excluded.address then 1
                    when excluded.cause = 'full' and excluded.last_at < soft_bounces.last_at + $3
                      then soft_bounces.count
                    else soft_bounces.count + 1 end,
       first_at = case when soft_bounces.address <> excluded.address then excluded.first_at
                       else soft_bounces.first_at end,
       last_at = case when soft_bounces.address = excluded.address and excluded.cause = 'full'
                        and excluded.last_at < soft_bounces.last_at + $3
                      then soft_bounces.last_at else excluded.last_at end"
);

/// The contacts of a batch of deliveries, without test copies, which say nothing about a mailbox.
macro_rules! contacts_of_input {
    () => {
        concat!(
            "(select i.id % ",
            database::id_space!(),
            " from input i join runs r on r.id = i.id / ",
            database::id_space!(),
            " and r.kind <> 'test'
              where i.id % ",
            database::id_space!(),
            " <> 0)"
        )
    };
}

/// Deletes and returns soft bounces over the limit. $2 is now, $3 the number of full days and $4
/// their span, $5 the number of inactive bounces.
const TAKE_OVER_LIMIT: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "delete from soft_bounces
     where contact_id in " contacts_of_input!()
    " and (cause = 'full' and count >= $3 and first_at <= $2 - $4 or cause = 'inactive' and count >= $5)
     returning kind, address, cause, count"
);

/// The soft bounces of an address over the limit.
#[derive(sqlx::FromRow)]
struct OverLimit {
    kind: String,
    address: String,
    cause: String,
    count: i64,
}

#[derive(serde::Serialize)]
struct SuppressionInput {
    kind: String,
    address: String,
    source: String,
}

const SUPPRESS: Sql = sql!(
    "with " [batch 1 as input: kind text, address text, source text]
    "insert into suppressions (kind, address, reason, source, created_at)
     select kind, address, 'bounced', source, $2 from input where true order by kind, address, source
     on conflict (kind, address) do nothing"
);

const ANY: Sql = sql!("select cast(1 as bigint) from soft_bounces limit 1");

const CLEAR: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "delete from soft_bounces where contact_id in " contacts_of_input!()
);

/// Counts soft bounces, and suppresses the addresses over the limit.
pub(crate) async fn count(
    tx: &mut Tx,
    bounces: &[(DeliveryId, SoftBounce)],
    now: Millis,
) -> Result<(), StoreError> {
    if bounces.is_empty() {
        return Ok(());
    }
    let input: Vec<_> = bounces.iter().map(|(id, cause)| Input { id: *id, cause: cause.as_str() }).collect();
    tx.execute(&COUNT, args![batch(&input)?, now, DAY]).await?;
    let ids = batch_of_ids(bounces.iter().map(|(id, _)| *id))?;
    let args = args![ids, now, FULL_LIMIT.0, FULL_LIMIT.1, INACTIVE_LIMIT];
    let over_limit: Vec<OverLimit> = tx.rows(&TAKE_OVER_LIMIT, args).await?;
    let over_limit: Vec<_> = over_limit
        .into_iter()
        .map(|OverLimit { kind, address, cause, count }| {
            let source = format!("mailbox {cause}, {count} times");
            SuppressionInput { kind, address, source }
        })
        .collect();
    if !over_limit.is_empty() {
        tx.execute(&SUPPRESS, args![batch(&over_limit)?, now]).await?;
    }
    Ok(())
}

/// Deletes the soft bounces of contacts that were sent a delivery.
pub(crate) async fn clear(tx: &mut Tx, sent: impl Iterator<Item = DeliveryId>) -> Result<(), StoreError> {
    // Most of the time there are none at all.
    if tx.row::<(i64,)>(&ANY, args![]).await?.is_none() {
        return Ok(());
    }
    let sent: Vec<_> = sent.collect();
    if !sent.is_empty() {
        tx.execute(&CLEAR, args![batch_of_ids(sent)?]).await?;
    }
    Ok(())
}
