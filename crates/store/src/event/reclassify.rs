//! Reclassification of hits as a machine's, after later hits show it: their effects are taken back.

use std::collections::BTreeMap;

use campaign::Money;
use database::{ContactId, DeliveryId, LinkId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, sql};

use super::resolve::Resolved;
use super::{AttributionGoal, EventKind, StoredMoney, conversion};
use crate::Metric;
use crate::counter_deltas::{CounterDeltas, hour_of};
use crate::engagement;

/// A hit on a message: its tracking pixel was fetched, or a link was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The id of its event.
    pub id: i64,
    /// The kind of the event, opened or clicked.
    pub kind: EventKind,
    /// The link that was followed, of a click.
    pub link: Option<LinkId>,
    /// The time at which it happened.
    pub at: Millis,
    /// True while it counts as a person's.
    pub is_human: bool,
    /// The time at which the message was sent.
    pub sent_at: Option<Millis>,
    /// The number of links in the message.
    pub links: i64,
}

/// A classifier of hits: from the hits on one message, in the order of their times, it selects
/// those of a machine.
pub struct HitClassifier<'a> {
    /// The time before and after a new hit in which other hits are examined, in milliseconds.
    pub window: i64,
    /// The function that returns the indices of a machine's hits in the list it gets.
    pub classify: &'a (dyn Fn(&[Hit]) -> Vec<usize> + Sync),
    /// The actor that these hits get: `machine:` and a rule.
    pub actor: &'static str,
    /// Returns the goals of all campaigns by the name of an event: a conversion that loses its
    /// message is credited to another.
    pub goals: &'a (dyn Fn(&str) -> Vec<AttributionGoal> + Sync),
}

/// The highest number of hits on one message that are classified together; a flood of hits does not
/// come from a person.
const MAX_HITS: i64 = 500;

#[derive(serde::Serialize)]
struct Window {
    id: DeliveryId,
    since: Millis,
    until: Millis,
}

/// Selects the hits around the new ones, at most $2 for each message: those that look like a
/// person's, and those that were classified before, whose actor is $3. A hit that a machine made
/// openly is no evidence about the others.
const HITS: Sql = sql!(
    "with " [batch 1 as input: id bigint, since bigint, until bigint]
    ", hits as (
       select e.id, e.delivery_id, e.kind, e.link_id, e.occurred_at, e.received_at, e.actor,
              row_number() over (partition by e.delivery_id order by e.occurred_at desc, e.id desc) as nth
       from input i join events e on e.delivery_id = i.id and e.occurred_at >= i.since and e.occurred_at <= i.until
       where e.kind in ('opened', 'clicked') and e.actor in ('human', $3))
     select h.id, h.delivery_id, h.kind, h.link_id, h.occurred_at, h.received_at,
            cast(case when h.actor = 'human' then 1 else 0 end as bigint) as is_human, d.sent_at,
            (select count(*) from links l where l.revision_id = r.revision_id) as links
     from hits h join deliveries d on d.id = h.delivery_id join runs r on r.id = d.run_id
     where h.nth <= $2
     order by h.delivery_id, h.occurred_at, h.id"
);

#[derive(sqlx::FromRow)]
struct HitRow {
    id: i64,
    delivery_id: DeliveryId,
    #[sqlx(try_from = "String")]
    kind: EventKind,
    link_id: Option<LinkId>,
    occurred_at: Millis,
    received_at: Millis,
    /// 1 if the actor is a person, otherwise 0.
    is_human: i64,
    sent_at: Option<Millis>,
    links: i64,
}

/// A hit, with the time at which it was stored.
struct StoredHit {
    hit: Hit,
    received_at: Millis,
}

const RELABEL: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update events set actor = $2 from input i where events.id = i.id and events.actor = 'human'"
);

/// Selects the marks of deliveries, and the times at which a person first opened and clicked each,
/// as known now.
const FIRSTS: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select d.id, d.opened_at, d.clicked_at,
            (select min(e.occurred_at) from events e
             where e.delivery_id = d.id and e.kind in ('opened', 'clicked') and e.actor = 'human') as first_opened,
            (select min(e.occurred_at) from events e
             where e.delivery_id = d.id and e.kind = 'clicked' and e.actor = 'human') as first_clicked
     from input i join deliveries d on d.id = i.id"
);

/// A delivery, its marks, and the values that they should have.
#[derive(sqlx::FromRow)]
struct DeliveryMarks {
    id: DeliveryId,
    opened_at: Option<Millis>,
    clicked_at: Option<Millis>,
    first_opened: Option<Millis>,
    first_clicked: Option<Millis>,
}

