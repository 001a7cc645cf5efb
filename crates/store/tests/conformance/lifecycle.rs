//! Tests of a run's life from plan to end: outcomes, pauses, cancellation, retry, conditions and
//! expiry.

use campaign::OnUncertain;
use schedule::{Condition, Reaction};
use store::{
    AddressKind, ContactId, DeliveryId, DeliveryState, EventKind, Outcome, RecipientAddress, RecipientSource,
    Rejection, RunState, Suppression, SuppressionReason,
};

use crate::fixture::{DAY, HOUR, MINUTE, NOW, StoreFixture, accepted, event, id};

pub(crate) async fn from_plan_to_finish(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    assert_eq!(f.states(run).await, ["1 queued", "2 queued", "3 queued"]);
    let before = f.get(run).await;
    assert_eq!((before.state, before.total, before.planned_at), (RunState::Running, 3, Some(NOW)));
    assert_eq!(before.started_at, None);

    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW + 5, 2).await;
    assert_eq!(claimed.iter().map(|c| c.id).collect::<Vec<_>>(), [id(run, 1), id(run, 2)]);
    assert_eq!(claimed[0].contact.as_ref().unwrap().email.as_deref(), Some("p1@example.com"));
    assert_eq!((claimed[0].attempts, claimed[0].scheduled_at), (0, NOW));
    assert_eq!(f.get(run).await.started_at, Some(NOW + 5));
    assert_eq!(f.states(run).await, ["1 queued", "2 queued", "3 queued"], "a claim begins nothing");

    let first = f.record(lease, &[], &[id(run, 1), id(run, 2)], NOW + 6).await;
    assert_eq!(first.granted, [id(run, 1), id(run, 2)]);
    assert_eq!(f.states(run).await, ["1 sending", "2 sending", "3 queued"]);

    let rest = f.claim(lease, run, NOW + 7, 10).await;
    let outcomes = [(id(run, 1), accepted()), (id(run, 2), accepted())];
    let second = f.record(lease, &outcomes, &[rest[0].id], NOW + 8).await;
    assert_eq!((second.granted, second.recorded), (vec![id(run, 3)], 2));
    assert_eq!(f.store.run_finish(NOW + 9).await.unwrap(), [], "one is still under way");

    f.record(lease, &[(id(run, 3), accepted())], &[], NOW + 10).await;
    assert_eq!(f.states(run).await, ["1 sent", "2 sent", "3 sent"]);
    assert_eq!(f.store.run_finish(NOW + 11).await.unwrap(), [run]);
    assert_eq!(f.store.run_finish(NOW + 12).await.unwrap(), []);
    let after = f.get(run).await;
    assert_eq!((after.state, after.finished_at), (RunState::Finished, Some(NOW + 11)));
    assert_eq!(f.tallies(run).await, ["sent 3"]);
    assert_eq!(f.figures().await, ["mail sent 3", "mail cost CNY 3 3000"]);
    let row = &f.store.delivery_list(run, None, false, id(run, 2), 10).await.unwrap()[0];
    assert_eq!((row.sent_at, row.answer.as_deref(), row.attempts), (Some(NOW + 10), Some("250 ok"), 1));
}

pub(crate) fn rejected(reason: &str, suppress: Option<SuppressionReason>) -> Outcome {
    let answer = "550 5.1.1 no such user".to_owned();
    Outcome::Rejected(Rejection { reason: reason.to_owned(), answer, suppress, soft: None })
}

