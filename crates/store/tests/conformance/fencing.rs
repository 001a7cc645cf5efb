//! A worker that lost its lease changes nothing, and what it held is not lost.

use std::collections::HashSet;

use campaign::OnUncertain;
use sqlx::Connection;
use store::{DeliveryId, LeaseId, Outcome, TakenOver, Trace, Traces};

use crate::world::{MINUTE, NOW, World, accepted, id};

pub(crate) async fn a_swept_lease_records_nothing(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 1).await;
    let claimed = w.claim(lease, run, NOW, 1).await;
    assert!(w.store.lease_renew(lease, NOW + MINUTE).await.unwrap());
    assert_eq!(w.store.lease_sweep(NOW + MINUTE - 1).await.unwrap(), TakenOver::default());
    let taken = w.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakenOver { released: 1, resent: 1, held: 0, sent: 0 });
    assert!(!w.store.lease_renew(lease, NOW + 2 * MINUTE).await.unwrap());

    let recorded = w.record(lease, &[(id(run, 1), accepted())], &[claimed[0].id], NOW + MINUTE).await;
    assert_eq!((recorded.recorded, recorded.granted), (0, vec![]));
    assert_eq!(w.states(run).await, ["1 queued", "2 queued"]);
    assert_eq!(w.claim(lease, run, NOW + MINUTE, 10).await, []);
}

pub(crate) async fn an_expired_lease_begins_nothing(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 1).await;
    let claimed = w.claim(lease, run, NOW, 1).await;
    let late = NOW + 30_000;
    assert_eq!(w.claim(lease, run, late, 10).await, []);
    let recorded = w.record(lease, &[(id(run, 1), accepted())], &[claimed[0].id], late).await;
    assert_eq!(recorded.granted, [], "nothing new");
    assert_eq!(recorded.recorded, 1, "nobody took it over, so what happened is worth knowing");
}

pub(crate) async fn a_row_taken_over_is_not_overwritten(w: &World) {
    w.people(1).await;
    let run = w.planned("mail").await;
    let slow = w.lease(NOW).await;
    w.begin(slow, run, NOW, 1).await;
    let later = NOW + MINUTE;
    w.store.lease_sweep(later).await.unwrap();
    let quick = w.lease(later).await;
    assert_eq!(w.begin(quick, run, later, 1).await, [id(run, 1)]);
    let refused = crate::life::rejected("policy", None);
    assert_eq!(w.record(slow, &[(id(run, 1), refused)], &[], later).await.recorded, 0);
    assert_eq!(w.states(run).await, ["1 sending"]);
    assert_eq!(w.record(quick, &[(id(run, 1), accepted())], &[], later).await.recorded, 1);
    assert_eq!(w.states(run).await, ["1 sent"]);
    assert_eq!(w.tallies(run).await, ["repeat 1", "sent 1"]);
    w.store.delivery_release(slow, &[id(run, 1)]).await.unwrap();
    assert_eq!(w.states(run).await, ["1 sent"]);
}

pub(crate) async fn a_sweep_resends_or_holds(w: &World) {
    w.people(3).await;
    let resend = w.planned("resend").await;
    let hold = w.run("hold", |run| run.on_uncertain = OnUncertain::Hold).await;
    w.plan(hold).await;
    let lease = w.lease(NOW).await;
    w.begin(lease, resend, NOW, 1).await;
    w.begin(lease, hold, NOW, 2).await;
    let taken = w.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakenOver { released: 0, resent: 1, held: 2, sent: 0 });
    assert_eq!(w.states(resend).await, ["1 queued", "2 queued", "3 queued"]);
    assert_eq!(w.states(hold).await, ["1 uncertain", "2 uncertain", "3 queued"]);
    assert_eq!(w.tallies(resend).await, ["repeat 1"]);
    assert_eq!(w.tallies(hold).await, ["uncertain 2"]);
    let attempts = w.texts("select outcome || ' ' || number || ' ' || answer from attempts").await;
    assert_eq!(attempts, vec!["unknown 1 the worker stopped before the answer"; 3]);
    let repeated = w.store.delivery_list(resend, None, true, DeliveryId(0), 10).await.unwrap();
    assert_eq!(repeated.iter().map(|row| (row.id, row.repeats)).collect::<Vec<_>>(), [(id(resend, 1), 1)]);
    assert_eq!(w.number("select count(*) from leases").await, 0);
    assert_eq!(w.store.lease_sweep(NOW + MINUTE).await.unwrap(), TakenOver::default());
}

