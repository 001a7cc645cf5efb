//! Signals: SIGHUP reloads the files, SIGUSR1 does nothing, SIGTERM drains.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::{Phase, RecipientFilter, RelayAction, Script, Server, until};

use crate::fixture;
use crate::run_control::{scheduled_workspace, show_run, start_relay, tally, wait_for_run};

fn send(server: &Server, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

fn count(server: &Server, words: &str) -> usize {
    server.log().matches(words).count()
}

#[test]
fn the_files_are_read_again_when_asked_and_a_user_signal_changes_nothing() {
    let tools = fixture::tools();
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let server = sandbox.serve().unwrap();
    for time in 1..=3 {
        send(&server, Signal::USR1);
        send(&server, Signal::HUP);
        until("the files to be read", Duration::from_secs(60), || {
            Ok((count(&server, "SIGHUP: the files are read again") == time).then_some(()))
        })
        .unwrap();
    }
    sandbox.edit("chorus.toml", "[brand]", "[brand").unwrap();
    send(&server, Signal::HUP);
    until("the broken file to be reported", Duration::from_secs(60), || {
        Ok(server.log().contains("cannot be read; going on as before").then_some(()))
    })
    .unwrap();
    assert_eq!(server.http.get("/").unwrap().status, 200, "it goes on with the files it had");
    server.stop().unwrap();
}

#[test]
fn a_signal_in_the_middle_of_a_run_neither_stops_nor_repeats_it() {
    const READERS: i64 = 200;
    let tools = fixture::tools();
    let slow = RelayAction::Delay(Duration::from_millis(50), Duration::from_millis(100));
    let (relay, listener) = start_relay(Script::default().with(Phase::Dot, RecipientFilter::All, slow));
    let sandbox = scheduled_workspace(&tools, listener.port, 200, "1000/s");
    let server = sandbox.serve().unwrap();
    for part in 0..4 {
        wait_for_run(&sandbox, "some to be sent", |run| tally(run, "sent") > part * 30);
        send(&server, Signal::HUP);
        send(&server, Signal::USR1);
    }
    server.stop().unwrap();
    let run = show_run(&sandbox).unwrap();
    assert_eq!(
        usize::try_from(tally(&run, "sent")).unwrap(),
        relay.accepted_count(),
        "TERM: every answer is recorded"
    );
    let server = sandbox.serve().unwrap();
    let ended = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    server.stop().unwrap();
    assert_eq!((tally(&ended, "sent"), tally(&ended, "repeat")), (READERS, 0));
}
