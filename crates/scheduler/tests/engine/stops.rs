//! Runs that go wrong for a reason of ours stop, and only those who are gone are held responsible.

use std::time::Duration;

use channel::Limits;
use store::{AddressKind, DeliveryRow, DeliveryState, EventKind, NewEvent, RunState};
use tests::{Phase, Script, Whom};

use crate::case::{Case, NOW, ONCE, answers};
use crate::world::{MAIL, World, tally};

#[tokio::test(flavor = "multi_thread")]
async fn half_the_list_does_not_exist() {
    let script = answers(Phase::Rcpt, Whom::Share(0.5), "550 5.1.1 No such user");
    let case = Case::with(400, script, "stop_at = { bounces = 1 }\n", MAIL, Limits::default()).await;
    let engine = case.world.engine();
    let counts = case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.world.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    let got = case.got();
    assert_eq!((counts["sent "], got.values().max()), (got.len(), Some(&1)));
    assert_eq!(counts["failed bad_address"], 400 - got.len());
    assert!(got.len() > 100 && got.len() < 300, "{}", got.len());
    for row in case.rows().await {
        let held = case.world.store.suppression_get(AddressKind::Email, &row.address).await.unwrap();
        assert_eq!(held.is_some(), row.state == DeliveryState::Failed, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_bounces_stops_its_run() {
    let case = Case::new(3_000, answers(Phase::Rcpt, Whom::Share(0.2), "550 5.1.1 No such user")).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    engine.stop().await;
    let note = run.note.unwrap();
    assert!(note.contains("addresses do not exist") && note.contains("the limit is 5 %"), "{note}");
    assert!(note.contains(&format!("chorus runs resume {}", run.id)), "{note}");
    assert!(run.stopped.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_mailbox_is_given_up_the_second_time() {
    let case = Case::new(3, answers(Phase::Rcpt, Whom::All, "550 5.2.1 The account is disabled")).await;
    let engine = case.world.engine();
    case.until(&[DeliveryState::Failed]).await;
    case.nobody_is_suppressed().await;
    let engine = case.world.later(engine, 10).await;
    case.world.fire("mail").await;
    case.world
        .wait("both end", |runs| runs.len() == 2 && runs.iter().all(|run| run.finished_at.is_some()))
        .await;
    engine.stop().await;
    assert_eq!(case.world.store.suppression_list(10).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_stop_a_run_that_is_still_going() {
    let channel = "kind = \"outbox\"\nrate = \"300/s\"";
    let world = World::with_channel(channel, &format!("{MAIL}{ONCE}"), NOW).await;
    world.contacts(2_000, None).await;
    let run = world.fire("mail").await;
    let engine = world.engine();
    world.wait("some are sent", |runs| tally(&runs[0], "sent") > 150).await;
    let rows = world.deliveries(run).await;
    let sent = rows.iter().filter(|row| row.state == DeliveryState::Sent).take(20);
    let complaint = |row: &DeliveryRow| NewEvent {
        kind: EventKind::Complained,
        delivery: row.id.into(),
        link: None,
        occurred_at: world.clock.millis(),
        actor: "human".to_owned(),
        detail: None,
    };
    let complaints: Vec<_> = sent.map(complaint).collect();
    world.store.event_record(&complaints, world.clock.millis()).await.unwrap();
    let stopped = world.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    engine.stop().await;
    let note = stopped.note.unwrap();
    assert!(note.contains("20 of ") && note.contains("called it spam"), "{note}");
    assert_eq!(stopped.came_back.complained, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_us_stops_the_run_and_suppresses_nobody() {
    let refused = "550 5.7.1 Our system has detected that this message is likely unsolicited mail";
    let case = Case::new(2_000, answers(Phase::Dot, Whom::All, refused)).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    let note = run.note.clone().unwrap();
    assert!(note.contains("refuse us") && note.contains("likely unsolicited mail"), "{note}");
    assert!(tally(&run, "failed") < 2_000, "most were spared: {:?}", run.tallies);
    case.nobody_is_suppressed().await;
    case.until(&[DeliveryState::Failed, DeliveryState::Queued]).await;
    // Whoever goes on is not stopped again for the same numbers, and once it is mended everybody gets it.
    case.relay.behave(Script::default());
    assert!(case.world.store.run_resume(case.run).await.unwrap());
    let mut engine = engine;
    for _ in 0..3 {
        // A receiver that refused us so often is left alone for a while.
        tokio::time::sleep(Duration::from_millis(600)).await;
        engine = case.world.later(engine, 300).await;
    }
    case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.world.wait("it ends", |runs| runs[0].finished_at.is_some()).await;
    let failed = tally(&case.run().await, "failed");
    let now = case.world.clock.millis();
    assert_eq!(case.world.store.run_retry(case.run, now).await.unwrap(), failed);
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.everybody_once(2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_announced_size_costs_no_traffic() {
    let case = Case::new(2_000, Script { size: Some(100), ..Script::default() }).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    engine.stop().await;
    assert!(run.note.unwrap().contains("too big"));
    let begun: usize = case.relay.lines().iter().map(|line| line.messages.len()).sum();
    assert_eq!(begun, 0, "no MAIL");
    let rows = case.rows().await;
    let failed: Vec<_> = rows.iter().filter(|row| row.state == DeliveryState::Failed).collect();
    assert!(failed.len() >= 20 && failed.len() < 2_000, "{} failed before it was stopped", failed.len());
    assert!(failed.iter().all(|row| row.reason.as_deref() == Some("too_big")));
    assert!(failed[0].answer.as_deref().unwrap().contains("the server takes 100"));
    case.nobody_is_suppressed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_a_size_that_was_not_announced_goes_there_a_few_times_at_most() {
    let case = Case::new(4_000, answers(Phase::Dot, Whom::All, "552 5.3.4 Message too big")).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    engine.stop().await;
    assert!(run.note.unwrap().contains("too big"));
    let begun: usize = case.relay.lines().iter().map(|line| line.messages.len()).sum();
    assert!(begun <= 8, "{begun} messages over four connections");
}
