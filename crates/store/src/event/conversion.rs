//! Conversions: events posted from outside, and the deliveries credited with them.

use campaign::Money;
use contacts::EngagementKind;
use database::{
    ContactId, DeliveryId, InputError, Millis, Sql, StoreError, Tx, args, batch, retry_on_deadlock, sql,
};

use super::{AttributionGoal, Conversion, Credit};
use crate::counter_deltas::CounterDeltas;
use crate::engagement;
use crate::{Metric, Store};

/// The largest value of one event, in millionths of its currency, so that sums do not overflow.
const MAX_VALUE: i64 = 1_000_000_000_000_000;

#[derive(serde::Serialize)]
struct GoalInput<'a> {
    campaign: &'a str,
    since: Millis,
}

/// SQL query for a contact's last reaction of one kind, from $4 up to $3, to a message of a goal's
/// campaign within the goal's window. It reads backwards from the event, and only reactions,
/// because a contact may have a million other events. `clicked` sorts before `opened`.
macro_rules! last_reaction {
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

/// Selects the last human click within its goal's window before the event, both edges included;
/// otherwise the last open.
const FIND_CREDITED: Sql = sql!(
    "with " [batch 1 as input: campaign text, since bigint]
    "select delivery_id from (" last_reaction!("clicked") " union all " last_reaction!("opened") ") reactions
     order by kind limit 1"
);

const INSERT: Sql = sql!(
    "insert into events (kind, name, occurred_at, received_at, delivery_id, contact_id, value_micros, currency,
       idempotency_key, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (idempotency_key) do nothing"
);

/// Stores the three latest times of an event, in whatever order they arrive.
const UPSERT_RECENT: Sql = sql!(
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

const MARK_CONVERTED: Sql =
    sql!("update deliveries set converted_at = $2 where id = $1 and converted_at is null");

impl Store {
    /// Inserts one posted event and credits it to a delivery. `goals` are the goals with this event
    /// name, of all campaigns.
    ///
    /// # Errors
    /// A value above a thousand million units of its currency; or the database refused or went
    /// away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_convert(
        &self,
        event: &Conversion,
        goals: &[AttributionGoal],
        now: Millis,
    ) -> Result<Credit, StoreError> {
        if event
            .value_micros
            .is_some_and(|value| value.millionths().unsigned_abs() > MAX_VALUE.unsigned_abs())
        {
            return Err(InputError::EventValue.into());
        }
        retry_on_deadlock!(self.convert_once(event, goals, now))
    }

    async fn convert_once(
        &self,
        event: &Conversion,
        goals: &[AttributionGoal],
        now: Millis,
    ) -> Result<Credit, StoreError> {
        let mut tx = self.begin().await?;
        let credited = credit(&mut tx, event.contact, event.occurred_at, goals).await?;
        if !insert(&mut tx, event, credited, now).await? {
            return Ok(Credit::Repeated);
        }
        if let Some(id) = credited {
            mark(&mut tx, id, event.occurred_at).await?;
            let mut deltas = CounterDeltas::default();
            let currency = event.currency.as_deref().unwrap_or("");
            deltas.add_amount(id.run(), Metric::Converted, currency, event.value_micros.unwrap_or_default());
            // The conversion counts in the hour in which it happened; the report may arrive later.
            deltas.apply(&mut tx, event.occurred_at.min(now)).await?;
        }
        tx.commit().await?;
        Ok(credited.map_or(Credit::NoDelivery, Credit::Delivery))
    }
}

/// Marks a delivery with the time of its first conversion.
pub(super) async fn mark(tx: &mut Tx, id: DeliveryId, at: Millis) -> Result<(), StoreError> {
    if tx.execute(&MARK_CONVERTED, args![id, at]).await? > 0 {
        engagement::record_reactions(tx, EngagementKind::Converted, std::iter::once((id, at))).await?;
    }
    Ok(())
}

/// Returns the delivery that is credited with a contact's event at a time.
pub(super) async fn credit(
    tx: &mut Tx,
    contact: ContactId,
    occurred_at: Millis,
    goals: &[AttributionGoal],
) -> Result<Option<DeliveryId>, StoreError> {
    if goals.is_empty() {
        return Ok(None);
    }
    let input = goals
        .iter()
        .map(|goal| GoalInput { campaign: &goal.campaign, since: occurred_at.saturating_sub(goal.window) });
    let input: Vec<_> = input.collect();
    let first = input.iter().map(|goal| goal.since).min().unwrap_or(occurred_at);
    let credited = tx.row(&FIND_CREDITED, args![batch(&input)?, contact, occurred_at, first]).await?;
    Ok(credited.map(|(id,)| id))
}

/// Inserts the event. Returns false if its idempotency key exists already.
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
    tx.execute(&UPSERT_RECENT, args![event.name.as_str(), event.contact, event.occurred_at]).await?;
    Ok(true)
}
