//! kill -9 at any moment of a run: nobody is lost, and only what was waiting for its final answer is repeated.
//! `cargo xtask crash` is the same, for longer.

use tests::{Database, Tools, Trial, When};

use crate::pier;

/// Chosen once, so that a failure can be had again.
const SEED: u64 = 20_270_302;

#[test]
fn nobody_is_lost_and_little_is_repeated_when_chorus_is_killed_again_and_again() {
    survive(Database::Sqlite, 1);
}

#[test]
fn the_same_with_three_workers_on_postgresql() {
    survive(Database::Postgres(&Tools::postgres().unwrap()), 3);
}

fn survive(database: Database<'_>, workers: usize) {
    let tools = pier::tools();
    let trial = Trial {
        tools: &tools,
        database,
        workers,
        recipients: 2_000,
        kills: 12,
        when: When::Sending,
        seed: SEED,
    };
    let verdict = trial.run(&mut |_| {}).unwrap();
    assert_eq!(verdict.broken, Vec::<String>::new(), "seed {SEED}");
    assert_eq!((verdict.lost, verdict.kills.len() >= 12), (0, true));
    for kill in &verdict.kills {
        assert!(kill.repeats <= kill.awaiting, "{kill:?}");
    }
}
