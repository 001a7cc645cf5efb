//! Kills at each step of a post: one process posts to all networks at once, and is killed when all
//! of them are at the same step.

use platform::{Fault, Kind};
use serde_json::Value;

use super::network_fixture::{KEYED, LOOKED_UP, NetworkFixture, UNCERTAIN, expected_counts};
use crate::run_control::tally;

fn all_kinds() -> Vec<Kind> {
    [KEYED, LOOKED_UP, UNCERTAIN].concat()
}

/// Injects a fault into every post, kills the process when it has occurred, and lets the next
/// process complete the runs.
fn crash_at(fault: &Fault) -> (NetworkFixture, tests::Server) {
    let fixture = NetworkFixture::of(&all_kinds());
    fixture.inject_fault(fault);
    let server = fixture.serve();
    fixture.wait_until_all_hit(fault);
    server.crash().unwrap();
    let server = fixture.serve();
    fixture.finish_runs();
    (fixture, server)
}

/// Checks that networks which know a post by key or lookup have sent it once, and that the others
/// are uncertain.
fn check_outcomes(fixture: &NetworkFixture) {
    for (step, run) in fixture.runs() {
        let kind: Kind = step.parse().unwrap();
        let (sent, uncertain, state) =
            if UNCERTAIN.contains(&kind) { (0, 1, "finished_with_failures") } else { (1, 0, "finished") };
        assert_eq!(
            (tally(&run, "sent"), tally(&run, "uncertain"), run["state"].as_str()),
            (sent, uncertain, Some(state)),
            "{run:#}"
        );
    }
}

#[test]
fn killed_while_it_prepares_every_post_is_made_once() {
    let steps = [
        (Kind::Bluesky, "createSession"),
        (Kind::Matrix, "/upload"),
        (Kind::Wechat, "token"),
        (Kind::Mastodon, "media"),
        (Kind::X, "media"),
        (Kind::Linkedin, "/rest/images"),
        (Kind::Facebook, "/photos"),
        (Kind::Threads, "/threads"),
    ];
    let kinds: Vec<_> = steps.iter().map(|(kind, _)| *kind).collect();
    let fixture = NetworkFixture::of(&kinds);
    for (kind, part) in steps {
        fixture.platform.fault_on(kind, part, Fault::Hang);
    }
    let server = fixture.serve();
    fixture.wait_until_all_hit(&Fault::Hang);
    server.crash().unwrap();
    assert_eq!(fixture.post_counts(&kinds), expected_counts(&kinds, 0));
    let server = fixture.serve();
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(&kinds), expected_counts(&kinds, 1));
    for run in fixture.runs().values() {
        assert_eq!((tally(run, "sent"), tally(run, "repeat")), (1, 0), "nothing was in doubt: {run:#}");
    }
}

#[test]
fn killed_when_the_network_did_not_keep_the_post_no_post_is_lost_unreported() {
    let (fixture, server) = crash_at(&Fault::Hang);
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(KEYED), expected_counts(KEYED, 1));
    assert_eq!(fixture.post_counts(LOOKED_UP), expected_counts(LOOKED_UP, 1));
    assert_eq!(fixture.post_counts(UNCERTAIN), expected_counts(UNCERTAIN, 0));
    check_outcomes(&fixture);
}

#[test]
fn killed_when_the_network_kept_the_post_it_is_not_doubled() {
    let (fixture, server) = crash_at(&Fault::AcceptThenHang);
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    check_outcomes(&fixture);
    let runs = fixture.runs();
    let id = |kind: &Kind| runs[kind.name()]["id"].as_i64().unwrap().to_string();
    let shown = fixture.sandbox.chorus_ok(&["runs", "show", &id(&UNCERTAIN[0])]).unwrap().out;
    let advice = format!("chorus runs settle {} --went-out", id(&UNCERTAIN[0]));
    assert!(shown.contains(&advice) && shown.contains("uncertain"), "{shown}");

    let (left, right) = UNCERTAIN.split_at(UNCERTAIN.len() / 2);
    for (kinds, answer) in [(left, "--went-out"), (right, "--send-again")] {
        for kind in kinds {
            fixture.sandbox.chorus_ok(&["runs", "settle", &id(kind), answer]).unwrap();
        }
    }
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(left), expected_counts(left, 1));
    assert_eq!(fixture.post_counts(right), expected_counts(right, 2), "because a person said so");
    for run in fixture.runs().values() {
        assert_eq!((tally(run, "sent"), run["state"].as_str()), (1, Some("finished")), "{run:#}");
    }
}

#[test]
fn killed_while_the_network_is_busy_the_next_process_does_not_look_too_early() {
    let fixture = NetworkFixture::of(&all_kinds());
    fixture.inject_fault(&Fault::Held);
    let server = fixture.serve();
    fixture.wait_until_all_held();
    server.crash().unwrap();
    let server = fixture.serve();
    let settled = (KEYED.len(), LOOKED_UP.len(), UNCERTAIN.len());
    fixture.wait_for("the next one to take over", |fixture| {
        let count =
            |state: &str| fixture.count(&format!("select count(*) from deliveries where state = '{state}'"));
        (count("sent"), count("deferred"), count("uncertain")) == settled
    });
    assert_eq!(
        fixture.post_counts(LOOKED_UP),
        expected_counts(LOOKED_UP, 0),
        "it waits until the first request must be over"
    );
    fixture.platform.release();
    fixture.wait_for("the first requests to be over", |fixture| fixture.platform.held() == 0);
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    check_outcomes(&fixture);
}

#[test]
fn killed_after_the_answer_and_before_it_is_recorded_everything_counts_as_sent() {
    let fixture = NetworkFixture::of(&all_kinds());
    fixture.inject_fault(&Fault::Held);
    let server = fixture.serve();
    fixture.wait_until_all_held();
    let lock = fixture.lock();
    fixture.platform.release();
    fixture
        .wait_for("every answer to be read", |fixture| fixture.accepted_in_journals() == fixture.kinds.len());
    server.crash().unwrap();
    lock.crash().unwrap();
    assert_eq!(fixture.count("select count(*) from deliveries where state = 'sending'"), fixture.kinds.len());
    let server = fixture.serve();
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    let clean = |run: &Value| (tally(run, "sent"), tally(run, "repeat")) == (1, 0);
    assert!(fixture.runs().values().all(clean), "{:#?}", fixture.runs());
}

#[test]
fn without_a_crash_the_same_process_looks_up_the_post() {
    let fixture = NetworkFixture::of(&all_kinds());
    for kind in &fixture.kinds {
        // Some networks never answer, so that the request runs into its timeout.
        let fault = if [0, 1].contains(&(*kind as usize % 5)) {
            Fault::AcceptThenHang
        } else {
            Fault::AcceptThenReset
        };
        fixture.platform.fault(*kind, fault);
    }
    let server = fixture.serve();
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    check_outcomes(&fixture);
}
