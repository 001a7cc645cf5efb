//! Tests that a worker without a valid lease changes nothing, and that its deliveries are not lost.

use std::collections::HashSet;

use campaign::OnUncertain;
use sqlx::Connection;
use store::{DeliveryId, JournalEntries, JournalEntry, LeaseId, Outcome, TakeoverCounts};

use crate::fixture::{MINUTE, NOW, StoreFixture, accepted, id};

pub(crate) async fn a_swept_lease_records_nothing(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    let claimed = f.claim(lease, run, NOW, 1).await;
    assert!(f.store.lease_renew(lease, NOW + MINUTE).await.unwrap());
    assert_eq!(f.store.lease_sweep(NOW + MINUTE - 1).await.unwrap(), TakeoverCounts::default());
    let taken = f.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakeoverCounts { released: 1, resent: 1, uncertain: 0, sent: 0 });
    assert!(!f.store.lease_renew(lease, NOW + 2 * MINUTE).await.unwrap());

    let recorded = f.record(lease, &[(id(run, 1), accepted())], &[claimed[0].id], NOW + MINUTE).await;
    assert_eq!((recorded.recorded, recorded.granted), (0, vec![]));
    assert_eq!(f.states(run).await, ["1 queued", "2 queued"]);
    assert_eq!(f.claim(lease, run, NOW + MINUTE, 10).await, []);
}

pub(crate) async fn an_expired_lease_begins_nothing(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    let claimed = f.claim(lease, run, NOW, 1).await;
    let late = NOW + 30_000;
    assert_eq!(f.claim(lease, run, late, 10).await, []);
    let recorded = f.record(lease, &[(id(run, 1), accepted())], &[claimed[0].id], late).await;
    assert_eq!(recorded.granted, [], "nothing new");
    assert_eq!(recorded.recorded, 1, "no worker took it over, so the outcome counts");
}

pub(crate) async fn a_row_taken_over_is_not_overwritten(f: &StoreFixture) {
    f.people(1).await;
    let run = f.planned("mail").await;
    let slow = f.lease(NOW).await;
    f.begin(slow, run, NOW, 1).await;
    let later = NOW + MINUTE;
    f.store.lease_sweep(later).await.unwrap();
    let quick = f.lease(later).await;
    assert_eq!(f.begin(quick, run, later, 1).await, [id(run, 1)]);
    let refused = crate::lifecycle::rejected("policy", None);
    assert_eq!(f.record(slow, &[(id(run, 1), refused)], &[], later).await.recorded, 0);
    assert_eq!(f.states(run).await, ["1 sending"]);
    assert_eq!(f.record(quick, &[(id(run, 1), accepted())], &[], later).await.recorded, 1);
    assert_eq!(f.states(run).await, ["1 sent"]);
    assert_eq!(f.tallies(run).await, ["repeat 1", "sent 1"]);
    f.store.delivery_release(slow, &[id(run, 1)]).await.unwrap();
    assert_eq!(f.states(run).await, ["1 sent"]);
}

pub(crate) async fn a_sweep_resends_or_holds(f: &StoreFixture) {
    f.people(3).await;
    let resend = f.planned("resend").await;
    let hold = f.run("hold", |run| run.on_uncertain = OnUncertain::Hold).await;
    f.plan(hold).await;
    let lease = f.lease(NOW).await;
    f.begin(lease, resend, NOW, 1).await;
    f.begin(lease, hold, NOW, 2).await;
    let taken = f.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakeoverCounts { released: 0, resent: 1, uncertain: 2, sent: 0 });
    assert_eq!(f.states(resend).await, ["1 queued", "2 queued", "3 queued"]);
    assert_eq!(f.states(hold).await, ["1 uncertain", "2 uncertain", "3 queued"]);
    assert_eq!(f.tallies(resend).await, ["repeat 1"]);
    assert_eq!(f.tallies(hold).await, ["uncertain 2"]);
    let attempts = f.texts("select outcome || ' ' || number || ' ' || answer from attempts").await;
    assert_eq!(attempts, vec!["unknown 1 the worker stopped before the answer"; 3]);
    let repeated = f.store.delivery_list(resend, None, true, DeliveryId(0), 10).await.unwrap();
    assert_eq!(repeated.iter().map(|row| (row.id, row.repeats)).collect::<Vec<_>>(), [(id(resend, 1), 1)]);
    assert_eq!(f.number("select count(*) from leases").await, 0);
    assert_eq!(f.store.lease_sweep(NOW + MINUTE).await.unwrap(), TakeoverCounts::default());
}

