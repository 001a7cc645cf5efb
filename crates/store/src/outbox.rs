//! What the outbox channel kept.

use crate::{DeliveryId, Millis, Store, StoreError};

/// One kept message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OutboxRow {
    /// Of this delivery.
    pub delivery_id: DeliveryId,
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// Kept by this channel.
    pub channel: String,
    /// To whom.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// As a browser shows it; empty in listings.
    pub html: String,
    /// As a terminal shows it; empty in listings.
    pub text: String,
    /// As a server would get it; empty in listings.
    #[serde(skip)]
    pub raw: Vec<u8>,
    /// When it was kept.
    pub created_at: Millis,
}

impl Store {
    /// The newest first, older than `before` if given, of one campaign if given.
    pub async fn outbox_page(
        &self,
        _campaign: Option<&str>,
        _before: Option<DeliveryId>,
        _limit: i64,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        todo!()
    }

    /// One message whole.
    pub async fn outbox_get(&self, _id: DeliveryId) -> Result<Option<OutboxRow>, StoreError> {
        todo!()
    }
}
