//! Tests that an occurrence becomes a run once, whichever process sees it first; and of renames,
//! stops and reopened runs.

use campaign::OnUncertain;
use store::{
    DeliveryId, Millis, NewOccurrence, NewRun, OccurrenceKind, OccurrenceReason, OccurrenceState, PausedBy,
    RunId, RunKind, RunState, ScheduleAdvance, StopReason, Stopped,
};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, all_contacts, to_all_contacts};

async fn occurrence(f: &StoreFixture, instant: Millis) -> NewRun {
    NewRun {
        campaign: "spring".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant,
        kind: RunKind::Scheduled,
        revision_id: f.revision().await,
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Hold,
        look_after: 0,
        cost_micros: campaign::Money::from_millionths(5),
        currency: "EUR".to_owned(),
        expires_at: instant + DAY,
        origin: store::RunOrigin::default(),
    }
}

/// Advances the watermark of the step from one instant to another.
async fn advance_to(
    f: &StoreFixture,
    from: Option<Millis>,
    to: Millis,
    runs: &[NewRun],
) -> Option<Vec<RunId>> {
    let (campaign, step, definition) = ("spring", "mail", "{}");
    let advance =
        ScheduleAdvance { campaign, step, from, to, definition, history: None, runs, occurrences: &[] };
    f.store.schedule_advance(&advance, NOW).await.unwrap()
}

pub(crate) async fn one_of_several_planners_wins(f: &StoreFixture) {
    let mut from = None;
    for round in 1..=5 {
        let to = NOW + round * HOUR;
        let runs = vec![occurrence(f, to - 1).await];
        let racers = (0..4).map(|_| {
            let (store, runs) = (f.store.clone(), runs.clone());
            tokio::spawn(async move {
                let (campaign, step, definition) = ("spring", "mail", "{}");
                let advance = ScheduleAdvance {
                    campaign,
                    step,
                    from,
                    to,
                    definition,
                    history: None,
                    runs: &runs,
                    occurrences: &[],
                };
                store.schedule_advance(&advance, NOW).await.unwrap()
            })
        });
        let mut won = 0;
        for racer in racers.collect::<Vec<_>>() {
            if let Some(made) = racer.await.unwrap() {
                assert_eq!(made.len(), 1);
                won += 1;
            }
        }
        assert_eq!(won, 1, "round {round}");
        from = Some(to);
    }
    assert_eq!(f.number("select count(*) from runs").await, 5);
    let all = f.store.schedule_all().await.unwrap();
    assert_eq!(all.len(), 1);
    let row = &all[&("spring".to_owned(), "mail".to_owned())];
    assert_eq!((row.planned_through, row.definition.as_deref()), (NOW + 5 * HOUR, Some("{}")));
}

pub(crate) async fn runs_are_inserted_once(f: &StoreFixture) {
    let first = occurrence(f, NOW).await;
    let made = f.store.run_insert(&first, NOW + 3).await.unwrap().unwrap();
    assert_eq!(f.store.run_insert(&first, NOW + 4).await.unwrap(), None);
    let run = f.get(made).await;
    assert_eq!(
        (run.instant, run.created_at, run.cost_micros, run.currency.as_str()),
        (NOW, NOW + 3, campaign::Money::from_millionths(5), "EUR")
    );
    assert_eq!(
        (run.kind, run.expires_at, run.revision_id),
        (RunKind::Scheduled, NOW + DAY, Some(f.revision().await))
    );

    // An advance skips runs that exist already, and inserts the others.
    let runs = [first, occurrence(f, NOW + 1).await, occurrence(f, NOW + 2).await];
    let made = advance_to(f, None, NOW + 2, &runs).await.unwrap();
    assert_eq!(made.len(), 2);
    assert!(made[0] < made[1]);
    assert_eq!(advance_to(f, None, NOW + 9, &runs).await, None);
    assert_eq!(advance_to(f, Some(NOW), NOW + 9, &runs).await, None);
    assert_eq!(advance_to(f, Some(NOW + 5), NOW + 9, &runs).await, None);
    assert_eq!(advance_to(f, Some(NOW + 2), NOW + 9, &[]).await, Some(vec![]));
}