pub(crate) async fn the_journal_of_a_dead_worker_is_used(f: &StoreFixture) {
    f.people(6).await;
    let run = f.planned("mail").await;
    let hold = f.run("hold", |run| run.on_uncertain = OnUncertain::Hold).await;
    f.plan(hold).await;
    let (lease, other) = (f.lease(NOW).await, f.lease(NOW).await);
    f.begin(lease, run, NOW, 4).await;
    f.claim(lease, run, NOW, 1).await;
    f.begin(lease, hold, NOW, 2).await;
    f.begin(other, run, NOW, 1).await;
    let journal = JournalEntries::from([
        ((id(run, 1), 1), JournalEntry::Accepted),
        ((id(run, 2), 1), JournalEntry::HandedOver),
        ((id(run, 3), 1), JournalEntry::Refused),
        // An entry about another try, which says nothing about this one.
        ((id(run, 4), 2), JournalEntry::Accepted),
        ((id(hold, 1), 1), JournalEntry::HandedOver),
        // An entry about another worker's delivery.
        ((id(run, 6), 1), JournalEntry::Accepted),
    ]);
    let taken = f.store.lease_take_over(lease, None, &journal, NOW + 1).await.unwrap();
    assert_eq!(taken, TakeoverCounts { released: 4, resent: 1, uncertain: 1, sent: 1 });
    assert_eq!(
        f.states(run).await,
        ["1 sent", "2 deferred", "3 queued", "4 queued", "5 queued", "6 sending"]
    );
    assert_eq!(f.states(hold).await[..2], ["1 uncertain", "2 queued"]);
    assert_eq!(f.tallies(run).await, ["repeat 1", "sent 1"]);
    assert_eq!(f.tallies(hold).await, ["uncertain 1"]);
    let tried = f.texts("select contact_id || ' ' || attempts from deliveries order by id").await;
    assert_eq!(tried[..6], ["1 1", "2 1", "3 0", "4 0", "5 0", "6 1"], "an unsent delivery has no tries");
    assert_eq!(f.store.lease_list().await.unwrap().iter().map(|l| l.id).collect::<Vec<_>>(), [other]);
    let again = f.store.lease_take_over(lease, None, &journal, NOW + 1).await.unwrap();
    assert_eq!(again, TakeoverCounts::default(), "another worker was first");
    let late = f.record(lease, &[(id(run, 2), accepted())], &[id(run, 5)], NOW + 2).await;
    assert_eq!((late.recorded, late.granted), (0, vec![]));
    assert_eq!(f.begin(other, run, NOW + 1, 10).await.len(), 4, "they are due at once");
}