pub(crate) async fn what_a_dead_worker_left_traces_of_is_known(w: &World) {
    w.people(6).await;
    let run = w.planned("mail").await;
    let hold = w.run("hold", |run| run.on_uncertain = OnUncertain::Hold).await;
    w.plan(hold).await;
    let (lease, other) = (w.lease(NOW).await, w.lease(NOW).await);
    w.begin(lease, run, NOW, 4).await;
    w.claim(lease, run, NOW, 1).await;
    w.begin(lease, hold, NOW, 2).await;
    w.begin(other, run, NOW, 1).await;
    let traces = Traces::from([
        ((id(run, 1), 1), Trace::Accepted),
        ((id(run, 2), 1), Trace::Out),
        ((id(run, 3), 1), Trace::Refused),
        // Of another try: it says nothing of this one.
        ((id(run, 4), 2), Trace::Accepted),
        ((id(hold, 1), 1), Trace::Out),
        // Of somebody else's.
        ((id(run, 6), 1), Trace::Accepted),
    ]);
    let taken = w.store.lease_take_over(lease, None, &traces, NOW + 1).await.unwrap();
    assert_eq!(taken, TakenOver { released: 4, resent: 1, held: 1, sent: 1 });
    assert_eq!(
        w.states(run).await,
        ["1 sent", "2 deferred", "3 queued", "4 queued", "5 queued", "6 sending"]
    );
    assert_eq!(w.states(hold).await[..2], ["1 uncertain", "2 queued"]);
    assert_eq!(w.tallies(run).await, ["repeat 1", "sent 1"]);
    assert_eq!(w.tallies(hold).await, ["uncertain 1"]);
    let tried = w.texts("select contact_id || ' ' || attempts from deliveries order by id").await;
    assert_eq!(tried[..6], ["1 1", "2 1", "3 0", "4 0", "5 0", "6 1"], "what was never sent was never tried");
    assert_eq!(w.store.lease_list().await.unwrap().iter().map(|l| l.id).collect::<Vec<_>>(), [other]);
    let again = w.store.lease_take_over(lease, None, &traces, NOW + 1).await.unwrap();
    assert_eq!(again, TakenOver::default(), "somebody was first");
    let late = w.record(lease, &[(id(run, 2), accepted())], &[id(run, 5)], NOW + 2).await;
    assert_eq!((late.recorded, late.granted), (0, vec![]));
    assert_eq!(w.begin(other, run, NOW + 1, 10).await.len(), 4, "they are due at once");
}

pub(crate) async fn what_is_looked_for_waits_for_the_other_side(w: &World) {
    w.people(2).await;
    let run = w.run("sms", |run| run.look_after = MINUTE).await;
    w.plan(run).await;
    let (known, unknown) = (w.lease(NOW).await, w.lease(NOW).await);
    w.begin(known, run, NOW, 1).await;
    w.begin(unknown, run, NOW, 1).await;
    let traces = Traces::from([((id(run, 1), 1), Trace::Out)]);
    w.store.lease_take_over(known, None, &traces, NOW).await.unwrap();
    w.store.lease_close(unknown, NOW).await.unwrap();
    assert_eq!(w.store.lease_sweep(NOW).await.unwrap().resent, 1);
    assert_eq!(w.states(run).await, ["1 deferred", "2 queued"]);
    let next = w.lease(NOW + MINUTE).await;
    assert_eq!(w.claim(next, run, NOW + MINUTE - 1, 2).await, []);
    assert_eq!(w.begin(next, run, NOW + MINUTE, 2).await.len(), 2);
    let unknown = Outcome::Unknown { retry_at: Some(NOW + 2 * MINUTE), answer: String::new() };
    w.record(next, &[(id(run, 1), unknown)], &[], NOW + MINUTE).await;
    assert_eq!(
        w.number("select due_at from deliveries where state = 'deferred'").await,
        (NOW + 3 * MINUTE).as_millisecond()
    );
}

pub(crate) async fn a_lease_that_was_renewed_in_the_last_moment_is_not_taken_over(w: &World) {
    w.people(1).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 1).await;
    // It had expired when somebody looked; its worker, which only slept, was quicker.
    assert!(w.store.lease_renew(lease, NOW + 2 * MINUTE).await.unwrap());
    let looked = NOW + MINUTE;
    let traces = Traces::new();
    let take = |expired_by| w.store.lease_take_over(lease, expired_by, &traces, looked);
    assert_eq!(take(Some(looked)).await.unwrap(), TakenOver::default());
    assert_eq!(w.states(run).await, ["1 sending"]);
    let late = w.record(lease, &[(id(run, 1), accepted())], &[], looked).await;
    assert_eq!(late.recorded, 1, "it goes on");
    assert_eq!(take(Some(NOW + 2 * MINUTE)).await.unwrap(), TakenOver::default(), "nothing was left");
    assert_eq!(w.number("select count(*) from leases").await, 0);
}

