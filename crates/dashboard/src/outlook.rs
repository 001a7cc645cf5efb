//! How a run will go on: who waits and why, and when it would be over.

use std::collections::BTreeMap;

use campaign::{Load, Receivers, Workspace};
use jiff::Timestamp;
use store::{DeliveryState, Held, Millis, Run, RunState, Store, StoreError};

/// What is to be expected of a run that has not ended.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Outlook {
    /// About when the last message would be out, at the speed so far and by everything that bounds it.
    pub finish: Option<Timestamp>,
    /// Receivers that its channel sends nothing to for now, and why; an empty name is the channel as a whole.
    pub waits: Vec<Held>,
}

/// A speed is not told of a shorter time.
const SHORTEST_MILLIS: i64 = 2_000;

/// What is to be expected of a run; nothing of one that is not running.
///
/// # Errors
/// The database refused or went away.
pub async fn outlook(
    store: &Store,
    workspace: &Workspace,
    run: &Run,
    now: Timestamp,
) -> Result<Outlook, StoreError> {
    let Some(channel) = workspace.channels.get(run.channel.as_str()) else { return Ok(Outlook::default()) };
    if run.state != RunState::Running {
        return Ok(Outlook::default());
    }
    let waits = store.allowance_held(&run.channel, now.into()).await?;
    let zone = &workspace.brand.timezone;
    let today = campaign::pace::day_number(now.to_zoned(zone.clone()).date());
    let used = store.allowance_used(&run.channel, today).await?;
    let last_due = store.run_last_due(run.id).await?;
    // What its receivers let wait has its time already; the rest is up to the channel.
    let channel = campaign::Channel { receivers: Receivers::default(), ..channel.clone() };
    let finish = last_due.and_then(|due| finish(&channel, run, &used, now, zone, due));
    Ok(Outlook { finish, waits })
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
    let open = crate::parts::progress(run);
    let open = u64::try_from(open.denominator - open.numerator).unwrap_or(0);
    let load = Load { channel, domains: &[(String::new(), open)], used, speed };
    let last_due = last_due.timestamp().ok().filter(|due| *due > now);
    // With nothing known of the speed, what is put off says nothing of the rest.
    Some(load.finish(now, zone)?.max(last_due.unwrap_or(now)))
}

/// How many messages a second have gone out since the first.
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

    /// The sample's run, of which so many of a thousand are sent a minute after it began.
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
        let scene = sample::scene(source::Diagnostics::default(), false);
        let mut channel = scene.workspace().channels["email"].clone();
        channel.rate = rate.map(|rate| campaign::Rate::parse(rate).unwrap());
        let (run, now) = run(sent);
        let zone = &scene.workspace().brand.timezone;
        let due = Millis::from(now) + last_due * 1_000;
        finish(&channel, &run, &BTreeMap::new(), now, zone, due).map(|end| end.duration_since(now).as_secs())
    }

    #[test]
    fn goes_on_as_it_went_or_as_it_may() {
        assert_eq!(seconds(600, None, -5), Some(40), "ten a second so far");
        assert_eq!(seconds(600, Some("5/s"), -5), Some(80));
        assert_eq!(seconds(600, Some("500/s"), -5), Some(40));
        assert_eq!(seconds(600, None, 3_600), Some(3_600), "one waits for an hour");
        assert_eq!(seconds(0, None, -5), None, "nothing is known");
        assert_eq!(seconds(0, Some("10/s"), -5), Some(100));
    }
}