pub(crate) async fn every_outcome(f: &StoreFixture) {
    f.people(5).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 10).await;
    let outcomes = [
        (id(run, 1), accepted()),
        (id(run, 2), Outcome::Deferred { until: NOW + HOUR, answer: "451 later".to_owned(), soft: None }),
        (id(run, 3), rejected("bad_address", Some(SuppressionReason::Bounced))),
        (id(run, 4), Outcome::Unknown { retry_at: Some(NOW + MINUTE), answer: "broken pipe".to_owned() }),
        (id(run, 5), Outcome::Returned { answer: "no connection".to_owned() }),
    ];
    assert_eq!(f.record(lease, &outcomes, &[], NOW + 1).await.recorded, 5);
    assert_eq!(
        f.states(run).await,
        ["1 sent", "2 deferred", "3 failed bad_address", "4 deferred", "5 queued"]
    );
    assert_eq!(f.tallies(run).await, ["failed bad_address 1", "repeat 1", "sent 1"]);
    assert_eq!(f.figures().await, ["mail sent 1", "mail failed 1", "mail cost CNY 1 1000"]);

    let rows = f.store.delivery_list(run, None, false, DeliveryId(0), 10).await.unwrap();
    let columns: Vec<_> = rows.iter().map(|row| (row.due_at, row.attempts, row.repeats)).collect();
    assert_eq!(
        columns,
        [
            (None, 1, 0),
            (Some(NOW + HOUR), 1, 0),
            (None, 1, 0),
            (Some(NOW + MINUTE), 1, 1),
            (Some(NOW + 1), 0, 0)
        ]
    );
    let attempts = "select (delivery_id % 100) || ' ' || number || ' ' || outcome || ' ' || answer from attempts order by id";
    assert_eq!(
        f.texts(attempts).await,
        [
            format!("{} 1 deferred 451 later", id(run, 2).0 % 100),
            format!("{} 1 rejected 550 5.1.1 no such user", id(run, 3).0 % 100),
            format!("{} 1 unknown broken pipe", id(run, 4).0 % 100)
        ]
    );
    let row = f.store.suppression_get(AddressKind::Email, "p3@example.com").await.unwrap().unwrap();
    assert_eq!((row.reason, row.source.as_str()), (SuppressionReason::Bounced, "smtp 550 5.1.1"));
    assert_eq!(
        f.store.delivery_list(run, None, true, DeliveryId(0), 10).await.unwrap().len(),
        1,
        "one repeat"
    );

    // A deferred delivery is claimed again when it is due.
    assert_eq!(f.begin(lease, run, NOW + 2, 10).await, [id(run, 5)]);
    assert_eq!(f.begin(lease, run, NOW + MINUTE - 30_001, 10).await, []);
    let lease = f.lease(NOW + HOUR).await;
    assert_eq!(f.begin(lease, run, NOW + HOUR, 10).await, [id(run, 4), id(run, 2)], "earliest first");
    let rows = f.store.delivery_list(run, None, false, DeliveryId(0), 10).await.unwrap();
    assert_eq!(rows[1].attempts, 2);

    // The outcome is unknown, and the step says hold.
    let held = f.run("hold", |run| run.on_uncertain = OnUncertain::Hold).await;
    f.plan(held).await;
    f.begin(lease, held, NOW + HOUR, 1).await;
    let unknown = Outcome::Unknown { retry_at: Some(NOW + HOUR), answer: String::new() };
    f.record(lease, &[(id(held, 1), unknown)], &[], NOW + HOUR).await;
    assert_eq!(f.states(held).await[0], "1 uncertain");
    assert_eq!(f.tallies(held).await, ["suppressed bounced 1", "uncertain 1"]);

    // The outcome is unknown, and a second try could not find out either: a person decides,
    // whatever the step says.
    let undecided = f.run("undecided", |run| run.on_uncertain = OnUncertain::Resend).await;
    f.plan(undecided).await;
    f.begin(lease, undecided, NOW + HOUR, 1).await;
    let doubtful = Outcome::Unknown { retry_at: None, answer: "403 not yours to read".to_owned() };
    f.record(lease, &[(id(undecided, 1), doubtful)], &[], NOW + HOUR).await;
    assert_eq!(f.states(undecided).await[0], "1 uncertain");
}

