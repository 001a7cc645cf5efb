//! Messages of the outbox channel, listed and read.

use database::{DeliveryId, Millis, Sql, StoreError, args, id_space, sql};

use crate::Store;

/// A message that the outbox channel stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct OutboxRow {
    /// The id of its delivery.
    pub delivery_id: DeliveryId,
    /// The id of its campaign.
    pub campaign: String,
    /// The id of its step.
    pub step: String,
    /// The id of the outbox channel.
    pub channel: String,
    /// The address of the recipient.
    pub recipient: String,
    /// The subject line, decoded.
    pub subject: String,
    /// The HTML part; empty in listings.
    pub html: String,
    /// The text part; empty in listings.
    pub text: String,
    /// The raw message, as a mail server would receive it; empty in listings.
    #[serde(skip)]
    pub raw: Vec<u8>,
    /// The time at which it was stored.
    pub created_at: Millis,
}

const PAGE: Sql = sql!(
    "select o.delivery_id, r.campaign, r.step, o.channel, o.recipient, o.subject, '' as html, '' as text, "
    { sqlite: "x''", postgres: "cast('' as bytea)" }
    " as raw, o.created_at
     from outbox o join runs r on r.id = o.delivery_id / " id_space!() "
     where ($1 is null or r.campaign = $1)
       and ($2 is null or (o.created_at, o.delivery_id) <
                          (select b.created_at, b.delivery_id from outbox b where b.delivery_id = $2))
     order by o.created_at desc, o.delivery_id desc limit $3"
);

const GET: Sql = sql!(
    "select o.delivery_id, r.campaign, r.step, o.channel, o.recipient, o.subject, o.html, o.text, o.raw, o.created_at
     from outbox o join runs r on r.id = o.delivery_id / " id_space!() "
     where o.delivery_id = $1"
);

impl Store {
    /// Lists messages without their bodies, newest first: older than `before` if given, of one
    /// campaign if given.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn outbox_page(
        &self,
        campaign: Option<&str>,
        before: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.rows(&PAGE, args![campaign, before, limit]).await
    }

    /// Returns one message with its bodies.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn outbox_get(&self, id: DeliveryId) -> Result<Option<OutboxRow>, StoreError> {
        self.row(&GET, args![id]).await
    }
}
