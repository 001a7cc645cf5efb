//! Edits, pauses and clock changes at the very instant at which something falls due.

use std::time::Duration;

use store::{Millis, OccurrenceReason, RunState, StopReason, Stopped};

use crate::world::{MAIL, World, a_while};

async fn reasons(world: &World) -> Vec<OccurrenceReason> {
    let rows = world.store.occurrence_list(None, true, 100).await.unwrap();
    rows.iter().map(|row| row.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_whose_zone_changes_gets_it_at_the_new_time() {
    let when = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let world = World::new(&when, "2027-05-31T19:00:00Z").await;
    world.contacts(2, Some("America/New_York")).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-05-31T20:00:01Z");
    let run = world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 2).await[0].id;
    // Eastward: ten in the morning in Paris is 08:00 UTC, six hours before New York's.
    let moved = store::NewContact {
        timezone: Some("Europe/Paris".to_owned()),
        ..World::person("americanew_york0@example.com")
    };
    let moved = store::NewContact { email: world.deliveries(run).await[0].address.clone().into(), ..moved };
    world.set("2027-05-31T21:00:00Z");
    world.store.contact_upsert(&[moved], world.clock.millis()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.set("2027-06-01T08:00:01Z");
    world.wait("one is sent at the new time", |runs| crate::world::tally(&runs[0], "sent") == 1).await;
    world.set("2027-06-01T14:00:01Z");
    world.ended(1).await;
    engine.stop().await;
    assert!(world.kept().await.values().all(|&count| count == 1), "{:?}", world.kept().await);
}

/// A daily letter at 01:30 in London whose run of `day` is paused while the clocks change in the night after it: the
/// instants of the runs.
async fn paused_while_clocks_change(before: &str, looks: &[&str]) -> Vec<String> {
    let world = World::new(&format!("{MAIL}when = {{ cron = \"30 1 * * *\" }}\n"), before).await;
    world.contacts(3, None).await;
    let engine = world.engine();
    a_while().await;
    world.set(looks[0]);
    let run = world.wait("the first is planned", |runs| runs.len() == 1).await[0].id;
    world.store.run_pause(run, "by hand").await.unwrap();
    for look in &looks[1..] {
        world.set(look);
        a_while().await;
        let sent = |other: &store::Run| other.id == run || other.state == RunState::Finished;
        world.wait("the others are sent", |runs| runs.iter().all(sent)).await;
    }
    world.store.run_resume(run).await.unwrap();
    world.wait("all ended", |runs| runs.iter().all(|run| run.finished_at.is_some())).await;
    engine.stop().await;
    let runs = world.store.run_list(None, 100).await.unwrap();
    let sent = |run: &store::Run| crate::world::tally(run, "sent");
    assert!(runs.iter().all(|other| sent(other) == if other.id == run { 0 } else { 3 }), "{runs:#?}");
    let instant = |at: Millis| at.timestamp().unwrap().to_string();
    let mut instants: Vec<_> = runs.iter().map(|run| instant(run.instant)).collect();
    instants.sort();
    instants
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_go_forward_during_a_pause_and_the_hour_that_is_not_there_fires_once() {
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
async fn the_clocks_go_back_during_a_pause_and_the_hour_that_comes_twice_fires_once() {
    let looks =
        ["2027-10-30T00:30:01Z", "2027-10-31T00:30:01Z", "2027-10-31T01:30:01Z", "2027-11-01T01:30:01Z"];
    let instants = paused_while_clocks_change("2027-10-30T00:00:00Z", &looks).await;
    assert_eq!(instants, ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_written_when_it_is_due_goes_once_with_what_it_says_then() {
    // Each way in which an editor saves: the name is away for a moment, the file is empty or half there for a moment.
    for way in ["renamed", "emptied", "half"] {
        let when = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n");
        let world = World::new(&when, "2027-06-01T08:59:30Z").await;
        world.contacts(3, None).await;
        let engine = world.engine();
        a_while().await;
        let text = world.read("campaigns/hello.toml");
        match way {
            "renamed" => world.rename("campaigns/hello.toml", "campaigns/hello.toml.swp"),
            "emptied" => world.write("campaigns/hello.toml", ""),
            _ => world.write("campaigns/hello.toml", text.split_once("when").unwrap().0),
        }
        a_while().await;
        world.set("2027-06-01T09:00:01Z");
        a_while().await;
        assert!(world.store.run_list(None, 10).await.unwrap().is_empty(), "{way}: nothing goes half-read");
        if way == "renamed" {
            world.rename("campaigns/hello.toml.swp", "campaigns/hello.toml");
        }
        world.write("campaigns/hello.toml", &text.replace("\"Hello\"", "\"Good morning\""));
        if way == "half" {
            // A file that is right and says less is an edit: its time had passed when it came back.
            a_while().await;
            assert_eq!(reasons(&world).await, [OccurrenceReason::Edited], "{way}");
        } else {
            world.ended(1).await;
            assert!(world.kept().await.values().all(|&count| count == 1), "{way}");
            let texts = world.store.outbox_page(None, None, 100).await.unwrap();
            assert!(texts.iter().all(|text| text.subject == "Good morning"), "{way}");
        }
        engine.stop().await;
        assert!(world.store.run_list(None, 10).await.unwrap().len() <= 1, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_due_in_a_copied_database_is_held_and_starting_it_fires_nothing() {
    let world = World::timed("cron = \"0 10 * * *\"", 3, "2027-06-01T08:59:00Z").await;
    let stopped =
        Stopped { reason: StopReason::Copy, since: world.clock.millis(), detail: "a copy".to_owned() };
    assert!(world.store.stop_all(&stopped, "a copy").await.unwrap());
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    a_while().await;
    assert_eq!(reasons(&world).await, [OccurrenceReason::Copy]);
    assert!(world.store.start_all().await.unwrap());
    a_while().await;
    engine.stop().await;
    assert!(world.store.run_list(None, 10).await.unwrap().is_empty());
    assert_eq!(reasons(&world).await, [OccurrenceReason::Copy]);
}
