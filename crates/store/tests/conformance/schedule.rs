//! An occurrence becomes a run once, whoever sees it first.

use campaign::OnUncertain;
use store::{
    Advance, DeliveryId, Millis, NewOccurrence, NewRun, OccurrenceKind, OccurrenceReason, OccurrenceState,
    PausedBy, RunId, RunKind, RunState, StopReason, Stopped,
};

use crate::world::{DAY, HOUR, NOW, World, everybody, to_everybody};

async fn occurrence(w: &World, instant: Millis) -> NewRun {
    NewRun {
        campaign: "spring".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant,
        kind: RunKind::Scheduled,
        revision_id: w.revision().await,
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Hold,
        look_after: 0,
        cost_micros: campaign::Money::from_millionths(5),
        currency: "EUR".to_owned(),
        expires_at: instant + DAY,
        origin: store::Origin::default(),
    }
}

/// Moves the watermark of the step from one instant to another.
async fn advance_to(w: &World, from: Option<Millis>, to: Millis, runs: &[NewRun]) -> Option<Vec<RunId>> {
    let (campaign, step, definition) = ("spring", "mail", "{}");
    let advance = Advance { campaign, step, from, to, definition, history: None, runs, occurrences: &[] };
    w.store.schedule_advance(&advance, NOW).await.unwrap()
}

