//! Tests of full and closed mailboxes, and of runs that their stop rules pause.

use store::{
    AddressKind, EventKind, Millis, NewContact, Outcome, Rejection, RunFigures, RunId, RunState, SoftBounce,
    SuppressionReason,
};

use crate::fixture::{DAY, HOUR, MINUTE, NOW, StoreFixture, accepted, event, id, person};
use crate::lifecycle::rejected;

fn full() -> Outcome {
    let answer = "452 4.2.2 mailbox full".to_owned();
    Outcome::Deferred { until: NOW, answer, soft: Some(SoftBounce::Full) }
}

fn closed() -> Outcome {
    let (reason, answer) = ("inactive".to_owned(), "550 5.2.1 disabled".to_owned());
    Outcome::Rejected(Rejection { reason, answer, suppress: None, soft: Some(SoftBounce::Inactive) })
}

/// Begins a run at `at` to all contacts and records this outcome for contact `n` only.
async fn run_at(f: &StoreFixture, at: Millis, n: i64, outcome: Outcome) -> RunId {
    let run = f.run("mail", |run| (run.instant, run.expires_at) = (at, at + DAY)).await;
    f.plan(run).await;
    let lease = f.lease(at).await;
    f.begin(lease, run, at, 100).await;
    f.record(lease, &[(id(run, n), outcome)], &[], at).await;
    run
}

/// The reason and source of an address's suppression, such as `bounced mailbox full, 4 times`.
async fn suppression_of(f: &StoreFixture, address: &str) -> Option<String> {
    let row = f.store.suppression_get(AddressKind::Email, address).await.unwrap()?;
    Some(format!("{} {}", row.reason, row.source))
}

async fn counted(f: &StoreFixture) -> Vec<String> {
    f.texts("select contact_id || ' ' || cause || ' ' || count from soft_bounces order by contact_id, cause")
        .await
}

pub(crate) async fn a_full_mailbox_is_suppressed_after_a_week(f: &StoreFixture) {
    f.people(2).await;
    for (at, count) in [(0, 1), (HOUR, 1), (23 * HOUR, 1), (DAY, 2), (2 * DAY, 3), (3 * DAY, 4), (4 * DAY, 5)]
    {
        run_at(f, NOW + at, 1, full()).await;
        assert_eq!(counted(f).await, [format!("1 full {count}")], "after {at} ms");
    }
    assert_eq!(suppression_of(f, "p1@example.com").await, None, "it may have been a holiday");
    run_at(f, NOW + 7 * DAY - 1, 1, full()).await;
    assert_eq!(suppression_of(f, "p1@example.com").await, None);
    run_at(f, NOW + 8 * DAY, 1, full()).await;
    let why = suppression_of(f, "p1@example.com").await;
    assert_eq!(why.as_deref(), Some("bounced mailbox full, 7 times"));
    assert!(counted(f).await.is_empty(), "an address that is allowed again starts a new count");
    assert_eq!(suppression_of(f, "p2@example.com").await, None);
}

pub(crate) async fn a_closed_mailbox_is_suppressed_the_second_time(f: &StoreFixture) {
    f.people(2).await;
    run_at(f, NOW, 1, closed()).await;
    assert_eq!(suppression_of(f, "p1@example.com").await, None);
    let run = run_at(f, NOW + HOUR, 1, closed()).await;
    assert_eq!(
        suppression_of(f, "p1@example.com").await.as_deref(),
        Some("bounced mailbox inactive, 2 times")
    );
    assert_eq!(f.tallies(run).await, ["failed inactive 1"]);
}

pub(crate) async fn an_accepted_delivery_clears_the_count(f: &StoreFixture) {
    f.people(2).await;
    run_at(f, NOW, 1, closed()).await;
    run_at(f, NOW + 1, 2, full()).await;
    run_at(f, NOW + HOUR, 1, accepted()).await;
    assert_eq!(counted(f).await, ["2 full 1"]);
    run_at(f, NOW + 2 * HOUR, 1, closed()).await;
    assert_eq!(suppression_of(f, "p1@example.com").await, None);
}

pub(crate) async fn another_address_starts_a_new_count(f: &StoreFixture) {
    let named = |email: &str| NewContact { external_id: Some("one".to_owned()), ..person(email) };
    f.store.contact_upsert(&[named("old@example.com")], NOW).await.unwrap();
    run_at(f, NOW, 1, closed()).await;
    f.store.contact_upsert(&[named("new@example.com")], NOW).await.unwrap();
    run_at(f, NOW + HOUR, 1, closed()).await;
    assert_eq!(counted(f).await, ["1 inactive 1"]);
    assert_eq!(suppression_of(f, "new@example.com").await, None);
    assert_eq!(suppression_of(f, "old@example.com").await, None);
}

