//! One process posts to all networks at once, and is killed when all of them are at the same step.

use platform::{Fault, Kind};
use serde_json::Value;

use super::town::{KEYED, LOOKED_UP, PARKED, Town, each};
use crate::control::tally;

fn everywhere() -> Vec<Kind> {
    [KEYED, LOOKED_UP, PARKED].concat()
}

/// Lets this go wrong with every post, kills the process when it has, and has the next one end what it left.
fn killed_at(fault: &Fault) -> (Town, tests::Server) {
    let town = Town::of(&everywhere());
    town.fault(fault);
    let server = town.serve();
    town.until_all_met(fault);
    server.crash().unwrap();
    let server = town.serve();
    town.let_end();
    (town, server)
}

/// Who knows the post, or can look, has it once, and a person is asked about the others.
fn is_told(town: &Town) {
    for (step, run) in town.runs() {
        let kind: Kind = step.parse().unwrap();
        let (sent, uncertain, state) =
            if PARKED.contains(&kind) { (0, 1, "finished_with_failures") } else { (1, 0, "finished") };
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
    let town = Town::of(&kinds);
    for (kind, part) in steps {
        town.platform.fault_on(kind, part, Fault::Hang);
    }
    let server = town.serve();
    town.until_all_met(&Fault::Hang);
    server.crash().unwrap();
    assert_eq!(town.posts(&kinds), each(&kinds, 0));
    let server = town.serve();
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(&kinds), each(&kinds, 1));
    for run in town.runs().values() {
        assert_eq!((tally(run, "sent"), tally(run, "repeat")), (1, 0), "nothing was in doubt: {run:#}");
    }
}

#[test]
fn killed_when_the_request_is_out_and_nothing_was_kept_nobody_is_forgotten() {
    let (town, server) = killed_at(&Fault::Hang);
    server.stop().unwrap();
    assert_eq!(town.posts(KEYED), each(KEYED, 1));
    assert_eq!(town.posts(LOOKED_UP), each(LOOKED_UP, 1));
    assert_eq!(town.posts(PARKED), each(PARKED, 0));
    is_told(&town);
}

#[test]
fn killed_when_the_post_was_kept_and_before_the_answer_it_is_not_doubled() {
    let (town, server) = killed_at(&Fault::AcceptThenHang);
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    is_told(&town);
    let runs = town.runs();
    let id = |kind: &Kind| runs[kind.name()]["id"].as_i64().unwrap().to_string();
    let shown = town.sandbox.done(&["runs", "show", &id(&PARKED[0])]).unwrap().out;
    let advice = format!("chorus runs settle {} --went-out", id(&PARKED[0]));
    assert!(shown.contains(&advice) && shown.contains("uncertain"), "{shown}");

    let (left, right) = PARKED.split_at(PARKED.len() / 2);
    for (kinds, answer) in [(left, "--went-out"), (right, "--send-again")] {
        for kind in kinds {
            town.sandbox.done(&["runs", "settle", &id(kind), answer]).unwrap();
        }
    }
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(left), each(left, 1));
    assert_eq!(town.posts(right), each(right, 2), "because a person said so");
    for run in town.runs().values() {
        assert_eq!((tally(run, "sent"), run["state"].as_str()), (1, Some("finished")), "{run:#}");
    }
}

#[test]
fn killed_while_the_network_is_still_at_it_the_next_one_does_not_look_too_soon() {
    let town = Town::of(&everywhere());
    town.fault(&Fault::Held);
    let server = town.serve();
    town.until_all_are_held();
    server.crash().unwrap();
    let server = town.serve();
    let settled = (KEYED.len(), LOOKED_UP.len(), PARKED.len());
    town.until("the next one to take over", |town| {
        let count =
            |state: &str| town.number(&format!("select count(*) from deliveries where state = '{state}'"));
        (count("sent"), count("deferred"), count("uncertain")) == settled
    });
    assert_eq!(town.posts(LOOKED_UP), each(LOOKED_UP, 0), "it waits until the first request must be over");
    town.platform.release();
    town.until("the first requests to be over", |town| town.platform.held() == 0);
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    is_told(&town);
}

#[test]
fn killed_after_the_answer_and_before_it_is_recorded_everything_counts_as_sent() {
    let town = Town::of(&everywhere());
    town.fault(&Fault::Held);
    let server = town.serve();
    town.until_all_are_held();
    let lock = town.lock();
    town.platform.release();
    town.until("every answer to be read", |town| town.noted_as_accepted() == town.kinds.len());
    server.crash().unwrap();
    lock.crash().unwrap();
    assert_eq!(town.number("select count(*) from deliveries where state = 'sending'"), town.kinds.len());
    let server = town.serve();
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    let clean = |run: &Value| (tally(run, "sent"), tally(run, "repeat")) == (1, 0);
    assert!(town.runs().values().all(clean), "{:#?}", town.runs());
}

#[test]
fn without_a_crash_it_is_the_same_process_that_looks() {
    let town = Town::of(&everywhere());
    for kind in &town.kinds {
        // Some never answer, which takes as long as a request may take.
        let fault = if [0, 1].contains(&(*kind as usize % 5)) {
            Fault::AcceptThenHang
        } else {
            Fault::AcceptThenReset
        };
        town.platform.fault(*kind, fault);
    }
    let server = town.serve();
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    is_told(&town);
}
