//! From schedules to runs.

use std::time::Duration;

use store::{ContactId, DeliveryId, DeliveryState, EventKind, NewEvent, RunKind};

use crate::world::{MAIL, World, tally};

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_time_fires_once_whoever_looks() {
    let world =
        World::new(&format!("{MAIL}when = {{ cron = \"0 10 * * *\" }}\n"), "2027-01-05T09:00:00Z").await;
    world.contacts(3, None).await;
    let (first, second) = (world.engine(), world.engine());
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(world.store.run_list(None, 10).await.unwrap().is_empty(), "it is not time yet");
    world.set("2027-01-05T10:00:01Z");
    let runs = world.ended(1).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(world.store.run_list(None, 10).await.unwrap().len(), 1);
    assert_eq!((runs[0].kind, tally(&runs[0], "sent")), (RunKind::Scheduled, 3));
    // The clock goes back an hour and comes again: nothing fires twice.
    world.set("2027-01-05T09:00:01Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    world.set("2027-01-05T10:30:00Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(world.store.run_list(None, 10).await.unwrap().len(), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_nothing_ran_is_caught_up_once() {
    let world =
        World::new(&format!("{MAIL}when = {{ cron = \"0 * * * *\" }}\n"), "2027-01-05T09:30:00Z").await;
    world.contacts(2, None).await;
    let engine = world.engine();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    engine.stop().await;
    // Down from 9:30 to 14:20: five are missed, the latest is within the hour.
    world.set("2027-01-05T14:20:00Z");
    let engine = world.engine();
    let runs = world.ended(1).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    engine.stop().await;
    assert_eq!(world.store.run_list(None, 10).await.unwrap().len(), 1);
    assert_eq!(runs[0].instant, "2027-01-05T14:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_their_own_zones_everybody_is_reached_at_ten() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let world = World::new(&steps, "2027-05-31T19:00:00Z").await;
    world.contacts(2, Some("Asia/Shanghai")).await;
    world.contacts(2, Some("America/New_York")).await;
    world.contacts(2, None).await;
    let engine = world.engine();
    tokio::time::sleep(Duration::from_millis(700)).await;
    // 10:00 at UTC+14 is 20:00 UTC the day before: the run is made, and nobody is due.
    world.set("2027-05-31T20:00:01Z");
    world.wait("the run is planned", |runs| runs.len() == 1 && runs[0].total == 6).await;
    assert!(world.kept().await.is_empty());
    for (now, reached) in
        [("2027-06-01T02:00:01Z", 2), ("2027-06-01T09:00:01Z", 4), ("2027-06-01T14:00:01Z", 6)]
    {
        world.set(now);
        world.wait(now, |runs| tally(&runs[0], "sent") == reached).await;
    }
    world.ended(1).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_skips_those_who_clicked() {
    let steps = format!(
        "{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{}when = {{ after = \"mail\", delay = \"3d\", unless = \"clicked\" }}\n",
        MAIL.replace("\"mail\"", "\"reminder\"")
    );
    let world = World::new(&steps, "2027-06-01T08:59:00Z").await;
    world.contacts(5, None).await;
    let engine = world.engine();
    tokio::time::sleep(Duration::from_millis(700)).await;
    world.set("2027-06-01T09:00:01Z");
    let runs = world.ended(1).await;
    // Two of them click, one by a machine.
    let click = |contact, actor: &str| NewEvent {
        kind: EventKind::Clicked,
        delivery: DeliveryId::new(runs[0].id, ContactId(contact)).into(),
        link: None,
        occurred_at: world.clock.millis(),
        actor: actor.to_owned(),
        detail: None,
    };
    let events = [click(1, "human"), click(2, "human"), click(3, "machine:ua")];
    assert_eq!(world.store.event_record(&events, world.clock.millis()).await.unwrap(), 3);
    world.set("2027-06-04T08:59:00Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(world.store.run_list(None, 10).await.unwrap().len(), 1, "three days have not passed");
    world.set("2027-06-04T09:00:05Z");
    let runs = world.ended(2).await;
    engine.stop().await;
    assert_eq!(runs[1].step, "reminder");
    assert_eq!(runs[1].parent_id, Some(runs[0].id));
    let rows = world.deliveries(runs[1].id).await;
    let of =
        |state| rows.iter().filter(|row| row.state == state).map(|row| row.contact_id.0).collect::<Vec<_>>();
    assert_eq!(of(DeliveryState::Sent), [3, 4, 5]);
    assert_eq!(of(DeliveryState::Suppressed), [1, 2]);
}