pub(crate) async fn a_soft_bounce_counts_once_and_only_when_recorded(f: &StoreFixture) {
    f.people(1).await;
    let lease = f.lease(NOW).await;
    let runs = [f.planned("mail").await, f.planned("other").await];
    for run in runs {
        assert_eq!(f.begin(lease, run, NOW, 10).await.len(), 1);
    }
    let stranger = f.lease(NOW).await;
    f.record(stranger, &[(id(runs[0], 1), closed())], &[], NOW).await;
    assert!(counted(f).await.is_empty());
    let both = [(id(runs[0], 1), full()), (id(runs[1], 1), closed())];
    f.record(lease, &both, &[], NOW).await;
    assert_eq!(counted(f).await, ["1 full 1", "1 inactive 1"]);
    assert_eq!(f.record(lease, &both, &[], NOW).await.recorded, 0);
    assert_eq!(counted(f).await, ["1 full 1", "1 inactive 1"]);
    let feed = f.run("feed", |_| {}).await;
    f.store.run_plan(feed, &store::RecipientSource::Feed { due_at: NOW }, NOW).await.unwrap();
    let claimed = f.store.delivery_claim(lease, feed, NOW, 1).await.unwrap();
    f.record(lease, &[], &[claimed[0].id], NOW).await;
    f.record(lease, &[(claimed[0].id, full())], &[], NOW).await;
    assert_eq!(counted(f).await, ["1 full 1", "1 inactive 1"], "a feed has no mailbox");
}

pub(crate) async fn a_paused_run_stores_its_figures(f: &StoreFixture) {
    f.people(7).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 10).await;
    let outcomes = [
        (id(run, 1), accepted()),
        (id(run, 2), accepted()),
        (id(run, 3), rejected("bad_address", Some(SuppressionReason::Bounced))),
        (id(run, 4), closed()),
        (id(run, 5), rejected("policy", None)),
        (id(run, 6), rejected("too_big", None)),
        (id(run, 7), rejected("render", None)),
    ];
    f.record(lease, &outcomes, &[], NOW).await;
    let back = [(EventKind::Bounced, 1), (EventKind::Complained, 2), (EventKind::Complained, 2)];
    let back = back.map(|(kind, n)| event(kind, id(run, n), NOW + MINUTE));
    f.store.event_record(&back, NOW + MINUTE).await.unwrap();
    let at = f.get(run).await;
    let figures = RunFigures { sent: 2, tried: 6, bounced: 3, complained: 1, refused: 1, too_big: 1 };
    assert_eq!(at.figures(), figures);
    assert!(at.tallies.iter().all(|tally| !matches!(tally.state.as_str(), "bounced" | "complained")));
    assert_eq!((at.feedback.bounced, at.feedback.complained), (1, 1));
    assert_eq!(f.store.run_answer(run, "bad_address").await.unwrap(), "550 5.1.1 no such user");
    assert_eq!(f.store.run_answer(run, "expired").await.unwrap(), "");

    assert!(f.store.run_stop(run, "enough", &figures).await.unwrap());
    assert!(!f.store.run_stop(run, "again", &figures).await.unwrap(), "it is paused already");
    let stopped = f.get(run).await;
    assert_eq!((stopped.state, stopped.note.as_deref()), (RunState::Paused, Some("enough")));
    assert_eq!(stopped.stopped, Some(figures));
    // An answer that arrives after the pause.
    let late = event(EventKind::Complained, id(run, 1), NOW + 2 * MINUTE);
    f.store.event_record(&[late], NOW + 2 * MINUTE).await.unwrap();
    assert!(f.store.run_resume(run).await.unwrap());
    let figures = RunFigures { complained: 2, ..figures };
    let resumed = f.get(run).await;
    assert_eq!((resumed.state, resumed.note, resumed.stopped), (RunState::Running, None, Some(figures)));

    assert_eq!(f.store.run_retry(run, NOW + HOUR).await.unwrap(), 5);
    let again = f.get(run).await;
    let left = RunFigures { sent: 2, tried: 2, bounced: 1, complained: 2, ..RunFigures::default() };
    assert_eq!((again.figures(), again.stopped), (left, Some(left)), "retried deliveries do not count");
}

pub(crate) async fn an_interrupted_cancellation_continues(f: &StoreFixture) {
    f.people(5).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 1).await;
    // The first half of a cancellation.
    f.write(&format!("update runs set state = 'cancelled' where id = {run}")).await;
    assert_eq!(f.claim(lease, run, NOW, 10).await, []);
    assert_eq!(f.store.run_finish(NOW).await.unwrap(), []);
    assert_eq!(f.store.run_retry(run, NOW).await.unwrap(), 0, "it has not ended");
    assert!(f.store.run_live().await.unwrap().iter().any(|live| live.id == run), "it is still a live run");
    assert_eq!(f.store.run_cancel_more(run, None, NOW + 1).await.unwrap(), None);
    let ended = f.get(run).await;
    assert_eq!((ended.state, ended.finished_at), (RunState::Cancelled, Some(NOW + 1)));
    assert_eq!(f.tallies(run).await, ["cancelled 4"]);
    assert_eq!(f.store.run_cancel_more(run, None, NOW + 2).await.unwrap(), None);
    f.record(lease, &[(begun[0], accepted())], &[], NOW + 3).await;
    assert_eq!(f.tallies(run).await, ["cancelled 4", "sent 1"]);
    let other = f.planned("other").await;
    assert_eq!(f.store.run_cancel_more(other, None, NOW).await.unwrap(), None, "it was not cancelled");
    assert_eq!(f.get(other).await.state, RunState::Running);
}
