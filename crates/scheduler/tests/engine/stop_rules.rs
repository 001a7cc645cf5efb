//! Tests of the stop rules: runs stop themselves, and only addresses that do not exist are
//! suppressed.

use std::time::Duration;

use channel::Timeouts;
use store::{AddressKind, DeliveryRow, DeliveryState, EventKind, NewEvent, RunState};
use tests::{Phase, RecipientFilter, Script};

use crate::fixture::{Fixture, MAIL, tally};
use crate::relay_case::{NOW, ONCE, RelayCase, answers};

#[tokio::test(flavor = "multi_thread")]
async fn half_the_list_does_not_exist() {
    let script = answers(Phase::Rcpt, RecipientFilter::Share(0.5), "550 5.1.1 No such user");
    let case = RelayCase::with(400, script, "stop_at = { bounces = 1 }\n", MAIL, Timeouts::default()).await;
    let engine = case.fixture.engine();
    let counts = case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.fixture.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    let got = case.accepted_counts();
    assert_eq!((counts["sent "], got.values().max()), (got.len(), Some(&1)));
    assert_eq!(counts["failed bad_address"], 400 - got.len());
    assert!(got.len() > 100 && got.len() < 300, "{}", got.len());
    for row in case.rows().await {
        let held = case.fixture.store.suppression_get(AddressKind::Email, &row.address).await.unwrap();
        assert_eq!(held.is_some(), row.state == DeliveryState::Failed, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_bounces_stops_its_run() {
    let case =
        RelayCase::new(3_000, answers(Phase::Rcpt, RecipientFilter::Share(0.2), "550 5.1.1 No such user"))
            .await;
    let engine = case.fixture.engine();
    let run = case.paused().await;
    engine.stop().await;
    let note = run.note.unwrap();
    assert!(note.contains("addresses do not exist") && note.contains("the limit is 5 %"), "{note}");
    assert!(note.contains(&format!("chorus runs resume {}", run.id)), "{note}");
    assert!(run.stopped.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_mailbox_is_suppressed_the_second_time() {
    let case =
        RelayCase::new(3, answers(Phase::Rcpt, RecipientFilter::All, "550 5.2.1 The account is disabled"))
            .await;
    let engine = case.fixture.engine();
    case.until(&[DeliveryState::Failed]).await;
    case.nothing_is_suppressed().await;
    let engine = case.fixture.later(engine, 10).await;
    case.fixture.fire("mail").await;
    case.fixture
        .wait("both end", |runs| runs.len() == 2 && runs.iter().all(|run| run.finished_at.is_some()))
        .await;
    engine.stop().await;
    assert_eq!(case.fixture.store.suppression_list(10).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_stop_a_run_that_is_still_going() {
    let channel = "kind = \"outbox\"\nrate = \"300/s\"";
    let fixture = Fixture::with_channel(channel, &format!("{MAIL}{ONCE}"), NOW).await;
    fixture.contacts(2_000, None).await;
    let run = fixture.fire("mail").await;
    let engine = fixture.engine();
    fixture.wait("some are sent", |runs| tally(&runs[0], "sent") > 150).await;
    let rows = fixture.deliveries(run).await;
    let sent = rows.iter().filter(|row| row.state == DeliveryState::Sent).take(20);
    let complaint = |row: &DeliveryRow| NewEvent {
        kind: EventKind::Complained,
        delivery: row.id.into(),
        link: None,
        occurred_at: fixture.clock.millis(),
        actor: "human".to_owned(),
        detail: None,
    };
    let complaints: Vec<_> = sent.map(complaint).collect();
    fixture.store.event_record(&complaints, fixture.clock.millis()).await.unwrap();
    let stopped = fixture.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    engine.stop().await;
    let note = stopped.note.unwrap();
    assert!(note.contains("20 of ") && note.contains("marked it as spam"), "{note}");
    assert_eq!(stopped.feedback.complained, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_us_stops_the_run_and_suppresses_no_address() {
    let refused = "550 5.7.1 Our system has detected that this message is likely unsolicited mail";
    let case = RelayCase::new(2_000, answers(Phase::Dot, RecipientFilter::All, refused)).await;
    let engine = case.fixture.engine();
    let run = case.paused().await;
    let note = run.note.clone().unwrap();
    assert!(note.contains("refuse us") && note.contains("likely unsolicited mail"), "{note}");
    assert!(tally(&run, "failed") < 2_000, "most were not sent: {:?}", run.tallies);
    case.nothing_is_suppressed().await;
    case.until(&[DeliveryState::Failed, DeliveryState::Queued]).await;
    // A run that is resumed is not stopped again for the same numbers, and once the fault is fixed
    // all get it.
    case.relay.set_script(Script::default());
    assert!(case.fixture.store.run_resume(case.run).await.unwrap());
    let mut engine = engine;
    for _ in 0..3 {
        // The breaker of a receiver that refused so often is open for a while.
        tokio::time::sleep(Duration::from_millis(600)).await;
        engine = case.fixture.later(engine, 300).await;
    }
    case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.fixture.wait("it ends", |runs| runs[0].finished_at.is_some()).await;
    let failed = tally(&case.run().await, "failed");
    let now = case.fixture.clock.millis();
    assert_eq!(case.fixture.store.run_retry(case.run, now).await.unwrap(), failed);
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.all_received_once(2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_announced_size_costs_no_traffic() {
    let case = RelayCase::new(2_000, Script { size: Some(100), ..Script::default() }).await;
    let engine = case.fixture.engine();
    let run = case.paused().await;
    engine.stop().await;
    assert!(run.note.unwrap().contains("too big"));
    let begun: usize = case.relay.connections().iter().map(|connection| connection.messages.len()).sum();
    assert_eq!(begun, 0, "no MAIL");
    let rows = case.rows().await;
    let failed: Vec<_> = rows.iter().filter(|row| row.state == DeliveryState::Failed).collect();
    assert!(failed.len() >= 20 && failed.len() < 2_000, "{} failed before it was stopped", failed.len());
    assert!(failed.iter().all(|row| row.reason.as_deref() == Some("too_big")));
    assert!(failed[0].answer.as_deref().unwrap().contains("the server takes 100"));
    case.nothing_is_suppressed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_a_size_that_was_not_announced_is_sent_a_few_times_at_most() {
    let case =
        RelayCase::new(4_000, answers(Phase::Dot, RecipientFilter::All, "552 5.3.4 Message too big")).await;
    let engine = case.fixture.engine();
    let run = case.paused().await;
    engine.stop().await;
    assert!(run.note.unwrap().contains("too big"));
    let begun: usize = case.relay.connections().iter().map(|connection| connection.messages.len()).sum();
    assert!(begun <= 8, "{begun} messages over four connections");
}