pub(crate) async fn outcomes_of_one_delivery(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 1).await;
    let twice = [(id(run, 1), accepted()), (id(run, 1), rejected("policy", None))];
    assert_eq!(f.record(lease, &twice, &[], NOW).await.recorded, 1);
    assert_eq!(f.record(lease, &twice, &[], NOW).await.recorded, 0, "it has ended");
    let stranger = [(id(run, 2), accepted()), (DeliveryId(7), accepted()), (DeliveryId(-1), accepted())];
    assert_eq!(f.record(lease, &stranger, &[id(run, 2), DeliveryId(i64::MAX)], NOW).await.recorded, 0);
    assert_eq!(f.states(run).await, ["1 sent", "2 queued"]);
    assert_eq!(f.tallies(run).await, ["sent 1"]);
    assert_eq!(f.figures().await, ["mail sent 1", "mail cost CNY 1 1000"]);
}

pub(crate) async fn pause_and_resume(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 1).await;
    assert!(f.store.run_pause(run, "too many complaints").await.unwrap());
    assert!(!f.store.run_pause(run, "again").await.unwrap());
    let paused = f.get(run).await;
    assert_eq!((paused.state, paused.note.as_deref()), (RunState::Paused, Some("too many complaints")));
    assert_eq!(f.claim(lease, run, NOW, 10).await, []);
    assert_eq!(f.record(lease, &[], &[claimed[0].id], NOW).await.granted, []);
    assert_eq!(f.store.run_finish(NOW).await.unwrap(), []);

    assert!(f.store.run_resume(run).await.unwrap());
    assert!(!f.store.run_resume(run).await.unwrap());
    assert_eq!(f.get(run).await.state, RunState::Running);
    let other = f.lease(NOW).await;
    assert_eq!(f.claim(other, run, NOW, 10).await.len(), 2, "the paused worker's row went back");

    assert!(f.store.run_note(run, "slow today").await.unwrap());
    assert!(!f.store.run_note(run, "slow today").await.unwrap(), "the same note");
    let noted = f.get(run).await;
    assert_eq!((noted.state, noted.note.as_deref()), (RunState::Running, Some("slow today")));

    let planned = f.run("later", |_| {}).await;
    assert!(f.store.run_pause(planned, "wait").await.unwrap());
    assert_eq!(f.plan(planned).await, 0);
    assert!(f.store.run_resume(planned).await.unwrap());
    assert_eq!(f.get(planned).await.state, RunState::Planned);
    assert_eq!(f.plan(planned).await, 2);
}

pub(crate) async fn cancel_in_mid_flight(f: &StoreFixture) {
    f.people(7).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 5).await;
    let claimed = f.claim(lease, run, NOW, 1).await;
    assert_eq!(f.store.run_cancel(run, NOW + 1).await.unwrap(), Some(2), "one claimed, one queued");
    assert_eq!(f.store.run_cancel(run, NOW + 1).await.unwrap(), None);
    let cancelled = f.get(run).await;
    assert_eq!((cancelled.state, cancelled.finished_at), (RunState::Cancelled, Some(NOW + 1)));
    assert_eq!(f.record(lease, &[], &[claimed[0].id], NOW + 2).await.granted, []);

    // Begun deliveries finish, and nothing is sent again.
    let outcomes = [
        (begun[0], accepted()),
        (begun[1], Outcome::Deferred { until: NOW + HOUR, answer: "451".to_owned(), soft: None }),
        (begun[2], Outcome::Unknown { retry_at: Some(NOW + HOUR), answer: "gone".to_owned() }),
        (begun[3], Outcome::Returned { answer: "gone".to_owned() }),
    ];
    assert_eq!(f.record(lease, &outcomes, &[], NOW + 3).await.recorded, 4);
    f.store.lease_sweep(NOW + HOUR).await.unwrap();
    assert_eq!(
        f.states(run).await,
        ["1 sent", "2 cancelled", "3 uncertain", "4 cancelled", "5 uncertain", "6 cancelled", "7 cancelled"]
    );
    assert_eq!(f.tallies(run).await, ["cancelled 4", "sent 1", "uncertain 2"]);
    assert_eq!(f.number("select count(*) from deliveries where due_at is not null").await, 0);
    assert!(!f.store.run_resume(run).await.unwrap());
}

