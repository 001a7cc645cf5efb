//! Tests of edits to the files: the rules of docs/edits.md, over the whole engine.

use std::sync::Arc;
use std::time::Duration;

use campaign::Workspace;
use scheduler::{ManualSendOptions, Refusal};
use store::{
    Delays, DeliveryState, OccurrenceKind, OccurrenceReason, OccurrenceRow, PausedBy, Run, RunState,
    StopReason, Stopped,
};
use tests::{Phase, RecipientFilter, Relay, RelayAction, RelayListener, Script};

use crate::fixture::{Fixture, MAIL, tally, wait_for_ticks};

const PEOPLE: usize = 5;

async fn fixture(when: &str, now: &str) -> Fixture {
    Fixture::with_when(when, PEOPLE, now).await
}

async fn runs(fixture: &Fixture) -> Vec<Run> {
    let mut runs = fixture.store.run_list(None, 100).await.unwrap();
    runs.sort_by_key(|run| run.id);
    runs
}

async fn did_not_run(fixture: &Fixture) -> Vec<(OccurrenceKind, OccurrenceReason, String)> {
    let rows: Vec<OccurrenceRow> = fixture.store.occurrence_list(None, true, 100).await.unwrap();
    let at = |row: &OccurrenceRow| row.instant.timestamp().unwrap().to_string();
    rows.iter().rev().map(|row| (row.kind, row.reason, at(row))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_that_was_sent_is_not_sent_again_at_another_time() {
    let fixture = fixture("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T09:05:00Z");
    fixture.edit("campaigns/hello.toml", "10:00:00", "10:30:00");
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:30:01Z");
    wait_for_ticks().await;
    engine.stop().await;
    assert_eq!(runs(&fixture).await.len(), 1);
    let listed = did_not_run(&fixture).await;
    assert_eq!(listed[0].1, OccurrenceReason::AlreadySent, "{listed:?}");
    let (now, loaded) = (fixture.clock.now(), fixture.loaded());
    let between = "2027-06-01T09:10:00Z".parse().unwrap();
    let findings = scheduler::already_sent(&fixture.store, &loaded, between).await.unwrap();
    assert!(
        findings[0].message.contains("went out on")
            && findings[0].help.as_deref().unwrap().contains("--again")
    );
    let campaign = &loaded.0.campaigns["hello"];
    let ask = ManualSendOptions::default();
    let refused =
        scheduler::refusal(&fixture.store, &loaded, campaign, &campaign.steps[0], &ask, now).await.unwrap();
    assert!(matches!(refused, Some(Refusal::AlreadySent(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_step_moved_into_the_past_is_next_sent_tomorrow() {
    let fixture = fixture("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T09:20:00Z");
    fixture.edit("campaigns/hello.toml", "0 10", "10 10");
    wait_for_ticks().await;
    assert_eq!(runs(&fixture).await.len(), 1, "10:10 lies before the edit");
    fixture.set("2027-06-02T09:10:01Z");
    let all = fixture.ended(2).await;
    engine.stop().await;
    assert_eq!(all[1].instant, "2027-06-02T09:10:00Z".parse::<jiff::Timestamp>().unwrap().into());
    assert!(fixture.outbox_counts().await.values().all(|count| *count == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_missed_while_no_worker_ran_is_listed_and_can_be_run() {
    let fixture = fixture("at = 2027-06-01T10:00:00", "2027-06-01T08:00:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    engine.stop().await;
    fixture.set("2027-06-01T11:00:00Z");
    let engine = fixture.engine();
    wait_for_ticks().await;
    assert!(runs(&fixture).await.is_empty(), "two hours are more than the catch-up window");
    assert_eq!(
        did_not_run(&fixture).await,
        [(OccurrenceKind::Missed, OccurrenceReason::Off, "2027-06-01T09:00:00Z".to_owned())]
    );
    let row = fixture.store.occurrence_list(None, true, 1).await.unwrap().remove(0);
    assert!(fixture.store.occurrence_request("hello", "mail", row.instant).await.unwrap());
    let all = fixture.ended(1).await;
    engine.stop().await;
    assert_eq!((all[0].instant, tally(&all[0], "sent")), (row.instant, 5));
    assert!(did_not_run(&fixture).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn times_edited_while_no_worker_ran_are_listed_and_not_caught_up() {
    let fixture = fixture("cron = \"0 10 * * *\"", "2027-06-01T08:00:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    engine.stop().await;
    fixture.edit("campaigns/hello.toml", "0 10", "30 10");
    fixture.set("2027-06-01T09:40:00Z");
    let engine = fixture.engine();
    wait_for_ticks().await;
    engine.stop().await;
    assert!(runs(&fixture).await.is_empty());
    assert_eq!(
        did_not_run(&fixture).await,
        [(OccurrenceKind::Missed, OccurrenceReason::Edited, "2027-06-01T09:00:00Z".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_one_shot_whose_time_has_passed_is_listed_and_not_sent() {
    let fixture = fixture("at = 2027-06-01T10:00:00", "2027-06-01T09:05:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    engine.stop().await;
    assert!(runs(&fixture).await.is_empty());
    assert_eq!(did_not_run(&fixture).await[0].1, OccurrenceReason::Added);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_contacts_own_zones_those_after_an_edit_get_it_and_the_others_are_missed() {
    let fixture = fixture("at = 2027-06-01T07:00:00, timezone = \"contact\"", "2027-06-01T00:00:00Z").await;
    fixture.contacts(2, Some("Asia/Shanghai")).await;
    fixture.contacts(3, Some("America/New_York")).await;
    // It is 8:00 in Shanghai and 20:00 the day before in New York when the step is first seen.
    let engine = fixture.engine();
    let run = fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 10).await.remove(0);
    fixture.set("2027-06-01T12:00:00Z");
    fixture.ended(1).await;
    engine.stop().await;
    let rows = fixture.deliveries(run.id).await;
    let missed = rows.iter().filter(|row| row.reason.as_deref() == Some("missed")).count();
    let sent = rows.iter().filter(|row| row.state == DeliveryState::Sent).count();
    assert_eq!((missed, sent), (2, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_with_was_moves_the_history_and_without_it_the_same_text_is_held() {
    let fixture = fixture("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    // Renamed, and its time moved: by the history it was sent.
    fixture.rename("campaigns/hello.toml", "campaigns/greeting.toml");
    fixture.edit("campaigns/greeting.toml", "title ", "was = \"hello\"\ntitle ");
    wait_for_ticks().await;
    fixture.edit("campaigns/greeting.toml", "10:00:00", "11:00:00");
    wait_for_ticks().await;
    fixture.set("2027-06-01T10:00:01Z");
    wait_for_ticks().await;
    let all = runs(&fixture).await;
    assert_eq!((all.len(), all[0].campaign.as_str()), (1, "greeting"));
    // The older files come back: the history moves back.
    fixture.rename("campaigns/greeting.toml", "campaigns/hello.toml");
    fixture.edit("campaigns/hello.toml", "was = \"hello\"\n", "");
    wait_for_ticks().await;
    assert_eq!(runs(&fixture).await[0].campaign, "hello");
    // Renamed without `was`, with a time in the future: the same text to the same people is held.
    fixture.rename("campaigns/hello.toml", "campaigns/other.toml");
    fixture.edit("campaigns/other.toml", "11:00:00", "12:00:00");
    wait_for_ticks().await;
    fixture.set("2027-06-01T11:00:01Z");
    wait_for_ticks().await;
    engine.stop().await;
    assert_eq!(runs(&fixture).await.len(), 1);
    let rows = fixture.store.occurrence_list(Some("other"), true, 10).await.unwrap();
    assert_eq!((rows[0].kind, rows[0].reason), (OccurrenceKind::Held, OccurrenceReason::SameText));
    assert_eq!(rows[0].detail.as_deref(), Some("hello/mail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_for_a_minute_pauses_its_runs_until_it_is_back_unchanged() {
    let channel = "kind = \"outbox\"\nrate = \"1/s\"";
    let fixture = Fixture::with_channel(
        channel,
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    fixture.contacts(30, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await;
    fixture.rename("campaigns/hello.toml", "hello.away");
    wait_for_ticks().await;
    assert_eq!(runs(&fixture).await[0].state, RunState::Running, "a minute has not passed");
    fixture.set("2027-06-01T09:01:10Z");
    let paused = fixture.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    assert_eq!(paused.paused_by, Some(PausedBy::Absent));
    assert!(paused.note.unwrap().contains("not in the files"));
    fixture.rename("hello.away", "campaigns/hello.toml");
    fixture.wait("it goes on", |runs| runs[0].state == RunState::Running).await;
    engine.stop().await;
    assert_eq!(runs(&fixture).await.len(), 1, "nothing fired again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_due_while_its_file_has_an_error_is_listed_and_caught_up_when_it_is_repaired() {
    let fixture = fixture("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.edit("campaigns/hello.toml", "title ", "titel ");
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:02:00Z");
    for _ in 0..60 {
        if !did_not_run(&fixture).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(did_not_run(&fixture).await[0].1, OccurrenceReason::FileError);
    assert!(runs(&fixture).await.is_empty());
    fixture.edit("campaigns/hello.toml", "titel ", "title ");
    fixture.ended(1).await;
    engine.stop().await;
    assert!(did_not_run(&fixture).await.is_empty(), "it ran after all");
}

fn relay_channel(script: Script) -> (Relay, RelayListener, String) {
    let relay = Relay::new(script);
    let listener = relay.listen().unwrap();
    let port = listener.port;
    let channel =
        format!("kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}?tls=off\"\nfrom = \"news@test.example\"");
    (relay, listener, channel)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_full_mailbox_holds_up_no_other_and_gets_only_the_newest() {
    let full = RelayAction::Answer("452 4.2.2 Mailbox full".to_owned());
    let script =
        Script::default().with(Phase::Rcpt, RecipientFilter::Domain("full.example".to_owned()), full);
    let (relay, _listener, channel) = relay_channel(script);
    let steps = format!("{MAIL}when = {{ every = \"day 09:00\", timezone = \"UTC\" }}\n");
    let fixture = Fixture::with_channel(&channel, &steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(4, None).await;
    let person = Fixture::person("reader@full.example");
    fixture.store.contact_upsert(&[person], fixture.clock.millis()).await.unwrap();
    let mut engine = fixture.engine();
    wait_for_ticks().await;
    for (day, sent) in [("01", 4), ("02", 8), ("03", 12)] {
        engine.stop().await;
        fixture.set(&format!("2027-06-{day}T09:00:01Z"));
        engine = fixture.engine();
        fixture.wait(day, |runs| runs.iter().map(|run| tally(run, "sent")).sum::<i64>() == sent).await;
    }
    relay.set_script(Script::default());
    engine.stop().await;
    fixture.set("2027-06-03T15:00:00Z");
    let engine = fixture.engine();
    let all = fixture.ended(3).await;
    engine.stop().await;
    let to_full =
        relay.accepted_messages().iter().filter(|message| message.recipient == "reader@full.example").count();
    assert_eq!(to_full, 1, "the newest only");
    let second = fixture.deliveries(all[1].id).await;
    let superseded = second.iter().filter(|row| row.reason.as_deref() == Some("superseded")).count();
    assert_eq!(superseded, 1, "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_not_handed_out_overlaps_and_that_is_listed() {
    // Nothing listens on port 1.
    let channel = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    let steps = format!("{MAIL}when = {{ every = \"day 09:00\", timezone = \"UTC\" }}\n");
    let fixture = Fixture::with_channel(channel, &steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(2, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 2).await;
    fixture.set("2027-06-02T09:00:01Z");
    wait_for_ticks().await;
    assert_eq!(runs(&fixture).await.len(), 1);
    let listed = did_not_run(&fixture).await;
    assert_eq!((listed[0].0, listed[0].1), (OccurrenceKind::Skipped, OccurrenceReason::Overlap));
    // A paused run does not overlap.
    let run = runs(&fixture).await.remove(0);
    assert!(fixture.store.run_pause(run.id, "by hand").await.unwrap());
    fixture.set("2027-06-03T09:00:01Z");
    fixture.wait("the next is made", |runs| runs.len() == 2).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_after_the_end_and_a_run_in_contacts_own_zones_is_cut_off_there() {
    let head = "ends = 2027-06-01T13:00:00Z\n";
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00, timezone = \"contact\" }}\n");
    let fixture = Fixture::with_campaign("kind = \"outbox\"", head, &steps, "2027-05-31T19:00:00Z").await;
    fixture.contacts(2, Some("Asia/Shanghai")).await;
    fixture.contacts(2, Some("America/New_York")).await;
    let engine = fixture.engine();
    fixture.set("2027-05-31T20:00:01Z");
    let run = fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 4).await.remove(0);
    fixture.set("2027-06-01T02:00:01Z");
    fixture.wait("the east has it", |runs| tally(&runs[0], "sent") == 2).await;
    assert!(fixture.store.run_pause(run.id, "by hand").await.unwrap());
    fixture.set("2027-06-01T14:00:01Z");
    assert!(fixture.store.run_resume(run.id).await.unwrap());
    let ended = fixture.ended(1).await.remove(0);
    engine.stop().await;
    assert_eq!((tally(&ended, "sent"), tally(&ended, "failed")), (2, 2));
    let rows = fixture.deliveries(run.id).await;
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
async fn a_cancelled_run_has_no_follow_up_and_can_go_on_for_the_rest() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let fixture =
        Fixture::with_channel("kind = \"outbox\"\nrate = \"1/s\"", &steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(30, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    let run =
        fixture.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") >= 2).await.remove(0);
    assert!(fixture.store.run_cancel(run.id, fixture.clock.millis()).await.unwrap().is_some());
    fixture.wait("it has ended", |runs| runs[0].finished_at.is_some()).await;
    fixture.set("2027-06-01T12:30:00Z");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs(&fixture).await.len(), 1, "no follow-up of a cancelled run");
    let before = tally(&runs(&fixture).await[0], "sent");
    let queued = fixture.store.run_reopen(run.id, fixture.clock.millis()).await.unwrap().unwrap();
    assert_eq!(queued, 30 - before);
    fixture.wait("others get it", |runs| tally(&runs[0], "sent") > before + 1).await;
    engine.stop().await;
    let kept = fixture.outbox_counts().await;
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_delay_never_makes_a_follow_up_due_in_the_past() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let fixture = Fixture::new(&steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(PEOPLE, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T11:00:00Z");
    // The first hour has passed: they keep the delay of three hours.
    fixture.edit("campaigns/hello.toml", "3h", "1h");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs(&fixture).await.len(), 1);
    fixture.set("2027-06-01T12:00:05Z");
    let all = fixture.ended(2).await;
    engine.stop().await;
    assert_eq!((all[1].parent_id, tally(&all[1], "sent")), (Some(all[0].id), 5));
    assert!(all[1].delays.as_ref().is_some_and(|delays| *delays != Delays::always(3_600_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_added_later_does_not_reach_those_whose_time_has_passed() {
    let fixture = fixture("at = 2027-06-01T10:00:00", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T14:00:00Z");
    fixture.append("campaigns/hello.toml", REMINDER);
    tokio::time::sleep(Duration::from_secs(3)).await;
    engine.stop().await;
    assert_eq!(runs(&fixture).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_follow_up_replaces_the_scheduled_one() {
    let steps = format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n{REMINDER}");
    let fixture = Fixture::new(&steps, "2027-06-01T08:59:00Z").await;
    fixture.contacts(PEOPLE, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.ended(1).await;
    fixture.set("2027-06-01T10:00:00Z");
    fixture.fire("reminder").await;
    fixture.ended(2).await;
    fixture.set("2027-06-01T12:00:05Z");
    let all = fixture.ended(3).await;
    engine.stop().await;
    assert_eq!((tally(&all[2], "sent"), tally(&all[2], "suppressed")), (0, 5));
    let rows = fixture.deliveries(all[2].id).await;
    assert!(rows.iter().all(|row| row.reason.as_deref() == Some("sent_by_hand")), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_and_stop_hold_due_occurrences_and_ending_them_sends_nothing() {
    let fixture = fixture("cron = \"0 * * * *\"", "2027-06-01T08:59:00Z").await;
    fixture.edit("campaigns/hello.toml", "title ", "hold = true\ntitle ");
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    wait_for_ticks().await;
    assert_eq!(did_not_run(&fixture).await[0].1, OccurrenceReason::Hold);
    fixture.edit("campaigns/hello.toml", "hold = true\n", "");
    let stopped = Stopped { reason: StopReason::Stop, since: fixture.clock.millis(), detail: String::new() };
    assert!(fixture.store.stop_all(&stopped, "stopped").await.unwrap());
    wait_for_ticks().await;
    fixture.set("2027-06-01T10:00:01Z");
    wait_for_ticks().await;
    assert_eq!(did_not_run(&fixture).await[1].1, OccurrenceReason::Stop);
    assert!(fixture.store.start_all().await.unwrap());
    wait_for_ticks().await;
    assert!(runs(&fixture).await.is_empty(), "ending either fires nothing by itself");
    fixture.set("2027-06-01T11:00:01Z");
    fixture.ended(1).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_and_is_set_back_is_reported() {
    let fixture = fixture("cron = \"0 10 * * *\"", "2027-06-01T08:00:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2037-06-01T12:00:00Z");
    wait_for_ticks().await;
    fixture.set("2027-06-01T08:00:04Z");
    wait_for_ticks().await;
    let clock = did_not_run(&fixture).await.into_iter().find(|row| row.1 == OccurrenceReason::ClockBack);
    assert!(clock.is_some(), "{:?}", did_not_run(&fixture).await);
    fixture.set("2027-06-01T09:00:01Z");
    fixture.wait("today's goes out", |runs| runs.iter().any(|run| tally(run, "sent") == 5)).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_changes_its_account_during_a_run_pauses_it() {
    let channel = "kind = \"outbox\"\nrate = \"1/s\"";
    let fixture = Fixture::with_channel(
        channel,
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    fixture.contacts(30, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    fixture.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await;
    let smtp = "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:1?tls=off\"\nfrom = \"news@test.example\"";
    fixture.edit("chorus.toml", "kind = \"outbox\"", smtp);
    let paused = fixture.wait("it pauses", |runs| runs[0].state == RunState::Paused).await.remove(0);
    engine.stop().await;
    assert_eq!(paused.paused_by, Some(PausedBy::Account));
    assert!(paused.note.unwrap().contains("smtp instead of outbox"));
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_who_are_added_join_a_run_in_contacts_own_zones() {
    let fixture = fixture("at = 2027-06-01T10:00:00, timezone = \"contact\"", "2027-05-31T19:00:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-05-31T20:00:01Z");
    fixture.wait("it is planned", |runs| runs.len() == 1 && runs[0].total == 5).await;
    engine.stop().await;
    fixture.set("2027-05-31T21:00:00Z");
    fixture.contacts(2, Some("America/New_York")).await;
    let engine = fixture.engine();
    fixture.wait("they are taken in", |runs| runs[0].total == 7).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sets_of_files_only_one_is_in_force() {
    let fixture = fixture("cron = \"0 10 * * *\"", "2027-06-01T08:59:00Z").await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    let mut other: Workspace = fixture.loaded().0.clone();
    other.hash = "other".to_owned();
    let (_keep, files) = tokio::sync::watch::channel(Arc::new((other, source::Diagnostics::new())));
    let second = fixture.engine_with(files);
    wait_for_ticks().await;
    let notes: Vec<_> =
        fixture.store.lease_list().await.unwrap().into_iter().map(|lease| lease.note).collect();
    assert!(notes.iter().flatten().any(|note| note.contains("plans nothing")), "{notes:?}");
    engine.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revised_run_sends_the_text_of_todays_file_to_the_rest() {
    let fixture = Fixture::with_channel(
        "kind = \"outbox\"\nrate = \"1/s\"",
        &format!("{MAIL}when = {{ at = 2027-06-01T10:00:00 }}\n"),
        "2027-06-01T08:59:00Z",
    )
    .await;
    fixture.contacts(20, None).await;
    let engine = fixture.engine();
    wait_for_ticks().await;
    fixture.set("2027-06-01T09:00:01Z");
    let run =
        fixture.wait("some are sent", |runs| runs.len() == 1 && tally(&runs[0], "sent") > 1).await.remove(0);
    assert!(fixture.store.run_pause(run.id, "by hand").await.unwrap());
    wait_for_ticks().await;
    fixture.edit("campaigns/hello.toml", "subject  = \"Hello\"", "subject  = \"Good morning\"");
    let loaded = fixture.loaded();
    let campaign = &loaded.0.campaigns["hello"];
    let now = fixture.clock.now();
    let findings = scheduler::already_sent(&fixture.store, &loaded, now).await.unwrap();
    assert!(findings.iter().any(|finding| finding.message.contains("still get the words")), "{findings:?}");
    assert!(
        scheduler::revise(&fixture.store, &loaded, campaign, &campaign.steps[0], run.id, now).await.unwrap()
    );
    assert!(fixture.store.run_resume(run.id).await.unwrap());
    let before = fixture.outbox_counts().await.len();
    fixture.wait("more are sent", |runs| tally(&runs[0], "sent") > i64::try_from(before).unwrap() + 1).await;
    engine.stop().await;
    let texts = fixture.store.outbox_page(None, None, 100).await.unwrap();
    let new = texts.iter().filter(|message| message.subject.contains("Good morning")).count();
    assert!(new > 0 && new < texts.len(), "{new} of {}", texts.len());
}
