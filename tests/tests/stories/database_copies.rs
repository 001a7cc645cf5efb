//! Copied and restored databases: they do not send until a person starts them, and a stopped
//! installation stays stopped.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tests::{NameServer, Sandbox, Script, SmtpSink, Tools};

use crate::run_control::{
    accepted_by_address, scheduled_workspace, show_run, start_relay, tally, wait_for_run,
};
use crate::{fixture, received_mail};

const READERS: usize = 300;
const RATE: &str = "50/s";

/// Waits for a time in which a worker would send hundreds of messages.
fn wait_for_worker() {
    sleep(Duration::from_secs(3));
}

/// Copies the database with SQLite's backup command while a worker uses it.
fn back_up(tools: &Tools, sandbox: &Sandbox, to: &Path) {
    let database = sandbox.path().join("data/chorus.db");
    let command = format!(".backup '{}'", to.display());
    let status =
        Command::new(&tools.sqlite3).args(["-cmd", ".timeout 20000"]).arg(database).arg(command).status();
    assert!(status.unwrap().success());
}

/// Returns the finding of `chorus doctor` about copies.
fn copies_finding(sandbox: &Sandbox) -> Value {
    let dns = NameServer::start(&[]).unwrap();
    let ran = sandbox.chorus(&["doctor", "--format", "json", "--dns", &dns.address.to_string()]).unwrap();
    let output: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = output["checks"].as_array().unwrap().iter();
    checks.clone().find(|check| check["check"] == "copies").unwrap_or_else(|| panic!("{output:#}")).clone()
}

