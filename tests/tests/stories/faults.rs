//! Faults of the environment: a full disk and an unreachable database. No message is sent whose
//! intent cannot be recorded, and sending resumes without intervention.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tests::{Sandbox, ScratchDatabase, Script, Server, Tools, child_command, free_port};
use url::Url;

use crate::fixture;
use crate::run_control::{
    accepted_by_address, scheduled_workspace, show_run, start_relay, tally, wait_for_run,
};

/// Starts a `chorus serve` that gets an error on a full disk: SIGXFSZ, which would kill it, is
/// ignored.
pub(crate) fn serve_with_disk_errors(sandbox: &Sandbox, tools: &Tools) -> Server {
    let mut command = child_command(Path::new("/bin/sh"));
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve"]).arg(&tools.chorus).current_dir(sandbox.path());
    Server::start(command, sandbox.port, &sandbox.path().join("serve.log")).unwrap()
}

/// Limits the size of files that a process writes, in bytes; `None` removes the limit.
pub(crate) fn limit_file_size(server: &Server, bytes: Option<u64>) {
    let process = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_stops_the_sending_and_nothing_is_lost_or_repeated() {
    const READERS: usize = 2_000;
    let tools = fixture::tools();
    let (relay, listener) = start_relay(Script::default());
    let sandbox = scheduled_workspace(&tools, listener.port, READERS, "150/s");
    let server = serve_with_disk_errors(&sandbox, &tools);
    for part in 1..4 {
        wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > 100 * part);
        limit_file_size(&server, Some(16 * 1024));
        // Messages under way are answered; then nothing is sent.
        sleep(Duration::from_millis(1_500));
        let stopped = relay.accepted_count();
        sleep(Duration::from_millis(700));
        assert_eq!(relay.accepted_count(), stopped, "no message is sent whose intent cannot be written");
        assert!(stopped < READERS, "it stopped in the middle");
        limit_file_size(&server, None);
    }
    sandbox.edit("chorus.toml", "150/s", "5000/s").unwrap();
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    assert!(server.log().contains("nothing is sent until it is possible again"), "{}", server.log());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (READERS as i64, 0), "{ended:#}");
    let taken = accepted_by_address(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert_eq!(integrity(&sandbox, &tools), "ok");
}

fn integrity(sandbox: &Sandbox, tools: &Tools) -> String {
    let file = sandbox.path().join("data/chorus.db");
    let output = Command::new(&tools.sqlite3).arg(file).arg("pragma integrity_check").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_database_that_goes_away_stops_the_sending_and_nothing_is_lost_or_repeated() {
    const READERS: usize = 2_000;
    let tools = fixture::tools();
    let (relay, listener) = start_relay(Script::default());
    let database = ScratchDatabase::new(&tools, &Tools::postgres().unwrap()).unwrap();
    let sandbox = scheduled_workspace(&tools, listener.port, 0, "150/s");
    sandbox.edit("chorus.toml", "sqlite:data/chorus.db", &database.url()).unwrap();
    fixture::import(&sandbox, READERS);
    let server = sandbox.serve().unwrap();
    for part in 1..4 {
        wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > 100 * part);
        database.stop().unwrap();
        sleep(Duration::from_millis(1_500));
        let stopped = relay.accepted_count();
        sleep(Duration::from_millis(700));
        assert_eq!(relay.accepted_count(), stopped, "no message is sent whose intent cannot be written");
        database.start().unwrap();
    }
    sandbox.edit("chorus.toml", "150/s", "5000/s").unwrap();
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (READERS as i64, 0), "{ended:#}");
    let taken = accepted_by_address(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert!(show_run(&sandbox).is_some());

    let server = sandbox.serve().unwrap();
    database.stop().unwrap();
    server.stop().expect("SIGTERM ends the server within ten seconds, although no database answers");
    database.start().unwrap();
}

/// Runs `chorus`, which must exit with 3 within 15 seconds, and returns its error output.
fn exits_with_3(sandbox: &Sandbox, args: &[&str]) -> String {
    let begun = Instant::now();
    let ran = sandbox.chorus(args).unwrap();
    assert_eq!(ran.code, Some(3), "chorus {args:?}: {ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "chorus {args:?} took {:?}", begun.elapsed());
    for internal in ["code:", "pool", "os error", "at line"] {
        assert!(!ran.err.contains(internal), "{internal}: {}", ran.err);
    }
    ran.err
}

#[test]
fn an_unusable_database_ends_serve_and_send_with_3_and_the_reason() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.write("data/photo.db", &"no database at all. ".repeat(100)).unwrap();
    sandbox.write("data/folder.db/file", "").unwrap();
    let mut wrong = Url::parse(&Tools::postgres().unwrap()).unwrap();
    wrong.set_password(Some("hush-hush")).unwrap();
    wrong.set_path("chorus");
    let port = free_port().unwrap();
    let no_server = format!("postgres://mei:hush-hush@127.0.0.1:{port}/chorus");
    let mut url = "sqlite:data/chorus.db".to_owned();
    for (next, part) in [
        ("sqlite:data/photo.db", "data/photo.db: the file is not a SQLite database".to_owned()),
        ("sqlite:data/folder.db", "data/folder.db: it is a folder".to_owned()),
        ("sqlite:data/photo.db/chorus.db", "data/photo.db is no folder".to_owned()),
        (&no_server, format!("chorus at 127.0.0.1:{port}: the connection is refused")),
        (wrong.as_str(), "the password of the role".to_owned()),
    ] {
        sandbox.edit("chorus.toml", &url, next).unwrap();
        url = next.to_owned();
        for args in [&["serve"][..], &["send", "--yes", "hello"]] {
            let output = exits_with_3(&sandbox, args);
            assert!(output.contains(&part) && !output.contains("hush-hush"), "{next}: {output}");
            assert_eq!(output.lines().count(), 1, "{output}");
        }
    }
}
