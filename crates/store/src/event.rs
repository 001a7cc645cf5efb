//! What came back. Append-only; rollups and the first-time marks of deliveries move in the same transaction.

use campaign::Micros;

use crate::{ContactId, DeliveryId, LinkId, Millis, Store, StoreError};

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
    /// To this delivery.
    pub delivery: DeliveryId,
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
    pub value_micros: Option<Micros>,
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
    pub window: Millis,
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
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EventRow {
    /// What happened.
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
    pub value_micros: Option<Micros>,
    /// In this currency.
    pub currency: Option<String>,
}

impl Store {
    /// Writes events in one transaction; those of deliveries that do not exist are dropped. The first human
    /// open, click and unsubscription of a delivery move `opened`, `clicked`, `unsubscribed` in the rollups
    /// (once per contact delivery; each time for a feed) and its marks; every human click moves `clicks`;
    /// `clicked` without `opened` moves `opened` too. Unsubscribed, bounced and complained add a suppression
    /// of the contact's e-mail address. Runs of kind `test` move nothing. Says how many were written.
    pub async fn event_record(&self, _events: &[NewEvent], _now: Millis) -> Result<u64, StoreError> {
        todo!()
    }

    /// Writes one posted event and credits it. `goals` are those of campaigns whose goal has this name.
    pub async fn event_convert(
        &self,
        _event: &Conversion,
        _goals: &[Goal],
        _now: Millis,
    ) -> Result<Credit, StoreError> {
        todo!()
    }

    /// What one person did, newest first.
    pub async fn event_of_contact(
        &self,
        _contact: ContactId,
        _limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        todo!()
    }
}
