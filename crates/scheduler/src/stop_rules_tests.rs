//! Tests of the stop rules: figures at which a run stops itself, and figures at which it goes on.

use store::{FeedbackCounts, Millis, RunKind, Tally};

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
        request: None,
        planned_through: 0,
        tallies: tallies.iter().map(tally).collect(),
        feedback: FeedbackCounts { bounced: 0, complained },
    }
}

/// Returns the rule that a run breaches at its first check.
fn breached(run: &Run) -> Option<&'static str> {
    breached_by(&mut StopRules::default(), run)
}

fn breached_by(rules: &mut StopRules, run: &Run) -> Option<&'static str> {
    rules.breach(run, &StopAt::default()).map(|breach| match breach {
        Breach::Complaints { .. } => "complaints",
        Breach::Bounces { .. } => "bounces",
        Breach::Refusals { .. } => "refusals",
        Breach::TooBig { .. } => "too big",
    })
}

#[test]
fn complaints_stop_it_at_three_in_a_thousand() {
    assert_eq!(breached(&run(&[("sent", "", 1_000)], 3)), Some("complaints"));
    assert_eq!(breached(&run(&[("sent", "", 1_001)], 3)), None);
    assert_eq!(breached(&run(&[("sent", "", 150)], 2)), None, "two may be chance");
    assert_eq!(breached(&run(&[("sent", "", 99)], 3)), None, "three of a few may be chance, too");
}

#[test]
fn bounces_stop_it_at_one_in_twenty() {
    assert_eq!(breached(&run(&[("sent", "", 95), ("failed", "bad_address", 5)], 0)), Some("bounces"));
    assert_eq!(
        breached(&run(&[("sent", "", 97), ("failed", "bad_address", 3), ("failed", "inactive", 2)], 0)),
        None
    );
    assert_eq!(breached(&run(&[("sent", "", 90), ("failed", "inactive", 5)], 0)), None, "too few were tried");
    assert_eq!(
        breached(&run(&[("sent", "", 100), ("failed", "expired", 900)], 0)),
        None,
        "these were not tried"
    );
    let mut later = run(&[("sent", "", 100)], 0);
    later.feedback.bounced = 5;
    assert_eq!(breached(&later), Some("bounces"), "later bounces count, too");
}

#[test]
fn a_burst_of_refusals_stops_it_whatever_was_sent_before() {
    let mut rules = StopRules::default();
    assert_eq!(breached_by(&mut rules, &run(&[("sent", "", 10_000)], 0)), None);
    assert_eq!(breached_by(&mut rules, &run(&[("sent", "", 10_000), ("failed", "policy", 19)], 0)), None);
    let burst = run(&[("sent", "", 10_030), ("failed", "policy", 20)], 0);
    assert_eq!(breached_by(&mut rules, &burst), Some("refusals"));
    assert_eq!(breached(&run(&[("failed", "policy", 20)], 0)), Some("refusals"), "at the start, too");
    let mut rules = StopRules::default();
    for n in 1..200 {
        let steady = run(&[("sent", "", n * 40), ("failed", "policy", n * 10)], 0);
        assert_eq!(breached_by(&mut rules, &steady), None, "one in five, round {n}");
    }
}

#[test]
fn a_message_that_is_too_big_is_not_made_a_hundred_thousand_times() {
    assert_eq!(breached(&run(&[("failed", "too_big", 20)], 0)), Some("too big"));
    assert_eq!(
        breached(&run(&[("sent", "", 31), ("failed", "too_big", 20)], 0)),
        None,
        "some are just larger"
    );
}

#[test]
fn it_does_not_stop_again_for_the_same_numbers() {
    let bad = [("sent", "", 1_000), ("failed", "bad_address", 100), ("failed", "policy", 60)];
    let mut resumed = run(&bad, 9);
    resumed.stopped = Some(resumed.figures());
    let mut rules = StopRules::default();
    assert_eq!(breached_by(&mut rules, &resumed), None);
    let mut worse = run(&[bad[0], bad[1], ("failed", "policy", 80)], 9);
    worse.stopped = resumed.stopped;
    assert_eq!(breached_by(&mut rules, &worse), Some("refusals"), "but for new ones");
}

#[test]
fn a_retry_does_not_change_the_result() {
    let mut rules = StopRules::default();
    assert_eq!(breached_by(&mut rules, &run(&[("sent", "", 500), ("failed", "policy", 19)], 0)), None);
    assert_eq!(breached_by(&mut rules, &run(&[("sent", "", 500)], 0)), None, "they were queued again");
    let again = run(&[("sent", "", 500), ("failed", "policy", 20)], 0);
    assert_eq!(breached_by(&mut rules, &again), Some("refusals"));
}

#[test]
fn a_limit_of_one_disables_the_rule() {
    let never = StopAt { complaints: 1.0, bounces: 1.0, refusals: 1.0 };
    let worst = run(&[("failed", "policy", 500), ("failed", "bad_address", 500), ("sent", "", 500)], 500);
    assert_eq!(StopRules::default().breach(&worst, &never), None);
    assert_eq!(StopRules::default().warning(&worst, &never), None);
}

#[test]
fn it_warns_once_at_a_third() {
    let mut rules = StopRules::default();
    let some = run(&[("sent", "", 2_000)], 2);
    let said = rules.warning(&some, &StopAt::default());
    assert_eq!(said.as_deref(), Some("2 of 2000 marked it as spam (0.1 %); at 0.3 % it stops itself"));
    assert_eq!(rules.warning(&some, &StopAt::default()), None);
}

#[test]
fn the_note_names_the_figure_the_limit_and_what_to_do() {
    let bad = run(&[("sent", "", 900), ("failed", "bad_address", 100)], 0);
    let breach = StopRules::default().breach(&bad, &StopAt::default()).unwrap();
    assert_eq!(
        breach.note(&bad, "550 5.1.1 no such user"),
        "It stopped itself: 100 of 1000 addresses do not exist: 10 %, and the limit is 5 %. An answer: 550 5.1.1 no \
         such user. Find out where the list comes from and how old it is. `chorus runs resume 12` goes on, `chorus \
         runs cancel 12` ends it."
    );
}
