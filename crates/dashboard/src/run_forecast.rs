//! The forecast of a running run: its expected end, and the receivers that are on hold.

use std::collections::BTreeMap;

use campaign::{Receivers, SendForecast, Workspace};
use jiff::Timestamp;
use store::{DeliveryState, Millis, ReceiverHold, Run, RunState, Store, StoreError};

/// The forecast of a run; empty unless it is running.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct RunForecast {
    /// The estimated time of the last message, at the speed so far and within all limits of the
    /// channel.
    #[serde(serialize_with = "store::iso8601::serialize")]
    pub finish: Option<Timestamp>,
    /// Receivers that the channel sends nothing to for now, with the reasons; an empty name stands
    /// for the whole channel.
    pub waits: Vec<ReceiverHold>,
}

/// The shortest time after which the speed of a run is estimated, in milliseconds.
const SHORTEST_MILLIS: i64 = 2_000;

/// Forecasts a run; the forecast is empty unless the run is running.
///
/// # Errors
/// [`StoreError`] if the database fails or cannot be reached.
pub async fn run_forecast(
    store: &Store,
    workspace: &Workspace,
    run: &Run,
    now: Timestamp,
) -> Result<RunForecast, StoreError> {
    let Some(channel) = workspace.channels.get(run.channel.as_str()) else {
        return Ok(RunForecast::default());
    };
    if run.state != RunState::Running {
        return Ok(RunForecast::default());
    }
    let waits = store.allowance_held(&run.channel, now.into()).await?;
    let zone = &workspace.brand.timezone;
    let today = campaign::pace::day_number(now.to_zoned(zone.clone()).date());
    let used = store.allowance_used(&run.channel, today).await?;
    let last_due = store.run_last_due(run.id).await?;
    // Deliveries that receivers have deferred have a due time already; the rest depends on the
    // channel.
    let channel = campaign::Channel { receivers: Receivers::default(), ..channel.clone() };
    let finish = last_due.and_then(|due| finish(&channel, run, &used, now, zone, due));
    Ok(RunForecast { finish, waits })
}

fn finish(
    channel: &campaign::Channel,
    run: &Run,
    used: &BTreeMap<String, u64>,
    now: Timestamp,
    zone: &jiff::tz::TimeZone,
    last_due: Millis,
) -> Option<Timestamp> {
    let speed = speed(run, now);
    let open = crate::components::progress(run);
    let open = u64::try_from(open.denominator - open.numerator).unwrap_or(0);
    let forecast = SendForecast { channel, domains: &[(String::new(), open)], used, speed };
    let last_due = last_due.timestamp().ok().filter(|due| *due > now);
    // Without a known speed, the deferred deliveries say nothing about the rest.
    Some(forecast.finish_time(now, zone)?.max(last_due.unwrap_or(now)))
}

/// Returns the messages per second since the start of the run; `None` if it is too early to tell.
#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn speed(run: &Run, now: Timestamp) -> Option<f64> {
    let ended = [DeliveryState::Sent, DeliveryState::Failed, DeliveryState::Uncertain];
    let ended: i64 = ended.into_iter().map(|state| run.tally(state)).sum();
    let passed = Millis::from(now) - run.started_at?;
    (passed >= SHORTEST_MILLIS && ended > 0).then(|| ended as f64 * 1_000.0 / passed as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// Returns the sample run with `sent` of 1,000 messages sent, and a time one minute after its
    /// start.
    fn run(sent: i64) -> (Run, Timestamp) {
        let mut run = sample::live_run();
        let began = run.started_at.unwrap();
        run.total = 1_000;
        run.tallies.retain(|tally| tally.state == DeliveryState::Sent.into());
        run.tallies.truncate(1);
        run.tallies[0].count = sent;
        (run, (began + 60_000).timestamp().unwrap())
    }

    fn seconds(sent: i64, rate: Option<&str>, last_due: i64) -> Option<i64> {
        let context = sample::context(source::Diagnostics::default(), false);
        let mut channel = context.workspace().channels["email"].clone();
        channel.rate = rate.map(|rate| campaign::Rate::parse(rate).unwrap());
        let (run, now) = run(sent);
        let zone = &context.workspace().brand.timezone;
        let due = Millis::from(now) + last_due * 1_000;
        finish(&channel, &run, &BTreeMap::new(), now, zone, due).map(|end| end.duration_since(now).as_secs())
    }

    #[test]
    fn the_end_follows_from_the_speed_and_the_limits() {
        assert_eq!(seconds(600, None, -5), Some(40), "ten a second so far");
        assert_eq!(seconds(600, Some("5/s"), -5), Some(80));
        assert_eq!(seconds(600, Some("500/s"), -5), Some(40));
        assert_eq!(seconds(600, None, 3_600), Some(3_600), "one waits for an hour");
        assert_eq!(seconds(0, None, -5), None, "nothing is known");
        assert_eq!(seconds(0, Some("10/s"), -5), Some(100));
    }
}
