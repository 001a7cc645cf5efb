//! Tests of schedules: from schedules to runs.

use std::time::Duration;

use store::{ContactId, DeliveryId, DeliveryState, EventKind, NewEvent, RunKind};

use crate::fixture::{Fixture, MAIL, tally};

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_time_fires_once_with_two_workers() {
    let fixture =
        Fixture::new(&format!("{MAIL}when = {{ cron = \"0 10 * * *\" }}\n"), "2027-01-05T09:00:00Z").await;
    fixture.contacts(3, None).await;
    let (first, second) = (fixture.engine(), fixture.engine());
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(fixture.store.run_list(None, 10).await.unwrap().is_empty(), "it is not time yet");
    fixture.set("2027-01-05T10:00:01Z");
    let runs = fixture.ended(1).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(fixture.store.run_list(None, 10).await.unwrap().len(), 1);
    assert_eq!((runs[0].kind, tally(&runs[0], "sent")), (RunKind::Scheduled, 3));
    // The clock goes back an hour and passes the time again: nothing fires twice.
    fixture.set("2027-01-05T09:00:01Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    fixture.set("2027-01-05T10:30:00Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(fixture.store.run_list(None, 10).await.unwrap().len(), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn occurrences_missed_while_no_worker_ran_are_caught_up_once() {
    let fixture =
        Fixture::new(&format!("{MAIL}when = {{ cron = \"0 * * * *\" }}\n"), "2027-01-05T09:30:00Z").await;
    fixture.contacts(2, None).await;
    let engine = fixture.engine();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    engine.stop().await;
    // No worker runs from 9:30 to 14:20: five occurrences are missed, the latest is within the
    // hour.
    fixture.set("2027-01-05T14:20:00Z");
    let engine = fixture.engine();
    let runs = fixture.ended(1).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    engine.stop().await;
    assert_eq!(fixture.store.run_list(None, 10).await.unwrap().len(), 1);
    assert_eq!(runs[0].instant, "2027-01-05T14:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_contacts_own_zones_each_contact_is_reached_at_ten() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let fixture = Fixture::new(&steps, "2027-05-31T19:00:00Z").await;
    fixture.contacts(2, Some("Asia/Shanghai")).await;
    fixture.contacts(2, Some("America/New_York")).await;
    fixture.contacts(2, None).await;
    let engine = fixture.engine();
    tokio::time::sleep(Duration::from_millis(700)).await;
    // 10:00 at UTC+14 is 20:00 UTC the day before: the run is made, and no contact is due.
    fixture.set("2027-05-31T20:00:01Z");
    fixture.wait("the run is planned", |runs| runs.len() == 1 && runs[0].total == 6).await;
    assert!(fixture.outbox_counts().await.is_empty());
    for (now, reached) in
        [("2027-06-01T02:00:01Z", 2), ("2027-06-01T09:00:01Z", 4), ("2027-06-01T14:00:01Z", 6)]
    {
        fixture.set(now);
        fixture.wait(now, |runs| tally(&runs[0], "sent") == reached).await;
    }
    fixture.ended(1).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_skips_those_who_clicked() {
    let steps = format!(
        "{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{}when = {{ after = \"mail\", delay = \"3d\", unless = \"clicked\" }}\n",
        MAIL.replace("\"mail\"", "\"reminder\"")
    );
    let fixture = Fixture::new(&steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(5, None).await;
    let engine = fixture.engine();
    tokio::time::sleep(Duration::from_millis(700)).await;
    fixture.set("2027-06-01T09:00:01Z");
    let runs = fixture.ended(1).await;
    // Two of them click; a third click is a machine's.
    let click = |contact, actor: &str| NewEvent {
        kind: EventKind::Clicked,
        delivery: DeliveryId::new(runs[0].id, ContactId(contact)).into(),
        link: None,
        occurred_at: fixture.clock.millis(),
        actor: actor.to_owned(),
        detail: None,
    };
    let events = [click(1, "human"), click(2, "human"), click(3, "machine:ua")];
    assert_eq!(fixture.store.event_record(&events, fixture.clock.millis()).await.unwrap(), 3);
    fixture.set("2027-06-04T08:59:00Z");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(fixture.store.run_list(None, 10).await.unwrap().len(), 1, "three days have not passed");
    fixture.set("2027-06-04T09:00:05Z");
    let runs = fixture.ended(2).await;
    engine.stop().await;
    assert_eq!(runs[1].step, "reminder");
    assert_eq!(runs[1].parent_id, Some(runs[0].id));
    let rows = fixture.deliveries(runs[1].id).await;
    let of =
        |state| rows.iter().filter(|row| row.state == state).map(|row| row.contact_id.0).collect::<Vec<_>>();
    assert_eq!(of(DeliveryState::Sent), [3, 4, 5]);
    assert_eq!(of(DeliveryState::Suppressed), [1, 2]);
}
