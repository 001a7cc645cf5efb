//! Aggregation of rollup rows of the database into counts.

use std::collections::BTreeMap;

use insight::Counts;
use money::Money;
use store::{Metric, RollupRow};

/// Returns the sums of all rows.
#[must_use]
pub fn counts_of<'a>(rows: impl IntoIterator<Item = &'a RollupRow>) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        add(&mut counts, row);
    }
    counts
}

/// Returns the sums of the rows for each `key`.
#[must_use]
pub fn grouped<'a, K: Ord>(
    rows: impl IntoIterator<Item = &'a RollupRow>,
    key: impl Fn(&'a RollupRow) -> K,
) -> BTreeMap<K, Counts> {
    let mut groups: BTreeMap<K, Counts> = BTreeMap::new();
    for row in rows {
        add(groups.entry(key(row)).or_default(), row);
    }
    groups
}

fn add(counts: &mut Counts, row: &RollupRow) {
    let number = match row.metric {
        Metric::Sent => &mut counts.sent,
        Metric::Failed => &mut counts.failed,
        Metric::Suppressed => &mut counts.suppressed,
        Metric::Delivered => &mut counts.delivered,
        Metric::Opened => &mut counts.opened,
        Metric::Clicked => &mut counts.clicked,
        Metric::Clicks => &mut counts.clicks,
        Metric::Machine => &mut counts.machine,
        Metric::Converted => {
            put(&mut counts.revenue, row);
            &mut counts.converted
        }
        Metric::Unsubscribed => &mut counts.unsubscribed,
        Metric::Bounced => &mut counts.bounced,
        Metric::Complained => &mut counts.complained,
        Metric::Cost => return put(&mut counts.cost, row),
    };
    *number = number.saturating_add(row.count);
}

fn put(money: &mut BTreeMap<String, Money>, row: &RollupRow) {
    if !row.amount.is_zero() {
        let sum = money.entry(row.currency.clone()).or_default();
        *sum = sum.saturating_add(row.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: Metric, count: i64, amount: i64, currency: &str) -> RollupRow {
        RollupRow {
            campaign: "spring".into(),
            step: "mail".into(),
            channel: "email".into(),
            metric,
            hour: store::Millis::EPOCH,
            currency: currency.into(),
            count,
            amount: amount.into(),
        }
    }

    #[test]
    fn revenue_and_cost_stay_in_their_currency() {
        let rows = [
            row(Metric::Sent, 10, 0, ""),
            row(Metric::Cost, 10, 10_000, "CNY"),
            row(Metric::Converted, 2, 5_000_000, "CNY"),
            row(Metric::Converted, 1, 7_000_000, "EUR"),
            row(Metric::Converted, 1, 0, ""),
        ];
        let counts = counts_of(&rows);
        assert_eq!((counts.sent, counts.converted), (10, 4));
        assert_eq!(counts.cost.into_iter().collect::<Vec<_>>(), [("CNY".into(), Money::from(10_000))]);
        let revenue: Vec<_> = counts.revenue.into_iter().collect();
        assert_eq!(revenue, [("CNY".into(), Money::from(5_000_000)), ("EUR".into(), Money::from(7_000_000))]);
    }
}
