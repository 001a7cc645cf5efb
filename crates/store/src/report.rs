//! Figures, read from rollups only.

use crate::{Millis, Store, StoreError};

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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RollupRow {
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// By this channel.
    pub channel: String,
    /// What is counted.
    pub metric: Metric,
    /// The start of the hour; 0 when summed.
    pub hour: Millis,
    /// The unit of `amount`; empty where there is none.
    pub currency: String,
    /// How many.
    pub count: i64,
    /// Millionths of `currency`.
    pub amount: i64,
}

impl Store {
    /// The figures that fit, by campaign, step, channel, metric and hour.
    pub async fn rollup_read(&self, _filter: &RollupFilter) -> Result<Vec<RollupRow>, StoreError> {
        todo!()
    }
}
