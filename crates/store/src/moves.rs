//! Counts that move in the transaction that moves deliveries: a run's tallies, and the figures by the hour.

use std::collections::BTreeMap;

use campaign::Money;
use database::{Millis, RunId, Sql, StoreError, Tx, args, batch, sql};

use crate::{DeliveryState, Metric, TallyState};

/// What a transaction did to the counts; written once, at its end. Always tallies before rollups and both in
/// the order of their keys, so that two transactions never wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Moves {
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

const TALLIES: Sql = sql!(
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

/// Runs of kind `test` are in no report. What is sent also costs.
const ROLLUPS: Sql = sql!(
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

impl Moves {
    /// `count` deliveries of a run ended in `state`; fewer than none when they are opened again.
    pub(crate) fn ended(&mut self, run: RunId, state: DeliveryState, reason: &str, count: i64) {
        *self.tallies.entry((run, state.as_str(), reason.to_owned())).or_default() += count;
        let metric = match state {
            DeliveryState::Sent => Metric::Sent,
            DeliveryState::Failed => Metric::Failed,
            DeliveryState::Suppressed => Metric::Suppressed,
            _ => return,
        };
        self.counted(run, metric, count);
    }

    /// `count` deliveries of a run are sent again although they may have been received.
    pub(crate) fn repeated(&mut self, run: RunId, count: i64) {
        *self.tallies.entry((run, TallyState::Repeat.as_str(), String::new())).or_default() += count;
    }

    /// A figure moved. What comes back counts for the run too, which stops itself when it is too much.
    pub(crate) fn counted(&mut self, run: RunId, metric: Metric, count: i64) {
        let back = match metric {
            Metric::Bounced => Some(TallyState::Bounced),
            Metric::Complained => Some(TallyState::Complained),
            _ => None,
        };
        if let Some(back) = back {
            *self.tallies.entry((run, back.as_str(), String::new())).or_default() += count;
        }
        self.moved(run, metric, "", (count, 0));
    }

    /// A figure with an amount of money moved by one.
    pub(crate) fn earned(&mut self, run: RunId, metric: Metric, currency: &str, amount: Money) {
        self.moved(run, metric, currency, (1, amount.millionths()));
    }

    /// A figure with an amount of money moved back by one.
    pub(crate) fn unearned(&mut self, run: RunId, metric: Metric, currency: &str, amount: Money) {
        self.moved(run, metric, currency, (-1, -amount.millionths()));
    }

    fn moved(&mut self, run: RunId, metric: Metric, currency: &str, (count, amount): (i64, i64)) {
        let sum = self.metrics.entry((run, metric, currency.to_owned())).or_default();
        *sum = (sum.0 + count, sum.1 + amount);
    }

    /// Writes them.
    pub(crate) async fn apply(self, tx: &mut Tx, now: Millis) -> Result<(), StoreError> {
        let tallies: Vec<_> = self
            .tallies
            .iter()
            .filter(|(_, count)| **count != 0)
            .map(|((run, state, reason), count)| TallyInput { run: run.0, state, reason, count: *count })
            .collect();
        if !tallies.is_empty() {
            tx.execute(&TALLIES, args![batch(&tallies)?]).await?;
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
            tx.execute(&ROLLUPS, args![batch(&metrics)?, hour_of(now)]).await?;
        }
        Ok(())
    }
}

/// The start of the hour that `now` is in.
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