pub(crate) async fn retry_queues_exactly_the_failed(f: &StoreFixture) {
    f.people(4).await;
    let run = f.run("mail", |run| run.on_uncertain = OnUncertain::Hold).await;
    f.plan(run).await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 10).await;
    let outcomes = [
        (id(run, 1), accepted()),
        (id(run, 2), rejected("policy", None)),
        (id(run, 3), rejected("too_big", None)),
        (id(run, 4), Outcome::Unknown { retry_at: Some(NOW), answer: String::new() }),
    ];
    f.record(lease, &outcomes, &[], NOW).await;
    assert_eq!(f.store.run_finish(NOW).await.unwrap(), [run]);
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures);

    let later = NOW + 3 * DAY;
    assert_eq!(f.store.run_retry(run, later).await.unwrap(), 3);
    let retried = f.get(run).await;
    assert_eq!((retried.state, retried.finished_at), (RunState::Running, None));
    assert_eq!(retried.expires_at, later + 2 * DAY, "as long again as the first time");
    assert_eq!(f.states(run).await, ["1 sent", "2 queued", "3 queued", "4 queued"]);
    assert_eq!(f.tallies(run).await, ["repeat 1", "sent 1"]);
    assert_eq!(f.figures().await, ["mail sent 1", "mail cost CNY 1 1000"]);
    f.send_all(run, later).await;
    assert_eq!(f.store.run_finish(later).await.unwrap(), [run]);
    assert_eq!(f.get(run).await.state, RunState::Finished);
    assert_eq!(f.tallies(run).await, ["repeat 1", "sent 4"]);
    assert_eq!(f.store.run_retry(run, later).await.unwrap(), 0);
    assert_eq!(f.get(run).await.state, RunState::Finished, "nothing to retry, nothing changed");
}

pub(crate) async fn suppressed_between_claim_and_intent(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 10).await;
    f.store.suppression_add(&[suppression("p1@example.com")]).await.unwrap();
    let mut no = crate::fixture::person("p2@example.com");
    no.consent = Some(store::Consent::No);
    f.store.contact_upsert(&[no], NOW).await.unwrap();
    let intents: Vec<_> = claimed.iter().map(|c| c.id).collect();
    assert_eq!(f.record(lease, &[], &intents, NOW).await.granted, [id(run, 3)]);
    assert_eq!(f.states(run).await, ["1 suppressed unsubscribed", "2 suppressed no_consent", "3 sending"]);
    assert_eq!(f.tallies(run).await, ["suppressed no_consent 1", "suppressed unsubscribed 1"]);
    assert_eq!(f.figures().await, ["mail suppressed 2"]);
}

pub(crate) fn suppression(address: &str) -> Suppression {
    Suppression {
        kind: AddressKind::Email,
        address: address.to_owned(),
        reason: SuppressionReason::Unsubscribed,
        source: "one-click".to_owned(),
        created_at: NOW,
    }
}

pub(crate) async fn a_condition_is_met_when_due(f: &StoreFixture) {
    f.people(3).await;
    let parent = f.planned("mail").await;
    f.send_all(parent, NOW).await;
    let unless = f.run("unless", |run| {
        run.parent_id = Some(parent);
        run.condition = Some(Condition::Unless(Reaction::Clicked));
    });
    let unless = unless.await;
    let only = f.run("only", |run| {
        run.parent_id = Some(parent);
        run.condition = Some(Condition::If(Reaction::Opened));
    });
    let only = only.await;
    let followers =
        RecipientSource::Followers { delay: HOUR, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(unless, &followers, NOW).await.unwrap(), 3);
    assert_eq!(f.store.run_plan(only, &followers, NOW).await.unwrap(), 3);
    assert_eq!(f.get(unless).await.condition, Some(Condition::Unless(Reaction::Clicked)));

    // They open and click after the followers were planned.
    let events =
        [event(EventKind::Clicked, id(parent, 1), NOW), event(EventKind::Opened, id(parent, 2), NOW)];
    f.store.event_record(&events, NOW).await.unwrap();
    let lease = f.lease(NOW + HOUR).await;
    assert_eq!(f.begin(lease, unless, NOW + HOUR, 10).await, [id(unless, 2), id(unless, 3)]);
    assert_eq!(f.begin(lease, only, NOW + HOUR, 10).await, [id(only, 1), id(only, 2)]);
    assert_eq!(f.states(unless).await[0], "1 suppressed condition");
    assert_eq!(f.states(only).await[2], "3 suppressed condition");
}

