//! Events posted from outside, and who is credited with them.

use campaign::Money;
use contacts::Engaged;
use database::{
    ContactId, DeliveryId, InputError, Millis, Sql, StoreError, Tx, again_if_deadlocked, args, batch, sql,
};

use super::{Conversion, Credit, Goal};
use crate::engagement;
use crate::moves::Moves;
use crate::{Metric, Store};

/// The most that one event may be worth, in millionths: sums of them must not run over.
const MOST_VALUE: i64 = 1_000_000_000_000_000;

#[derive(serde::Serialize)]
struct GoalInput<'a> {
    campaign: &'a str,
    since: Millis,
}

/// The last reaction of one kind of a contact from $4 up to $3 to a message of a goal's campaign within its window. Reads
/// backwards from the event, and only reactions: a contact may have a million other events. `clicked` sorts before
/// `opened`.
macro_rules! last {
    ($kind:literal) => {
        concat!(
            "select * from (
               select e.delivery_id, e.kind
               from events e cross join runs r cross join input i
               where e.contact_id = $2 and e.kind = '",
            $kind,
            "' and e.actor = 'human' and e.occurred_at >= $4 and e.occurred_at <= $3
                 and r.id = e.delivery_id / ",
            database::id_space!(),
            " and r.kind <> 'test'
                 and i.campaign = r.campaign and e.occurred_at >= i.since
               order by e.occurred_at desc, e.id desc limit 1) last_",
            $kind
        )
    };
}

/// The last human click within its goal's window before the event, both edges included; else the last open.
const CREDIT: Sql = sql!(
    "with " [batch 1 as input: campaign text, since bigint]
    "select delivery_id from (" last!("clicked") " union all " last!("opened") ") reactions
     order by kind limit 1"
);

const INSERT: Sql = sql!(
    "insert into events (kind, name, occurred_at, received_at, delivery_id, contact_id, value_micros, currency,
       idempotency_key, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (idempotency_key) do nothing"
);

/// Keeps the last three times, whatever their order.
const RECENT: Sql = sql!(
    "insert into event_recents as r (name, contact_id, last_at) values ($1, $2, $3)
     on conflict (name, contact_id) do update set
       last_at = case when excluded.last_at > r.last_at then excluded.last_at else r.last_at end,
       second_at = case when excluded.last_at > r.last_at then r.last_at
                        when r.second_at is null or excluded.last_at > r.second_at then excluded.last_at
                        else r.second_at end,
       third_at = case when r.second_at is null then null
                       when excluded.last_at > r.second_at then r.second_at
                       when r.third_at is null or excluded.last_at > r.third_at then excluded.last_at
                       else r.third_at end"
);

const MARK: Sql = sql!("update deliveries set converted_at = $2 where id = $1 and converted_at is null");

impl Store {
    /// Writes one posted event and credits it. `goals` are those of campaigns whose goal has this name.
    ///
    /// # Errors
    /// A value beyond a thousand million units of its currency; or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_convert(
        &self,
        event: &Conversion,
        goals: &[Goal],
        now: Millis,
    ) -> Result<Credit, StoreError> {
        if event
            .value_micros
            .is_some_and(|value| value.millionths().unsigned_abs() > MOST_VALUE.unsigned_abs())
        {
            return Err(InputError::EventValue.into());
        }
        again_if_deadlocked!(self.convert_once(event, goals, now))
    }

    async fn convert_once(
        &self,
        event: &Conversion,
        goals: &[Goal],
        now: Millis,
    ) -> Result<Credit, StoreError> {
        let mut tx = self.begin().await?;
        let credited = credit(&mut tx, event.contact, event.occurred_at, goals).await?;
        if !insert(&mut tx, event, credited, now).await? {
            return Ok(Credit::Repeated);
        }
        if let Some(id) = credited {
            mark(&mut tx, id, event.occurred_at).await?;
            let mut moves = Moves::default();
            let currency = event.currency.as_deref().unwrap_or("");
            moves.earned(id.run(), Metric::Converted, currency, event.value_micros.unwrap_or_default());
            // In the hour in which it happened, which may be told late.
            moves.apply(&mut tx, event.occurred_at.min(now)).await?;
        }
        tx.commit().await?;
        Ok(credited.map_or(Credit::Nobody, Credit::Delivery))
    }
}

/// Marks a delivery with its first conversion.
pub(super) async fn mark(tx: &mut Tx, id: DeliveryId, at: Millis) -> Result<(), StoreError> {
    if tx.execute(&MARK, args![id, at]).await? > 0 {
        engagement::reacted(tx, Engaged::Converted, std::iter::once((id, at))).await?;
    }
    Ok(())
}

/// The delivery that is credited with what a contact did then.
pub(super) async fn credit(
    tx: &mut Tx,
    contact: ContactId,
    occurred_at: Millis,
    goals: &[Goal],
) -> Result<Option<DeliveryId>, StoreError> {
    if goals.is_empty() {
        return Ok(None);
    }
    let input = goals
        .iter()
        .map(|goal| GoalInput { campaign: &goal.campaign, since: occurred_at.saturating_sub(goal.window) });
    let input: Vec<_> = input.collect();
    let first = input.iter().map(|goal| goal.since).min().unwrap_or(occurred_at);
    let credited = tx.row(&CREDIT, args![batch(&input)?, contact, occurred_at, first]).await?;
    Ok(credited.map(|(id,)| id))
}

/// Writes the event. False when its idempotency key is there already.
async fn insert(
    tx: &mut Tx,
    event: &Conversion,
    credited: Option<DeliveryId>,
    now: Millis,
) -> Result<bool, StoreError> {
    let kind = if credited.is_some() { "converted" } else { "custom" };
    let args = args![
        kind,
        event.name.as_str(),
        event.occurred_at,
        now,
        credited,
        event.contact,
        event.value_micros.map(Money::millionths),
        event.currency.as_deref(),
        event.idempotency_key.as_deref(),
        event.detail.as_deref(),
    ];
    if tx.execute(&INSERT, args).await? == 0 {
        return Ok(false);
    }
    tx.execute(&RECENT, args![event.name.as_str(), event.contact, event.occurred_at]).await?;
    Ok(true)
}