pub(crate) async fn a_second_try_waits_for_the_other_side(f: &StoreFixture) {
    f.people(2).await;
    let run = f.run("sms", |run| run.look_after = MINUTE).await;
    f.plan(run).await;
    let (known, unknown) = (f.lease(NOW).await, f.lease(NOW).await);
    f.begin(known, run, NOW, 1).await;
    f.begin(unknown, run, NOW, 1).await;
    let journal = JournalEntries::from([((id(run, 1), 1), JournalEntry::HandedOver)]);
    f.store.lease_take_over(known, None, &journal, NOW).await.unwrap();
    f.store.lease_close(unknown, NOW).await.unwrap();
    assert_eq!(f.store.lease_sweep(NOW).await.unwrap().resent, 1);
    assert_eq!(f.states(run).await, ["1 deferred", "2 queued"]);
    let next = f.lease(NOW + MINUTE).await;
    assert_eq!(f.claim(next, run, NOW + MINUTE - 1, 2).await, []);
    assert_eq!(f.begin(next, run, NOW + MINUTE, 2).await.len(), 2);
    let unknown = Outcome::Unknown { retry_at: Some(NOW + 2 * MINUTE), answer: String::new() };
    f.record(next, &[(id(run, 1), unknown)], &[], NOW + MINUTE).await;
    assert_eq!(
        f.number("select due_at from deliveries where state = 'deferred'").await,
        (NOW + 3 * MINUTE).as_millisecond()
    );
}

pub(crate) async fn a_lease_renewed_at_the_last_moment_is_not_taken_over(f: &StoreFixture) {
    f.people(1).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    // It had expired when another worker looked; its own worker, which only slept, renewed it
    // first.
    assert!(f.store.lease_renew(lease, NOW + 2 * MINUTE).await.unwrap());
    let checked_at = NOW + MINUTE;
    let journal = JournalEntries::new();
    let take = |expired_by| f.store.lease_take_over(lease, expired_by, &journal, checked_at);
    assert_eq!(take(Some(checked_at)).await.unwrap(), TakeoverCounts::default());
    assert_eq!(f.states(run).await, ["1 sending"]);
    let late = f.record(lease, &[(id(run, 1), accepted())], &[], checked_at).await;
    assert_eq!(late.recorded, 1, "it goes on");
    assert_eq!(take(Some(NOW + 2 * MINUTE)).await.unwrap(), TakeoverCounts::default(), "nothing was left");
    assert_eq!(f.number("select count(*) from leases").await, 0);
}

pub(crate) async fn a_sweep_keeps_valid_leases(f: &StoreFixture) {
    f.people(4).await;
    let run = f.planned("mail").await;
    let (dead, alive) = (f.lease(NOW).await, f.lease(NOW).await);
    f.begin(dead, run, NOW, 1).await;
    f.begin(alive, run, NOW, 1).await;
    f.claim(dead, run, NOW, 1).await;
    let mine = f.claim(alive, run, NOW, 1).await;
    assert!(f.store.lease_renew(alive, NOW + 2 * MINUTE).await.unwrap());
    let taken = f.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakeoverCounts { released: 1, resent: 1, uncertain: 0, sent: 0 });
    assert_eq!(f.states(run).await, ["1 queued", "2 sending", "3 queued", "4 queued"]);
    let recorded = f.record(alive, &[(id(run, 2), accepted())], &[mine[0].id], NOW + MINUTE).await;
    assert_eq!((recorded.recorded, recorded.granted), (1, vec![id(run, 4)]));
}

pub(crate) async fn concurrent_claims_never_overlap(f: &StoreFixture) {
    f.people(400).await;
    let run = f.planned("mail").await;
    let workers = (0..4).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let lease = store.lease_open("worker", true, NOW, NOW + MINUTE).await.unwrap();
            let mut mine = Vec::new();
            for _ in 0..20 {
                let claimed = store.delivery_claim(lease, run, NOW, 7).await.unwrap();
                assert!(claimed.len() <= 7);
                mine.extend(claimed.into_iter().map(|claimed| claimed.id));
            }
            mine
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "a delivery was claimed twice");
    let lease = f.lease(NOW).await;
    let rest = f.claim(lease, run, NOW, 1_000).await.len();
    assert_eq!(all.len() + rest, 400, "a delivery was not claimed");
}