pub(crate) async fn one_of_two_racers_wins(w: &World) {
    let mut from = None;
    for round in 1..=5 {
        let to = NOW + round * HOUR;
        let runs = vec![occurrence(w, to - 1).await];
        let racers = (0..4).map(|_| {
            let (store, runs) = (w.store.clone(), runs.clone());
            tokio::spawn(async move {
                let (campaign, step, definition) = ("spring", "mail", "{}");
                let advance = Advance {
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
    assert_eq!(w.number("select count(*) from runs").await, 5);
    let all = w.store.schedule_all().await.unwrap();
    assert_eq!(all.len(), 1);
    let row = &all[&("spring".to_owned(), "mail".to_owned())];
    assert_eq!((row.planned_through, row.definition.as_deref()), (NOW + 5 * HOUR, Some("{}")));
}

pub(crate) async fn runs_are_made_once(w: &World) {
    let first = occurrence(w, NOW).await;
    let made = w.store.run_insert(&first, NOW + 3).await.unwrap().unwrap();
    assert_eq!(w.store.run_insert(&first, NOW + 4).await.unwrap(), None);
    let run = w.get(made).await;
    assert_eq!(
        (run.instant, run.created_at, run.cost_micros, run.currency.as_str()),
        (NOW, NOW + 3, campaign::Money::from_millionths(5), "EUR")
    );
    assert_eq!(
        (run.kind, run.expires_at, run.revision_id),
        (RunKind::Scheduled, NOW + DAY, Some(w.revision().await))
    );

    // A watermark moves over what is made already, and makes the rest.
    let runs = [first, occurrence(w, NOW + 1).await, occurrence(w, NOW + 2).await];
    let made = advance_to(w, None, NOW + 2, &runs).await.unwrap();
    assert_eq!(made.len(), 2);
    assert!(made[0] < made[1]);
    assert_eq!(advance_to(w, None, NOW + 9, &runs).await, None);
    assert_eq!(advance_to(w, Some(NOW), NOW + 9, &runs).await, None);
    assert_eq!(advance_to(w, Some(NOW + 5), NOW + 9, &runs).await, None);
    assert_eq!(advance_to(w, Some(NOW + 2), NOW + 9, &[]).await, Some(vec![]));
}

pub(crate) async fn parents_without_followers(w: &World) {
    w.people(1).await;
    let first = w.planned("mail").await;
    let second = w.run("mail", |run| run.instant = NOW + 1).await;
    w.plan(second).await;
    let test = w.run("mail", |run| (run.kind, run.instant) = (RunKind::Test, NOW + 2)).await;
    w.plan(test).await;
    w.run("mail", |run| run.instant = NOW + 3).await;
    w.send_all(first, NOW + 5).await;
    w.run("reminder", |run| run.parent_id = Some(second)).await;

    let recent = w.store.run_recent(NOW - 1).await.unwrap();
    assert_eq!(recent.iter().filter(|run| run.step == "mail").count(), 3, "no tests: {recent:?}");
    // A run is followed once by a step, whoever asks, and where another run has its instant a little later.
    let mut follower = occurrence(w, NOW).await;
    follower.step = "survey".to_owned();
    follower.parent_id = Some(first);
    let made = w.store.run_insert_follower(&follower, NOW).await.unwrap().unwrap();
    assert_eq!(w.store.run_insert_follower(&follower, NOW).await.unwrap(), None);
    follower.parent_id = Some(second);
    let other = w.store.run_insert_follower(&follower, NOW).await.unwrap().unwrap();
    assert_eq!((w.get(made).await.instant, w.get(other).await.instant), (NOW, NOW + 1));
    w.store.run_cancel(second, NOW).await.unwrap();
    let cancelled = w.get(other).await;
    assert_eq!((cancelled.state, cancelled.cancelled_with), (RunState::Cancelled, Some(second)));
    follower.step = "third".to_owned();
    assert_eq!(
        w.store.run_insert_follower(&follower, NOW).await.unwrap(),
        None,
        "no follow-up of a cancelled run"
    );
}

fn missed(instant: Millis) -> NewOccurrence {
    NewOccurrence::one(instant, OccurrenceKind::Missed, OccurrenceReason::Off)
}

pub(crate) async fn what_does_not_run_is_written_down_once(w: &World) {
    let made = occurrence(w, NOW + 1).await;
    let (campaign, step, definition) = ("spring", "mail", "{}");
    let occurrences = [missed(NOW), missed(NOW + 1)];
    let runs = [made];
    let advance = Advance {
        campaign,
        step,
        from: None,
        to: NOW + 2,
        definition,
        history: None,
        runs: &runs,
        occurrences: &occurrences,
    };
    let made = w.store.schedule_advance(&advance, NOW).await.unwrap().unwrap();
    let open = w.store.occurrence_list(None, true, 9).await.unwrap();
    assert_eq!((made.len(), open.len(), open[0].instant), (1, 1, NOW), "what is a run is not written down");
    w.store.occurrence_add(campaign, step, &[missed(NOW)], NOW + 9).await.unwrap();
    assert_eq!(w.store.occurrence_list(Some("spring"), true, 9).await.unwrap(), open);
    // It runs after all: its row says so.
    let run = w.store.run_insert(&occurrence(w, NOW).await, NOW).await.unwrap().unwrap();
    let row = w.store.occurrence_get(campaign, step, NOW).await.unwrap().unwrap();
    assert_eq!((row.state, row.run_id), (OccurrenceState::Fired, Some(run)));
    assert!(!w.store.occurrence_dismiss(campaign, step, NOW, NOW).await.unwrap(), "it is a run");
    // One to come is taken out, and the planner passes over it.
    assert!(w.store.occurrence_dismiss(campaign, step, NOW + 5, NOW).await.unwrap());
    assert!(!w.store.occurrence_dismiss(campaign, step, NOW + 5, NOW).await.unwrap());
    let runs = [occurrence(w, NOW + 5).await, occurrence(w, NOW + 6).await];
    let made = advance_to(w, Some(NOW + 2), NOW + 7, &runs).await.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(w.get(made[0]).await.instant, NOW + 6);
    // A person asks for one, and it is given back where it cannot run.
    w.store.occurrence_add(campaign, step, &[missed(NOW + 3)], NOW).await.unwrap();
    assert!(w.store.occurrence_ask(campaign, step, NOW + 3).await.unwrap());
    let asked = w.store.occurrence_asked().await.unwrap();
    w.store.occurrence_reopen(&asked[0], "why").await.unwrap();
    assert!(w.store.occurrence_asked().await.unwrap().is_empty());
}

pub(crate) async fn a_renamed_step_keeps_its_history(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    w.send_all(run, NOW).await;
    assert!(advance_to(w, None, NOW + 1, &[]).await.is_some());
    let key = |campaign: &str, step: &str| (campaign.to_owned(), step.to_owned());
    let (old, new) = (key("spring", "mail"), key("summer", "letter"));
    assert!(w.store.step_rename(&old, &new, NOW).await.unwrap());
    assert!(!w.store.step_rename(&old, &new, NOW).await.unwrap(), "nothing is left under the old name");
    assert_eq!(w.get(run).await.campaign, "summer");
    assert!(w.store.schedule_all().await.unwrap().contains_key(&new));
    assert_eq!(
        w.number(
            "select sum(count) from rollups where campaign = 'summer' and step = 'letter' and metric = 'sent'"
        )
        .await,
        2
    );
    assert_eq!(w.number("select count(*) from rollups where campaign = 'spring'").await, 0);
    assert_eq!(w.store.step_renames().await.unwrap(), [(old.clone(), new.clone())].into());
    assert!(w.store.step_rename(&new, &old, NOW).await.unwrap());
    assert_eq!(w.store.step_renames().await.unwrap(), [(new, old)].into());
    assert_eq!(w.get(run).await.campaign, "spring");
}

pub(crate) async fn one_set_of_files_is_in_force(w: &World) {
    let (first, second) = (w.lease(NOW).await, w.lease(NOW).await);
    let put = async |lease, hash, before| w.store.files_put_in_force(lease, hash, before, NOW).await.unwrap();
    assert!(put(first, "a", None).await);
    assert!(put(second, "a", None).await, "the same files");
    assert!(!put(second, "b", None).await, "others, and the first is alive");
    assert!(put(first, "c", Some("a")).await, "an edit of the files in force");
    assert!(!put(second, "b", Some("a")).await, "what it had is not in force any more");
    w.store.lease_close(first, NOW).await.unwrap();
    assert!(put(second, "b", Some("a")).await, "nobody else is alive");
}

pub(crate) async fn everything_stops_and_starts(w: &World) {
    w.people(1).await;
    let run = w.planned("mail").await;
    let stopped = Stopped { reason: StopReason::Stop, since: NOW, detail: "by hand".to_owned() };
    assert!(w.store.stop_all(&stopped, "stopped").await.unwrap());
    assert!(!w.store.stop_all(&stopped, "again").await.unwrap());
    assert_eq!(w.store.stopped().await.unwrap(), Some(stopped));
    let paused = w.get(run).await;
    assert_eq!((paused.state, paused.paused_by), (RunState::Paused, Some(PausedBy::Stop)));
    assert!(w.store.start_all().await.unwrap());
    assert!(!w.store.start_all().await.unwrap());
    assert_eq!(w.get(run).await.state, RunState::Paused, "nothing goes on by itself");
}

pub(crate) async fn a_cancelled_run_goes_on_for_those_who_have_not_got_it(w: &World) {
    w.people(3).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    let claimed = w.claim(lease, run, NOW, 1).await;
    w.store.delivery_release(lease, &[claimed[0].id]).await.unwrap();
    assert_eq!(w.store.run_cancel(run, NOW).await.unwrap(), Some(3));
    assert_eq!(w.store.run_reopen(run, NOW + DAY).await.unwrap(), Some(3));
    assert_eq!(w.store.run_reopen(run, NOW + DAY).await.unwrap(), None, "it is not cancelled any more");
    assert_eq!(w.get(run).await.state, RunState::Running);
    assert_eq!(w.claim(lease, run, NOW + 2, 9).await.len(), 0, "due when it was taken up");
    let lease = w.lease(NOW + DAY).await;
    assert_eq!(w.claim(lease, run, NOW + DAY, 9).await.len(), 3);
}

pub(crate) async fn a_newer_occurrence_supersedes_an_older_one(w: &World) {
    w.people(2).await;
    let older = w.planned("mail").await;
    let newer = w.run("mail", |run| run.instant = NOW + HOUR).await;
    let audiences = everybody();
    let lease = w.lease(NOW).await;
    assert_eq!(w.claim(lease, older, NOW, 1).await.len(), 1, "nothing is newer yet");
    w.store.lease_close(lease, NOW).await.unwrap();
    w.store.run_plan(newer, &to_everybody(&audiences), NOW + HOUR).await.unwrap();
    let lease = w.lease(NOW + HOUR).await;
    assert_eq!(w.claim(lease, older, NOW + HOUR, 9).await, []);
    let rows = w.store.delivery_list(older, None, false, DeliveryId(0), 9).await.unwrap();
    assert!(rows.iter().all(|row| row.reason.as_deref() == Some("superseded")), "{rows:?}");
    assert_eq!(w.claim(lease, newer, NOW + HOUR, 9).await.len(), 2);
}
