//! Rollups: the metrics of each step and channel by hour.

use campaign::Money;
use database::{Millis, Sql, StoreError, args, enum_names, sql};

use crate::Store;

/// A metric that rollups count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Deliveries that the relay or platform accepted.
    Sent,
    /// Deliveries that were refused permanently or expired.
    Failed,
    /// Deliveries that were left out, at planning or later.
    Suppressed,
    /// Deliveries that a later report says arrived.
    Delivered,
    /// First opens of a delivery by a person.
    Opened,
    /// First clicks in a delivery by a person.
    Clicked,
    /// All clicks by people.
    Clicks,
    /// Opens and clicks by machines.
    Machine,
    /// Conversions credited; the amount is revenue in `currency`.
    Converted,
    /// First unsubscriptions through a delivery.
    Unsubscribed,
    /// Bounces that were reported after acceptance.
    Bounced,
    /// Complaints: messages marked as spam.
    Complained,
    /// The cost of sending: the amount is in `currency`, the count is messages.
    Cost,
}

/// A filter that selects rollups.
#[derive(Debug, Clone, Default)]
pub struct RollupFilter {
    /// The id of a campaign; `None` selects all.
    pub campaign: Option<String>,
    /// The first hour: hours that start at or after this time.
    pub from: Option<Millis>,
    /// The end: hours that start before this time.
    pub to: Option<Millis>,
    /// True for one row per hour; false for one sum, with `hour` 0.
    pub by_hour: bool,
}

/// One metric of a step and channel.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct RollupRow {
    /// The id of the campaign.
    pub campaign: String,
    /// The id of the step.
    pub step: String,
    /// The id of the channel.
    pub channel: String,
    /// The metric that is counted.
    #[sqlx(try_from = "String")]
    pub metric: Metric,
    /// The start of the hour; 0 for a sum.
    pub hour: Millis,
    /// The currency of `amount`; empty if there is none.
    pub currency: String,
    /// The count of the metric.
    pub count: i64,
    /// The amount, in millionths of `currency`.
    #[sqlx(try_from = "i64")]
    pub amount: Money,
}

enum_names!(Metric, {
    Sent => "sent",
    Failed => "failed",
    Suppressed => "suppressed",
    Delivered => "delivered",
    Opened => "opened",
    Clicked => "clicked",
    Clicks => "clicks",
    Machine => "machine",
    Converted => "converted",
    Unsubscribed => "unsubscribed",
    Bounced => "bounced",
    Complained => "complained",
    Cost => "cost",
});

const READ: Sql = sql!(
    "select campaign, step, channel, metric, hour, currency,
            cast(sum(count) as bigint) as count, cast(sum(amount) as bigint) as amount
     from (select campaign, step, channel, metric, case when $4 = 1 then hour else 0 end as hour, currency, count, amount
           from rollups
           where ($1 is null or campaign = $1) and ($2 is null or hour >= $2) and ($3 is null or hour < $3)) t
     group by campaign, step, channel, metric, hour, currency"
);

impl Store {
    /// Returns the rollups that a filter selects, by campaign, step, channel, metric and hour.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn rollup_read(&self, filter: &RollupFilter) -> Result<Vec<RollupRow>, StoreError> {
        let args = args![filter.campaign.as_deref(), filter.from, filter.to, i64::from(filter.by_hour)];
        let mut rows: Vec<RollupRow> = self.rows(&READ, args).await?;
        // Sorted here, because the databases sort texts differently.
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(rows)
    }
}

impl RollupRow {
    fn key(&self) -> (&str, &str, &str, Metric, Millis, &str) {
        (&self.campaign, &self.step, &self.channel, self.metric, self.hour, &self.currency)
    }
}
