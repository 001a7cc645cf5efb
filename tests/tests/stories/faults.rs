//! What is not in anybody's hand: the disk is full, the database is gone. Nothing goes out whose intent cannot be
//! written down, and everything goes on by itself.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tests::{Sandbox, Scratch, Script, Server, Tools, bound, free_port};
use url::Url;

use crate::control::{a_relay, shown, soon, taken, tally, wait};
use crate::pier;

/// A `chorus serve` that is told of a full disk instead of being killed for it.
pub(crate) fn serve(sandbox: &Sandbox, tools: &Tools) -> Server {
    let mut command = bound(Path::new("/bin/sh"));
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve"]).arg(&tools.chorus).current_dir(sandbox.path());
    Server::start(command, sandbox.port, &sandbox.path().join("serve.log")).unwrap()
}

/// Lets no file of a process grow beyond so many bytes; as far as it will when `None`.
pub(crate) fn limit(server: &Server, bytes: Option<u64>) {
    let process = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_stops_the_sending_and_nothing_is_lost_or_repeated() {
    const READERS: usize = 2_000;
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default());
    let sandbox = soon(&tools, door.port, READERS, "150/s");
    let server = serve(&sandbox, &tools);
    for part in 1..4 {
        wait(&sandbox, "some to be sent", |run| tally(run, "sent") > 100 * part);
        limit(&server, Some(16 * 1024));
        // What was begun is answered; then nothing moves.
        sleep(Duration::from_millis(1_500));
        let stopped = relay.accepted();
        sleep(Duration::from_millis(700));
        assert_eq!(relay.accepted(), stopped, "nothing goes out whose intent cannot be written");
        assert!(stopped < READERS, "it stopped in the middle");
        limit(&server, None);
    }
    sandbox.edit("chorus.toml", "150/s", "5000/s").unwrap();
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    assert!(server.log().contains("nothing is sent until it is possible again"), "{}", server.log());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (READERS as i64, 0), "{ended:#}");
    let taken = taken(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert_eq!(integrity(&sandbox, &tools), "ok");
}

fn integrity(sandbox: &Sandbox, tools: &Tools) -> String {
    let file = sandbox.path().join("data/chorus.db");
    let said = Command::new(&tools.sqlite3).arg(file).arg("pragma integrity_check").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_database_that_goes_away_stops_the_sending_and_nothing_is_lost_or_repeated() {
    const READERS: usize = 2_000;
    let tools = pier::tools();
    let (relay, door) = a_relay(Script::default());
    let database = Scratch::new(&tools, &Tools::postgres().unwrap()).unwrap();
    let sandbox = soon(&tools, door.port, 0, "150/s");
    sandbox.edit("chorus.toml", "sqlite:data/chorus.db", &database.url()).unwrap();
    pier::import(&sandbox, READERS);
    let server = sandbox.serve().unwrap();
    for part in 1..4 {
        wait(&sandbox, "some to be sent", |run| tally(run, "sent") > 100 * part);
        database.stop().unwrap();
        sleep(Duration::from_millis(1_500));
        let stopped = relay.accepted();
        sleep(Duration::from_millis(700));
        assert_eq!(relay.accepted(), stopped, "nothing goes out whose intent cannot be written");
        database.start().unwrap();
    }
    sandbox.edit("chorus.toml", "150/s", "5000/s").unwrap();
    let ended = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (READERS as i64, 0), "{ended:#}");
    let taken = taken(&relay);
    assert_eq!((taken.len(), taken.values().max()), (READERS, Some(&1)));
    assert!(shown(&sandbox).is_some());
}

/// What `chorus` complains about where it ends with 3, within 15 seconds.
fn ends_with_3(sandbox: &Sandbox, args: &[&str]) -> String {
    let begun = Instant::now();
    let ran = sandbox.chorus(args).unwrap();
    assert_eq!(ran.code, Some(3), "chorus {args:?}: {ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "chorus {args:?} took {:?}", begun.elapsed());
    for riddle in ["code:", "pool", "os error", "at line"] {
        assert!(!ran.err.contains(riddle), "{riddle}: {}", ran.err);
    }
    ran.err
}

#[test]
fn a_database_that_cannot_be_used_ends_serve_and_send_with_3_and_says_where_and_why() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    sandbox.done(&["init", "."]).unwrap();
    sandbox.write("data/photo.db", &"no database at all. ".repeat(100)).unwrap();
    sandbox.write("data/folder.db/file", "").unwrap();
    let mut wrong = Url::parse(&Tools::postgres().unwrap()).unwrap();
    wrong.set_password(Some("hush-hush")).unwrap();
    wrong.set_path("chorus");
    let port = free_port().unwrap();
    let nobody = format!("postgres://mei:hush-hush@127.0.0.1:{port}/chorus");
    let mut url = "sqlite:data/chorus.db".to_owned();
    for (next, part) in [
        ("sqlite:data/photo.db", "data/photo.db: the file is not a SQLite database".to_owned()),
        ("sqlite:data/folder.db", "data/folder.db: it is a folder".to_owned()),
        ("sqlite:data/photo.db/chorus.db", "data/photo.db is no folder".to_owned()),
        (&nobody, format!("chorus at 127.0.0.1:{port}: the connection is refused")),
        (wrong.as_str(), "the password of the role".to_owned()),
    ] {
        sandbox.edit("chorus.toml", &url, next).unwrap();
        url = next.to_owned();
        for args in [&["serve"][..], &["send", "--yes", "hello"]] {
            let said = ends_with_3(&sandbox, args);
            assert!(said.contains(&part) && !said.contains("hush-hush"), "{next}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}
