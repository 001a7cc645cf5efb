//! Control of runs and processes: pause, resume, cancel and skip, and shutdown by signal.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::{
    Phase, RecipientFilter, Relay, RelayAction, RelayListener, Rng, Sandbox, Script, SmtpSink, Tools, until,
};

use crate::{fixture, received_mail};

/// A workspace whose message is scheduled four seconds from now, to be sent by `chorus serve` at no
/// more than `rate`.
pub(crate) fn scheduled_workspace(tools: &Tools, smtp: u16, readers: usize, rate: &str) -> Sandbox {
    let date = Command::new("date").args(["-u", "-d", "+4 seconds", "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
    let at = String::from_utf8(date.stdout).unwrap();
    let sandbox = fixture::workspace_with_port(tools, smtp, &format!("{{ at = {} }}", at.trim()));
    sandbox.edit("chorus.toml", "connections = 8", &format!("connections = 8\nrate = \"{rate}\"")).unwrap();
    fixture::import(&sandbox, readers);
    sandbox
}

/// Returns run 1 as reported by `chorus runs show`, once it exists.
pub(crate) fn show_run(sandbox: &Sandbox) -> Option<Value> {
    let runs = sandbox.json(&["runs", "list"]).unwrap();
    runs[0]["id"].as_i64()?;
    Some(sandbox.json(&["runs", "show", "1", "--limit", "100000"]).unwrap()["run"].clone())
}

pub(crate) fn tally(run: &Value, state: &str) -> i64 {
    let tallies = run["tallies"].as_array().unwrap().iter().filter(|tally| tally["state"] == state);
    tallies.map(|tally| tally["count"].as_i64().unwrap()).sum()
}

/// Waits until run 1 meets a condition, and returns it.
pub(crate) fn wait_for_run(sandbox: &Sandbox, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
    until(what, Duration::from_secs(60), || Ok(show_run(sandbox).filter(|run| condition(run)))).unwrap()
}

/// Returns the number of accepted messages for each address.
pub(crate) fn accepted_by_address(relay: &Relay) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in relay.accepted_messages() {
        *counts.entry(message.recipient).or_default() += 1;
    }
    counts
}

pub(crate) fn start_relay(script: Script) -> (Relay, RelayListener) {
    let relay = Relay::new(script);
    let listener = relay.listen().unwrap();
    (relay, listener)
}

#[test]
fn fifty_pauses_at_any_moment_lose_and_repeat_no_message() {
    const READERS: usize = 3_000;
    let tools = fixture::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = scheduled_workspace(&tools, sink.port, READERS, "100/s");
    let server = sandbox.serve().unwrap();
    wait_for_run(&sandbox, "the run to begin", |run| tally(run, "sent") > 0);
    let mut rng = Rng::seeded(20_270_306);
    for time in 0..50 {
        let paused = sandbox.chorus(&["runs", "pause", "1"]).unwrap();
        assert_eq!(paused.code, Some(0), "time {time}: {}", paused.err);
        sleep(rng.duration_between(Duration::ZERO, Duration::from_millis(60)));
        sandbox.chorus_ok(&["runs", "resume", "1"]).unwrap();
        sleep(rng.duration_between(Duration::ZERO, Duration::from_millis(60)));
    }
    // The rate was low so far, so that the run lasts through all pauses even on a fast machine.
    sandbox.edit("chorus.toml", "100/s", "5000/s").unwrap();
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((ended["state"].as_str(), tally(&ended, "repeat")), (Some("finished"), 0), "{ended:#}");
    let letters = received_mail::received(&sink);
    assert_eq!((letters.len(), letters.values().map(Vec::len).max()), (READERS, Some(1)));
}

#[test]
fn a_cancelled_run_completes_started_messages_and_sends_no_more() {
    let tools = fixture::tools();
    let (relay, listener) = start_relay(Script::default());
    let sandbox = scheduled_workspace(&tools, listener.port, 2_000, "200/s");
    let server = sandbox.serve().unwrap();
    wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    sandbox.chorus_ok(&["runs", "cancel", "1"]).unwrap();
    let ended =
        wait_for_run(&sandbox, "it to be over", |run| tally(run, "sent") + tally(run, "cancelled") == 2_000);
    assert_eq!(ended["state"], "cancelled");
    server.stop().unwrap();
    assert_eq!(accepted_by_address(&relay).len(), usize::try_from(tally(&ended, "sent")).unwrap());
    assert!(tally(&ended, "cancelled") > 1_000, "{ended:#}");
}

#[test]
fn a_stopped_process_completes_started_messages_and_the_next_continues() {
    let tools = fixture::tools();
    let slow = RelayAction::Delay(Duration::from_millis(100), Duration::from_millis(300));
    let (relay, listener) = start_relay(Script::default().with(Phase::Dot, RecipientFilter::All, slow));
    let sandbox = scheduled_workspace(&tools, listener.port, 300, "1000/s");
    for time in 0..3 {
        let server = sandbox.serve().unwrap();
        wait_for_run(&sandbox, "more to be sent", |run| tally(run, "sent") > 50 * time);
        server.stop().unwrap();
        let run = show_run(&sandbox).unwrap();
        assert_eq!(
            usize::try_from(tally(&run, "sent")).unwrap(),
            relay.accepted_count(),
            "every answer is recorded"
        );
    }
    let server = sandbox.serve().unwrap();
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (300, 0));
    let taken = accepted_by_address(&relay);
    assert_eq!((taken.len(), taken.values().max()), (300, Some(&1)));
}

#[test]
fn a_second_signal_ends_the_process_immediately() {
    let tools = fixture::tools();
    let (relay, listener) =
        start_relay(Script::default().with(Phase::Dot, RecipientFilter::All, RelayAction::Silence));
    let sandbox = scheduled_workspace(&tools, listener.port, 50, "1000/s");
    let server = sandbox.serve().unwrap();
    let waiting = || {
        relay
            .connections()
            .iter()
            .any(|connection| connection.messages.iter().any(|message| message.dot.is_some()))
    };
    until("messages to wait for an answer", Duration::from_secs(60), || Ok(waiting().then_some(()))).unwrap();
    let process = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    until("it to say so", Duration::from_secs(60), || {
        Ok(server.log().contains("A second signal").then_some(()))
    })
    .unwrap();
    let error = server.stop().unwrap_err().to_string();
    assert!(error.contains("130"), "{error}");
}

#[test]
fn a_missed_step_can_be_skipped_after_its_file_is_removed() {
    let tools = fixture::tools();
    let sandbox = scheduled_workspace(&tools, 9, 1, "1/s");
    sandbox.edit("campaigns/letter.toml", "title", "hold = true\ntitle").unwrap();
    let server = sandbox.serve().unwrap();
    let listed = || sandbox.chorus_ok(&["runs"]).unwrap().out;
    until("the held letter to be listed", Duration::from_secs(60), || {
        Ok(listed().contains("Did not run").then_some(()))
    })
    .unwrap();
    std::fs::remove_file(sandbox.path().join("campaigns/letter.toml")).unwrap();
    let list = listed();
    let at = list.split("letter/mail --at ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let refused = sandbox.chorus(&["runs", "fire", "letter/mail", "--at", at]).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    sandbox.chorus_ok(&["runs", "skip", "letter/mail", "--at", at]).unwrap();
    assert!(!listed().contains("Did not run"), "{}", listed());
    server.stop().unwrap();
}
