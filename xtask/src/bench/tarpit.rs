//! What one receiver who answers after a minute takes from the others.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::tests::{Act, Database, Guard, Phase, Received, Relay, Script, Tools, Whom, until};
use anyhow::{Context, Result};

use super::Options;
use super::round::rate;
use super::subject::{Subject, Way, reader};
use super::table::{Figure, median, spread};

/// The slow receiver.
const SLOW: &str = "tarpit.example";
/// Its people among all: one in so many.
const ONE_IN: usize = 100;
/// How long it takes for each.
const HELD: Duration = Duration::from_secs(60);

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let way = Way::Smtp { connections: options.connections, rate: None };
    let subject = Subject::new(tools, Database::Sqlite, way, options.messages, address)?;
    let held = Script::default().with(Phase::Rcpt, Whom::Domain(SLOW.to_owned()), Act::Delay(HELD, HELD));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let (free, slowed) = (others(&subject, Script::default())?, others(&subject, held.clone())?);
        println!("tarpit {round}: {free:.0}/s without, {slowed:.0}/s with");
        if round > 0 {
            without.push(free);
            with.push(slowed);
        }
    }
    let kept = median(&with) / median(&without) * 100.0;
    let what = format!(
        "{} messages, every {ONE_IN}th to a receiver held for {} s",
        options.messages,
        HELD.as_secs()
    );
    Ok(vec![
        Figure::new(format!("{what}: the others"), spread(&with, 0, "messages/s"), ""),
        Figure::new("the others when nobody is held", spread(&without, 0, "messages/s"), ""),
        Figure::new("the others keep", format!("{kept:.1} %"), "≥ 95 %"),
    ])
}

fn address(number: usize) -> String {
    if number.is_multiple_of(ONE_IN) { format!("reader.{number}@{SLOW}") } else { reader(number) }
}

/// Messages in a second to everybody else, from their first to their last.
fn others(subject: &Subject, script: Script) -> Result<f64> {
    subject.restore()?;
    let relay = Relay::new(script);
    let door = relay.open()?;
    let mut command = subject.command(&["send", "--yes", "letter", "--format", "json"], door.port);
    let sending = Guard::spawn("chorus send", command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let wanted = subject.people - subject.people.div_ceil(ONE_IN);
    until("the others to be served", Duration::from_secs(900), || {
        if relay.accepted() >= wanted && ends(&relay).len() >= wanted {
            return Ok(Some(()));
        }
        sleep(Duration::from_millis(200));
        Ok(None)
    })?;
    // What is left waits in the tarpit.
    sending.crash()?;
    let ends = ends(&relay);
    let (first, last) = (ends.iter().min(), ends.iter().max());
    let (first, last) = first.zip(last).context("nothing was sent")?;
    Ok(rate(ends.len(), (*last - *first).as_secs_f64()))
}

/// When each message to somebody else ended.
fn ends(relay: &Relay) -> Vec<Instant> {
    let other = |message: &&Received| message.accepted && !message.recipient.ends_with(SLOW);
    let lines = relay.lines();
    lines.iter().flat_map(|line| &line.messages).filter(other).filter_map(|message| message.dot).collect()
}
