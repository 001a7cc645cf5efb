//! Changes of counters, collected in the transaction that changes deliveries: the tallies of runs
//! and the rollups by hour.

use std::collections::BTreeMap;

use campaign::Money;
use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql};

use crate::{DeliveryState, Metric, TallyState};

/// The changes that a transaction makes to counters, written once at its end. Tallies are always
/// written before rollups and both in the order of their keys, so that two transactions never
/// deadlock.
#[derive(Debug, Default)]
pub(crate) struct CounterDeltas {
    tallies: BTreeMap<(RunId, &'static str, String), i64>,
    metrics: BTreeMap<(RunId, Metric, String), (i64, i64)>,
}

#[derive(serde::Serialize)]
struct TallyInput<'a> {
    run: i64,
    state: &'static str,
    reason: &'a str,
    count: i64,
}

const UPSERT_TALLIES: Sql = sql!(
    "with " [batch 1 as input: run bigint, state text, reason text, count bigint]
    "insert into run_tallies (run_id, state, reason, count)
     select run, state, reason, count from input where true order by run, state, reason
     on conflict (run_id, state, reason) do update set count = run_tallies.count + excluded.count"
);

#[derive(serde::Serialize)]
struct MetricInput<'a> {
    run: i64,
    metric: &'static str,
    currency: &'a str,
    count: i64,
    amount: i64,
}

/// Adds to the rollups of an hour. Runs of kind `test` are in no report. Sent deliveries also add
/// their cost.
const UPSERT_ROLLUPS: Sql = sql!(
    "with " [batch 1 as input: run bigint, metric text, currency text, count bigint, amount bigint]
    "insert into rollups (campaign, step, channel, metric, hour, currency, count, amount)
     select campaign, step, channel, metric, $2, currency, cast(sum(count) as bigint), cast(sum(amount) as bigint)
     from (
       select r.campaign, r.step, r.channel, i.metric, i.currency, i.count, i.amount
       from input i join runs r on r.id = i.run where r.kind <> 'test'
       union all
       select r.campaign, r.step, r.channel, 'cost', r.currency, i.count, i.count * r.cost_micros
       from input i join runs r on r.id = i.run
       where r.kind <> 'test' and i.metric = 'sent' and r.cost_micros <> 0
     ) moved
     where true
     group by campaign, step, channel, metric, currency
     order by campaign, step, channel, metric, currency
     on conflict (campaign, step, channel, metric, hour, currency)
     do update set count = rollups.count + excluded.count, amount = rollups.amount + excluded.amount"
);

impl CounterDeltas {
    /// Counts deliveries of a run that ended in `state`; `count` is negative if they are opened
    /// again.
    pub(crate) fn add_ended(&mut self, run: RunId, state: DeliveryState, reason: &str, count: i64) {
        *self.tallies.entry((run, state.as_str(), reason.to_owned())).or_default() += count;
        let metric = match state {
            DeliveryState::Sent => Metric::Sent,
            DeliveryState::Failed => Metric::Failed,
            DeliveryState::Suppressed => Metric::Suppressed,
            _ => return,
        };
        self.add_metric(run, metric, count);
    }

    /// Counts deliveries of a run that are sent again although they may have been received.
    pub(crate) fn add_repeats(&mut self, run: RunId, count: i64) {
        *self.tallies.entry((run, TallyState::Repeat.as_str(), String::new())).or_default() += count;
    }

    /// Adds to a metric. Bounces and complaints also count for the run, whose stop rules read them.
    pub(crate) fn add_metric(&mut self, run: RunId, metric: Metric, count: i64) {
        let feedback = match metric {
            Metric::Bounced => Some(TallyState::Bounced),
            Metric::Complained => Some(TallyState::Complained),
            _ => None,
        };
        if let Some(feedback) = feedback {
            *self.tallies.entry((run, feedback.as_str(), String::new())).or_default() += count;
        }
        self.add(run, metric, "", (count, 0));
    }

    /// Adds one to a metric with an amount of money.
    pub(crate) fn add_amount(&mut self, run: RunId, metric: Metric, currency: &str, amount: Money) {
        self.add(run, metric, currency, (1, amount.millionths()));
    }

    /// Subtracts one from a metric with an amount of money.
    pub(crate) fn subtract_amount(&mut self, run: RunId, metric: Metric, currency: &str, amount: Money) {
        self.add(run, metric, currency, (-1, -amount.millionths()));
    }

    fn add(&mut self, run: RunId, metric: Metric, currency: &str, (count, amount): (i64, i64)) {
        let sum = self.metrics.entry((run, metric, currency.to_owned())).or_default();
        *sum = (sum.0 + count, sum.1 + amount);
    }

    /// Writes all changes; those to rollups go to the hour of `now`.
    pub(crate) async fn apply(self, tx: &mut Tx, now: Millis) -> Result<(), StoreError> {
        let tallies: Vec<_> = self
            .tallies
            .iter()
            .filter(|(_, count)| **count != 0)
            .map(|((run, state, reason), count)| TallyInput { run: run.0, state, reason, count: *count })
            .collect();
        if !tallies.is_empty() {
            tx.execute(&UPSERT_TALLIES, args![batch(&tallies)?]).await?;
        }
        let metrics: Vec<_> = self
            .metrics
            .iter()
            .filter(|(_, sum)| **sum != (0, 0))
            .map(|((run, metric, currency), (count, amount))| MetricInput {
                run: run.0,
                metric: metric.as_str(),
                currency,
                count: *count,
                amount: *amount,
            })
            .collect();
        if !metrics.is_empty() {
            tx.execute(&UPSERT_ROLLUPS, args![batch(&metrics)?, hour_of(now)]).await?;
        }
        Ok(())
    }
}

/// Returns the start of the hour that contains `now`.
pub(crate) fn hour_of(now: Millis) -> Millis {
    const HOUR: i64 = 3_600_000;
    now.floor(HOUR)
}

#[cfg(test)]
mod tests {
    use database::Millis;

    use super::hour_of;

    #[test]
    fn an_hour_starts_at_or_before_any_time() {
        for (now, hour) in
            [(0, 0), (3_599_999, 0), (3_600_000, 3_600_000), (-1, -3_600_000), (i64::MIN, i64::MIN)]
        {
            assert_eq!(hour_of(Millis::new(now)), Millis::new(hour));
        }
    }
}
