//! Queries that list deliveries by run, contact and campaign.

use database::{ContactId, DeliveryId, RunId, Sql, StoreError, args, id_space, sql};

use super::{DeliveryRow, DeliveryState, Explanation};
use crate::Store;
use crate::run::run_columns;

/// The columns of a [`DeliveryRow`], selected from `deliveries d join runs r left join contacts c
/// left join posts o`.
macro_rules! delivery_columns {
    () => {
        "d.id, d.run_id, r.campaign, r.step, r.channel, d.contact_id, \
         coalesce(r.to_address, c.email, c.phone, c.external_id, '') as address, d.state, d.reason, d.due_at, d.attempts, \
         d.repeats, d.sent_at, d.answer, d.opened_at, d.clicked_at, d.converted_at, \
         o.external_id as post_id, o.url as post_url"
    };
}

const LIST: Sql = sql!(
    "select " delivery_columns!() "
     from deliveries d join runs r on r.id = d.run_id left join contacts c on c.id = d.contact_id left join posts o on o.delivery_id = d.id
     where d.id > $1 and d.id < $2 and ($3 is null or d.state = $3) and ($4 = 0 or d.repeats > 0)
     order by d.id limit $5"
);

const LIST_OF_CONTACT: Sql = sql!(
    "select " delivery_columns!() "
     from runs r join deliveries d on d.id = r.id * " id_space!() " + $1 left join contacts c on c.id = d.contact_id left join posts o on o.delivery_id = d.id
     order by r.id desc limit $2"
);

const RUNS: Sql = sql!("select " run_columns!() " from runs r where r.campaign = $1 order by r.id desc");

const EXPLAIN: Sql = sql!(
    "select " delivery_columns!() "
     from runs r join deliveries d on d.id = r.id * " id_space!() " + $2 left join contacts c on c.id = d.contact_id left join posts o on o.delivery_id = d.id
     where r.campaign = $1"
);

impl Store {
    /// Lists the deliveries of a run in one state, or in any, after an id. `repeated` selects those
    /// with repeats.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_list(
        &self,
        run: RunId,
        state: Option<DeliveryState>,
        repeated: bool,
        after: DeliveryId,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let after = after.max(DeliveryId(DeliveryId::new(run, ContactId::FEED).0.saturating_sub(1)));
        let end = DeliveryId::new(RunId(run.0.saturating_add(1)), ContactId::FEED);
        let state = state.map(DeliveryState::as_str);
        self.rows(&LIST, args![after, end, state, i64::from(repeated), limit]).await
    }

    /// Lists the latest `limit` deliveries to one contact, sent or not, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_of_contact(
        &self,
        contact: ContactId,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        if !is_contact_id(contact) {
            return Ok(Vec::new());
        }
        self.rows(&LIST_OF_CONTACT, args![contact, limit]).await
    }

    /// Returns the deliveries of one contact in one campaign.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_explain(
        &self,
        contact: ContactId,
        campaign: &str,
    ) -> Result<Explanation, StoreError> {
        let runs = self.with_tallies(self.rows(&RUNS, args![campaign]).await?).await?;
        let mut rows: Vec<DeliveryRow> = Vec::new();
        if is_contact_id(contact) {
            rows = self.rows(&EXPLAIN, args![campaign, contact]).await?;
        }
        let mut take = |run: RunId| {
            let at = rows.iter().position(|row| row.run_id == run)?;
            Some(rows.swap_remove(at))
        };
        let runs = runs.into_iter().map(|run| {
            let delivery = take(run.id);
            (run, delivery)
        });
        Ok(Explanation { runs: runs.collect() })
    }
}

/// Returns whether a contact can have this id: an id beyond 32 bits would belong to a delivery of
/// another run.
fn is_contact_id(contact: ContactId) -> bool {
    (1..=ContactId::MAX.0).contains(&contact.0)
}
