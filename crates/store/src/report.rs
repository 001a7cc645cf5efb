//! Figures, read from rollups only.

use campaign::Money;
use database::{Millis, Sql, StoreError, args, sql, words};

use crate::Store;

/// What a rollup counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Accepted by the relay or platform.
    Sent,
    /// Refused for good.
    Failed,
    /// Left out, at planning or later.
    Suppressed,
    /// Reported as arrived.
    Delivered,
    /// First human opens.
    Opened,
    /// First human clicks.
    Clicked,
    /// Every human click.
    Clicks,
    /// Opens and clicks by machines.
    Machine,
    /// Conversions credited; the amount is revenue in `currency`.
    Converted,
    /// First unsubscriptions.
    Unsubscribed,
    /// Bounces reported later.
    Bounced,
    /// Complaints.
    Complained,
    /// What sending cost: the amount, in `currency`; the count is messages.
    Cost,
}

/// Which rollups.
#[derive(Debug, Clone, Default)]
pub struct RollupFilter {
    /// Of one campaign.
    pub campaign: Option<String>,
    /// Hours that start at or after.
    pub from: Option<Millis>,
    /// Hours that start before.
    pub to: Option<Millis>,
    /// True: a row for each hour; false: summed, with `hour` 0.
    pub by_hour: bool,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct RollupRow {
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// By this channel.
    pub channel: String,
    /// What is counted.
    #[sqlx(try_from = "String")]
    pub metric: Metric,
    /// The start of the hour; 0 when summed.
    pub hour: Millis,
    /// The unit of `amount`; empty where there is none.
    pub currency: String,
    /// How many.
    pub count: i64,
    /// Millionths of `currency`.
    #[sqlx(try_from = "i64")]
    pub amount: Money,
}

words!(Metric, {
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
    /// The figures that fit, by campaign, step, channel, metric and hour.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn rollup_read(&self, filter: &RollupFilter) -> Result<Vec<RollupRow>, StoreError> {
        let args = args![filter.campaign.as_deref(), filter.from, filter.to, i64::from(filter.by_hour)];
        let mut rows: Vec<RollupRow> = self.rows(&READ, args).await?;
        // Sorted here, because databases differ in how they sort texts.
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(rows)
    }
}

impl RollupRow {
    fn key(&self) -> (&str, &str, &str, Metric, Millis, &str) {
        (&self.campaign, &self.step, &self.channel, self.metric, self.hour, &self.currency)
    }
}