#[derive(serde::Serialize)]
struct MarkInput {
    id: DeliveryId,
    opened: Option<Millis>,
    clicked: Option<Millis>,
}

const MARK: Sql = sql!(
    "with " [batch 1 as input: id bigint, opened bigint, clicked bigint]
    "update deliveries set opened_at = i.opened, clicked_at = i.clicked from input i where deliveries.id = i.id"
);

/// Selects the conversions that are credited to messages that no person opened.
const CREDITED: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select e.id, e.delivery_id, e.name, e.contact_id, e.occurred_at, e.received_at, e.value_micros,
            coalesce(e.currency, '') as currency
     from input i join events e on e.delivery_id = i.id and e.kind = 'converted'
     where e.contact_id is not null order by e.id"
);

#[derive(sqlx::FromRow)]
struct CreditRow {
    id: i64,
    delivery_id: DeliveryId,
    name: Option<String>,
    contact_id: ContactId,
    occurred_at: Millis,
    received_at: Millis,
    #[sqlx(try_from = "StoredMoney")]
    value_micros: Option<Money>,
    currency: String,
}

const WITHDRAW: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update events set kind = 'custom', delivery_id = null from input i where events.id = i.id"
);

const UNCONVERT: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "update deliveries set converted_at = null from input i where deliveries.id = i.id"
);

/// A conversion that lost the message it was credited to.
struct Withdrawn {
    id: i64,
    name: String,
    contact: ContactId,
    occurred_at: Millis,
    value: Money,
    currency: String,
}

/// Credits a conversion to another message.
const CREDIT: Sql = sql!("update events set kind = 'converted', delivery_id = $2 where id = $1");

/// Corrections of counters, each in the hour in which the counter had changed.
#[derive(Default)]
struct HourlyDeltas(BTreeMap<Millis, CounterDeltas>);

impl HourlyDeltas {
    fn at(&mut self, received_at: Millis) -> &mut CounterDeltas {
        self.0.entry(hour_of(received_at)).or_default()
    }
}

