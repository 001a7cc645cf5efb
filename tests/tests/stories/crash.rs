//! The crash trial in short: after SIGKILL at any moment no recipient is lost, and only messages
//! that were waiting for a final answer are repeated. `cargo xtask crash` runs the same for longer.

use tests::{CrashTrial, KillTiming, TestDatabase, Tools};

use crate::fixture;

/// A fixed seed, so that a failure can be reproduced.
const SEED: u64 = 20_270_302;

#[test]
fn no_recipient_is_lost_when_one_process_on_sqlite_is_killed_repeatedly() {
    run_trial(TestDatabase::Sqlite, 1);
}

#[test]
fn no_recipient_is_lost_when_three_workers_on_postgresql_are_killed_repeatedly() {
    run_trial(TestDatabase::Postgres(&Tools::postgres().unwrap()), 3);
}

fn run_trial(database: TestDatabase<'_>, workers: usize) {
    let tools = fixture::tools();
    let trial = CrashTrial {
        tools: &tools,
        database,
        workers,
        recipients: 2_000,
        kills: 12,
        when: KillTiming::Sending,
        seed: SEED,
    };
    let report = trial.run(&mut |_| {}).unwrap();
    assert_eq!(report.violations, Vec::<String>::new(), "seed {SEED}");
    assert_eq!((report.lost, report.kills.len() >= 12), (0, true));
    for kill in &report.kills {
        assert!(kill.repeats <= kill.awaiting, "{kill:?}");
    }
}
