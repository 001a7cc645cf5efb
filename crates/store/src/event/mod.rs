//! Events about deliveries and contacts. Append-only; rollups and the first-time marks of
//! deliveries change in the same transaction.

mod conversion;
mod reclassify;
mod record;
mod resolve;

use campaign::Money;
use database::{ContactId, DeliveryId, LinkId, Millis, Sql, StoreError, args, enum_names, id_space, sql};

pub use reclassify::{Hit, HitClassifier};

use crate::{DeliveryRef, Store};

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A later report says that the message arrived.
    Delivered,
    /// The tracking pixel of the message was fetched.
    Opened,
    /// A link in the message was followed.
    Clicked,
    /// The campaign's goal was reached and is credited to the delivery.
    Converted,
    /// The message bounced after it was accepted.
    Bounced,
    /// The contact marked the message as spam.
    Complained,
    /// The contact unsubscribed with this message.
    Unsubscribed,
    /// The contact replied to the message.
    Replied,
    /// Any other named event of a contact.
    Custom,
}

/// An event to insert, about one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The kind of the event.
    pub kind: EventKind,
    /// The delivery that it is about.
    pub delivery: DeliveryRef,
    /// The link that was followed.
    pub link: Option<LinkId>,
    /// The time at which it happened.
    pub occurred_at: Millis,
    /// The actor: `human`, `prefetch`, or `machine:` and the rule that says so. Only `human`
    /// counts.
    pub actor: String,
    /// Other details to store, as JSON; the text comes from outside and is not trusted.
    pub detail: Option<String>,
}

/// An event of a contact, posted from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The name of the event, such as `purchase`.
    pub name: String,
    /// The id of the contact.
    pub contact: ContactId,
    /// The time at which it happened.
    pub occurred_at: Millis,
    /// The value of the event, in millionths of `currency`.
    pub value_micros: Option<Money>,
    /// The currency of the value.
    pub currency: Option<String>,
    /// A key that makes the event count once, even if it is posted twice.
    pub idempotency_key: Option<String>,
    /// Other details to store, as JSON.
    pub detail: Option<String>,
}

/// The goal of a campaign: events of one name within a window after a reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributionGoal {
    /// The id of the campaign.
    pub campaign: String,
    /// The time after a click or open in which the event still counts, in milliseconds.
    pub window: i64,
}

/// The result of posting an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// Inserted, and credited to this delivery: the last one clicked within its goal's window
    /// before the event, otherwise the last one opened.
    Delivery(DeliveryId),
    /// Inserted; no campaign can claim it.
    #[serde(rename = "nobody")]
    NoDelivery,
    /// The idempotency key existed already: nothing was inserted.
    Repeated,
}

/// An event with the names that people read.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct EventRow {
    /// The kind of the event.
    #[sqlx(try_from = "String")]
    pub kind: EventKind,
    /// The name of a posted event.
    pub name: Option<String>,
    /// The time at which it happened.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub occurred_at: Millis,
    /// The delivery that it is about.
    pub delivery_id: Option<DeliveryId>,
    /// The id of the delivery's campaign.
    pub campaign: Option<String>,
    /// The id of the delivery's step.
    pub step: Option<String>,
    /// The destination of the followed link.
    pub url: Option<String>,
    /// The actor: `human`, `prefetch`, or `machine:` and a rule.
    pub actor: String,
    /// The value of the event, in millionths of `currency`.
    #[serde(rename = "value")]
    #[sqlx(try_from = "StoredMoney")]
    pub value_micros: Option<Money>,
    /// The currency of the value.
    pub currency: Option<String>,
}

enum_names!(EventKind, {
    Delivered => "delivered",
    Opened => "opened",
    Clicked => "clicked",
    Converted => "converted",
    Bounced => "bounced",
    Complained => "complained",
    Unsubscribed => "unsubscribed",
    Replied => "replied",
    Custom => "custom",
});

/// The columns of an [`EventRow`], selected from `events e left join runs r left join links l`.
macro_rules! event_columns {
    () => {
        "e.kind, e.name, e.occurred_at, e.delivery_id, r.campaign, r.step, l.url, e.actor, e.value_micros, e.currency"
    };
}

const LIST_OF_CONTACT: Sql = sql!(
    "select " event_columns!() "
     from events e left join runs r on r.id = e.delivery_id / " id_space!() " left join links l on l.id = e.link_id
     where e.contact_id = $1 order by e.occurred_at desc, e.id desc limit $2"
);

const LIST_RECENT: Sql = sql!(
    "select " event_columns!() "
     from events e left join runs r on r.id = e.delivery_id / " id_space!() " left join links l on l.id = e.link_id
     order by e.id desc limit $1"
);

impl Store {
    /// Lists the latest `limit` events of one contact, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_of_contact(
        &self,
        contact: ContactId,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.rows(&LIST_OF_CONTACT, args![contact, limit]).await
    }

    /// Lists the latest `limit` events of all contacts, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_recent(&self, limit: i64) -> Result<Vec<EventRow>, StoreError> {
        self.rows(&LIST_RECENT, args![limit]).await
    }
}

/// The column `events.value_micros`, in millionths.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct StoredMoney(Option<i64>);

impl From<StoredMoney> for Option<Money> {
    fn from(stored: StoredMoney) -> Self {
        stored.0.map(Money::from_millionths)
    }
}
