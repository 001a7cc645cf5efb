//! Tests of sending: from a run to messages.

use std::time::Duration;

use store::{DeliveryState, GroupCommit, Millis, RunState};

use crate::fixture::{Fixture, MAIL, tally};

const ONCE: &str = "when = { at = 2027-06-01T10:00:00 }\n";

async fn fixture() -> Fixture {
    Fixture::new(&format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_gets_one_message() {
    let fixture = fixture().await;
    fixture.contacts(500, None).await;
    fixture.fire("mail").await;
    let engine = fixture.engine();
    let runs = fixture.ended(1).await;
    engine.stop().await;
    assert_eq!((runs[0].total, tally(&runs[0], "sent")), (500, 500));
    let kept = fixture.outbox_counts().await;
    assert_eq!(kept.len(), 500);
    assert!(kept.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_leaves_the_rest_to_the_next() {
    let fixture = Fixture::with_channel(
        "kind = \"outbox\"\nrate = \"400/s\"",
        &format!("{MAIL}{ONCE}"),
        "2027-05-01T00:00:00Z",
    )
    .await;
    fixture.contacts(600, None).await;
    let run = fixture.fire("mail").await;
    let first = fixture.engine();
    fixture.wait("some are sent", |runs| tally(&runs[0], "sent") > 50).await;
    first.stop().await;
    let open = fixture.deliveries(run).await;
    assert!(open.iter().all(|row| row.state != DeliveryState::Sending), "nothing is left under way");
    assert!(open.iter().any(|row| row.state == DeliveryState::Queued), "not everything was sent");
    let second = fixture.engine();
    let runs = fixture.ended(1).await;
    second.stop().await;
    assert_eq!(tally(&runs[0], "sent"), 600);
    assert_eq!(tally(&runs[0], "repeat"), 0);
    assert!(fixture.outbox_counts().await.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_a_dead_worker_had_begun_are_sent_again_and_listed() {
    let fixture = fixture().await;
    fixture.contacts(100, None).await;
    let run = fixture.fire("mail").await;
    // A worker claims all, begins ten, and dies.
    let now = fixture.clock.millis();
    let lease = fixture.store.lease_open("dead", true, now, now + 30_000).await.unwrap();
    let claimed = fixture.store.delivery_claim(lease, run, now, 1_000).await.unwrap();
    let intents = claimed.iter().take(10).map(|claimed| claimed.id).collect();
    let record = GroupCommit { intents, ..GroupCommit::default() };
    assert_eq!(fixture.store.delivery_record(lease, &record, now).await.unwrap().granted.len(), 10);
    let engine = fixture.engine();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(fixture.outbox_counts().await.len(), 0, "the lease is still good");
    fixture.set("2027-05-01T00:00:36Z");
    let runs = fixture.ended(1).await;
    engine.stop().await;
    assert_eq!((tally(&runs[0], "sent"), tally(&runs[0], "repeat")), (100, 10));
    let repeated = fixture.deliveries(run).await.into_iter().filter(|row| row.repeats > 0).count();
    assert_eq!(repeated, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_waits_and_a_cancelled_one_ends() {
    let fixture = Fixture::with_channel(
        "kind = \"outbox\"\nrate = \"100/s\"",
        &format!("{MAIL}{ONCE}"),
        "2027-05-01T00:00:00Z",
    )
    .await;
    fixture.contacts(400, None).await;
    let run = fixture.fire("mail").await;
    let engine = fixture.engine();
    fixture.wait("some are sent", |runs| tally(&runs[0], "sent") > 10).await;
    assert!(fixture.store.run_pause(run, "by hand").await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let paused = fixture.outbox_counts().await.len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.outbox_counts().await.len(), paused, "nothing goes out a second after it was paused");
    assert!(fixture.store.run_resume(run).await.unwrap());
    fixture.wait("it goes on", |runs| tally(&runs[0], "sent") > i64::try_from(paused).unwrap()).await;
    assert!(fixture.store.run_cancel(run, fixture.clock.millis()).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.stop().await;
    let ended = fixture.store.run_get(run).await.unwrap().unwrap();
    assert_eq!(ended.state, RunState::Cancelled);
    assert_eq!(tally(&ended, "sent") + tally(&ended, "cancelled"), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_down_costs_no_attempt() {
    // Nothing listens on port 1.
    let channel = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    let fixture = Fixture::with_channel(channel, &format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await;
    fixture.contacts(50, None).await;
    let run = fixture.fire("mail").await;
    let engine = fixture.engine();
    tokio::time::sleep(Duration::from_secs(2)).await;
    engine.stop().await;
    let rows = fixture.deliveries(run).await;
    assert_eq!(rows.len(), 50);
    assert!(rows.iter().all(|row| row.state == DeliveryState::Queued && row.attempts == 0), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_suspended_past_its_lease_loses_nothing_and_repeats_nothing() {
    let channel = "kind = \"outbox\"\nrate = \"200/s\"";
    let fixture = Fixture::with_channel(channel, &format!("{MAIL}{ONCE}"), "2027-05-01T00:00:00Z").await;
    fixture.contacts(400, None).await;
    fixture.fire("mail").await;
    let engine = fixture.engine();
    fixture.wait("some are sent", |runs| tally(&runs[0], "sent") > 50).await;
    // No other worker took it over: the next heartbeat renews the lease.
    fixture.set("2027-05-01T00:00:40Z");
    let runs = fixture.ended(1).await;
    engine.stop().await;
    assert_eq!((tally(&runs[0], "sent"), tally(&runs[0], "repeat")), (400, 0));
    assert!(fixture.outbox_counts().await.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_planned_waits_and_holds_up_no_other() {
    let fixture = fixture().await;
    fixture.contacts(3, None).await;
    let run = fixture.fire("mail").await;
    let good = fixture.store.run_get(run).await.unwrap().unwrap();
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
        origin: store::RunOrigin::default(),
    };
    let lost = fixture.store.run_insert(&lost, fixture.clock.millis()).await.unwrap().unwrap();
    let engine = fixture.engine();
    fixture
        .wait("the good one ends", |runs| runs.iter().any(|r| r.id == run && r.finished_at.is_some()))
        .await;
    engine.stop().await;
    let lost = fixture.store.run_get(lost).await.unwrap().unwrap();
    assert_eq!(lost.state, RunState::Planned);
    assert!(lost.note.unwrap().contains("chorus check"));
}