#[test]
fn a_restored_database_sends_nothing_again() {
    let tools = fixture::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = scheduled_workspace(&tools, sink.port, READERS, RATE);
    let yesterday = mail.path().join("yesterday.db");
    let server = sandbox.serve().unwrap();
    wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    back_up(&tools, &sandbox, &yesterday);
    sandbox.edit("chorus.toml", RATE, "5000/s").unwrap();
    wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!(copies_finding(&sandbox)["verdict"], "pass");
    assert_eq!(received_mail::received(&sink).len(), READERS);

    fs::copy(&yesterday, sandbox.path().join("data/chorus.db")).unwrap();
    let server = sandbox.serve().unwrap();
    wait_for_worker();
    assert!(server.log().contains("older copy") && server.log().contains("chorus start"), "{}", server.log());
    let run = show_run(&sandbox).unwrap();
    assert_eq!((&run["state"], &run["paused_by"]), (&"paused".into(), &"stop".into()), "{run:#}");
    let output = sandbox.chorus_ok(&["runs"]).unwrap().out;
    assert!(
        output.contains("this database is a copy") && output.contains("chorus runs reconcile"),
        "{output}"
    );
    let finding = copies_finding(&sandbox);
    let found = finding["found"].as_str().unwrap();
    assert!(finding["verdict"] == "fail_here" && found.contains("not recorded as sent"), "{finding:#}");

    // The sink has a record of every accepted message: all are marked as sent, and no recipient is
    // left.
    let mut dump = Vec::new();
    for entry in fs::read_dir(sink.folder().unwrap()).unwrap() {
        dump.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    sandbox.write("dump", &String::from_utf8_lossy(&dump)).unwrap();
    let reconciled = sandbox.json(&["runs", "reconcile", "dump"]).unwrap();
    let recorded = tally(&run, "sent");
    let found = reconciled["runs"][0]["found"].as_i64().unwrap();
    assert_eq!((recorded + found, &reconciled["runs"][0]["open"]), (300, &0.into()), "{reconciled:#}");
    let started = sandbox.json(&["start", "--resume"]).unwrap();
    assert_eq!(
        (&started["was"]["reason"], &started["resumed"][0]),
        (&"copy".into(), &1.into()),
        "{started:#}"
    );
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((&ended["state"], tally(&ended, "sent")), (&"finished".into(), 300), "{ended:#}");
    let letters = received_mail::received(&sink);
    assert_eq!((letters.len(), letters.values().map(Vec::len).max()), (READERS, Some(1)));
    assert_eq!(copies_finding(&sandbox)["verdict"], "pass");
}

#[test]
fn a_folder_copied_during_a_run_waits_for_a_person() {
    let tools = fixture::tools();
    let (relay, listener) = start_relay(Script::default());
    let original = scheduled_workspace(&tools, listener.port, READERS, RATE);
    let server = original.serve().unwrap();
    wait_for_run(&original, "some to be sent", |run| tally(run, "sent") > 20);
    server.stop().unwrap();
    let sent = relay.accepted_count();
    let copy = Sandbox::empty(&tools.chorus).unwrap();
    fixture::copy(original.path(), copy.path());
    copy.edit("chorus.toml", &original.port.to_string(), &copy.port.to_string()).unwrap();

    let output = copy.chorus_ok(&["runs"]).unwrap();
    assert!(output.err.contains("the folder was copied or restored"), "{}", output.err);
    let server = copy.serve().unwrap();
    wait_for_worker();
    assert_eq!(relay.accepted_count(), sent, "nothing is sent");
    let started = copy.chorus_ok(&["start"]).unwrap().out;
    assert!(started.contains("chorus runs resume 1"), "{started}");
    wait_for_worker();
    assert_eq!(relay.accepted_count(), sent, "the run under way waits");
    copy.edit("chorus.toml", RATE, "5000/s").unwrap();
    copy.chorus_ok(&["runs", "resume", "1"]).unwrap();
    let ended = wait_for_run(&copy, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!(tally(&ended, "sent"), 300, "{ended:#}");
    let taken = accepted_by_address(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    let output = original.chorus_ok(&["runs"]).unwrap();
    assert_eq!(output.err, "", "the original is not reported as a copy");
}

#[test]
fn a_database_without_its_folder_is_reported() {
    let tools = fixture::tools();
    let original = fixture::workspace_with_port(&tools, 1, "{ at = 2035-03-02T10:00:00 }");
    original.edit("chorus.toml", "kind        = \"smtp\"", "kind        = \"outbox\"").unwrap();
    let settings = fs::read_to_string(original.path().join("chorus.toml")).unwrap();
    let lines = settings.lines().filter(|line| {
        !["url         = \"smtp", "connections", "reply_to"].iter().any(|start| line.starts_with(start))
    });
    original.write("chorus.toml", &lines.collect::<Vec<_>>().join("\n")).unwrap();
    fixture::import(&original, 3);
    original.chorus_ok(&["send", "--yes", "letter"]).unwrap();
    fs::remove_file(original.path().join("data/chorus.db.marker")).unwrap();
    let output = original.chorus_ok(&["runs"]).unwrap();
    assert!(output.err.contains("without the rest of its folder"), "{}", output.err);
    assert!(output.out.contains("chorus.db-wal"), "{}", output.out);
    original.chorus_ok(&["start"]).unwrap();
    assert_eq!(original.chorus_ok(&["runs"]).unwrap().err, "");
}

#[test]
fn a_stopped_installation_stays_stopped_until_it_is_started() {
    let tools = fixture::tools();
    let (relay, listener) = start_relay(Script::default());
    let sandbox = scheduled_workspace(&tools, listener.port, READERS, RATE);
    let server = sandbox.serve().unwrap();
    wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    let output = sandbox.chorus_ok(&["stop"]).unwrap().out;
    assert!(output.contains("Paused:") && output.contains("run 1 of letter/mail"), "{output}");
    sleep(Duration::from_secs(2));
    let sent = relay.accepted_count();
    wait_for_worker();
    assert_eq!(relay.accepted_count(), sent);
    server.stop().unwrap();
    let server = sandbox.serve().unwrap();
    assert!(server.log().contains("stopped by hand"), "{}", server.log());
    wait_for_worker();
    assert_eq!(relay.accepted_count(), sent, "a restart changes nothing");
    let again = sandbox.json(&["stop"]).unwrap();
    assert_eq!((&again["new"], &again["stopped"]["reason"]), (&false.into(), &"stop".into()), "{again:#}");
    assert_eq!(copies_finding(&sandbox)["verdict"], "warn");

    sandbox.edit("chorus.toml", RATE, "5000/s").unwrap();
    let started = sandbox.json(&["start"]).unwrap();
    assert_eq!((&started["resumed"], &started["paused"][0]["id"]), (&serde_json::json!([]), &1.into()));
    let output = sandbox.chorus_ok(&["start", "--resume"]).unwrap().out;
    assert!(output.starts_with("Nothing was stopped.\nResumed:"), "{output}");
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (300, 0), "{ended:#}");
    let taken = accepted_by_address(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert_eq!(sandbox.chorus_ok(&["start"]).unwrap().out, "Nothing was stopped.\n");
}