/// Classifies new hits together with the stored ones, and takes back the effects of a machine's
/// hits.
pub(super) async fn reclassify(
    tx: &mut Tx,
    events: &[Resolved<'_>],
    classifier: &HitClassifier<'_>,
) -> Result<(), StoreError> {
    let mut machines = Vec::new();
    for (delivery, found) in hits_around(tx, events, classifier).await? {
        let hits: Vec<_> = found.iter().map(|found| found.hit.clone()).collect();
        for index in (classifier.classify)(&hits) {
            if let Some(found) = found.get(index).filter(|found| found.hit.is_human) {
                machines.push((delivery, found.hit.id, found.hit.kind, found.received_at));
            }
        }
    }
    if machines.is_empty() {
        return Ok(());
    }
    tx.execute(&RELABEL, args![batch_of_ids(machines.iter().map(|(_, id, ..)| *id))?, classifier.actor])
        .await?;
    let mut corrections = HourlyDeltas::default();
    let mut first: BTreeMap<DeliveryId, Millis> = BTreeMap::new();
    for (delivery, _, kind, received_at) in machines {
        let deltas = corrections.at(received_at);
        deltas.add_metric(delivery.run(), Metric::Machine, 1);
        if kind == EventKind::Clicked {
            deltas.add_metric(delivery.run(), Metric::Clicks, -1);
        }
        first.entry(delivery).and_modify(|at| *at = received_at.min(*at)).or_insert(received_at);
    }
    let unread = reset_marks(tx, &first, &mut corrections).await?;
    let withdrawn = withdraw(tx, &unread, &mut corrections).await?;
    engagement::recompute_reactions(tx, first.keys().copied()).await?;
    for event in withdrawn {
        credit_again(tx, &event, &(classifier.goals)(&event.name), &mut corrections).await?;
    }
    for (hour, deltas) in corrections.0 {
        deltas.apply(tx, hour).await?;
    }
    Ok(())
}

/// Credits a conversion to the message that has the last reaction now, if there is one.
async fn credit_again(
    tx: &mut Tx,
    event: &Withdrawn,
    goals: &[AttributionGoal],
    corrections: &mut HourlyDeltas,
) -> Result<(), StoreError> {
    let Some(id) = conversion::credit(tx, event.contact, event.occurred_at, goals).await? else {
        return Ok(());
    };
    tx.execute(&CREDIT, args![event.id, id]).await?;
    conversion::mark(tx, id, event.occurred_at).await?;
    corrections.at(event.occurred_at).add_amount(id.run(), Metric::Converted, &event.currency, event.value);
    Ok(())
}

/// Returns the hits on each message around the new ones.
async fn hits_around(
    tx: &mut Tx,
    events: &[Resolved<'_>],
    classifier: &HitClassifier<'_>,
) -> Result<BTreeMap<DeliveryId, Vec<StoredHit>>, StoreError> {
    let mut windows: BTreeMap<DeliveryId, (Millis, Millis)> = BTreeMap::new();
    for Resolved { delivery, event } in events {
        let is_hit = matches!(event.kind, EventKind::Opened | EventKind::Clicked);
        if is_hit && delivery.contact() != ContactId::FEED {
            let at = event.occurred_at;
            let times = windows.entry(*delivery).or_insert((at, at));
            *times = (times.0.min(at), times.1.max(at));
        }
    }
    let input: Vec<_> = windows
        .into_iter()
        .map(|(id, (first, last))| Window {
            id,
            since: first.saturating_sub(classifier.window),
            until: last.saturating_add(classifier.window),
        })
        .collect();
    let mut found: BTreeMap<DeliveryId, Vec<StoredHit>> = BTreeMap::new();
    if input.is_empty() {
        return Ok(found);
    }
    let rows: Vec<HitRow> = tx.rows(&HITS, args![batch(&input)?, MAX_HITS, classifier.actor]).await?;
    for row in rows {
        let hit = Hit {
            id: row.id,
            kind: row.kind,
            link: row.link_id,
            at: row.occurred_at,
            is_human: row.is_human == 1,
            sent_at: row.sent_at,
            links: row.links,
        };
        found.entry(row.delivery_id).or_default().push(StoredHit { hit, received_at: row.received_at });
    }
    Ok(found)
}

/// Sets the marks of deliveries to the first reactions that are left. Returns the deliveries that
/// no person opened.
async fn reset_marks(
    tx: &mut Tx,
    first: &BTreeMap<DeliveryId, Millis>,
    corrections: &mut HourlyDeltas,
) -> Result<Vec<DeliveryId>, StoreError> {
    let rows: Vec<DeliveryMarks> = tx.rows(&FIRSTS, args![batch_of_ids(first.keys())?]).await?;
    let mut unread = Vec::new();
    let mut marks = Vec::new();
    for row in rows {
        let (id, opened, clicked) = (row.id, row.first_opened, row.first_clicked);
        let received_at = first.get(&id).copied().unwrap_or_default();
        for (was, is, metric) in
            [(row.opened_at, opened, Metric::Opened), (row.clicked_at, clicked, Metric::Clicked)]
        {
            if was.is_some() && is.is_none() {
                corrections.at(received_at).add_metric(id.run(), metric, -1);
            }
        }
        if opened.is_none() {
            unread.push(id);
        }
        marks.push(MarkInput { id, opened, clicked });
    }
    tx.execute(&MARK, args![batch(&marks)?]).await?;
    Ok(unread)
}

/// Withdraws the credit for conversions from messages that no person opened.
async fn withdraw(
    tx: &mut Tx,
    unread: &[DeliveryId],
    corrections: &mut HourlyDeltas,
) -> Result<Vec<Withdrawn>, StoreError> {
    if unread.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<CreditRow> = tx.rows(&CREDITED, args![batch_of_ids(unread)?]).await?;
    let mut withdrawn = Vec::new();
    let mut deliveries = Vec::new();
    for row in rows {
        let value = row.value_micros.unwrap_or_default();
        // It was counted in the hour in which it happened; see `event_convert`.
        let deltas = corrections.at(row.occurred_at.min(row.received_at));
        deltas.subtract_amount(row.delivery_id.run(), Metric::Converted, &row.currency, value);
        deliveries.push(row.delivery_id);
        withdrawn.push(Withdrawn {
            id: row.id,
            name: row.name.unwrap_or_default(),
            contact: row.contact_id,
            occurred_at: row.occurred_at,
            value,
            currency: row.currency,
        });
    }
    if !withdrawn.is_empty() {
        tx.execute(&WITHDRAW, args![batch_of_ids(withdrawn.iter().map(|event| event.id))?]).await?;
        tx.execute(&UNCONVERT, args![batch_of_ids(deliveries)?]).await?;
    }
    Ok(withdrawn)
}
