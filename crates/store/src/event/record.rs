//! Recording of events about deliveries, in batches, each counted once.

use std::collections::{BTreeMap, HashSet};

use contacts::{ConsentChange, ConsentKind, EngagementKind, EntryKind, Evidence, SuppressionReason};
use database::{
    ContactId, DeliveryId, Millis, Sql, StoreError, Tx, args, batch, batch_of_ids, id_space,
    retry_on_deadlock, sql,
};

use super::reclassify::{self, HitClassifier};
use super::resolve::{Resolved, resolve};
use super::{EventKind, NewEvent};
use crate::counter_deltas::CounterDeltas;
use crate::engagement;
use crate::{Metric, Store};

/// Selects earlier reports of the same deliveries, because receivers repeat reports.
const REPORTED: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select distinct e.delivery_id, e.kind from input i join events e on e.delivery_id = i.id
     where e.kind in ('delivered', 'bounced', 'complained')"
);

#[derive(serde::Serialize)]
struct EventInput<'a> {
    position: usize,
    kind: &'static str,
    delivery: DeliveryId,
    link: Option<i64>,
    at: Millis,
    actor: &'a str,
    detail: Option<&'a str>,
}

const INSERT: Sql = sql!(
    "with " [batch 1 as input: position bigint, kind text, delivery bigint, link bigint, at bigint, actor text,
             detail text]
    "insert into events (kind, occurred_at, received_at, delivery_id, contact_id, link_id, actor, detail)
     select kind, at, $2, delivery, nullif(delivery % " id_space!() ", 0), link, actor, detail
     from input order by position"
);

#[derive(serde::Serialize)]
struct MarkInput {
    id: DeliveryId,
    at: Millis,
}

const OPENED: Sql = sql!(
    "with " [batch 1 as input: id bigint, at bigint]
    "update deliveries set opened_at = i.at from input i
     where deliveries.id = i.id and deliveries.opened_at is null returning deliveries.id"
);

const CLICKED: Sql = sql!(
    "with " [batch 1 as input: id bigint, at bigint]
    "update deliveries set clicked_at = i.at from input i
     where deliveries.id = i.id and deliveries.clicked_at is null returning deliveries.id"
);

const UNSUBSCRIBED: Sql = sql!(
    "with " [batch 1 as input: id bigint, at bigint]
    "update deliveries set unsubscribed_at = i.at from input i
     where deliveries.id = i.id and deliveries.unsubscribed_at is null returning deliveries.id"
);

#[derive(serde::Serialize)]
struct SuppressionInput {
    position: usize,
    delivery: DeliveryId,
    contact: ContactId,
    reason: &'static str,
    source: String,
    at: Millis,
}

const SUPPRESS: Sql = sql!(
    "with " [batch 1 as input: position bigint, delivery bigint, contact bigint, reason text, source text, at bigint]
    "insert into suppressions (kind, address, reason, source, created_at)
     select kind, address, reason, source, at
     from (select case when r.address = 'phone' then 'phone' else 'email' end as kind,
                  case when r.address = 'phone' then c.phone else c.email end as address,
                  i.reason, i.source, i.at, i.position
           from input i join contacts c on c.id = i.contact join runs r on r.id = i.delivery / " id_space!() "
           where i.reason <> 'bounced' or coalesce(r.address, 'email') in ('email', 'phone')) heard
     where address is not null order by kind, address, position
     on conflict (kind, address) do nothing"
);

