//! What is too long for somebody is not begun.

use scheduler::FireError;
use serde_json::{Map, Value};
use store::{Consent, NewContact, Run, RunState};

use crate::case::{NOW, ONCE};
use crate::world::World;

const CHANNELS: &str = r#"kind = "outbox"
from = "news@test.example"

[channels.sms]
kind     = "twilio"
account  = "AC1"
token    = "unused"
from     = "+15005550006"
base_url = "http://127.0.0.1:9""#;

const STEP: &str = "\n[[steps]]\nid = \"text\"\nchannel = \"sms\"\ntemplate = \"plain\"\n";

/// Somebody whose first name has this many letters.
async fn named(world: &World, letters: usize, consent: Consent) {
    let name = ("first_name".to_owned(), Value::from("A".repeat(letters)));
    let person = NewContact {
        phone: Some("+8613800138001".to_owned()),
        consent: Some(consent),
        attributes: Map::from_iter([name]),
        ..World::person("p@example.com")
    };
    world.store.contact_upsert(&[person], world.clock.millis()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_that_is_too_long_for_somebody() {
    let world = World::with_channel(CHANNELS, &format!("{STEP}{ONCE}"), NOW).await;
    named(&world, 1_700, Consent::Yes).await;
    let engine = world.engine();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    world.set("2027-06-01T09:00:30Z");
    let noted = |runs: &[Run]| runs.iter().any(|run| run.note.is_some());
    world.wait("it says why it waits", noted).await;
    engine.stop().await;
    let run = world.store.run_list(None, 1).await.unwrap().remove(0);
    let note = run.note.unwrap();
    assert_eq!((run.state, run.total), (RunState::Planned, 0), "{note}");
    assert!(note.contains("Twilio takes 1600"), "{note}");
    assert!(note.contains("first_name has up to 1700 characters"), "{note}");
    assert!(!note.contains("AAA"), "no words of anybody's: {note}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_hand_is_refused_that_is_too_long_for_somebody_who_would_get_it() {
    let world = World::with_channel(CHANNELS, &format!("{STEP}{ONCE}"), NOW).await;
    named(&world, 1_700, Consent::Yes).await;
    let campaign = world.loaded.0.campaigns.values().next().unwrap();
    let fire = async || {
        let now = world.clock.now();
        scheduler::fire(
            &world.store,
            &world.loaded,
            campaign,
            &campaign.steps[0],
            &scheduler::HandSend::default(),
            now,
        )
        .await
    };
    let refused = fire().await.unwrap_err();
    assert!(matches!(refused, FireError::TooLong(_)), "{refused}");
    assert!(world.store.run_list(None, 9).await.unwrap().is_empty(), "nothing is written");
    named(&world, 1_700, Consent::No).await;
    fire().await.unwrap();
}
