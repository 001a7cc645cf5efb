//! What edits do, and what they do not: the rules of docs/edits.md, over the whole engine.

use std::sync::Arc;
use std::time::Duration;

use campaign::Workspace;
use scheduler::{HandSend, Refusal};
use store::{
    Delays, DeliveryState, OccurrenceKind, OccurrenceReason, OccurrenceRow, PausedBy, Run, RunState,
    StopReason, Stopped,
};
use tests::{Act, Door, Phase, Relay, Script, Whom};

use crate::world::{MAIL, World, a_while, tally};

const PEOPLE: usize = 5;

async fn world(when: &str, now: &str) -> World {
    World::timed(when, PEOPLE, now).await
}

async fn runs(world: &World) -> Vec<Run> {
    let mut runs = world.store.run_list(None, 100).await.unwrap();
    runs.sort_by_key(|run| run.id);
    runs
}

async fn did_not_run(world: &World) -> Vec<(OccurrenceKind, OccurrenceReason, String)> {
    let rows: Vec<OccurrenceRow> = world.store.occurrence_list(None, true, 100).await.unwrap();
    let at = |row: &OccurrenceRow| row.instant.timestamp().unwrap().to_string();
    rows.iter().rev().map(|row| (row.kind, row.reason, at(row))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_at_that_went_out_does_not_go_out_again_at_another_time() {
    let world = world("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T09:05:00Z");
    world.edit("campaigns/hello.toml", "10:00:00", "10:30:00");
    a_while().await;
    world.set("2027-06-01T09:30:01Z");
    a_while().await;
    engine.stop().await;
    assert_eq!(runs(&world).await.len(), 1);
    let told = did_not_run(&world).await;
    assert_eq!(told[0].1, OccurrenceReason::AlreadySent, "{told:?}");
    let (now, loaded) = (world.clock.now(), world.loaded());
    let between = "2027-06-01T09:10:00Z".parse().unwrap();
    let findings = scheduler::already_sent(&world.store, &loaded, between).await.unwrap();
    assert!(
        findings[0].message.contains("went out on")
            && findings[0].help.as_deref().unwrap().contains("--again")
    );
    let campaign = &loaded.0.campaigns["hello"];
    let ask = HandSend::default();
    let refused =
        scheduler::refusal(&world.store, &loaded, campaign, &campaign.steps[0], &ask, now).await.unwrap();
    assert!(matches!(refused, Some(Refusal::WentOut(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_letter_moved_into_the_past_goes_next_tomorrow() {
    let world = world("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T09:20:00Z");
    world.edit("campaigns/hello.toml", "0 10", "10 10");
    a_while().await;
    assert_eq!(runs(&world).await.len(), 1, "10:10 lies before the edit");
    world.set("2027-06-02T09:10:01Z");
    let all = world.ended(2).await;
    engine.stop().await;
    assert_eq!(all[1].instant, "2027-06-02T09:10:00Z".parse::<jiff::Timestamp>().unwrap().into());
    assert!(world.kept().await.values().all(|count| *count == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_nothing_ran_is_listed_and_can_be_run() {
    let world = world("at = 2027-06-01T10:00:00", "2027-06-01T08:00:00Z").await;
    let engine = world.engine();
    a_while().await;
    engine.stop().await;
    world.set("2027-06-01T11:00:00Z");
    let engine = world.engine();
    a_while().await;
    assert!(runs(&world).await.is_empty(), "two hours are more than the window");
    assert_eq!(
        did_not_run(&world).await,
        [(OccurrenceKind::Missed, OccurrenceReason::Off, "2027-06-01T09:00:00Z".to_owned())]
    );
    let row = world.store.occurrence_list(None, true, 1).await.unwrap().remove(0);
    assert!(world.store.occurrence_ask("hello", "mail", row.instant).await.unwrap());
    let all = world.ended(1).await;
    engine.stop().await;
    assert_eq!((all[0].instant, tally(&all[0], "sent")), (row.instant, 5));
    assert!(did_not_run(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn times_edited_while_away_are_listed_and_not_caught_up() {
    let world = world("cron = \"0 10 * * *\"", "2027-06-01T08:00:00Z").await;
    let engine = world.engine();
    a_while().await;
    engine.stop().await;
    world.edit("campaigns/hello.toml", "0 10", "30 10");
    world.set("2027-06-01T09:40:00Z");
    let engine = world.engine();
    a_while().await;
    engine.stop().await;
    assert!(runs(&world).await.is_empty());
    assert_eq!(
        did_not_run(&world).await,
        [(OccurrenceKind::Missed, OccurrenceReason::Edited, "2027-06-01T09:00:00Z".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_one_shot_whose_time_has_passed_is_listed_and_not_sent() {
    let world = world("at = 2027-06-01T10:00:00", "2027-06-01T09:05:00Z").await;
    let engine = world.engine();
    a_while().await;
    engine.stop().await;
    assert!(runs(&world).await.is_empty());
    assert_eq!(did_not_run(&world).await[0].1, OccurrenceReason::Added);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_each_clock_counts_those_ahead_of_an_edit_get_it_and_the_others_are_missed() {
    let world = world("at = 2027-06-01T07:00:00, timezone = \"contact\"", "2027-06-01T00:00:00Z").await;
    world.contacts(2, Some("Asia/Shanghai")).await;
    world.contacts(3, Some("America/New_York")).await;
    // It is 8:00 in Shanghai and 20:00 the day before in New York when the step is first seen.
    let engine = world.engine();
    let run = world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 10).await.remove(0);
    world.set("2027-06-01T12:00:00Z");
    world.ended(1).await;
    engine.stop().await;
    let rows = world.deliveries(run.id).await;
    let missed = rows.iter().filter(|row| row.reason.as_deref() == Some("missed")).count();
    let sent = rows.iter().filter(|row| row.state == DeliveryState::Sent).count();
    assert_eq!((missed, sent), (2, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_with_was_carries_the_history_and_without_it_the_same_words_are_held() {
    let world = world("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    // Renamed, and its time moved: the history says that it is over.
    world.rename("campaigns/hello.toml", "campaigns/greeting.toml");
    world.edit("campaigns/greeting.toml", "title ", "was = \"hello\"\ntitle ");
    a_while().await;
    world.edit("campaigns/greeting.toml", "10:00:00", "11:00:00");
    a_while().await;
    world.set("2027-06-01T10:00:01Z");
    a_while().await;
    let all = runs(&world).await;
    assert_eq!((all.len(), all[0].campaign.as_str()), (1, "greeting"));
    // Checked out at the older revision: the history goes back.
    world.rename("campaigns/greeting.toml", "campaigns/hello.toml");
    world.edit("campaigns/hello.toml", "was = \"hello\"\n", "");
    a_while().await;
    assert_eq!(runs(&world).await[0].campaign, "hello");
    // Renamed without a word, with a time to come: the same words to the same people wait for a person.
    world.rename("campaigns/hello.toml", "campaigns/other.toml");
    world.edit("campaigns/other.toml", "11:00:00", "12:00:00");
    a_while().await;
    world.set("2027-06-01T11:00:01Z");
    a_while().await;
    engine.stop().await;
    assert_eq!(runs(&world).await.len(), 1);
    let rows = world.store.occurrence_list(Some("other"), true, 10).await.unwrap();
    assert_eq!((rows[0].kind, rows[0].reason), (OccurrenceKind::Held, OccurrenceReason::SameText));
    assert_eq!(rows[0].detail.as_deref(), Some("hello/mail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_for_a_minute_pauses_its_runs_until_it_is_back_unchanged() {
    let channel = "kind = \"outbox\"\nrate = \"1/s\"";
    let world = World::with_channel(
        channel,
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    world.contacts(30, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await;
    world.rename("campaigns/hello.toml", "hello.away");
    a_while().await;
    assert_eq!(runs(&world).await[0].state, RunState::Running, "a minute has not passed");
    world.set("2027-06-01T09:01:10Z");
    let paused = world.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    assert_eq!(paused.paused_by, Some(PausedBy::Absent));
    assert!(paused.note.unwrap().contains("not in the files"));
    world.rename("hello.away", "campaigns/hello.toml");
    world.wait("it goes on", |runs| runs[0].state == RunState::Running).await;
    engine.stop().await;
    assert_eq!(runs(&world).await.len(), 1, "nothing fired anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_due_while_its_file_has_an_error_is_listed_and_caught_up_when_it_is_repaired() {
    let world = world("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.edit("campaigns/hello.toml", "title ", "titel ");
    a_while().await;
    world.set("2027-06-01T09:02:00Z");
    for _ in 0..60 {
        if !did_not_run(&world).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(did_not_run(&world).await[0].1, OccurrenceReason::FileError);
    assert!(runs(&world).await.is_empty());
    world.edit("campaigns/hello.toml", "titel ", "title ");
    world.ended(1).await;
    engine.stop().await;
    assert!(did_not_run(&world).await.is_empty(), "it ran after all");
}

fn relay_channel(script: Script) -> (Relay, Door, String) {
    let relay = Relay::new(script);
    let door = relay.open().unwrap();
    let port = door.port;
    let channel =
        format!("kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}?tls=off\"\nfrom = \"news@test.example\"");
    (relay, door, channel)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_full_mailbox_holds_up_nobody_and_gets_only_the_newest() {
    let full = Act::Answer("452 4.2.2 Mailbox full".to_owned());
    let script = Script::default().with(Phase::Rcpt, Whom::Domain("full.example".to_owned()), full);
    let (relay, _door, channel) = relay_channel(script);
    let steps = format!("{MAIL}when = {{ every = \"day 09:00\", timezone = \"UTC\" }}\n");
    let world = World::with_channel(&channel, &steps, "2027-06-01T08:59:00Z").await;
    world.contacts(4, None).await;
    let person = World::person("reader@full.example");
    world.store.contact_upsert(&[person], world.clock.millis()).await.unwrap();
    let mut engine = world.engine();
    a_while().await;
    for (day, sent) in [("01", 4), ("02", 8), ("03", 12)] {
        engine.stop().await;
        world.set(&format!("2027-06-{day}T09:00:01Z"));
        engine = world.engine();
        world.wait(day, |runs| runs.iter().map(|run| tally(run, "sent")).sum::<i64>() == sent).await;
    }
    relay.behave(Script::default());
    engine.stop().await;
    world.set("2027-06-03T15:00:00Z");
    let engine = world.engine();
    let all = world.ended(3).await;
    engine.stop().await;
    let to_full = relay.taken().iter().filter(|message| message.recipient == "reader@full.example").count();
    assert_eq!(to_full, 1, "the newest only");
    let second = world.deliveries(all[1].id).await;
    let superseded = second.iter().filter(|row| row.reason.as_deref() == Some("superseded")).count();
    assert_eq!(superseded, 1, "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_not_handed_out_is_in_the_way_and_that_is_listed() {
    // Nothing listens on port 1.
    let channel = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    let steps = format!("{MAIL}when = {{ every = \"day 09:00\", timezone = \"UTC\" }}\n");
    let world = World::with_channel(channel, &steps, "2027-06-01T08:59:00Z").await;
    world.contacts(2, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 2).await;
    world.set("2027-06-02T09:00:01Z");
    a_while().await;
    assert_eq!(runs(&world).await.len(), 1);
    let told = did_not_run(&world).await;
    assert_eq!((told[0].0, told[0].1), (OccurrenceKind::Skipped, OccurrenceReason::Overlap));
    // A paused run is in nobody's way.
    let run = runs(&world).await.remove(0);
    assert!(world.store.run_pause(run.id, "by hand").await.unwrap());
    world.set("2027-06-03T09:00:01Z");
    world.wait("the next is made", |runs| runs.len() == 2).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_after_the_end_and_a_run_by_own_clocks_is_cut_off_there() {
    let head = "ends = 2027-06-01T13:00:00Z\n";
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let world = World::with_campaign("kind = \"outbox\"", head, &steps, "2027-05-31T19:00:00Z").await;
    world.contacts(2, Some("Asia/Shanghai")).await;
    world.contacts(2, Some("America/New_York")).await;
    let engine = world.engine();
    world.set("2027-05-31T20:00:01Z");
    let run = world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 4).await.remove(0);
    world.set("2027-06-01T02:00:01Z");
    world.wait("the east has it", |runs| tally(&runs[0], "sent") == 2).await;
    assert!(world.store.run_pause(run.id, "by hand").await.unwrap());
    world.set("2027-06-01T14:00:01Z");
    assert!(world.store.run_resume(run.id).await.unwrap());
    let ended = world.ended(1).await.remove(0);
    engine.stop().await;
    assert_eq!((tally(&ended, "sent"), tally(&ended, "failed")), (2, 2));
    let rows = world.deliveries(run.id).await;
    assert_eq!(rows.iter().filter(|row| row.reason.as_deref() == Some("expired")).count(), 2);
}

const REMINDER: &str = "
[[steps]]
id       = \"reminder\"
channel  = \"email\"
template = \"plain\"
message  = { subject = \"Again\" }
when     = { after = \"mail\", delay = \"3h\" }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_has_no_follow_up_and_goes_on_for_those_who_have_not_got_it() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let world =
        World::with_channel("kind = \"outbox\"\nrate = \"1/s\"", &steps, "2027-06-01T08:59:00Z").await;
    world.contacts(30, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    let run =
        world.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") >= 2).await.remove(0);
    assert!(world.store.run_cancel(run.id, world.clock.millis()).await.unwrap().is_some());
    world.wait("it has ended", |runs| runs[0].finished_at.is_some()).await;
    world.set("2027-06-01T12:30:00Z");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs(&world).await.len(), 1, "no follow-up of a cancelled run");
    let before = tally(&runs(&world).await[0], "sent");
    let queued = world.store.run_reopen(run.id, world.clock.millis()).await.unwrap().unwrap();
    assert_eq!(queued, 30 - before);
    world.wait("others get it", |runs| tally(&runs[0], "sent") > before + 1).await;
    engine.stop().await;
    let kept = world.kept().await;
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_delay_never_makes_a_follow_up_due_in_the_past() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let world = World::new(&steps, "2027-06-01T08:59:00Z").await;
    world.contacts(PEOPLE, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T11:00:00Z");
    // An hour after the letter has passed: they keep the third hour.
    world.edit("campaigns/hello.toml", "3h", "1h");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs(&world).await.len(), 1);
    world.set("2027-06-01T12:00:05Z");
    let all = world.ended(2).await;
    engine.stop().await;
    assert_eq!((all[1].parent_id, tally(&all[1], "sent")), (Some(all[0].id), 5));
    assert!(all[1].delays.as_ref().is_some_and(|delays| *delays != Delays::always(3_600_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_added_later_reaches_nobody_whose_time_has_passed() {
    let world = world("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T14:00:00Z");
    world.append("campaigns/hello.toml", REMINDER);
    tokio::time::sleep(Duration::from_secs(3)).await;
    engine.stop().await;
    assert_eq!(runs(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_by_hand_takes_the_place_of_the_one_that_would_come() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let world = World::new(&steps, "2027-06-01T08:59:00Z").await;
    world.contacts(PEOPLE, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.ended(1).await;
    world.set("2027-06-01T10:00:00Z");
    world.fire("reminder").await;
    world.ended(2).await;
    world.set("2027-06-01T12:00:05Z");
    let all = world.ended(3).await;
    engine.stop().await;
    assert_eq!((tally(&all[2], "sent"), tally(&all[2], "suppressed")), (0, 5));
    let rows = world.deliveries(all[2].id).await;
    assert!(rows.iter().all(|row| row.reason.as_deref() == Some("sent_by_hand")), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_and_stop_hold_what_falls_due_and_lifting_them_sends_nothing() {
    let world = world("cron = \"0 * * * *\"", "2027-06-01T08:59:00Z").await;
    world.edit("campaigns/hello.toml", "title ", "hold = true\ntitle ");
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    a_while().await;
    assert_eq!(did_not_run(&world).await[0].1, OccurrenceReason::Hold);
    world.edit("campaigns/hello.toml", "hold = true\n", "");
    let stopped = Stopped { reason: StopReason::Stop, since: world.clock.millis(), detail: String::new() };
    assert!(world.store.stop_all(&stopped, "stopped").await.unwrap());
    a_while().await;
    world.set("2027-06-01T10:00:01Z");
    a_while().await;
    assert_eq!(did_not_run(&world).await[1].1, OccurrenceReason::Stop);
    assert!(world.store.start_all().await.unwrap());
    a_while().await;
    assert!(runs(&world).await.is_empty(), "lifting either fires nothing by itself");
    world.set("2027-06-01T11:00:01Z");
    world.ended(1).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_is_put_back_and_reported() {
    let world = world("cron = \"0 10 * * *\"", "2027-06-01T08:00:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2037-06-01T12:00:00Z");
    a_while().await;
    world.set("2027-06-01T08:00:04Z");
    a_while().await;
    let clock = did_not_run(&world).await.into_iter().find(|row| row.1 == OccurrenceReason::ClockBack);
    assert!(clock.is_some(), "{:?}", did_not_run(&world).await);
    world.set("2027-06-01T09:00:01Z");
    world.wait("today's goes out", |runs| runs.iter().any(|run| tally(run, "sent") == 5)).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_becomes_another_in_mid_run_pauses_it() {
    let channel = "kind = \"outbox\"\nrate = \"1/s\"";
    let world = World::with_channel(
        channel,
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    world.contacts(30, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    world.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await;
    let smtp = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    world.edit("chorus.toml", "kind = \"outbox\"", smtp);
    let paused = world.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    engine.stop().await;
    assert_eq!(paused.paused_by, Some(PausedBy::Account));
    assert!(paused.note.unwrap().contains("smtp instead of outbox"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_own_clocks_takes_in_people_who_are_added() {
    let world = world("at = 2027-06-01T10:00:00, timezone = \"contact\"", "2027-05-31T19:00:00Z").await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-05-31T20:00:01Z");
    world.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 5).await;
    engine.stop().await;
    world.set("2027-05-31T21:00:00Z");
    world.contacts(2, Some("America/New_York")).await;
    let engine = world.engine();
    world.wait("they are taken in", |runs| runs[0].total == 7).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sets_of_files_one_counts() {
    let world = world("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = world.engine();
    a_while().await;
    let mut other: Workspace = world.loaded().0.clone();
    other.hash = "other".to_owned();
    let (_keep, files) = tokio::sync::watch::channel(Arc::new((other, source::Diagnostics::new())));
    let second = world.engine_with(files);
    a_while().await;
    let notes: Vec<_> = world.store.lease_list().await.unwrap().into_iter().map(|lease| lease.note).collect();
    assert!(notes.iter().flatten().any(|note| note.contains("plans nothing")), "{notes:?}");
    engine.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_not_yet_sent_to_get_the_words_of_todays_file() {
    let world = World::with_channel(
        "kind = \"outbox\"\nrate = \"1/s\"",
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    world.contacts(20, None).await;
    let engine = world.engine();
    a_while().await;
    world.set("2027-06-01T09:00:01Z");
    let run =
        world.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await.remove(0);
    assert!(world.store.run_pause(run.id, "by hand").await.unwrap());
    a_while().await;
    world.edit("campaigns/hello.toml", "subject  = \"Hello\"", "subject  = \"Good morning\"");
    let loaded = world.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let now = world.clock.now();
    let findings = scheduler::already_sent(&world.store, &loaded, now).await.unwrap();
    assert!(findings.iter().any(|finding| finding.message.contains("still get the words")), "{findings:?}");
    assert!(
        scheduler::revise(&world.store, &loaded, campaign, &campaign.steps[0], run.id, now).await.unwrap()
    );
    assert!(world.store.run_resume(run.id).await.unwrap());
    let before = world.kept().await.len();
    world.wait("more are sent", |runs| tally(&runs[0], "sent") > i64::try_from(before).unwrap() + 1).await;
    engine.stop().await;
    let texts = world.store.outbox_page(None, None, 100).await.unwrap();
    let new = texts.iter().filter(|message| message.subject.contains("Good morning")).count();
    assert!(new > 0 && new < texts.len(), "{new} of {}", texts.len());
}
