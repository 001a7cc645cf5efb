//! An occurrence becomes a run once, whoever sees it first.

use campaign::OnUncertain;
use store::{Advance, Millis, NewRun, RunId, RunKind};

use crate::world::{DAY, HOUR, NOW, World};

async fn occurrence(w: &World, instant: i64) -> NewRun {
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
        cost_micros: 5,
        currency: "EUR".to_owned(),
        expires_at: instant + DAY,
        origin: store::Origin::default(),
    }
}

/// Moves the watermark of the step from one instant to another.
async fn advance(w: &World, from: Option<Millis>, to: Millis, runs: &[NewRun]) -> Option<Vec<RunId>> {
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
        (NOW, NOW + 3, 5, "EUR")
    );
    assert_eq!(
        (run.kind, run.expires_at, run.revision_id),
        (RunKind::Scheduled, NOW + DAY, Some(w.revision().await))
    );

    // A watermark moves over what is made already, and makes the rest.
    let runs = [first, occurrence(w, NOW + 1).await, occurrence(w, NOW + 2).await];
    let made = advance(w, None, NOW + 2, &runs).await.unwrap();
    assert_eq!(made.len(), 2);
    assert!(made[0] < made[1]);
    assert_eq!(advance(w, None, NOW + 9, &runs).await, None);
    assert_eq!(advance(w, Some(NOW), NOW + 9, &runs).await, None);
    assert_eq!(advance(w, Some(NOW + 5), NOW + 9, &runs).await, None);
    assert_eq!(advance(w, Some(NOW + 2), NOW + 9, &[]).await, Some(vec![]));
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

    let parents = w.store.run_parents("spring", "mail", "reminder", NOW - 1).await.unwrap();
    assert_eq!(parents.iter().map(|run| run.id).collect::<Vec<_>>(), [first]);
    assert_eq!(parents[0].started_at, Some(NOW + 5));
    let parents = w.store.run_parents("spring", "mail", "survey", NOW - 1).await.unwrap();
    assert_eq!(parents.iter().map(|run| run.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(w.store.run_parents("spring", "mail", "reminder", NOW).await.unwrap(), []);
}
