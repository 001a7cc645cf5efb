//! A database that was copied or restored does not go on by itself, and what was stopped stays so until it is started.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tests::{NameServer, Sandbox, Script, Sink, Tools};

use crate::control::{a_relay, shown, soon, taken, tally, wait};
use crate::{letters, pier};

const READERS: usize = 300;
const RATE: &str = "50/s";

/// As long as a worker would need to send hundreds.
fn let_it_work() {
    sleep(Duration::from_secs(3));
}

/// Copies the database as it stands, by SQLite's own means, while a worker uses it.
fn back_up(tools: &Tools, sandbox: &Sandbox, to: &Path) {
    let database = sandbox.path().join("data/chorus.db");
    let command = format!(".backup '{}'", to.display());
    let status =
        Command::new(&tools.sqlite3).args(["-cmd", ".timeout 20000"]).arg(database).arg(command).status();
    assert!(status.unwrap().success());
}

/// The line of `chorus doctor` about copies.
fn examined(sandbox: &Sandbox) -> Value {
    let dns = NameServer::start(&[]).unwrap();
    let ran = sandbox.chorus(&["doctor", "--format", "json", "--dns", &dns.address.to_string()]).unwrap();
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = said["checks"].as_array().unwrap().iter();
    checks.clone().find(|check| check["check"] == "copies").unwrap_or_else(|| panic!("{said:#}")).clone()
}

#[test]
fn yesterdays_database_sends_nothing_again() {
    let tools = pier::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = Sink::dumping(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = soon(&tools, sink.port, READERS, RATE);
    let yesterday = mail.path().join("yesterday.db");
    let server = sandbox.serve().unwrap();
    wait(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    back_up(&tools, &sandbox, &yesterday);
    sandbox.edit("chorus.toml", RATE, "5000/s").unwrap();
    wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!(examined(&sandbox)["verdict"], "pass");
    assert_eq!(letters::received(&sink).len(), READERS);

    fs::copy(&yesterday, sandbox.path().join("data/chorus.db")).unwrap();
    let server = sandbox.serve().unwrap();
    let_it_work();
    assert!(server.log().contains("older copy") && server.log().contains("chorus start"), "{}", server.log());
    let run = shown(&sandbox).unwrap();
    assert_eq!((&run["state"], &run["paused_by"]), (&"paused".into(), &"stop".into()), "{run:#}");
    let said = sandbox.done(&["runs"]).unwrap().out;
    assert!(said.contains("this database is a copy") && said.contains("chorus runs reconcile"), "{said}");
    let finding = examined(&sandbox);
    let found = finding["found"].as_str().unwrap();
    assert!(finding["verdict"] == "fail_here" && found.contains("not recorded as sent"), "{finding:#}");

    // The relay remembers: what it took is marked, and nobody is left to write to.
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
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!((&ended["state"], tally(&ended, "sent")), (&"finished".into(), 300), "{ended:#}");
    let letters = letters::received(&sink);
    assert_eq!((letters.len(), letters.values().map(Vec::len).max()), (READERS, Some(1)));
    assert_eq!(examined(&sandbox)["verdict"], "pass");
}

#[test]
fn a_folder_that_was_copied_in_mid_run_waits_for_a_person() {
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default());
    let original = soon(&tools, door.port, READERS, RATE);
    let server = original.serve().unwrap();
    wait(&original, "some to be sent", |run| tally(run, "sent") > 20);
    server.stop().unwrap();
    let sent = relay.accepted();
    let copy = Sandbox::empty(&tools.chorus).unwrap();
    pier::copy(original.path(), copy.path());
    copy.edit("chorus.toml", &original.port.to_string(), &copy.port.to_string()).unwrap();

    let said = copy.done(&["runs"]).unwrap();
    assert!(said.err.contains("the folder was copied or restored"), "{}", said.err);
    let server = copy.serve().unwrap();
    let_it_work();
    assert_eq!(relay.accepted(), sent, "nothing goes out");
    let started = copy.done(&["start"]).unwrap().out;
    assert!(started.contains("chorus runs resume 1"), "{started}");
    let_it_work();
    assert_eq!(relay.accepted(), sent, "what was under way waits");
    copy.edit("chorus.toml", RATE, "5000/s").unwrap();
    copy.done(&["runs", "resume", "1"]).unwrap();
    let ended = wait(&copy, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!(tally(&ended, "sent"), 300, "{ended:#}");
    let taken = taken(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    let said = original.done(&["runs"]).unwrap();
    assert_eq!(said.err, "", "the original is none");
}

#[test]
fn a_database_without_its_folder_says_so() {
    let tools = pier::tools();
    let original = pier::workspace_by(&tools, 1, "{ at = 2035-03-02T10:00:00 }");
    original.edit("chorus.toml", "kind        = \"smtp\"", "kind        = \"outbox\"").unwrap();
    let settings = fs::read_to_string(original.path().join("chorus.toml")).unwrap();
    let lines = settings.lines().filter(|line| {
        !["url         = \"smtp", "connections", "reply_to"].iter().any(|start| line.starts_with(start))
    });
    original.write("chorus.toml", &lines.collect::<Vec<_>>().join("\n")).unwrap();
    pier::import(&original, 3);
    original.done(&["send", "--yes", "letter"]).unwrap();
    fs::remove_file(original.path().join("data/chorus.db.marker")).unwrap();
    let said = original.done(&["runs"]).unwrap();
    assert!(said.err.contains("without the rest of its folder"), "{}", said.err);
    assert!(said.out.contains("chorus.db-wal"), "{}", said.out);
    original.done(&["start"]).unwrap();
    assert_eq!(original.done(&["runs"]).unwrap().err, "");
}

#[test]
fn what_was_stopped_stays_so_until_it_is_started() {
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default());
    let sandbox = soon(&tools, door.port, READERS, RATE);
    let server = sandbox.serve().unwrap();
    wait(&sandbox, "some to be sent", |run| tally(run, "sent") > 20);
    let said = sandbox.done(&["stop"]).unwrap().out;
    assert!(said.contains("Paused:") && said.contains("run 1 of letter/mail"), "{said}");
    sleep(Duration::from_secs(2));
    let sent = relay.accepted();
    let_it_work();
    assert_eq!(relay.accepted(), sent);
    server.stop().unwrap();
    let server = sandbox.serve().unwrap();
    assert!(server.log().contains("stopped by hand"), "{}", server.log());
    let_it_work();
    assert_eq!(relay.accepted(), sent, "a restart changes nothing");
    let again = sandbox.json(&["stop"]).unwrap();
    assert_eq!((&again["new"], &again["stopped"]["reason"]), (&false.into(), &"stop".into()), "{again:#}");
    assert_eq!(examined(&sandbox)["verdict"], "warn");

    sandbox.edit("chorus.toml", RATE, "5000/s").unwrap();
    let started = sandbox.json(&["start"]).unwrap();
    assert_eq!((&started["resumed"], &started["paused"][0]["id"]), (&serde_json::json!([]), &1.into()));
    let said = sandbox.done(&["start", "--resume"]).unwrap().out;
    assert!(said.starts_with("Nothing was stopped.\nResumed:"), "{said}");
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (300, 0), "{ended:#}");
    let taken = taken(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert_eq!(sandbox.done(&["start"]).unwrap().out, "Nothing was stopped.\n");
}
