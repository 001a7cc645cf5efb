//! Benchmark `tarpit`: the effect of one receiver that answers after a minute on the sending rate
//! to all others.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{
    Guard, MessageRecord, Phase, RecipientFilter, Relay, RelayAction, Script, TestDatabase, Tools, until,
};
use anyhow::{Context, Result};

use super::Options;
use super::round::rate;
use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The domain of the slow receiver.
const SLOW_DOMAIN: &str = "tarpit.example";
/// One of this many recipients is at the slow receiver.
const SLOW_ONE_IN: usize = 100;
/// The delay of the slow receiver for each recipient.
const SLOW_DELAY: Duration = Duration::from_secs(60);

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let channel = ChannelSetup::Smtp { connections: options.connections, rate: None };
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, options.messages, address)?;
    let held = Script::default().with(
        Phase::Rcpt,
        RecipientFilter::Domain(SLOW_DOMAIN.to_owned()),
        RelayAction::Delay(SLOW_DELAY, SLOW_DELAY),
    );
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let (free, slowed) =
            (rate_of_others(&workspace, Script::default())?, rate_of_others(&workspace, held.clone())?);
        println!("tarpit {round}: {free:.0}/s without, {slowed:.0}/s with");
        if round > 0 {
            without.push(free);
            with.push(slowed);
        }
    }
    let kept = median(&with) / median(&without) * 100.0;
    let what = format!(
        "{} messages, every {SLOW_ONE_IN}th to a receiver held for {} s",
        options.messages,
        SLOW_DELAY.as_secs()
    );
    Ok(vec![
        Figure::new(format!("{what}: the others"), spread(&with, 0, "messages/s"), ""),
        Figure::new("the others when no receiver is slow", spread(&without, 0, "messages/s"), ""),
        Figure::new("the others keep", format!("{kept:.1} %"), "≥ 95 %"),
    ])
}

fn address(number: usize) -> String {
    if number.is_multiple_of(SLOW_ONE_IN) { format!("reader.{number}@{SLOW_DOMAIN}") } else { reader(number) }
}

/// Returns the rate of messages to all other receivers per second, from their first to their last.
fn rate_of_others(workspace: &BenchWorkspace, script: Script) -> Result<f64> {
    workspace.restore()?;
    let relay = Relay::new(script);
    let listener = relay.listen()?;
    let mut command = workspace.command(&["send", "--yes", "letter", "--format", "json"], listener.port);
    let sending = Guard::spawn("chorus send", command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let wanted = workspace.people - workspace.people.div_ceil(SLOW_ONE_IN);
    until("the others to be served", Duration::from_secs(900), || {
        if relay.accepted_count() >= wanted && ends(&relay).len() >= wanted {
            return Ok(Some(()));
        }
        sleep(Duration::from_millis(200));
        Ok(None)
    })?;
    // The remaining messages wait for the slow receiver.
    sending.crash()?;
    let ends = ends(&relay);
    let (first, last) = (ends.iter().min(), ends.iter().max());
    let (first, last) = first.zip(last).context("nothing was sent")?;
    Ok(rate(ends.len(), (*last - *first).as_secs_f64()))
}

/// Returns the end times of all messages to other receivers.
fn ends(relay: &Relay) -> Vec<Instant> {
    let other = |message: &&MessageRecord| message.accepted && !message.recipient.ends_with(SLOW_DOMAIN);
    let connections = relay.connections();
    connections
        .iter()
        .flat_map(|connection| &connection.messages)
        .filter(other)
        .filter_map(|message| message.dot)
        .collect()
}