pub(crate) async fn parents_without_followers(f: &StoreFixture) {
    f.people(1).await;
    let first = f.planned("mail").await;
    let second = f.run("mail", |run| run.instant = NOW + 1).await;
    f.plan(second).await;
    let test = f.run("mail", |run| (run.kind, run.instant) = (RunKind::Test, NOW + 2)).await;
    f.plan(test).await;
    f.run("mail", |run| run.instant = NOW + 3).await;
    f.send_all(first, NOW + 5).await;
    f.run("reminder", |run| run.parent_id = Some(second)).await;

    let recent = f.store.run_recent(NOW - 1).await.unwrap();
    assert_eq!(recent.iter().filter(|run| run.step == "mail").count(), 3, "no tests: {recent:?}");
    // A run is followed once by a step, whichever process asks. If another run has its instant, it
    // gets a later one.
    let mut follower = occurrence(f, NOW).await;
    follower.step = "survey".to_owned();
    follower.parent_id = Some(first);
    let made = f.store.run_insert_follower(&follower, NOW).await.unwrap().unwrap();
    assert_eq!(f.store.run_insert_follower(&follower, NOW).await.unwrap(), None);
    follower.parent_id = Some(second);
    let other = f.store.run_insert_follower(&follower, NOW).await.unwrap().unwrap();
    assert_eq!((f.get(made).await.instant, f.get(other).await.instant), (NOW, NOW + 1));
    f.store.run_cancel(second, NOW).await.unwrap();
    let cancelled = f.get(other).await;
    assert_eq!((cancelled.state, cancelled.cancelled_with), (RunState::Cancelled, Some(second)));
    follower.step = "third".to_owned();
    assert_eq!(
        f.store.run_insert_follower(&follower, NOW).await.unwrap(),
        None,
        "no follow-up of a cancelled run"
    );
}

fn missed(instant: Millis) -> NewOccurrence {
    NewOccurrence::one(instant, OccurrenceKind::Missed, OccurrenceReason::Off)
}

pub(crate) async fn occurrences_that_do_not_run_are_stored_once(f: &StoreFixture) {
    let made = occurrence(f, NOW + 1).await;
    let (campaign, step, definition) = ("spring", "mail", "{}");
    let occurrences = [missed(NOW), missed(NOW + 1)];
    let runs = [made];
    let advance = ScheduleAdvance {
        campaign,
        step,
        from: None,
        to: NOW + 2,
        definition,
        history: None,
        runs: &runs,
        occurrences: &occurrences,
    };
    let made = f.store.schedule_advance(&advance, NOW).await.unwrap().unwrap();
    let open = f.store.occurrence_list(None, true, 9).await.unwrap();
    assert_eq!((made.len(), open.len(), open[0].instant), (1, 1, NOW), "a run gets no occurrence row");
    f.store.occurrence_add(campaign, step, &[missed(NOW)], NOW + 9).await.unwrap();
    assert_eq!(f.store.occurrence_list(Some("spring"), true, 9).await.unwrap(), open);
    // It becomes a run later, and its row says so.
    let run = f.store.run_insert(&occurrence(f, NOW).await, NOW).await.unwrap().unwrap();
    let row = f.store.occurrence_get(campaign, step, NOW).await.unwrap().unwrap();
    assert_eq!((row.state, row.run_id), (OccurrenceState::Fired, Some(run)));
    assert!(!f.store.occurrence_dismiss(campaign, step, NOW, NOW).await.unwrap(), "it is a run");
    // A future occurrence is dismissed, and the planner skips it.
    assert!(f.store.occurrence_dismiss(campaign, step, NOW + 5, NOW).await.unwrap());
    assert!(!f.store.occurrence_dismiss(campaign, step, NOW + 5, NOW).await.unwrap());
    let runs = [occurrence(f, NOW + 5).await, occurrence(f, NOW + 6).await];
    let made = advance_to(f, Some(NOW + 2), NOW + 7, &runs).await.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(f.get(made[0]).await.instant, NOW + 6);
    // A person requests one, and it is opened again if it cannot run.
    f.store.occurrence_add(campaign, step, &[missed(NOW + 3)], NOW).await.unwrap();
    assert!(f.store.occurrence_request(campaign, step, NOW + 3).await.unwrap());
    let asked = f.store.occurrence_requested().await.unwrap();
    f.store.occurrence_reopen(&asked[0], "why").await.unwrap();
    assert!(f.store.occurrence_requested().await.unwrap().is_empty());
}

