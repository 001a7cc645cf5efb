//! Nobody gets a step twice unasked, whatever people do around it, and what goes to nobody is listed.

use std::time::Duration;

use campaign::OnUncertain;
use scheduler::{FireError, HandSend, Refusal};
use store::{
    Asked, ContactId, Missing, NewRun, OccurrenceReason, OccurrenceRow, Origin, RunId, RunKind, StopReason,
    Stopped,
};

use crate::world::{MAIL, World, a_while, tally};

/// Long enough for a look at steps that follow another.
async fn a_look() {
    tokio::time::sleep(Duration::from_secs(4)).await;
}

async fn open(world: &World) -> Vec<OccurrenceRow> {
    world.store.occurrence_list(None, true, 100).await.unwrap()
}

async fn most(world: &World) -> usize {
    world.kept().await.into_values().max().unwrap_or(0)
}

async fn by_hand(world: &World, ask: &HandSend) -> Result<RunId, FireError> {
    let loaded = world.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    scheduler::fire(&world.store, &loaded, campaign, &campaign.steps[0], ask, world.clock.now()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_the_day_by_contacts_own_clocks_is_moved_for_tomorrow() {
    for (from, to) in [("14 6", "17 6"), ("14 6", "12 6"), ("14 6", "30 21")] {
        let when = format!("when = {{ cron = \"{from} * * *\", timezone = \"contact\" }}\n");
        let world = World::new(&format!("{MAIL}{when}"), "2027-05-31T19:00:00Z").await;
        world.contacts(3, Some("America/New_York")).await;
        let engine = world.engine();
        world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 3).await;
        // A few seconds before their quarter past six.
        world.set("2027-06-01T10:13:50Z");
        world.edit("campaigns/hello.toml", from, to);
        a_while().await;
        for later in ["2027-06-01T10:14:01Z", "2027-06-01T10:17:01Z", "2027-06-01T15:30:01Z"] {
            world.set(later);
            a_while().await;
        }
        world.set("2027-06-02T01:30:01Z");
        a_while().await;
        engine.stop().await;
        // In the evening of the same day the next run of the later time is planned for those east of here.
        assert_eq!(most(&world).await, 1, "{from} to {to}: {:?}", world.kept().await);
        let told = open(&world).await;
        assert!(
            told.iter().any(|row| row.reason == OccurrenceReason::Overlap && row.detail.is_none()),
            "{to}: {told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_got_it_by_another_run_does_not_get_it_from_the_cancelled_one() {
    let world = World::with_channel(
        "kind = \"outbox\"\nrate = \"1/s\"",
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    world.contacts(8, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    let run =
        world.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") >= 2).await.remove(0);
    world.store.run_cancel(run.id, world.clock.millis()).await.unwrap();
    world.wait("it has ended", |runs| runs[0].finished_at.is_some()).await;
    by_hand(&world, &HandSend { missing: true, ..HandSend::default() }).await.unwrap();
    assert_eq!(world.store.run_reopen(run.id, world.clock.millis()).await.unwrap(), Some(0));
    world
        .wait("both have ended", |runs| runs.len() == 2 && runs.iter().all(|run| run.finished_at.is_some()))
        .await;
    engine.stop().await;
    let kept = world.kept().await;
    assert!(kept.len() == 8 && kept.values().all(|count| *count == 1), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_send_at_once_one_is_told() {
    let world = World::new(MAIL, "2027-06-01T08:59:00Z").await;
    world.contacts(3, None).await;
    let ask = HandSend { seen: RunId(0), ..HandSend::default() };
    let both = tokio::join!(by_hand(&world, &ask), by_hand(&world, &ask));
    let made: Vec<_> = [both.0, both.1].into_iter().collect();
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    assert!(made.iter().any(|made| matches!(made, Err(FireError::Raced(_)))), "{made:?}");
    let late = by_hand(&world, &ask).await.unwrap_err();
    assert!(late.to_string().contains("made meanwhile") && late.to_string().contains("--again"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_out_by_hand_is_not_offered_and_not_run_again() {
    let world = World::timed("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    world.edit("campaigns/hello.toml", "title ", "hold = true\ntitle ");
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    a_while().await;
    let row = open(&world).await.remove(0);
    assert_eq!(row.reason, OccurrenceReason::Hold);
    world.edit("campaigns/hello.toml", "hold = true\n", "");
    a_while().await;
    by_hand(&world, &HandSend::default()).await.unwrap();
    world.ended(1).await;
    assert!(open(&world).await.is_empty(), "it went out");
    let loaded = world.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let step = &campaign.steps[0];
    let fired =
        scheduler::fire_occurrence(&world.store, &loaded, campaign, step, &row, world.clock.now()).await;
    assert!(matches!(fired, Err(FireError::WentOut(_))), "{fired:?}");
    engine.stop().await;
    assert_eq!(most(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_sent_that_was_ahead_is_no_newer_occurrence() {
    let world = World::timed("cron = \"0 * * * *\"", 3, "2027-06-02T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-02T09:00:01Z");
    world.ended(1).await;
    let engine = world.later(engine, -24 * 60).await;
    a_while().await;
    world.set("2027-06-01T10:00:01Z");
    let runs = world.ended(2).await;
    engine.stop().await;
    assert!(runs.iter().all(|run| tally(run, "sent") == 3), "{runs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_caught_up_reaches_everybody_in_order() {
    let when = "when = { cron = \"0 * * * *\", catch_up = \"all\", catch_up_window = \"6h\", overlap = \"allow\" }\n";
    let world = World::new(&format!("{MAIL}{when}"), "2027-06-01T08:30:00Z").await;
    world.contacts(3, None).await;
    let engine = world.engine();
    a_while().await;
    let engine = world.later(engine, 180).await;
    world.wait("three runs", |runs| runs.len() == 3).await;
    for minute in 31..45 {
        a_while().await;
        world.set(&format!("2027-06-01T11:{minute}:00Z"));
    }
    let runs = world.ended(3).await;
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
    let world = World::with_files(
        &[(
            "audiences/one.toml",
            "title = \"One\"\nall = [{ attribute = \"email\", is = \"p1@example.com\" }]\n",
        )],
        &steps,
        "2027-06-01T08:59:00Z",
    )
    .await;
    world.contacts(4, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T10:00:05Z");
    let runs = world.ended(2).await;
    engine.stop().await;
    assert_eq!((runs[1].total, tally(&runs[1], "sent")), (1, 1));
    assert_eq!(world.deliveries(runs[1].id).await[0].address, "p1@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_whose_time_passes_while_it_is_absent_is_listed_and_can_be_run() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{FOLLOW}");
    let world = World::new(&steps, "2027-06-01T08:59:00Z").await;
    world.contacts(3, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    a_look().await;
    world.rename("campaigns/hello.toml", "hello.away");
    a_look().await;
    world.set("2027-06-01T10:30:00Z");
    a_while().await;
    world.rename("hello.away", "campaigns/hello.toml");
    a_look().await;
    let told = open(&world).await;
    assert_eq!(
        told.iter().map(|row| (row.step.as_str(), row.reason)).collect::<Vec<_>>(),
        [("reminder", OccurrenceReason::Absent)]
    );
    let loaded = world.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let row = &told[0];
    scheduler::fire_occurrence(&world.store, &loaded, campaign, &campaign.steps[1], row, world.clock.now())
        .await
        .unwrap();
    let runs = world.ended(2).await;
    engine.stop().await;
    assert_eq!(tally(&runs[1], "sent"), 3);
    assert!(open(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_is_added_too_late_is_listed_once() {
    let when = "when = { cron = \"0 * * * *\" }\n";
    let world = World::new(&format!("{MAIL}{when}"), "2027-06-01T07:59:00Z").await;
    world.contacts(3, None).await;
    let engine = world.engine();
    a_while().await;
    for (count, hour) in ["2027-06-01T08:00:01Z", "2027-06-01T09:00:01Z"].iter().enumerate() {
        world.set(hour);
        world.ended(count + 1).await;
    }
    world.set("2027-06-01T09:50:00Z");
    world.append("campaigns/hello.toml", &FOLLOW.replace("1h", "5m"));
    a_look().await;
    a_look().await;
    engine.stop().await;
    let told = open(&world).await;
    assert_eq!(told.iter().map(|row| row.reason).collect::<Vec<_>>(), [OccurrenceReason::Added]);
    assert_eq!(told[0].parent_id, Some(RunId(2)), "of the latest run alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_renames_twice_may_name_the_first_name() {
    let world = World::timed("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    by_hand(&world, &HandSend::default()).await.unwrap();
    world.ended(1).await;
    world.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"b\"\nwas = \"mail\"");
    a_while().await;
    world.edit("campaigns/hello.toml", "id = \"b\"", "id = \"c\"");
    a_while().await;
    // The campaign, too, twice.
    world.edit("campaigns/hello.toml", "title ", "was = \"hello\"\ntitle ");
    world.rename("campaigns/hello.toml", "campaigns/good-day.toml");
    a_while().await;
    world.rename("campaigns/good-day.toml", "campaigns/good-night.toml");
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    a_while().await;
    engine.stop().await;
    assert_eq!(most(&world).await, 1);
    let runs = world.store.run_list(None, 10).await.unwrap();
    let names: Vec<_> = runs.iter().map(|run| (run.campaign.as_str(), run.step.as_str())).collect();
    assert_eq!(names, [("good-night", "c")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_while_a_copy_stood_still_is_held_and_not_caught_up() {
    for reason in [StopReason::Copy, StopReason::Stop] {
        let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n");
        let world = World::new(&steps, "2027-06-01T08:59:00Z").await;
        world.contacts(3, None).await;
        let engine = world.engine();
        a_while().await;
        engine.stop().await;
        world.set("2027-06-01T09:00:30Z");
        let stopped = Stopped { reason, since: world.clock.millis(), detail: String::new() };
        assert!(world.store.stop_all(&stopped, "").await.unwrap());
        scheduler::hold_due(&world.store, &world.loaded(), &world.clock, &stopped).await.unwrap();
        assert!(world.store.start_all().await.unwrap());
        let engine = world.engine();
        a_while().await;
        engine.stop().await;
        assert!(world.store.run_list(None, 10).await.unwrap().is_empty());
        let told = open(&world).await;
        let expected =
            if reason == StopReason::Copy { OccurrenceReason::Copy } else { OccurrenceReason::Stop };
        assert_eq!(told.iter().map(|row| row.reason).collect::<Vec<_>>(), [expected]);
    }
}

/// The reason for which the first step of `hello` is not sent by hand, as the files are now.
async fn refused(world: &World, ask: &HandSend) -> Option<Refusal> {
    let loaded = world.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let now = world.clock.now();
    scheduler::refusal(&world.store, &loaded, campaign, &campaign.steps[0], ask, now).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_says_what_a_gone_one_said_is_held_also_by_hand_and_when_its_time_has_passed() {
    let world = World::timed("at = 2027-06-01T10:00:00", 3, "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T09:02:00Z");
    world.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"b\"");
    for _ in 0..40 {
        if !open(&world).await.is_empty() {
            break;
        }
        a_while().await;
    }
    engine.stop().await;
    let told = open(&world).await;
    assert_eq!(told.iter().map(|row| row.reason).collect::<Vec<_>>(), [OccurrenceReason::SameText]);
    let refusal = refused(&world, &HandSend::default()).await;
    assert!(matches!(&refusal, Some(Refusal::SameText(other)) if other == "hello/mail"), "{refusal:?}");
    assert_eq!(refused(&world, &HandSend { again: true, ..HandSend::default() }).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_step_still_says_what_it_said() {
    let world = World::timed("every = \"day 10:00\"", 3, "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.edit("campaigns/hello.toml", "id       = \"mail\"", "id = \"letter\"\nwas = \"mail\"");
    for _ in 0..40 {
        if world.store.run_list(None, 1).await.unwrap()[0].step == "letter" {
            break;
        }
        a_while().await;
    }
    let refusal = refused(&world, &HandSend::default()).await;
    assert!(matches!(refusal, Some(Refusal::WentOut(_))), "{refusal:?}");
    // Renamed once more, without a word: its text is still the one that was compiled under the first name.
    world.edit("campaigns/hello.toml", "id = \"letter\"\nwas = \"mail\"", "id = \"brief\"");
    a_while().await;
    engine.stop().await;
    let refusal = refused(&world, &HandSend::default()).await;
    assert!(matches!(&refusal, Some(Refusal::SameText(other)) if other == "hello/letter"), "{refusal:?}");
}

/// A run as a process leaves it that is killed right after it was made.
async fn left_behind(world: &World, kind: RunKind, asked: Asked, to_address: Option<&str>) -> RunId {
    let before = world.store.run_list(None, 1).await.unwrap().remove(0);
    let now = world.clock.millis();
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
        origin: Origin { asked: Some(asked), to_address: to_address.map(str::to_owned), ..Origin::default() },
    };
    world.store.run_insert(&run, now).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_asked_for_outlives_the_process_that_was_asked() {
    let world = World::new(MAIL, "2027-06-01T09:00:00Z").await;
    world.contacts(2, None).await;
    let engine = world.engine();
    by_hand(&world, &HandSend::default()).await.unwrap();
    world.ended(1).await;
    world.contacts(3, None).await;
    world.set("2027-06-01T09:10:00Z");
    let missing = Asked { missing: Some(Missing::Ever), ..Asked::default() };
    left_behind(&world, RunKind::Manual, missing, None).await;
    world.ended(2).await;
    assert_eq!(most(&world).await, 1, "{:?}", world.kept().await);
    assert_eq!(world.kept().await.len(), 3);
    world.set("2027-06-01T09:20:00Z");
    let copy = Asked { contact: Some(ContactId(2)), ..Asked::default() };
    let copy = left_behind(&world, RunKind::Test, copy, Some("seed@example.com")).await;
    world.ended(3).await;
    assert_eq!(world.kept().await.get("seed@example.com"), Some(&1), "{:?}", world.kept().await);
    assert_eq!(world.deliveries(copy).await.len(), 1, "a test copy goes to nobody else");
    engine.stop().await;
}
