//! What the outbox channel kept.

use database::{DeliveryId, Millis, Sql, StoreError, args, id_space, sql};

use crate::Store;

/// One kept message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
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
    /// The newest first, older than `before` if given, of one campaign if given.
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

    /// One message whole.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn outbox_get(&self, id: DeliveryId) -> Result<Option<OutboxRow>, StoreError> {
        self.row(&GET, args![id]).await
    }
}