pub(crate) async fn closing_a_lease_releases_deliveries(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    f.claim(lease, run, NOW, 2).await;
    f.store.lease_close(lease, NOW).await.unwrap();
    let other = f.lease(NOW).await;
    assert_eq!(f.claim(other, run, NOW, 10).await.len(), 2);
    let taken = f.store.lease_sweep(NOW).await.unwrap();
    assert_eq!(
        taken,
        TakeoverCounts { released: 0, resent: 1, uncertain: 0, sent: 0 },
        "begun under a lease that was closed"
    );
}

pub(crate) async fn lease_numbers_never_repeat(f: &StoreFixture) {
    let first = f.lease(NOW).await;
    f.store.lease_close(first, NOW).await.unwrap();
    let second = f.lease(NOW).await;
    f.store.lease_sweep(NOW + MINUTE).await.unwrap();
    let third = f.lease(NOW).await;
    assert!(first < second && second < third);
    assert!(!f.store.lease_renew(LeaseId(i64::MAX), NOW).await.unwrap());
}

/// Workers whose leases expire while they claim and begin, with a concurrent sweeper: afterwards no
/// delivery belongs to a deleted lease.
pub(crate) async fn a_sweep_during_claims_leaves_nothing_behind(f: &StoreFixture) {
    f.people(200).await;
    let run = f.planned("mail").await;
    let sweeper = tokio::spawn({
        let store = f.store.clone();
        async move {
            for _ in 0..30 {
                store.lease_sweep(NOW + MINUTE).await.unwrap();
            }
        }
    });
    let workers = (0..3).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            for _ in 0..15 {
                let lease = store.lease_open("worker", true, NOW, NOW + 30_000).await.unwrap();
                let claimed = store.delivery_claim(lease, run, NOW, 20).await.unwrap();
                let intents = claimed.iter().map(|claimed| claimed.id).take(10).collect();
                let record = store::GroupCommit { intents, ..store::GroupCommit::default() };
                store.delivery_record(lease, &record, NOW).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    sweeper.await.unwrap();
    f.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(f.number("select count(*) from deliveries where lease_id is not null").await, 0);
    assert_eq!(f.number("select count(*) from deliveries where state = 'queued'").await, 200);
    let repeats = f.number("select sum(repeats) from deliveries").await;
    assert_eq!(f.number("select count from run_tallies where state = 'repeat'").await, repeats);
    assert_eq!(f.number("select count(*) from attempts").await, repeats);
}

/// A run that is cancelled while workers defer its deliveries: no delivery stays open in a run that
/// has ended.
pub(crate) async fn a_cancel_during_records_leaves_nothing_open(f: &StoreFixture) {
    f.people(300).await;
    let run = f.planned("mail").await;
    let workers = (0..3).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let lease = store.lease_open("worker", true, NOW, NOW + MINUTE).await.unwrap();
            loop {
                let claimed = store.delivery_claim(lease, run, NOW, 5).await.unwrap();
                if claimed.is_empty() {
                    break;
                }
                let intents = claimed.iter().map(|claimed| claimed.id).collect();
                let begin = store::GroupCommit { intents, ..store::GroupCommit::default() };
                let begun = store.delivery_record(lease, &begin, NOW).await.unwrap().granted;
                let put_off =
                    |id| (id, Outcome::Deferred { until: NOW, answer: "451".to_owned(), soft: None });
                let end = store::GroupCommit {
                    outcomes: begun.into_iter().map(put_off).collect(),
                    ..store::GroupCommit::default()
                };
                store.delivery_record(lease, &end, NOW).await.unwrap();
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    while f.number("select count(*) from attempts").await < 20 {
        tokio::task::yield_now().await;
    }
    assert!(f.store.run_cancel(run, NOW).await.unwrap().is_some());
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(f.number("select count(*) from deliveries where state <> 'cancelled'").await, 0);
    assert_eq!(f.tallies(run).await, ["cancelled 300"]);
}

/// Waits until `count` transactions wait for a lock; fails after 20 seconds.
pub(crate) async fn until_blocked(connection: &mut sqlx::PgConnection, count: i64) {
    let blocked = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let timeout = std::time::Duration::from_secs(20);
    let wait = async {
        while sqlx::query_as::<_, (i64,)>(blocked).fetch_one(&mut *connection).await.unwrap().0 < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(timeout, wait).await.expect("no transaction waits");
}

/// PostgreSQL only, because SQLite has one writer: an outcome that meets a cancellation in progress
/// waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_waits_for_a_cancellation_under_way() {
    let f = StoreFixture::postgres().await;
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    let mut observer = sqlx::PgConnection::connect(&f.url).await.unwrap();
    let mut other = sqlx::PgConnection::connect(&f.url).await.unwrap();
    let mut cancellation = other.begin().await.unwrap();
    sqlx::query("update runs set state = 'cancelled'").execute(&mut *cancellation).await.unwrap();
    let put_off = store::GroupCommit {
        outcomes: vec![(id(run, 1), Outcome::Deferred { until: NOW, answer: "451".to_owned(), soft: None })],
        ..store::GroupCommit::default()
    };
    let record = tokio::spawn({
        let store = f.store.clone();
        async move { store.delivery_record(lease, &put_off, NOW).await.unwrap().recorded }
    });
    until_blocked(&mut observer, 1).await;
    cancellation.commit().await.unwrap();
    assert_eq!(record.await.unwrap(), 1);
    assert_eq!(f.states(run).await, ["1 cancelled", "2 queued"]);
}

/// PostgreSQL only: of two deadlocked transactions one is aborted; the store runs it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlocked_record_is_begun_again() {
    let f = StoreFixture::postgres().await;
    // A transaction that updates the first row waits at a gate while it holds that row; and the
    // store's transactions check for a deadlock at once, which happens once.
    f.write("do $$ begin execute format('alter database %I set deadlock_timeout = 10', current_database()); end $$").await;
    f.write("create function gate() returns trigger as 'begin perform pg_advisory_xact_lock(7); return new; end' language plpgsql").await;
    f.write("create trigger gate before update on deliveries for each row when (new.contact_id = 1 and new.state = 'sent') execute function gate()").await;
    let store = store::Store::open(&f.url).await.unwrap();
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 2).await;
    let mut gate = sqlx::PgConnection::connect(&f.url).await.unwrap();
    sqlx::query("select pg_advisory_lock(7)").execute(&mut gate).await.unwrap();
    let mut rival = sqlx::PgConnection::connect(&f.url).await.unwrap();
    sqlx::query("set deadlock_timeout = '1h'").execute(&mut rival).await.unwrap();
    sqlx::query("begin").execute(&mut rival).await.unwrap();
    let lock = "select id from deliveries where contact_id = $1 for update";
    sqlx::query(lock).bind(2_i64).execute(&mut rival).await.unwrap();

    let both = store::GroupCommit {
        outcomes: vec![(id(run, 1), accepted()), (id(run, 2), accepted())],
        ..store::GroupCommit::default()
    };
    let record =
        tokio::spawn(async move { store.delivery_record(lease, &both, NOW).await.unwrap().recorded });
    until_blocked(&mut gate, 1).await;
    let rival = tokio::spawn(async move {
        sqlx::query(lock).bind(1_i64).execute(&mut rival).await.unwrap();
        sqlx::query("rollback").execute(&mut rival).await.unwrap();
    });
    until_blocked(&mut gate, 2).await;
    sqlx::query("select pg_advisory_unlock(7)").execute(&mut gate).await.unwrap();
    rival.await.unwrap();
    assert_eq!(record.await.unwrap(), 2);
    assert_eq!(f.states(run).await, ["1 sent", "2 sent"]);
    assert_eq!(f.figures().await, ["mail sent 2", "mail cost CNY 2 2000"]);
    // The server counts the deadlock a moment later.
    let ended = "select cast(deadlocks as text) from pg_stat_database where datname = current_database()";
    while f.texts(ended).await == ["0"] {
        tokio::task::yield_now().await;
    }
}
