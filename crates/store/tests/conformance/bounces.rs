//! Mailboxes that are full or closed, and runs that stop themselves.

use store::{
    AddressKind, EventKind, Figures, Millis, NewContact, Outcome, Rejection, RunId, RunState, SoftBounce,
    SuppressionReason,
};

use crate::life::rejected;
use crate::world::{DAY, HOUR, MINUTE, NOW, World, accepted, event, id, person};

fn full() -> Outcome {
    let answer = "452 4.2.2 mailbox full".to_owned();
    Outcome::Deferred { until: NOW, answer, soft: Some(SoftBounce::Full) }
}

fn closed() -> Outcome {
    let (reason, answer) = ("inactive".to_owned(), "550 5.2.1 disabled".to_owned());
    Outcome::Rejected(Rejection { reason, answer, suppress: None, soft: Some(SoftBounce::Inactive) })
}

/// A run at `at` to everybody, in which contact `n` came to this, and the others to nothing.
async fn run_at(w: &World, at: Millis, n: i64, outcome: Outcome) -> RunId {
    let run = w.run("mail", |run| (run.instant, run.expires_at) = (at, at + DAY)).await;
    w.plan(run).await;
    let lease = w.lease(at).await;
    w.begin(lease, run, at, 100).await;
    w.record(lease, &[(id(run, n), outcome)], &[], at).await;
    run
}

/// Why an address may not be written to, if so: `bounced mailbox full, 4 times`.
async fn held_against(w: &World, address: &str) -> Option<String> {
    let row = w.store.suppression_get(AddressKind::Email, address).await.unwrap()?;
    Some(format!("{} {}", row.reason, row.source))
}

async fn counted(w: &World) -> Vec<String> {
    w.texts("select contact_id || ' ' || cause || ' ' || count from soft_bounces order by contact_id, cause")
        .await
}

pub(crate) async fn a_full_mailbox_is_given_up_after_a_week(w: &World) {
    w.people(2).await;
    for (at, count) in [(0, 1), (HOUR, 1), (23 * HOUR, 1), (DAY, 2), (2 * DAY, 3), (3 * DAY, 4), (4 * DAY, 5)]
    {
        run_at(w, NOW + at, 1, full()).await;
        assert_eq!(counted(w).await, [format!("1 full {count}")], "after {at} ms");
    }
    assert_eq!(held_against(w, "p1@example.com").await, None, "it may have been a holiday");
    run_at(w, NOW + 7 * DAY - 1, 1, full()).await;
    assert_eq!(held_against(w, "p1@example.com").await, None);
    run_at(w, NOW + 8 * DAY, 1, full()).await;
    let why = held_against(w, "p1@example.com").await;
    assert_eq!(why.as_deref(), Some("bounced mailbox full, 7 times"));
    assert!(counted(w).await.is_empty(), "whoever is let back in begins anew");
    assert_eq!(held_against(w, "p2@example.com").await, None);
}

pub(crate) async fn a_closed_mailbox_is_given_up_the_second_time(w: &World) {
    w.people(2).await;
    run_at(w, NOW, 1, closed()).await;
    assert_eq!(held_against(w, "p1@example.com").await, None);
    let run = run_at(w, NOW + HOUR, 1, closed()).await;
    assert_eq!(held_against(w, "p1@example.com").await.as_deref(), Some("bounced mailbox inactive, 2 times"));
    assert_eq!(w.tallies(run).await, ["failed inactive 1"]);
}

pub(crate) async fn what_arrives_clears_the_count(w: &World) {
    w.people(2).await;
    run_at(w, NOW, 1, closed()).await;
    run_at(w, NOW + 1, 2, full()).await;
    run_at(w, NOW + HOUR, 1, accepted()).await;
    assert_eq!(counted(w).await, ["2 full 1"]);
    run_at(w, NOW + 2 * HOUR, 1, closed()).await;
    assert_eq!(held_against(w, "p1@example.com").await, None);
}

pub(crate) async fn another_address_begins_anew(w: &World) {
    let named = |email: &str| NewContact { external_id: Some("one".to_owned()), ..person(email) };
    w.store.contact_upsert(&[named("old@example.com")], NOW).await.unwrap();
    run_at(w, NOW, 1, closed()).await;
    w.store.contact_upsert(&[named("new@example.com")], NOW).await.unwrap();
    run_at(w, NOW + HOUR, 1, closed()).await;
    assert_eq!(counted(w).await, ["1 inactive 1"]);
    assert_eq!(held_against(w, "new@example.com").await, None);
    assert_eq!(held_against(w, "old@example.com").await, None);
}