impl Store {
    /// Inserts events in one transaction. Events of deliveries that do not exist are dropped, and
    /// so are those of test copies, which change nothing. The first human open, click and
    /// unsubscription of a delivery change `opened`, `clicked`, `unsubscribed` in the rollups (once
    /// per delivery to a contact; each time for a feed) and the delivery's marks; each human click
    /// changes `clicks`; `clicked` without `opened` changes `opened` too. The first report of a
    /// delivery's arrival, bounce and complaint changes `delivered`, `bounced`, `complained`.
    /// Unsubscriptions, bounces and complaints add a suppression of the contact's e-mail address,
    /// or of the phone number if the run needed that (a bounce on another channel suppresses
    /// neither); its source is `detail.source` if there is one. Returns the number of inserted
    /// events.
    ///
    /// # Errors
    /// The database refused or went away: nothing was inserted.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_record(&self, events: &[NewEvent], now: Millis) -> Result<u64, StoreError> {
        if events.is_empty() {
            return Ok(0);
        }
        retry_on_deadlock!(self.insert_once(events, None, now))
    }

    /// Records events as [`Store::event_record`] does, and classifies opens and clicks together
    /// with those of the same message around them: a hit that turns out to be a machine's does not
    /// count any more, in marks, rollups, audiences and credits, whenever it arrived.
    ///
    /// # Errors
    /// The database refused or went away: nothing was inserted.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_record_classified(
        &self,
        events: &[NewEvent],
        classifier: &HitClassifier<'_>,
        now: Millis,
    ) -> Result<u64, StoreError> {
        if events.is_empty() {
            return Ok(0);
        }
        retry_on_deadlock!(self.insert_once(events, Some(classifier), now))
    }

    async fn insert_once(
        &self,
        events: &[NewEvent],
        classifier: Option<&HitClassifier<'_>>,
        now: Millis,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let events = resolve(&mut tx, events).await?;
        if events.is_empty() {
            return Ok(0);
        }
        let mut deltas = CounterDeltas::default();
        count_reports(&mut tx, &events, &mut deltas).await?;
        let inserted = insert(&mut tx, &events, now).await?;
        mark(&mut tx, &events, &mut deltas).await?;
        suppress(&mut tx, &events).await?;
        enter_consents(&mut tx, &events, now).await?;
        deltas.apply(&mut tx, now).await?;
        if let Some(classifier) = classifier {
            reclassify::reclassify(&mut tx, &events, classifier).await?;
        }
        tx.commit().await?;
        Ok(inserted)
    }
}