pub(crate) async fn a_sweep_leaves_the_living_alone(w: &World) {
    w.people(4).await;
    let run = w.planned("mail").await;
    let (dead, alive) = (w.lease(NOW).await, w.lease(NOW).await);
    w.begin(dead, run, NOW, 1).await;
    w.begin(alive, run, NOW, 1).await;
    w.claim(dead, run, NOW, 1).await;
    let mine = w.claim(alive, run, NOW, 1).await;
    assert!(w.store.lease_renew(alive, NOW + 2 * MINUTE).await.unwrap());
    let taken = w.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(taken, TakenOver { released: 1, resent: 1, held: 0, sent: 0 });
    assert_eq!(w.states(run).await, ["1 queued", "2 sending", "3 queued", "4 queued"]);
    let recorded = w.record(alive, &[(id(run, 2), accepted())], &[mine[0].id], NOW + MINUTE).await;
    assert_eq!((recorded.recorded, recorded.granted), (1, vec![id(run, 4)]));
}

pub(crate) async fn concurrent_claims_never_overlap(w: &World) {
    w.people(400).await;
    let run = w.planned("mail").await;
    let workers = (0..4).map(|_| {
        let store = w.store.clone();
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
    assert_eq!(different.len(), all.len(), "somebody was claimed twice");
    let lease = w.lease(NOW).await;
    let rest = w.claim(lease, run, NOW, 1_000).await.len();
    assert_eq!(all.len() + rest, 400, "somebody was passed over");
}

pub(crate) async fn closing_gives_back(w: &World) {
    w.people(3).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 1).await;
    w.claim(lease, run, NOW, 2).await;
    w.store.lease_close(lease, NOW).await.unwrap();
    let other = w.lease(NOW).await;
    assert_eq!(w.claim(other, run, NOW, 10).await.len(), 2);
    let taken = w.store.lease_sweep(NOW).await.unwrap();
    assert_eq!(
        taken,
        TakenOver { released: 0, resent: 1, held: 0, sent: 0 },
        "begun under a lease that was closed"
    );
}

pub(crate) async fn lease_numbers_never_repeat(w: &World) {
    let first = w.lease(NOW).await;
    w.store.lease_close(first, NOW).await.unwrap();
    let second = w.lease(NOW).await;
    w.store.lease_sweep(NOW + MINUTE).await.unwrap();
    let third = w.lease(NOW).await;
    assert!(first < second && second < third);
    assert!(!w.store.lease_renew(LeaseId(i64::MAX), NOW).await.unwrap());
}

/// Workers whose leases expire while they claim and begin, and a sweeper beside them: afterwards no row is in
/// the hands of a lease that is gone.
pub(crate) async fn a_sweep_during_claims_leaves_nothing_behind(w: &World) {
    w.people(200).await;
    let run = w.planned("mail").await;
    let sweeper = tokio::spawn({
        let store = w.store.clone();
        async move {
            for _ in 0..30 {
                store.lease_sweep(NOW + MINUTE).await.unwrap();
            }
        }
    });
    let workers = (0..3).map(|_| {
        let store = w.store.clone();
        tokio::spawn(async move {
            for _ in 0..15 {
                let lease = store.lease_open("worker", true, NOW, NOW + 30_000).await.unwrap();
                let claimed = store.delivery_claim(lease, run, NOW, 20).await.unwrap();
                let intents = claimed.iter().map(|claimed| claimed.id).take(10).collect();
                let record = store::Record { intents, ..store::Record::default() };
                store.delivery_record(lease, &record, NOW).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    sweeper.await.unwrap();
    w.store.lease_sweep(NOW + MINUTE).await.unwrap();
    assert_eq!(w.number("select count(*) from deliveries where lease_id is not null").await, 0);
    assert_eq!(w.number("select count(*) from deliveries where state = 'queued'").await, 200);
    let repeats = w.number("select sum(repeats) from deliveries").await;
    assert_eq!(w.number("select count from run_tallies where state = 'repeat'").await, repeats);
    assert_eq!(w.number("select count(*) from attempts").await, repeats);
}

/// A run that is cancelled while workers put its deliveries off: nothing is left to be sent in a run that is over.
pub(crate) async fn a_cancel_during_records_leaves_nothing_open(w: &World) {
    w.people(300).await;
    let run = w.planned("mail").await;
    let workers = (0..3).map(|_| {
        let store = w.store.clone();
        tokio::spawn(async move {
            let lease = store.lease_open("worker", true, NOW, NOW + MINUTE).await.unwrap();
            loop {
                let claimed = store.delivery_claim(lease, run, NOW, 5).await.unwrap();
                if claimed.is_empty() {
                    break;
                }
                let intents = claimed.iter().map(|claimed| claimed.id).collect();
                let begin = store::Record { intents, ..store::Record::default() };
                let begun = store.delivery_record(lease, &begin, NOW).await.unwrap().granted;
                let put_off =
                    |id| (id, Outcome::Deferred { until: NOW, answer: "451".to_owned(), soft: None });
                let end = store::Record {
                    outcomes: begun.into_iter().map(put_off).collect(),
                    ..store::Record::default()
                };
                store.delivery_record(lease, &end, NOW).await.unwrap();
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    while w.number("select count(*) from attempts").await < 20 {
        tokio::task::yield_now().await;
    }
    assert!(w.store.run_cancel(run, NOW).await.unwrap().is_some());
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(w.number("select count(*) from deliveries where state <> 'cancelled'").await, 0);
    assert_eq!(w.tallies(run).await, ["cancelled 300"]);
}

/// Waits until so many transactions wait for somebody's lock; they never will where nothing is locked.
pub(crate) async fn until_blocked(connection: &mut sqlx::PgConnection, count: i64) {
    let blocked = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let patience = std::time::Duration::from_secs(20);
    let wait = async {
        while sqlx::query_as::<_, (i64,)>(blocked).fetch_one(&mut *connection).await.unwrap().0 < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, wait).await.expect("nobody waits");
}

/// PostgreSQL only, because SQLite has one writer: an outcome that meets a cancellation half-way waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_waits_for_a_cancellation_under_way() {
    let w = World::postgres().await;
    w.people(2).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 1).await;
    let mut watch = sqlx::PgConnection::connect(&w.url).await.unwrap();
    let mut other = sqlx::PgConnection::connect(&w.url).await.unwrap();
    let mut cancellation = other.begin().await.unwrap();
    sqlx::query("update runs set state = 'cancelled'").execute(&mut *cancellation).await.unwrap();
    let put_off = store::Record {
        outcomes: vec![(id(run, 1), Outcome::Deferred { until: NOW, answer: "451".to_owned(), soft: None })],
        ..store::Record::default()
    };
    let record = tokio::spawn({
        let store = w.store.clone();
        async move { store.delivery_record(lease, &put_off, NOW).await.unwrap().recorded }
    });
    until_blocked(&mut watch, 1).await;
    cancellation.commit().await.unwrap();
    assert_eq!(record.await.unwrap(), 1);
    assert_eq!(w.states(run).await, ["1 cancelled", "2 queued"]);
}

/// PostgreSQL only: of two transactions that wait for each other one is ended; the store begins it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlocked_record_is_begun_again() {
    let w = World::postgres().await;
    // Whoever sends to the first row waits at a gate with that row in hand; and the store's transactions look for
    // a deadlock at once, which is once.
    w.write("do $$ begin execute format('alter database %I set deadlock_timeout = 10', current_database()); end $$").await;
    w.write("create function gate() returns trigger as 'begin perform pg_advisory_xact_lock(7); return new; end' language plpgsql").await;
    w.write("create trigger gate before update on deliveries for each row when (new.contact_id = 1 and new.state = 'sent') execute function gate()").await;
    let store = store::Store::open(&w.url).await.unwrap();
    w.people(2).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 2).await;
    let mut gate = sqlx::PgConnection::connect(&w.url).await.unwrap();
    sqlx::query("select pg_advisory_lock(7)").execute(&mut gate).await.unwrap();
    let mut rival = sqlx::PgConnection::connect(&w.url).await.unwrap();
    sqlx::query("set deadlock_timeout = '1h'").execute(&mut rival).await.unwrap();
    sqlx::query("begin").execute(&mut rival).await.unwrap();
    let lock = "select id from deliveries where contact_id = $1 for update";
    sqlx::query(lock).bind(2_i64).execute(&mut rival).await.unwrap();

    let both = store::Record {
        outcomes: vec![(id(run, 1), accepted()), (id(run, 2), accepted())],
        ..store::Record::default()
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
    assert_eq!(w.states(run).await, ["1 sent", "2 sent"]);
    assert_eq!(w.figures().await, ["mail sent 2", "mail cost CNY 2 2000"]);
    // The server counts a moment later that one was ended.
    let ended = "select cast(deadlocks as text) from pg_stat_database where datname = current_database()";
    while w.texts(ended).await == ["0"] {
        tokio::task::yield_now().await;
    }
}
