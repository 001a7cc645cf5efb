//! Tests of edits, pauses and clock changes at the instant at which an occurrence falls due.

use std::time::Duration;

use store::{Millis, OccurrenceReason, RunState, StopReason, Stopped};

use crate::fixture::{Fixture, MAIL, wait_for_ticks};

async fn reasons(fixture: &Fixture) -> Vec<OccurrenceReason> {
    let rows = fixture.store.occurrence_list(None, true, 100).await.unwrap();
    rows.iter().map(|row| row.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_whose_zone_changes_gets_it_at_the_new_time() {
    let when = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let fixture = Fixture::new(&when, "2027-05-31T19:00:00Z").await;
    fixture.contacts(2, Some("America/New_York")).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-05-31T20:00:01Z");
    let run = fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 2).await[0].id;
    // Eastward: ten in the morning in Paris is 08:00 UTC, six hours before New York's.
    let moved = store::NewContact {
        timezone: Some("Europe/Paris".to_owned()),
        ..Fixture::person("americanew_york0@example.com")
    };
    let moved = store::NewContact { email: fixture.deliveries(run).await[0].address.clone().into(), ..moved };
    fixture.set("2027-05-31T21:00:00Z");
    fixture.store.contact_upsert(&[moved], fixture.clock.millis()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    fixture.set("2027-06-01T08:00:01Z");
    fixture.wait("one is sent at the new time", |runs| crate::fixture::tally(&runs[0], "sent") == 1).await;
    fixture.set("2027-06-01T14:00:01Z");
    fixture.ended(1).await;
    engine.stop().await;
    assert!(
        fixture.outbox_counts().await.values().all(|&count| count == 1),
        "{:?}",
        fixture.outbox_counts().await
    );
}

/// Runs a daily step at 01:30 in London, whose first run is paused while the clocks change in the
/// night after it. Returns the instants of the runs.
async fn paused_while_clocks_change(before: &str, looks: &[&str]) -> Vec<String> {
    let fixture = Fixture::new(&format!("{MAIL}when = {{ cron = \"30 1 * * *\" }}\n"), before).await;
    fixture.contacts(3, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set(looks[0]);
    let run = fixture.wait("the first is planned", |runs| runs.len() == 1).await[0].id;
    fixture.store.run_pause(run, "by hand").await.unwrap();
    for look in &looks[1..] {
        fixture.set(look);
        wait_for_ticks().await;
        let sent = |other: &store::Run| other.id == run || other.state == RunState::Finished;
        fixture.wait("the others are sent", |runs| runs.iter().all(sent)).await;
    }
    fixture.store.run_resume(run).await.unwrap();
    fixture.wait("all ended", |runs| runs.iter().all(|run| run.finished_at.is_some())).await;
    engine.stop().await;
    let runs = fixture.store.run_list(None, 100).await.unwrap();
    let sent = |run: &store::Run| crate::fixture::tally(run, "sent");
    assert!(runs.iter().all(|other| sent(other) == if other.id == run { 0 } else { 3 }), "{runs:#?}");
    let instant = |at: Millis| at.timestamp().unwrap().to_string();
    let mut instants: Vec<_> = runs.iter().map(|run| instant(run.instant)).collect();
    instants.sort();
    instants
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_in_the_skipped_hour_fires_once_after_a_pause() {
    let looks = [
        "2027-03-27T01:30:01Z",
        "2027-03-28T00:59:59Z",
        "2027-03-28T01:00:01Z",
        "2027-03-28T01:30:01Z",
        "2027-03-29T00:30:01Z",
    ];
    let instants = paused_while_clocks_change("2027-03-27T01:00:00Z", &looks).await;
    assert_eq!(instants, ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_in_the_repeated_hour_fires_once_after_a_pause() {
    let looks =
        ["2027-10-30T00:30:01Z", "2027-10-31T00:30:01Z", "2027-10-31T01:30:01Z", "2027-11-01T01:30:01Z"];
    let instants = paused_while_clocks_change("2027-10-30T00:00:00Z", &looks).await;
    assert_eq!(instants, ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_saved_when_it_is_due_is_sent_once_with_its_new_text() {
    // The ways in which editors save: for a moment the name is gone, the file is empty, or half of
    // it is missing.
    for way in ["renamed", "emptied", "half"] {
        let when = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n");
        let fixture = Fixture::new(&when, "2027-06-01T08:59:30Z").await;
        fixture.contacts(3, None).await;
        let engine = fixture.engine();
        wait_for_ticks().await;
        let text = fixture.read("campaigns/hello.toml");
        match way {
            "renamed" => fixture.rename("campaigns/hello.toml", "campaigns/hello.toml.swp"),
            "emptied" => fixture.write("campaigns/hello.toml", ""),
            _ => fixture.write("campaigns/hello.toml", text.split_once("when").unwrap().0),
        }
        wait_for_ticks().await;
        fixture.set("2027-06-01T09:00:01Z");
        wait_for_ticks().await;
        assert!(fixture.store.run_list(None, 10).await.unwrap().is_empty(), "{way}: nothing goes half-read");
        if way == "renamed" {
            fixture.rename("campaigns/hello.toml.swp", "campaigns/hello.toml");
        }
        fixture.write("campaigns/hello.toml", &text.replace("\"Hello\"", "\"Good morning\""));
        if way == "half" {
            // A valid file with less content is an edit: its time had passed when the rest came
            // back.
            wait_for_ticks().await;
            assert_eq!(reasons(&fixture).await, [OccurrenceReason::Edited], "{way}");
        } else {
            fixture.ended(1).await;
            assert!(fixture.outbox_counts().await.values().all(|&count| count == 1), "{way}");
            let texts = fixture.store.outbox_page(None, None, 100).await.unwrap();
            assert!(texts.iter().all(|text| text.subject == "Good morning"), "{way}");
        }
        engine.stop().await;
        assert!(fixture.store.run_list(None, 10).await.unwrap().len() <= 1, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_due_in_a_copied_database_is_held_and_starting_it_fires_nothing() {
    let fixture = Fixture::with_when("cron = \"0 10 * * *\"", 3, "2027-06-01T08:59:00Z").await;
    let stopped =
        Stopped { reason: StopReason::Copy, since: fixture.clock.millis(), detail: "a copy".to_owned() };
    assert!(fixture.store.stop_all(&stopped, "a copy").await.unwrap());
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    wait_for_ticks().await;
    assert_eq!(reasons(&fixture).await, [OccurrenceReason::Copy]);
    assert!(fixture.store.start_all().await.unwrap());
    wait_for_ticks().await;
    engine.stop().await;
    assert!(fixture.store.run_list(None, 10).await.unwrap().is_empty());
    assert_eq!(reasons(&fixture).await, [OccurrenceReason::Copy]);
}
