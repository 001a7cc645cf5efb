//! What came back. Append-only; rollups and the first-time marks of deliveries move in the same transaction.

mod convert;
mod record;
mod rejudge;
mod resolve;

use campaign::Money;
use database::{ContactId, DeliveryId, LinkId, Millis, Sql, StoreError, args, id_space, sql, words};

pub use rejudge::{Hit, Judge};

use crate::{DeliveryRef, Store};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A later report says that it arrived.
    Delivered,
    /// Its picture was fetched.
    Opened,
    /// A link was followed.
    Clicked,
    /// The campaign's goal happened and is credited to it.
    Converted,
    /// It came back.
    Bounced,
    /// It was called spam.
    Complained,
    /// They asked to be left alone.
    Unsubscribed,
    /// They answered.
    Replied,
    /// Anything else a contact did, by name.
    Custom,
}

/// An event to be written, about one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// The delivery it is about.
    pub delivery: DeliveryRef,
    /// By this link.
    pub link: Option<LinkId>,
    /// When.
    pub occurred_at: Millis,
    /// `human`, `prefetch`, or `machine:` and the rule that says so. Only `human` counts.
    pub actor: String,
    /// Anything else worth keeping, as JSON; hostile text.
    pub detail: Option<String>,
}

/// Something a contact did, posted from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Its name, such as `purchase`.
    pub name: String,
    /// Who.
    pub contact: ContactId,
    /// When.
    pub occurred_at: Millis,
    /// What it is worth.
    pub value_micros: Option<Money>,
    /// In this currency.
    pub currency: Option<String>,
    /// Says it twice, counts once.
    pub idempotency_key: Option<String>,
    /// Anything else, as JSON.
    pub detail: Option<String>,
}

/// A campaign that counts an event as its goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The campaign.
    pub campaign: String,
    /// How long after the touch it still counts.
    pub window: i64,
}

/// What became of a posted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// Written, and credited to this delivery: the last one clicked within its goal's window before the
    /// event, else the last one opened.
    Delivery(DeliveryId),
    /// Written; no campaign can claim it.
    Nobody,
    /// The idempotency key was there: nothing was written.
    Repeated,
}

/// One event as people read it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct EventRow {
    /// What happened.
    #[sqlx(try_from = "String")]
    pub kind: EventKind,
    /// Its name.
    pub name: Option<String>,
    /// When.
    pub occurred_at: Millis,
    /// To this delivery.
    pub delivery_id: Option<DeliveryId>,
    /// Of this campaign, if one.
    pub campaign: Option<String>,
    /// And this step.
    pub step: Option<String>,
    /// Where the link went.
    pub url: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What it is worth.
    #[sqlx(try_from = "StoredMoney")]
    pub value_micros: Option<Money>,
    /// In this currency.
    pub currency: Option<String>,
}

words!(EventKind, {
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

/// The columns of an [`EventRow`], of `events e left join runs r left join links l`.
macro_rules! event_columns {
    () => {
        "e.kind, e.name, e.occurred_at, e.delivery_id, r.campaign, r.step, l.url, e.actor, e.value_micros, e.currency"
    };
}

const OF_CONTACT: Sql = sql!(
    "select " event_columns!() "
     from events e left join runs r on r.id = e.delivery_id / " id_space!() " left join links l on l.id = e.link_id
     where e.contact_id = $1 order by e.occurred_at desc, e.id desc limit $2"
);

const RECENT: Sql = sql!(
    "select " event_columns!() "
     from events e left join runs r on r.id = e.delivery_id / " id_space!() " left join links l on l.id = e.link_id
     order by e.id desc limit $1"
);

impl Store {
    /// What one person did, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_of_contact(
        &self,
        contact: ContactId,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.rows(&OF_CONTACT, args![contact, limit]).await
    }

    /// What was written last, whoever did it, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event_recent(&self, limit: i64) -> Result<Vec<EventRow>, StoreError> {
        self.rows(&RECENT, args![limit]).await
    }
}

/// `events.value_micros`.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct StoredMoney(Option<i64>);

impl From<StoredMoney> for Option<Money> {
    fn from(stored: StoredMoney) -> Self {
        stored.0.map(Money::from_millionths)
    }
}
