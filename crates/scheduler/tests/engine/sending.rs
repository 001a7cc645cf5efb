//! From a run to messages.

use std::time::Duration;

use store::{DeliveryState, Millis, Record, RunState};

use crate::world::{MAIL, World, tally};

const ONCE: &str = "when = { at = 2027-06-01T10:00:00 }\n";

async fn world() -> World {
    World::new(&format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_one_message() {
    let world = world().await;
    world.contacts(500, None).await;
    world.fire("mail").await;
    let engine = world.engine();
    let runs = world.ended(1).await;
    engine.stop().await;
    assert_eq!((runs[0].total, tally(&runs[0], "sent")), (500, 500));
    let kept = world.kept().await;
    assert_eq!(kept.len(), 500);
    assert!(kept.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_leaves_the_rest_to_the_next() {
    let world = World::with_channel(
        "kind = \"outbox\"\nrate = \"400/s\"",
        &format!("{MAIL}{ONCE}"),
        "2027-05-01T00:00:00Z",
    )
    .await;
    world.contacts(600, None).await;
    let run = world.fire("mail").await;
    let first = world.engine();
    world.wait("some are sent", |runs| tally(&runs[0], "sent") > 50).await;
    first.stop().await;
    let open = world.deliveries(run).await;
    assert!(open.iter().all(|row| row.state != DeliveryState::Sending), "nothing is left under way");
    assert!(open.iter().any(|row| row.state == DeliveryState::Queued), "not everything was sent");
    let second = world.engine();
    let runs = world.ended(1).await;
    second.stop().await;
    assert_eq!(tally(&runs[0], "sent"), 600);
    assert_eq!(tally(&runs[0], "repeat"), 0);
    assert!(world.kept().await.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_had_begun_is_sent_again_and_listed() {
    let world = world().await;
    world.contacts(100, None).await;
    let run = world.fire("mail").await;
    // A worker claims all, begins ten, and dies.
    let now = world.clock.millis();
    let lease = world.store.lease_open("dead", true, now, now + 30_000).await.unwrap();
    let claimed = world.store.delivery_claim(lease, run, now, 1_000).await.unwrap();
    let intents = claimed.iter().take(10).map(|claimed| claimed.id).collect();
    let record = Record { intents, ..Record::default() };
    assert_eq!(world.store.delivery_record(lease, &record, now).await.unwrap().granted.len(), 10);
    let engine = world.engine();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(world.kept().await.len(), 0, "the lease is still good");
    world.set("2027-05-01T00:00:36Z");
    let runs = world.ended(1).await;
    engine.stop().await;
    assert_eq!((tally(&runs[0], "sent"), tally(&runs[0], "repeat")), (100, 10));
    let repeated = world.deliveries(run).await.into_iter().filter(|row| row.repeats > 0).count();
    assert_eq!(repeated, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_waits_and_a_cancelled_one_ends() {
    let world = World::with_channel(
        "kind = \"outbox\"\nrate = \"100/s\"",
        &format!("{MAIL}{ONCE}"),
        "2027-05-01T00:00:00Z",
    )
    .await;
    world.contacts(400, None).await;
    let run = world.fire("mail").await;
    let engine = world.engine();
    world.wait("some are sent", |runs| tally(&runs[0], "sent") > 10).await;
    assert!(world.store.run_pause(run, "by hand").await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let paused = world.kept().await.len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.kept().await.len(), paused, "nothing goes out a second after it was paused");
    assert!(world.store.run_resume(run).await.unwrap());
    world.wait("it goes on", |runs| tally(&runs[0], "sent") > i64::try_from(paused).unwrap()).await;
    assert!(world.store.run_cancel(run, world.clock.millis()).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.stop().await;
    let ended = world.store.run_get(run).await.unwrap().unwrap();
    assert_eq!(ended.state, RunState::Cancelled);
    assert_eq!(tally(&ended, "sent") + tally(&ended, "cancelled"), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_down_costs_nobody_a_try() {
    // Nothing listens on port 1.
    let channel = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    let world = World::with_channel(channel, &format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await;
    world.contacts(50, None).await;
    let run = world.fire("mail").await;
    let engine = world.engine();
    tokio::time::sleep(Duration::from_secs(2)).await;
    engine.stop().await;
    let rows = world.deliveries(run).await;
    assert_eq!(rows.len(), 50);
    assert!(rows.iter().all(|row| row.state == DeliveryState::Queued && row.attempts == 0), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_past_its_lease_loses_nothing_and_repeats_nothing() {
    let channel = "kind = \"outbox\"\nrate = \"200/s\"";
    let world = World::with_channel(channel, &format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await;
    world.contacts(400, None).await;
    world.fire("mail").await;
    let engine = world.engine();
    world.wait("some are sent", |runs| tally(&runs[0], "sent") > 50).await;
    // Nobody else was there to sweep: the next heartbeat renews the lease.
    world.set("2027-05-01T00:00:40Z");
    let runs = world.ended(1).await;
    engine.stop().await;
    assert_eq!((tally(&runs[0], "sent"), tally(&runs[0], "repeat")), (400, 0));
    assert!(world.kept().await.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_planned_waits_and_holds_up_nobody() {
    let world = world().await;
    world.contacts(3, None).await;
    let run = world.fire("mail").await;
    let good = world.store.run_get(run).await.unwrap().unwrap();
    let lost = store::NewRun {
        campaign: "renamed".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant: Millis::new(1),
        kind: store::RunKind::Scheduled,
        revision_id: good.revision_id.unwrap(),
        parent_id: None,
        condition: None,
        on_uncertain: campaign::OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: Millis::MAX,
        origin: store::Origin::default(),
    };
    let lost = world.store.run_insert(&lost, world.clock.millis()).await.unwrap().unwrap();
    let engine = world.engine();
    world.wait("the good one ends", |runs| runs.iter().any(|r| r.id == run && r.finished_at.is_some())).await;
    engine.stop().await;
    let lost = world.store.run_get(lost).await.unwrap().unwrap();
    assert_eq!(lost.state, RunState::Planned);
    assert!(lost.note.unwrap().contains("chorus check"));
}