pub(crate) async fn uncertain_deliveries_are_neither_failed_nor_cancelled(f: &StoreFixture) {
    f.people(2).await;
    let expiring = f.run("expiring", |run| run.expires_at = NOW + HOUR).await;
    f.plan(expiring).await;
    let cancelled = f.planned("cancelled").await;
    let lease = f.lease(NOW).await;
    for run in [expiring, cancelled] {
        f.begin(lease, run, NOW, 1).await;
        let unknown = Outcome::Unknown { retry_at: Some(NOW + 1), answer: String::new() };
        f.record(lease, &[(id(run, 1), unknown)], &[], NOW).await;
    }
    let later = f.lease(NOW + HOUR).await;
    assert_eq!(f.claim(later, expiring, NOW + HOUR, 10).await, []);
    f.store.run_cancel(cancelled, NOW + HOUR).await.unwrap();
    assert_eq!(f.states(expiring).await, ["1 uncertain", "2 failed expired"]);
    assert_eq!(f.states(cancelled).await, ["1 uncertain", "2 cancelled"]);
    assert_eq!(f.tallies(expiring).await, ["failed expired 1", "repeat 1", "uncertain 1"]);
    assert_eq!(f.tallies(cancelled).await, ["cancelled 1", "repeat 1", "uncertain 1"]);
}

pub(crate) async fn expiry_ends_open_deliveries(f: &StoreFixture) {
    f.people(3).await;
    let run = f.run("mail", |run| run.expires_at = NOW + HOUR).await;
    f.plan(run).await;
    let early = f.lease(NOW + HOUR - 1).await;
    let claimed = f.claim(early, run, NOW + HOUR - 1, 1).await;
    let lease = f.lease(NOW + HOUR).await;
    assert_eq!(f.claim(lease, run, NOW + HOUR, 10).await, []);
    assert_eq!(f.states(run).await, ["1 queued", "2 failed expired", "3 failed expired"]);
    assert_eq!(f.record(early, &[], &[claimed[0].id], NOW + HOUR).await.granted, [], "too late to begin");
    assert_eq!(f.claim(lease, run, NOW + HOUR, 10).await, []);
    assert_eq!(f.tallies(run).await, ["failed expired 3"]);
    assert_eq!(f.figures().await, ["mail failed 3"]);
    assert_eq!(f.store.run_finish(NOW + HOUR).await.unwrap(), [run]);
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures);
}

pub(crate) async fn suppressed_deliveries_do_not_use_up_a_claim(f: &StoreFixture) {
    f.people(9).await;
    let run = f.planned("mail").await;
    let gone: Vec<_> = (1..=8).map(|n| suppression(&format!("p{n}@example.com"))).collect();
    f.store.suppression_add(&gone).await.unwrap();
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 2).await;
    assert_eq!(claimed.iter().map(|c| c.id).collect::<Vec<_>>(), [id(run, 9)]);
    assert_eq!(f.tallies(run).await, ["suppressed unsubscribed 8"]);
    f.store.delivery_release(lease, &[id(run, 9)]).await.unwrap();
    assert_eq!(f.claim(lease, run, NOW, 0).await, []);
    assert_eq!(f.claim(lease, run, NOW, 5).await.len(), 1, "released and claimed again");
}