/// Counts arrivals, bounces and complaints, each once per delivery.
async fn count_reports(
    tx: &mut Tx,
    events: &[Resolved<'_>],
    deltas: &mut CounterDeltas,
) -> Result<(), StoreError> {
    let metric = |kind| match kind {
        EventKind::Delivered => Some(Metric::Delivered),
        EventKind::Bounced => Some(Metric::Bounced),
        EventKind::Complained => Some(Metric::Complained),
        _ => None,
    };
    let reports = || events.iter().filter(|resolved| metric(resolved.event.kind).is_some());
    if reports().next().is_none() {
        return Ok(());
    }
    let ids = batch_of_ids(reports().map(|resolved| resolved.delivery))?;
    let rows: Vec<(DeliveryId, String)> = tx.rows(&REPORTED, args![ids]).await?;
    let mut reported: HashSet<(DeliveryId, String)> = rows.into_iter().collect();
    for Resolved { delivery, event } in events {
        if let Some(metric) = metric(event.kind)
            && reported.insert((*delivery, event.kind.as_str().to_owned()))
        {
            deltas.add_metric(delivery.run(), metric, 1);
        }
    }
    Ok(())
}

async fn insert(tx: &mut Tx, events: &[Resolved<'_>], now: Millis) -> Result<u64, StoreError> {
    let input = events.iter().enumerate().map(|(position, Resolved { delivery, event })| EventInput {
        position,
        kind: event.kind.as_str(),
        delivery: *delivery,
        link: event.link.map(|id| id.0),
        at: event.occurred_at,
        actor: &event.actor,
        detail: event.detail.as_deref(),
    });
    let input: Vec<_> = input.collect();
    tx.execute(&INSERT, args![batch(&input)?, now]).await
}

/// The earliest opens, clicks and unsubscriptions in a batch, by delivery.
#[derive(Default)]
struct FirstReactions {
    opened: BTreeMap<DeliveryId, Millis>,
    clicked: BTreeMap<DeliveryId, Millis>,
    unsubscribed: BTreeMap<DeliveryId, Millis>,
}

/// Sets the marks of first reactions on deliveries, and counts those that are first.
async fn mark(tx: &mut Tx, events: &[Resolved<'_>], deltas: &mut CounterDeltas) -> Result<(), StoreError> {
    let mut reactions = FirstReactions::default();
    for event in events {
        reactions.add(event, deltas);
    }
    let FirstReactions { opened, clicked, unsubscribed } = reactions;
    for (sql, metric, engaged, at) in [
        (&OPENED, Metric::Opened, Some(EngagementKind::Opened), opened),
        (&CLICKED, Metric::Clicked, Some(EngagementKind::Clicked), clicked),
        (&UNSUBSCRIBED, Metric::Unsubscribed, None, unsubscribed),
    ] {
        let input: Vec<_> = at.iter().map(|(id, at)| MarkInput { id: *id, at: *at }).collect();
        if input.is_empty() {
            continue;
        }
        let first: Vec<(DeliveryId,)> = tx.rows(sql, args![batch(&input)?]).await?;
        // A feed has many readers behind one delivery; their reactions were counted one by one.
        if let Some(engaged) = engaged {
            let at = first.iter().filter_map(|(id,)| Some((*id, *at.get(id)?)));
            engagement::record_reactions(tx, engaged, at).await?;
        }
        for (id,) in first.into_iter().filter(|(id,)| metric == Metric::Unsubscribed || !is_feed(*id)) {
            deltas.add_metric(id.run(), metric, 1);
        }
    }
    Ok(())
}

impl FirstReactions {
    fn add(&mut self, resolved: &Resolved<'_>, deltas: &mut CounterDeltas) {
        let Resolved { delivery: id, event } = *resolved;
        let at = event.occurred_at;
        let run = id.run();
        let earliest = |map: &mut BTreeMap<DeliveryId, Millis>| {
            map.entry(id).and_modify(|first| *first = at.min(*first)).or_insert(at);
        };
        match (event.kind, event.actor == "human") {
            (EventKind::Opened | EventKind::Clicked, false) => deltas.add_metric(run, Metric::Machine, 1),
            (EventKind::Opened, true) => {
                earliest(&mut self.opened);
                if is_feed(id) {
                    deltas.add_metric(run, Metric::Opened, 1);
                }
            }
            (EventKind::Clicked, true) => {
                earliest(&mut self.opened);
                earliest(&mut self.clicked);
                deltas.add_metric(run, Metric::Clicks, 1);
                if is_feed(id) {
                    deltas.add_metric(run, Metric::Opened, 1);
                    deltas.add_metric(run, Metric::Clicked, 1);
                }
            }
            (EventKind::Unsubscribed, true) => earliest(&mut self.unsubscribed),
            _ => {}
        }
    }
}

fn is_feed(id: DeliveryId) -> bool {
    id.contact() == ContactId::FEED
}

/// Suppresses the addresses of contacts who unsubscribed, bounced or complained, whatever the actor
/// of the event is.
async fn suppress(tx: &mut Tx, events: &[Resolved<'_>]) -> Result<(), StoreError> {
    let suppression = |(position, Resolved { delivery, event }): (usize, &Resolved<'_>)| {
        let reason = match event.kind {
            EventKind::Unsubscribed => SuppressionReason::Unsubscribed,
            EventKind::Bounced => SuppressionReason::Bounced,
            EventKind::Complained => SuppressionReason::Complained,
            _ => return None,
        };
        Some(SuppressionInput {
            position,
            delivery: *delivery,
            contact: delivery.contact(),
            reason: reason.as_str(),
            source: source(event),
            at: event.occurred_at,
        })
    };
    let input: Vec<_> = events.iter().enumerate().filter_map(suppression).collect();
    if !input.is_empty() {
        tx.execute(&SUPPRESS, args![batch(&input)?]).await?;
    }
    Ok(())
}

const PURPOSE: Sql = sql!("select coalesce(purpose, ''), coalesce(address, '') from runs where id = $1");

/// Enters unsubscriptions and complaints into the ledger of consent, for the purpose of the run and
/// the kind of address that it was sent to.
async fn enter_consents(tx: &mut Tx, events: &[Resolved<'_>], now: Millis) -> Result<(), StoreError> {
    for Resolved { delivery, event } in events {
        let entry = match event.kind {
            EventKind::Unsubscribed => EntryKind::Withdraw,
            EventKind::Complained => EntryKind::Object,
            _ => continue,
        };
        let run: Option<(String, String)> = tx.row(&PURPOSE, args![delivery.run()]).await?;
        let Some((purpose, address)) = run.filter(|(purpose, _)| !purpose.is_empty()) else { continue };
        let kind = match address.as_str() {
            "email" => ConsentKind::Email,
            "phone" => ConsentKind::Phone,
            _ => ConsentKind::Other,
        };
        let change = ConsentChange { contact: delivery.contact(), entry, kinds: vec![kind] };
        let evidence = Evidence {
            purpose,
            method: source(event),
            actor: "contact".to_owned(),
            given_at: Some(event.occurred_at),
            ..Evidence::default()
        };
        contacts::change_in(tx, &change, &evidence, now).await?;
    }
    Ok(())
}

/// Returns `detail.source`, otherwise the kind of the event, at most 100 characters.
fn source(event: &NewEvent) -> String {
    let detail =
        event.detail.as_deref().and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok());
    let source = detail.as_ref().and_then(|detail| detail.get("source")?.as_str());
    source.unwrap_or(event.kind.as_str()).chars().take(100).collect()
}
