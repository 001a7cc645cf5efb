//! Whoever holds the reins: runs stop and go on when told to, as often as wanted, and a process ends well.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::{Act, Chance, Door, Phase, Relay, Sandbox, Script, Sink, Tools, Whom, until};

use crate::{letters, pier};

/// A workspace whose letter goes out some seconds from now, once `chorus serve` runs, at no more than `rate`.
pub(crate) fn soon(tools: &Tools, smtp: u16, readers: usize, rate: &str) -> Sandbox {
    let ask = Command::new("date").args(["-u", "-d", "+4 seconds", "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
    let at = String::from_utf8(ask.stdout).unwrap();
    let sandbox = pier::workspace_by(tools, smtp, &format!("{{ at = {} }}", at.trim()));
    sandbox.edit("chorus.toml", "connections = 8", &format!("connections = 8\nrate = \"{rate}\"")).unwrap();
    pier::import(&sandbox, readers);
    sandbox
}

/// Run 1, as `chorus runs show` tells it, once it is there.
pub(crate) fn shown(sandbox: &Sandbox) -> Option<Value> {
    let runs = sandbox.json(&["runs", "list"]).unwrap();
    runs[0]["id"].as_i64()?;
    Some(sandbox.json(&["runs", "show", "1", "--limit", "100000"]).unwrap()["run"].clone())
}

pub(crate) fn tally(run: &Value, state: &str) -> i64 {
    let tallies = run["tallies"].as_array().unwrap().iter().filter(|tally| tally["state"] == state);
    tallies.map(|tally| tally["count"].as_i64().unwrap()).sum()
}

/// Waits until the run has come so far.
pub(crate) fn wait(sandbox: &Sandbox, what: &str, far: impl Fn(&Value) -> bool) -> Value {
    until(what, Duration::from_secs(60), || Ok(shown(sandbox).filter(|run| far(run)))).unwrap()
}

/// How often each address got it.
pub(crate) fn taken(relay: &Relay) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for message in relay.taken() {
        *taken.entry(message.recipient).or_default() += 1;
    }
    taken
}

pub(crate) fn a_relay(script: Script) -> (Relay, Door) {
    let relay = Relay::new(script);
    let door = relay.open().unwrap();
    (relay, door)
}

#[test]
fn fifty_pauses_at_any_moment_lose_nobody_and_repeat_nothing() {
    const READERS: usize = 3_000;
    let tools = pier::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = Sink::dumping(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = soon(&tools, sink.port, READERS, "100/s");
    let server = sandbox.serve().unwrap();
    wait(&sandbox, "the run to begin", |run| tally(run, "sent") > 0);
    let mut chance = Chance::seeded(20_270_306);
    for time in 0..50 {
        let paused = sandbox.chorus(&["runs", "pause", "1"]).unwrap();
        assert_eq!(paused.code, Some(0), "time {time}: {}", paused.err);
        sleep(chance.between(Duration::ZERO, Duration::from_millis(60)));
        sandbox.done(&["runs", "resume", "1"]).unwrap();
        sleep(chance.between(Duration::ZERO, Duration::from_millis(60)));
    }
    // Slow so far, that it would last however slow the machine is.
    sandbox.edit("chorus.toml", "100/s", "5000/s").unwrap();
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!((ended["state"].as_str(), tally(&ended, "repeat")), (Some("finished"), 0), "{ended:#}");
    let letters = letters::received(&sink);
    assert_eq!((letters.len(), letters.values().map(Vec::len).max()), (READERS, Some(1)));
}

#[test]
fn a_run_that_is_cancelled_sends_what_it_began_and_nothing_more() {
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default());
    let sandbox = soon(&tools, door.port, 2_000, "200/s");
    let server = sandbox.serve().unwrap();
    wait(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    sandbox.done(&["runs", "cancel", "1"]).unwrap();
    let ended = wait(&sandbox, "it to be over", |run| tally(run, "sent") + tally(run, "cancelled") == 2_000);
    assert_eq!(ended["state"], "cancelled");
    server.stop().unwrap();
    assert_eq!(taken(&relay).len(), usize::try_from(tally(&ended, "sent")).unwrap());
    assert!(tally(&ended, "cancelled") > 1_000, "{ended:#}");
}

#[test]
fn a_process_that_is_asked_to_end_finishes_what_it_began_and_the_next_goes_on() {
    let tools = pier::tools();
    let slow = Act::Delay(Duration::from_millis(100), Duration::from_millis(300));
    let (relay, door) = a_relay(Script::default().with(Phase::Dot, Whom::All, slow));
    let sandbox = soon(&tools, door.port, 300, "1000/s");
    for time in 0..3 {
        let server = sandbox.serve().unwrap();
        wait(&sandbox, "more to be sent", |run| tally(run, "sent") > 50 * time);
        server.stop().unwrap();
        let run = shown(&sandbox).unwrap();
        assert_eq!(
            usize::try_from(tally(&run, "sent")).unwrap(),
            relay.accepted(),
            "every answer is recorded"
        );
    }
    let server = sandbox.serve().unwrap();
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (300, 0));
    let taken = taken(&relay);
    assert_eq!((taken.len(), taken.values().max()), (300, Some(&1)));
}

#[test]
fn who_asks_twice_does_not_wait() {
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default().with(Phase::Dot, Whom::All, Act::Silence));
    let sandbox = soon(&tools, door.port, 50, "1000/s");
    let server = sandbox.serve().unwrap();
    let waiting =
        || relay.lines().iter().any(|line| line.messages.iter().any(|message| message.dot.is_some()));
    until("messages to wait for an answer", Duration::from_secs(60), || Ok(waiting().then_some(()))).unwrap();
    let process = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    until("it to say so", Duration::from_secs(60), || Ok(server.log().contains("Once more").then_some(())))
        .unwrap();
    let error = server.stop().unwrap_err().to_string();
    assert!(error.contains("130"), "{error}");
}

#[test]
fn what_did_not_run_is_dismissed_also_when_its_step_is_gone() {
    let tools = pier::tools();
    let sandbox = soon(&tools, 9, 1, "1/s");
    sandbox.edit("campaigns/letter.toml", "title", "hold = true\ntitle").unwrap();
    let server = sandbox.serve().unwrap();
    let listed = || sandbox.done(&["runs"]).unwrap().out;
    until("the held letter to be listed", Duration::from_secs(60), || {
        Ok(listed().contains("Did not run").then_some(()))
    })
    .unwrap();
    std::fs::remove_file(sandbox.path().join("campaigns/letter.toml")).unwrap();
    let told = listed();
    let at = told.split("letter/mail --at ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let refused = sandbox.chorus(&["runs", "fire", "letter/mail", "--at", at]).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    sandbox.done(&["runs", "skip", "letter/mail", "--at", at]).unwrap();
    assert!(!listed().contains("Did not run"), "{}", listed());
    server.stop().unwrap();
}