pub(crate) async fn a_renamed_step_keeps_its_history(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    assert!(advance_to(f, None, NOW + 1, &[]).await.is_some());
    let key = |campaign: &str, step: &str| (campaign.to_owned(), step.to_owned());
    let (old, new) = (key("spring", "mail"), key("summer", "letter"));
    assert!(f.store.step_rename(&old, &new, NOW).await.unwrap());
    assert!(!f.store.step_rename(&old, &new, NOW).await.unwrap(), "nothing is left under the old name");
    assert_eq!(f.get(run).await.campaign, "summer");
    assert!(f.store.schedule_all().await.unwrap().contains_key(&new));
    assert_eq!(
        f.number(
            "select sum(count) from rollups where campaign = 'summer' and step = 'letter' and metric = 'sent'"
        )
        .await,
        2
    );
    assert_eq!(f.number("select count(*) from rollups where campaign = 'spring'").await, 0);
    assert_eq!(f.store.step_renames().await.unwrap(), [(old.clone(), new.clone())].into());
    assert!(f.store.step_rename(&new, &old, NOW).await.unwrap());
    assert_eq!(f.store.step_renames().await.unwrap(), [(new, old)].into());
    assert_eq!(f.get(run).await.campaign, "spring");
}

pub(crate) async fn one_set_of_files_is_active(f: &StoreFixture) {
    let (first, second) = (f.lease(NOW).await, f.lease(NOW).await);
    let put = async |lease, hash, before| f.store.files_activate(lease, hash, before, NOW).await.unwrap();
    assert!(put(first, "a", None).await);
    assert!(put(second, "a", None).await, "the same files");
    assert!(!put(second, "b", None).await, "others, and the first is alive");
    assert!(put(first, "c", Some("a")).await, "an edit of the active files");
    assert!(!put(second, "b", Some("a")).await, "its files are not active any more");
    f.store.lease_close(first, NOW).await.unwrap();
    assert!(put(second, "b", Some("a")).await, "no other planner is alive");
}

pub(crate) async fn everything_stops_and_starts(f: &StoreFixture) {
    f.people(1).await;
    let run = f.planned("mail").await;
    let stopped = Stopped { reason: StopReason::Stop, since: NOW, detail: "by hand".to_owned() };
    assert!(f.store.stop_all(&stopped, "stopped").await.unwrap());
    assert!(!f.store.stop_all(&stopped, "again").await.unwrap());
    assert_eq!(f.store.stopped().await.unwrap(), Some(stopped));
    let paused = f.get(run).await;
    assert_eq!((paused.state, paused.paused_by), (RunState::Paused, Some(PausedBy::Stop)));
    assert!(f.store.start_all().await.unwrap());
    assert!(!f.store.start_all().await.unwrap());
    assert_eq!(f.get(run).await.state, RunState::Paused, "nothing goes on by itself");
}

pub(crate) async fn a_reopened_run_reaches_the_other_contacts(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 1).await;
    f.store.delivery_release(lease, &[claimed[0].id]).await.unwrap();
    assert_eq!(f.store.run_cancel(run, NOW).await.unwrap(), Some(3));
    assert_eq!(f.store.run_reopen(run, NOW + DAY).await.unwrap(), Some(3));
    assert_eq!(f.store.run_reopen(run, NOW + DAY).await.unwrap(), None, "it is not cancelled any more");
    assert_eq!(f.get(run).await.state, RunState::Running);
    assert_eq!(f.claim(lease, run, NOW + 2, 9).await.len(), 0, "due when it was taken up");
    let lease = f.lease(NOW + DAY).await;
    assert_eq!(f.claim(lease, run, NOW + DAY, 9).await.len(), 3);
}

pub(crate) async fn a_newer_occurrence_supersedes_an_older_one(f: &StoreFixture) {
    f.people(2).await;
    let older = f.planned("mail").await;
    let newer = f.run("mail", |run| run.instant = NOW + HOUR).await;
    let audiences = all_contacts();
    let lease = f.lease(NOW).await;
    assert_eq!(f.claim(lease, older, NOW, 1).await.len(), 1, "nothing is newer yet");
    f.store.lease_close(lease, NOW).await.unwrap();
    f.store.run_plan(newer, &to_all_contacts(&audiences), NOW + HOUR).await.unwrap();
    let lease = f.lease(NOW + HOUR).await;
    assert_eq!(f.claim(lease, older, NOW + HOUR, 9).await, []);
    let rows = f.store.delivery_list(older, None, false, DeliveryId(0), 9).await.unwrap();
    assert!(rows.iter().all(|row| row.reason.as_deref() == Some("superseded")), "{rows:?}");
    assert_eq!(f.claim(lease, newer, NOW + HOUR, 9).await.len(), 2);
}