pub(crate) async fn lists_and_explanations(f: &StoreFixture) {
    f.people(2).await;
    let first = f.planned("mail").await;
    f.send_all(first, NOW).await;
    let second = f.run("reminder", |run| run.instant = NOW + DAY).await;
    let other = f.run("mail", |run| run.campaign = "autumn".to_owned()).await;
    f.plan(other).await;

    let live: Vec<_> = f.store.run_live().await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(live, [first, second, other]);
    let listed = |runs: Vec<store::Run>| runs.iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(listed(f.store.run_list(None, 2).await.unwrap()), [other, second]);
    assert_eq!(listed(f.store.run_list(Some("spring"), 9).await.unwrap()), [second, first]);

    let explanation = f.store.delivery_explain(ContactId(2), "spring").await.unwrap();
    let runs: Vec<_> =
        explanation.runs.iter().map(|(run, row)| (run.id, row.as_ref().map(|row| row.state))).collect();
    assert_eq!(runs, [(second, None), (first, Some(DeliveryState::Sent))]);
    let mine = f.store.delivery_of_contact(ContactId(1), 10).await.unwrap();
    assert_eq!(mine.iter().map(|row| row.run_id).collect::<Vec<_>>(), [other, first]);
    assert_eq!((mine[0].campaign.as_str(), mine[0].address.as_str()), ("autumn", "p1@example.com"));
    let sent =
        f.store.delivery_list(first, Some(DeliveryState::Sent), false, id(first, 1), 10).await.unwrap();
    assert_eq!(sent.iter().map(|row| row.id).collect::<Vec<_>>(), [id(first, 2)]);
    // Ids from outside reach no other run and cause no error.
    for contact in [0, -1, 1 << 32, (1 << 32) + 1, i64::MAX] {
        assert_eq!(f.store.delivery_of_contact(ContactId(contact), 10).await.unwrap(), []);
    }
    assert_eq!(f.store.run_get(store::RunId(i64::MAX)).await.unwrap(), None);
    assert_eq!(
        f.store.delivery_list(store::RunId(i64::MAX), None, false, DeliveryId(0), 1).await.unwrap(),
        []
    );
}

pub(crate) async fn hostile_answers(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 2).await;
    let nasty = format!("451 \0\u{1}'; drop table runs; -- \u{1f980}\\u0000\" {}", "x".repeat(100_000));
    let outcomes = [
        (id(run, 1), Outcome::Accepted { answer: nasty.clone(), post: None }),
        (id(run, 2), Outcome::Deferred { until: NOW, answer: nasty, soft: None }),
    ];
    assert_eq!(f.record(lease, &outcomes, &[], NOW).await.recorded, 2);
    for row in f.store.delivery_list(run, None, false, DeliveryId(0), 2).await.unwrap() {
        let answer = row.answer.unwrap();
        assert!(
            answer.starts_with("451 \u{fffd}\u{1}'; drop table runs; -- \u{1f980}\\u0000\" xxx"),
            "{answer}"
        );
        assert!(answer.len() < 1_100);
    }
}

/// A run with more rows than one statement changes at a time.
pub(crate) async fn large_runs_are_processed_in_chunks(f: &StoreFixture) {
    const PEOPLE: i64 = 41_000;
    f.write(&format!(
        "with recursive n(n) as (select 1 union all select n + 1 from n where n < {PEOPLE})
         insert into contacts (email, consents, created_at, updated_at)
         select 'p' || n || '@example.com', ' news:email+ ', 0, 0 from n"
    ))
    .await;
    let cancelled = f.planned("cancelled").await;
    assert_eq!(f.store.run_cancel(cancelled, NOW).await.unwrap(), Some(PEOPLE));

    let expired = f.run("expired", |run| run.expires_at = NOW).await;
    assert_eq!(f.plan(expired).await, PEOPLE);
    let lease = f.lease(NOW).await;
    assert_eq!(f.claim(lease, expired, NOW, 1).await, []);
    assert_eq!(f.tallies(expired).await, [format!("failed expired {PEOPLE}")]);
    assert_eq!(f.store.run_retry(expired, NOW).await.unwrap(), PEOPLE);
    assert_eq!(f.tallies(expired).await, [] as [&str; 0]);

    f.write("update deliveries set state = 'sent', due_at = null, sent_at = 5 where state = 'queued'").await;
    let follower = f.run("follower", |run| run.parent_id = Some(expired)).await;
    let recipients =
        RecipientSource::Followers { delay: 1, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(follower, &recipients, NOW).await.unwrap(), PEOPLE);
    assert_eq!(f.number("select count(*) from deliveries where due_at = 6").await, PEOPLE);
}
