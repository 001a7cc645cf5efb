//! Tests of settling uncertain deliveries on the page of their run.

use super::*;

/// Returns a finished run whose second and third delivery are uncertain.
async fn uncertain_run(seeded: &Seeded) -> RunId {
    let (store, start) = (&seeded.store, sample::ago(20));
    let revision = store.run_get(seeded.run).await.unwrap().unwrap().revision_id.unwrap();
    let instant = seeded.store.run_get(seeded.run).await.unwrap().unwrap().instant + 1;
    let on_uncertain = OnUncertain::Hold;
    let run =
        store.run_insert(&NewRun { instant, on_uncertain, ..a_run(revision) }, start).await.unwrap().unwrap();
    plan(store, run, start).await;
    let (lease, intents) = begin(store, run, start).await;
    let outcome = |id: &DeliveryId| match id.contact() {
        ContactId(1) => {
            let url = Some("https://social.example/@harbour/1".to_owned());
            let post = Some(store::PostRef { id: Some("1".into()), url });
            Outcome::Accepted { answer: "201".into(), post }
        }
        _ => Outcome::Unknown { retry_at: Some(start), answer: "the connection broke".into() },
    };
    let outcomes = intents.iter().map(|id| (*id, outcome(id))).collect();
    store.delivery_record(lease, &GroupCommit { outcomes, ..GroupCommit::default() }, start).await.unwrap();
    assert_eq!(store.run_finish(start).await.unwrap(), [run]);
    run
}

#[tokio::test]
async fn an_uncertain_delivery_is_settled_on_the_page() {
    let seeded = Seeded::new(None).await;
    let run = uncertain_run(&seeded).await;
    let page = seeded.page(&format!("/runs/{run}")).await;
    for part in [
        "Did 2 deliveries arrive?",
        &format!("action=\"/runs/{run}/went-out\""),
        &format!("action=\"/runs/{run}/deliveries/3/send-again\""),
        "href=\"https://social.example/@harbour/1\" rel=\"noopener noreferrer nofollow\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("/deliveries/1/"), "certain deliveries have no buttons");
    let own = [("sec-fetch-site", "same-origin")];
    let post = async |path: &str| {
        let answer = ask(seeded.router(), Method::POST, &format!("/runs/{path}"), &own).await;
        (answer.status(), header(&answer, "location").to_owned())
    };
    let seen = format!("/runs/{run}#deliveries");
    let state = async || seeded.store.run_get(run).await.unwrap().unwrap().state;
    for _ in 0..2 {
        assert_eq!(
            post(&format!("{run}/deliveries/2/went-out")).await,
            (StatusCode::SEE_OTHER, seen.clone())
        );
        assert_eq!(state().await, RunState::FinishedWithFailures, "one is left");
    }
    assert_eq!(post(&format!("{run}/deliveries/3/send-again")).await.0, StatusCode::SEE_OTHER);
    assert_eq!(state().await, RunState::Running);
    let page = seeded.page(&format!("/runs/{run}")).await;
    assert!(page.contains("a person said that it went out") && !page.contains("went-out"), "{page}");
    assert_eq!(post(&format!("{run}/deliveries/2/lost")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post("999/deliveries/2/went-out").await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&format!("{run}/deliveries/x/went-out")).await.0, StatusCode::BAD_REQUEST);
    for odd in [i64::MIN, -1, i64::MAX] {
        assert_eq!(
            post(&format!("{run}/deliveries/{odd}/went-out")).await.0,
            StatusCode::SEE_OTHER,
            "no such contact"
        );
    }
}

#[tokio::test]
async fn all_uncertain_deliveries_are_settled_at_once() {
    let seeded = Seeded::new(None).await;
    let run = uncertain_run(&seeded).await;
    let own = [("sec-fetch-site", "same-origin")];
    let answer = ask(seeded.router(), Method::POST, &format!("/runs/{run}/went-out"), &own).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(seeded.store.run_get(run).await.unwrap().unwrap().state, RunState::Finished);
    let again = ask(seeded.router(), Method::POST, &format!("/runs/{run}/send-again"), &own).await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        seeded.store.run_get(run).await.unwrap().unwrap().state,
        RunState::Finished,
        "nothing is left"
    );
}
