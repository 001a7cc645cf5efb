//! Mailboxes that are full or closed: held against an address only after a while, and forgotten when something
//! arrives.

use database::{DeliveryId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, sql, words};

use crate::address::held_against;

/// What was wrong with a mailbox that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SoftBounce {
    /// It was full: the address is suppressed after the fourth day of it within a week or more, counted at most
    /// once a day, because one message is tried many times.
    Full,
    /// It was closed, suspended or asleep: the address is suppressed the second time.
    Inactive,
}

words!(SoftBounce, {
    Full => "full",
    Inactive => "inactive",
});

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// So many, over at least so long, are too many of [`SoftBounce::Full`].
const FULL: (i64, i64) = (4, 7 * DAY);
/// So many are too many of [`SoftBounce::Inactive`].
const INACTIVE: i64 = 2;

#[derive(serde::Serialize)]
struct Input {
    id: DeliveryId,
    cause: &'static str,
}

/// An address that is another than the last time begins anew. A day that was counted is not counted again: $3
/// is a day.
const COUNT: Sql = sql!(
    "with " [batch 1 as input: id bigint, cause text]
    "insert into soft_bounces (contact_id, cause, kind, address, count, first_at, last_at)
     select contact, cause, max(kind), max(address), 1, $2, $2
     from (select d.contact_id as contact, i.cause, r.address as kind, " held_against!() " as address
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

/// Contacts of a batch of deliveries; test copies say nothing of them.
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

/// $2 now, $3 and $4 how many full ones over how long, $5 how many inactive ones.
const TOO_MANY: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "delete from soft_bounces
     where contact_id in " contacts_of_input!()
    " and (cause = 'full' and count >= $3 and first_at <= $2 - $4 or cause = 'inactive' and count >= $5)
     returning kind, address, cause, count"
);

/// The soft bounces of an address that has had too many.
#[derive(sqlx::FromRow)]
struct TooMany {
    kind: String,
    address: String,
    cause: String,
    count: i64,
}

#[derive(serde::Serialize)]
struct Suppressed {
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

/// Counts soft bounces, and suppresses the addresses that had too many.
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
    let args = args![ids, now, FULL.0, FULL.1, INACTIVE];
    let gone: Vec<TooMany> = tx.rows(&TOO_MANY, args).await?;
    let gone: Vec<_> = gone
        .into_iter()
        .map(|TooMany { kind, address, cause, count }| {
            let source = format!("mailbox {cause}, {count} times");
            Suppressed { kind, address, source }
        })
        .collect();
    if !gone.is_empty() {
        tx.execute(&SUPPRESS, args![batch(&gone)?, now]).await?;
    }
    Ok(())
}

/// Forgets the soft bounces of those who got something.
pub(crate) async fn clear(tx: &mut Tx, sent: impl Iterator<Item = DeliveryId>) -> Result<(), StoreError> {
    // Most of the time there is none at all.
    if tx.row::<(i64,)>(&ANY, args![]).await?.is_none() {
        return Ok(());
    }
    let sent: Vec<_> = sent.collect();
    if !sent.is_empty() {
        tx.execute(&CLEAR, args![batch_of_ids(sent)?]).await?;
    }
    Ok(())
}
