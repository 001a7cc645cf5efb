//! When a run stops itself, and when it does not.

use store::{CameBack, Millis, RunKind, Tally};

use super::*;

fn run(tallies: &[(&str, &str, i64)], complained: i64) -> Run {
    let tally = |(state, reason, count): &(&str, &str, i64)| Tally {
        state: (*state).to_owned().try_into().unwrap(),
        reason: (*reason).to_owned(),
        count: *count,
    };
    Run {
        id: RunId(12),
        campaign: "letter".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant: Millis::EPOCH,
        kind: RunKind::Scheduled,
        state: RunState::Running,
        revision_id: None,
        parent_id: None,
        condition: None,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: Millis::MAX,
        total: 1_000_000,
        note: None,
        stopped: None,
        created_at: Millis::EPOCH,
        planned_at: Some(Millis::EPOCH),
        started_at: Some(Millis::EPOCH),
        finished_at: None,
        name: None,
        trigger: None,
        ends_at: None,
        delays: None,
        missed_to: None,
        own_clock: 0,
        paused_by: None,
        cancelled_with: None,
        to_address: None,
        account: None,
        asked: None,
        planned_through: 0,
        tallies: tallies.iter().map(tally).collect(),
        came_back: CameBack { bounced: 0, complained },
    }
}

/// What a watch that has seen nothing yet says.
fn judged(run: &Run) -> Option<&'static str> {
    judged_by(&mut Watch::default(), run)
}

fn judged_by(watch: &mut Watch, run: &Run) -> Option<&'static str> {
    watch.judge(run, &StopAt::default()).map(|wrong| match wrong {
        Wrong::Complaints { .. } => "complaints",
        Wrong::Bounces { .. } => "bounces",
        Wrong::Refusals { .. } => "refusals",
        Wrong::TooBig { .. } => "too big",
    })
}

#[test]
fn complaints_stop_it_at_three_in_a_thousand() {
    assert_eq!(judged(&run(&[("sent", "", 1_000)], 3)), Some("complaints"));
    assert_eq!(judged(&run(&[("sent", "", 1_001)], 3)), None);
    assert_eq!(judged(&run(&[("sent", "", 150)], 2)), None, "two may be chance");
    assert_eq!(judged(&run(&[("sent", "", 99)], 3)), None, "so may three of a few");
}

#[test]
fn bounces_stop_it_at_one_in_twenty() {
    assert_eq!(judged(&run(&[("sent", "", 95), ("failed", "bad_address", 5)], 0)), Some("bounces"));
    assert_eq!(
        judged(&run(&[("sent", "", 97), ("failed", "bad_address", 3), ("failed", "inactive", 2)], 0)),
        None
    );
    assert_eq!(judged(&run(&[("sent", "", 90), ("failed", "inactive", 5)], 0)), None, "too few were tried");
    assert_eq!(
        judged(&run(&[("sent", "", 100), ("failed", "expired", 900)], 0)),
        None,
        "these were not tried"
    );
    let mut later = run(&[("sent", "", 100)], 0);
    later.came_back.bounced = 5;
    assert_eq!(judged(&later), Some("bounces"), "what comes back later counts too");
}

#[test]
fn a_burst_of_refusals_stops_it_whatever_went_before() {
    let mut watch = Watch::default();
    assert_eq!(judged_by(&mut watch, &run(&[("sent", "", 10_000)], 0)), None);
    assert_eq!(judged_by(&mut watch, &run(&[("sent", "", 10_000), ("failed", "policy", 19)], 0)), None);
    let burst = run(&[("sent", "", 10_030), ("failed", "policy", 20)], 0);
    assert_eq!(judged_by(&mut watch, &burst), Some("refusals"));
    assert_eq!(judged(&run(&[("failed", "policy", 20)], 0)), Some("refusals"), "at the start too");
    let mut watch = Watch::default();
    for n in 1..200 {
        let steady = run(&[("sent", "", n * 40), ("failed", "policy", n * 10)], 0);
        assert_eq!(judged_by(&mut watch, &steady), None, "one in five, round {n}");
    }
}

#[test]
fn a_message_that_is_too_big_is_not_made_a_hundred_thousand_times() {
    assert_eq!(judged(&run(&[("failed", "too_big", 20)], 0)), Some("too big"));
    assert_eq!(judged(&run(&[("sent", "", 31), ("failed", "too_big", 20)], 0)), None, "some are just larger");
}

#[test]
fn it_does_not_stop_again_for_the_same_numbers() {
    let bad = [("sent", "", 1_000), ("failed", "bad_address", 100), ("failed", "policy", 60)];
    let mut resumed = run(&bad, 9);
    resumed.stopped = Some(resumed.figures());
    let mut watch = Watch::default();
    assert_eq!(judged_by(&mut watch, &resumed), None);
    let mut worse = run(&[bad[0], bad[1], ("failed", "policy", 80)], 9);
    worse.stopped = resumed.stopped;
    assert_eq!(judged_by(&mut watch, &worse), Some("refusals"), "but for new ones");
}

#[test]
fn what_is_tried_again_does_not_confuse_it() {
    let mut watch = Watch::default();
    assert_eq!(judged_by(&mut watch, &run(&[("sent", "", 500), ("failed", "policy", 19)], 0)), None);
    assert_eq!(judged_by(&mut watch, &run(&[("sent", "", 500)], 0)), None, "they were queued again");
    let again = run(&[("sent", "", 500), ("failed", "policy", 20)], 0);
    assert_eq!(judged_by(&mut watch, &again), Some("refusals"));
}

#[test]
fn one_is_never() {
    let never = StopAt { complaints: 1.0, bounces: 1.0, refusals: 1.0 };
    let worst = run(&[("failed", "policy", 500), ("failed", "bad_address", 500), ("sent", "", 500)], 500);
    assert_eq!(Watch::default().judge(&worst, &never), None);
    assert_eq!(Watch::default().warning(&worst, &never), None);
}

#[test]
fn it_warns_once_at_a_third() {
    let mut watch = Watch::default();
    let some = run(&[("sent", "", 2_000)], 2);
    let said = watch.warning(&some, &StopAt::default());
    assert_eq!(said.as_deref(), Some("2 of 2000 called it spam (0.1 %); at 0.3 % it stops itself"));
    assert_eq!(watch.warning(&some, &StopAt::default()), None);
}

#[test]
fn it_says_the_figure_the_limit_and_what_to_do() {
    let bad = run(&[("sent", "", 900), ("failed", "bad_address", 100)], 0);
    let wrong = Watch::default().judge(&bad, &StopAt::default()).unwrap();
    assert_eq!(
        wrong.note(&bad, "550 5.1.1 no such user"),
        "It stopped itself: 100 of 1000 addresses do not exist: 10 %, and the limit is 5 %. An answer: 550 5.1.1 no \
         such user. Find out where the list comes from and how old it is. `chorus runs resume 12` goes on, `chorus \
         runs cancel 12` ends it."
    );
}
