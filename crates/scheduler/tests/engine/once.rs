//! Tests that no contact gets a step twice without a request, and that occurrences which are not
//! sent are listed.

use std::time::Duration;

use campaign::OnUncertain;
use scheduler::{FireError, ManualSendOptions, Refusal};
use store::{
    ContactId, ManualRequest, MissingFrom, NewRun, OccurrenceReason, OccurrenceRow, RunId, RunKind,
    RunOrigin, StopReason, Stopped,
};

use crate::fixture::{Fixture, MAIL, tally, wait_for_ticks};

/// Waits until a worker has checked the steps that follow others.
async fn wait_for_follow_ups() {
    tokio::time::sleep(Duration::from_secs(4)).await;
}

async fn open(fixture: &Fixture) -> Vec<OccurrenceRow> {
    fixture.store.occurrence_list(None, true, 100).await.unwrap()
}

async fn max_received(fixture: &Fixture) -> usize {
    fixture.outbox_counts().await.into_values().max().unwrap_or(0)
}

async fn by_hand(fixture: &Fixture, options: &ManualSendOptions) -> Result<RunId, FireError> {
    let loaded = fixture.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    scheduler::fire(&fixture.store, &loaded, campaign, &campaign.steps[0], options, fixture.clock.now()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_step_in_contacts_own_zones_that_is_moved_is_next_sent_tomorrow() {
    for (from, to) in [("14 6", "17 6"), ("14 6", "12 6"), ("14 6", "30 21")] {
        let when = format!("when = {{ cron = \"{from} * * *\", timezone = \"contact\" }}\n");
        let fixture = Fixture::new(&format!("{MAIL}{when}"), "2027-05-31T19:00:00Z").await;
        fixture.contacts(3, Some("America/New_York")).await;
        let engine = fixture.engine();
        fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 3).await;
        // A few seconds before 6:14 in New York.
        fixture.set("2027-06-01T10:13:50Z");
        fixture.edit("campaigns/hello.toml", from, to);
        wait_for_ticks().await;
        for later in ["2027-06-01T10:14:01Z", "2027-06-01T10:17:01Z", "2027-06-01T15:30:01Z"] {
            fixture.set(later);
            wait_for_ticks().await;
        }
        fixture.set("2027-06-02T01:30:01Z");
        wait_for_ticks().await;
        engine.stop().await;
        // In the evening of the same day the next run of the later time is planned for time zones
        // further east.
        assert_eq!(max_received(&fixture).await, 1, "{from} to {to}: {:?}", fixture.outbox_counts().await);
        let listed = open(&fixture).await;
        assert!(
            listed.iter().any(|row| row.reason == OccurrenceReason::Overlap && row.detail.is_none()),
            "{to}: {listed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_of_another_run_do_not_get_it_from_the_cancelled_one() {
    let fixture = Fixture::with_channel(
        "kind = \"outbox\"\nrate = \"1/s\"",
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    fixture.contacts(8, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    let run =
        fixture.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") >= 2).await.remove(0);
    fixture.store.run_cancel(run.id, fixture.clock.millis()).await.unwrap();
    fixture.wait("it has ended", |runs| runs[0].finished_at.is_some()).await;
    by_hand(&fixture, &ManualSendOptions { missing: true, ..ManualSendOptions::default() }).await.unwrap();
    assert_eq!(fixture.store.run_reopen(run.id, fixture.clock.millis()).await.unwrap(), Some(0));
    fixture
        .wait("both have ended", |runs| runs.len() == 2 && runs.iter().all(|run| run.finished_at.is_some()))
        .await;
    engine.stop().await;
    let kept = fixture.outbox_counts().await;
    assert!(kept.len() == 8 && kept.values().all(|count| *count == 1), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_manual_sends_at_the_same_time_one_is_refused() {
    let fixture = Fixture::new(MAIL, "2027-06-01T08:59:00Z").await;
    fixture.contacts(3, None).await;
    let options = ManualSendOptions { seen: RunId(0), ..ManualSendOptions::default() };
    let both = tokio::join!(by_hand(&fixture, &options), by_hand(&fixture, &options));
    let made: Vec<_> = [both.0, both.1].into_iter().collect();
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    assert!(made.iter().any(|made| matches!(made, Err(FireError::Raced(_)))), "{made:?}");
    let late = by_hand(&fixture, &options).await.unwrap_err();
    assert!(late.to_string().contains("made meanwhile") && late.to_string().contains("--again"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_that_was_sent_by_hand_is_not_listed_and_not_run_again() {
    let fixture = Fixture::with_when("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    fixture.edit("campaigns/hello.toml", "title ", "hold = true\ntitle ");
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    wait_for_ticks().await;
    let row = open(&fixture).await.remove(0);
    assert_eq!(row.reason, OccurrenceReason::Hold);
    fixture.edit("campaigns/hello.toml", "hold = true\n", "");
    wait_for_ticks().await;
    by_hand(&fixture, &ManualSendOptions::default()).await.unwrap();
    fixture.ended(1).await;
    assert!(open(&fixture).await.is_empty(), "it went out");
    let loaded = fixture.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let step = &campaign.steps[0];
    let fired =
        scheduler::fire_occurrence(&fixture.store, &loaded, campaign, step, &row, fixture.clock.now()).await;
    assert!(matches!(fired, Err(FireError::AlreadySent(_))), "{fired:?}");
    engine.stop().await;
    assert_eq!(max_received(&fixture).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_made_while_the_clock_was_ahead_does_not_supersede_later_ones() {
    let fixture = Fixture::with_when("cron = \"0 * * * *\"", 3, "2027-06-02T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-02T09:00:01Z");
    fixture.ended(1).await;
    let engine = fixture.later(engine, -24 * 60).await;
    wait_for_ticks().await;
    fixture.set("2027-06-01T10:00:01Z");
    let runs = fixture.ended(2).await;
    engine.stop().await;
    assert!(runs.iter().all(|run| tally(run, "sent") == 3), "{runs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_runs_that_are_caught_up_reach_all_recipients() {
    let when = "when = { cron = \"0 * * * *\", catch_up = \"all\", catch_up_window = \"6h\", overlap = \"allow\" }\n";
    let fixture = Fixture::new(&format!("{MAIL}{when}"), "2027-06-01T08:30:00Z").await;
    fixture.contacts(3, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    let engine = fixture.later(engine, 180).await;
    fixture.wait("three runs", |runs| runs.len() == 3).await;
    for minute in 31..45 {
        wait_for_ticks().await;
        fixture.set(&format!("2027-06-01T11:{minute}:00Z"));
    }
    let runs = fixture.ended(3).await;
    engine.stop().await;
    assert!(runs.iter().all(|run| tally(run, "sent") == 3), "{runs:#?}");
}

const FOLLOW: &str = "
[[steps]]
id       = \"reminder\"
channel  = \"email\"
template = \"plain\"
message  = { subject = \"Again\" }
when     = { after = \"mail\", delay = \"1h\" }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_goes_to_its_own_audience() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{FOLLOW}audience = \"one\"\n");
    let fixture = Fixture::with_files(
        &[(
            "audiences/one.toml",
            "title = \"One\"\nall = [{ attribute = \"email\", is = \"p1@example.com\" }]\n",
        )],
        &steps,
        "2027-06-01T08:59:00Z",
    )
    .await;
    fixture.contacts(4, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T10:00:05Z");
    let runs = fixture.ended(2).await;
    engine.stop().await;
    assert_eq!((runs[1].total, tally(&runs[1], "sent")), (1, 1));
    assert_eq!(fixture.deliveries(runs[1].id).await[0].address, "p1@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_whose_time_passes_while_it_is_absent_is_listed_and_can_be_run() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{FOLLOW}");
    let fixture = Fixture::new(&steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(3, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    wait_for_follow_ups().await;
    fixture.rename("campaigns/hello.toml", "hello.away");
    wait_for_follow_ups().await;
    fixture.set("2027-06-01T10:30:00Z");
    wait_for_ticks().await;
    fixture.rename("hello.away", "campaigns/hello.toml");
    wait_for_follow_ups().await;
    let listed = open(&fixture).await;
    assert_eq!(
        listed.iter().map(|row| (row.step.as_str(), row.reason)).collect::<Vec<_>>(),
        [("reminder", OccurrenceReason::Absent)]
    );
    let loaded = fixture.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let row = &listed[0];
    scheduler::fire_occurrence(
        &fixture.store,
        &loaded,
        campaign,
        &campaign.steps[1],
        row,
        fixture.clock.now(),
    )
    .await
    .unwrap();
    let runs = fixture.ended(2).await;
    engine.stop().await;
    assert_eq!(tally(&runs[1], "sent"), 3);
    assert!(open(&fixture).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_is_added_too_late_is_listed_once() {
    let when = "when = { cron = \"0 * * * *\" }\n";
    let fixture = Fixture::new(&format!("{MAIL}{when}"), "2027-06-01T07:59:00Z").await;
    fixture.contacts(3, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    for (count, hour) in ["2027-06-01T08:00:01Z", "2027-06-01T09:00:01Z"].iter().enumerate() {
        fixture.set(hour);
        fixture.ended(count + 1).await;
    }
    fixture.set("2027-06-01T09:50:00Z");
    fixture.append("campaigns/hello.toml", &FOLLOW.replace("1h", "5m"));
    wait_for_follow_ups().await;
    wait_for_follow_ups().await;
    engine.stop().await;
    let listed = open(&fixture).await;
    assert_eq!(listed.iter().map(|row| row.reason).collect::<Vec<_>>(), [OccurrenceReason::Added]);
    assert_eq!(listed[0].parent_id, Some(RunId(2)), "of the latest run alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_renames_was_may_have_the_first_name() {
    let fixture = Fixture::with_when("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    by_hand(&fixture, &ManualSendOptions::default()).await.unwrap();
    fixture.ended(1).await;
    fixture.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"b\"\nwas = \"mail\"");
    wait_for_ticks().await;
    fixture.edit("campaigns/hello.toml", "id = \"b\"", "id = \"c\"");
    wait_for_ticks().await;
    // The campaign is renamed twice, too.
    fixture.edit("campaigns/hello.toml", "title ", "was = \"hello\"\ntitle ");
    fixture.rename("campaigns/hello.toml", "campaigns/good-day.toml");
    wait_for_ticks().await;
    fixture.rename("campaigns/good-day.toml", "campaigns/good-night.toml");
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    wait_for_ticks().await;
    engine.stop().await;
    assert_eq!(max_received(&fixture).await, 1);
    let runs = fixture.store.run_list(None, 10).await.unwrap();
    let names: Vec<_> = runs.iter().map(|run| (run.campaign.as_str(), run.step.as_str())).collect();
    assert_eq!(names, [("good-night", "c")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_due_during_a_stop_is_held_and_not_caught_up() {
    for reason in [StopReason::Copy, StopReason::Stop] {
        let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n");
        let fixture = Fixture::new(&steps, "2027-06-01T08:59:00Z").await;
        fixture.contacts(3, None).await;
        let engine = fixture.engine();
        wait_for_ticks().await;
        engine.stop().await;
        fixture.set("2027-06-01T09:00:30Z");
        let stopped = Stopped { reason, since: fixture.clock.millis(), detail: String::new() };
        assert!(fixture.store.stop_all(&stopped, "").await.unwrap());
        scheduler::hold_due(&fixture.store, &fixture.loaded(), &fixture.clock, &stopped).await.unwrap();
        assert!(fixture.store.start_all().await.unwrap());
        let engine = fixture.engine();
        wait_for_ticks().await;
        engine.stop().await;
        assert!(fixture.store.run_list(None, 10).await.unwrap().is_empty());
        let listed = open(&fixture).await;
        let expected =
            if reason == StopReason::Copy { OccurrenceReason::Copy } else { OccurrenceReason::Stop };
        assert_eq!(listed.iter().map(|row| row.reason).collect::<Vec<_>>(), [expected]);
    }
}

/// Returns the reason for which the first step of `hello` cannot be sent by hand, by the current
/// files.
async fn refused(fixture: &Fixture, options: &ManualSendOptions) -> Option<Refusal> {
    let loaded = fixture.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let now = fixture.clock.now();
    scheduler::refusal(&fixture.store, &loaded, campaign, &campaign.steps[0], options, now).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_with_the_text_of_a_removed_one_is_held_also_by_hand_and_after_its_time() {
    let fixture = Fixture::with_when("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T09:02:00Z");
    fixture.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"b\"");
    for _ in 0..40 {
        if !open(&fixture).await.is_empty() {
            break;
        }
        wait_for_ticks().await;
    }
    engine.stop().await;
    let listed = open(&fixture).await;
    assert_eq!(listed.iter().map(|row| row.reason).collect::<Vec<_>>(), [OccurrenceReason::SameText]);
    let refusal = refused(&fixture, &ManualSendOptions::default()).await;
    assert!(matches!(&refusal, Some(Refusal::SameText(other)) if other == "hello/mail"), "{refusal:?}");
    assert_eq!(
        refused(&fixture, &ManualSendOptions { again: true, ..ManualSendOptions::default() }).await,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_step_still_has_the_same_text() {
    let fixture = Fixture::with_when("every = \"day 10:00\"", 3, "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"letter\"\nwas = \"mail\"");
    for _ in 0..40 {
        if fixture.store.run_list(None, 1).await.unwrap()[0].step == "letter" {
            break;
        }
        wait_for_ticks().await;
    }
    let refusal = refused(&fixture, &ManualSendOptions::default()).await;
    assert!(matches!(refusal, Some(Refusal::AlreadySent(_))), "{refusal:?}");
    // Renamed once more, without `was`: its text is still the one that was compiled under the first
    // name.
    fixture.edit("campaigns/hello.toml", "id = \"letter\"\nwas = \"mail\"", "id = \"brief\"");
    wait_for_ticks().await;
    engine.stop().await;
    let refusal = refused(&fixture, &ManualSendOptions::default()).await;
    assert!(matches!(&refusal, Some(Refusal::SameText(other)) if other == "hello/letter"), "{refusal:?}");
}

/// Inserts a run as a process leaves it that is killed right after making it.
async fn left_behind(
    fixture: &Fixture,
    kind: RunKind,
    asked: ManualRequest,
    to_address: Option<&str>,
) -> RunId {
    let before = fixture.store.run_list(None, 1).await.unwrap().remove(0);
    let now = fixture.clock.millis();
    let run = NewRun {
        campaign: before.campaign,
        step: before.step,
        channel: before.channel,
        instant: now,
        kind,
        revision_id: before.revision_id.unwrap(),
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: now + 3_600_000,
        origin: RunOrigin {
            request: Some(asked),
            to_address: to_address.map(str::to_owned),
            ..RunOrigin::default()
        },
    };
    fixture.store.run_insert(&run, now).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_request_survives_the_process_that_took_it() {
    let fixture = Fixture::new(MAIL, "2027-06-01T09:00:00Z").await;
    fixture.contacts(2, None).await;
    let engine = fixture.engine();
    by_hand(&fixture, &ManualSendOptions::default()).await.unwrap();
    fixture.ended(1).await;
    fixture.contacts(3, None).await;
    fixture.set("2027-06-01T09:10:00Z");
    let missing = ManualRequest { missing: Some(MissingFrom::AllRuns), ..ManualRequest::default() };
    left_behind(&fixture, RunKind::Manual, missing, None).await;
    fixture.ended(2).await;
    assert_eq!(max_received(&fixture).await, 1, "{:?}", fixture.outbox_counts().await);
    assert_eq!(fixture.outbox_counts().await.len(), 3);
    fixture.set("2027-06-01T09:20:00Z");
    let copy = ManualRequest { contact: Some(ContactId(2)), ..ManualRequest::default() };
    let copy = left_behind(&fixture, RunKind::Test, copy, Some("seed@example.com")).await;
    fixture.ended(3).await;
    assert_eq!(
        fixture.outbox_counts().await.get("seed@example.com"),
        Some(&1),
        "{:?}",
        fixture.outbox_counts().await
    );
    assert_eq!(fixture.deliveries(copy).await.len(), 1, "a test copy goes to no other recipient");
    engine.stop().await;
}