pub(crate) async fn a_soft_bounce_counts_once_and_only_when_recorded(w: &World) {
    w.people(1).await;
    let lease = w.lease(NOW).await;
    let runs = [w.planned("mail").await, w.planned("other").await];
    for run in runs {
        assert_eq!(w.begin(lease, run, NOW, 10).await.len(), 1);
    }
    let stranger = w.lease(NOW).await;
    w.record(stranger, &[(id(runs[0], 1), closed())], &[], NOW).await;
    assert!(counted(w).await.is_empty());
    let both = [(id(runs[0], 1), full()), (id(runs[1], 1), closed())];
    w.record(lease, &both, &[], NOW).await;
    assert_eq!(counted(w).await, ["1 full 1", "1 inactive 1"]);
    assert_eq!(w.record(lease, &both, &[], NOW).await.recorded, 0);
    assert_eq!(counted(w).await, ["1 full 1", "1 inactive 1"]);
    let feed = w.run("feed", |_| {}).await;
    w.store.run_plan(feed, &store::Planned::Feed { due_at: NOW }, NOW).await.unwrap();
    let claimed = w.store.delivery_claim(lease, feed, NOW, 1).await.unwrap();
    w.record(lease, &[], &[claimed[0].id], NOW).await;
    w.record(lease, &[(claimed[0].id, full())], &[], NOW).await;
    assert_eq!(counted(w).await, ["1 full 1", "1 inactive 1"], "a feed has no mailbox");
}

pub(crate) async fn a_run_knows_what_it_came_to(w: &World) {
    w.people(7).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 10).await;
    let outcomes = [
        (id(run, 1), accepted()),
        (id(run, 2), accepted()),
        (id(run, 3), rejected("bad_address", Some(SuppressionReason::Bounced))),
        (id(run, 4), closed()),
        (id(run, 5), rejected("policy", None)),
        (id(run, 6), rejected("too_big", None)),
        (id(run, 7), rejected("render", None)),
    ];
    w.record(lease, &outcomes, &[], NOW).await;
    let back = [(EventKind::Bounced, 1), (EventKind::Complained, 2), (EventKind::Complained, 2)];
    let back = back.map(|(kind, n)| event(kind, id(run, n), NOW + MINUTE));
    w.store.event_record(&back, NOW + MINUTE).await.unwrap();
    let at = w.get(run).await;
    let figures = Figures { sent: 2, tried: 6, bounced: 3, complained: 1, refused: 1, too_big: 1 };
    assert_eq!(at.figures(), figures);
    assert!(at.tallies.iter().all(|tally| !matches!(tally.state.as_str(), "bounced" | "complained")));
    assert_eq!((at.came_back.bounced, at.came_back.complained), (1, 1));
    assert_eq!(w.store.run_answer(run, "bad_address").await.unwrap(), "550 5.1.1 no such user");
    assert_eq!(w.store.run_answer(run, "expired").await.unwrap(), "");

    assert!(w.store.run_stop(run, "enough", &figures).await.unwrap());
    assert!(!w.store.run_stop(run, "again", &figures).await.unwrap(), "it is paused already");
    let stopped = w.get(run).await;
    assert_eq!((stopped.state, stopped.note.as_deref()), (RunState::Paused, Some("enough")));
    assert_eq!(stopped.stopped, Some(figures));
    // An answer that was under way when it stopped.
    let late = event(EventKind::Complained, id(run, 1), NOW + 2 * MINUTE);
    w.store.event_record(&[late], NOW + 2 * MINUTE).await.unwrap();
    assert!(w.store.run_resume(run).await.unwrap());
    let figures = Figures { complained: 2, ..figures };
    let resumed = w.get(run).await;
    assert_eq!((resumed.state, resumed.note, resumed.stopped), (RunState::Running, None, Some(figures)));

    assert_eq!(w.store.run_retry(run, NOW + HOUR).await.unwrap(), 5);
    let again = w.get(run).await;
    let left = Figures { sent: 2, tried: 2, bounced: 1, complained: 2, ..Figures::default() };
    assert_eq!((again.figures(), again.stopped), (left, Some(left)), "what is tried again counts anew");
}

pub(crate) async fn a_cancellation_that_was_cut_short_goes_on(w: &World) {
    w.people(5).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    let begun = w.begin(lease, run, NOW, 1).await;
    // The first half of a cancellation.
    w.write(&format!("update runs set state = 'cancelled' where id = {run}")).await;
    assert_eq!(w.claim(lease, run, NOW, 10).await, []);
    assert_eq!(w.store.run_finish(NOW).await.unwrap(), []);
    assert_eq!(w.store.run_retry(run, NOW).await.unwrap(), 0, "it has not ended");
    assert!(w.store.run_live().await.unwrap().iter().any(|live| live.id == run), "somebody must see it");
    assert_eq!(w.store.run_cancel_more(run, None, NOW + 1).await.unwrap(), None);
    let ended = w.get(run).await;
    assert_eq!((ended.state, ended.finished_at), (RunState::Cancelled, Some(NOW + 1)));
    assert_eq!(w.tallies(run).await, ["cancelled 4"]);
    assert_eq!(w.store.run_cancel_more(run, None, NOW + 2).await.unwrap(), None);
    w.record(lease, &[(begun[0], accepted())], &[], NOW + 3).await;
    assert_eq!(w.tallies(run).await, ["cancelled 4", "sent 1"]);
    let other = w.planned("other").await;
    assert_eq!(w.store.run_cancel_more(other, None, NOW).await.unwrap(), None, "it was not cancelled");
    assert_eq!(w.get(other).await.state, RunState::Running);
}
