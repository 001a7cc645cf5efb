//! Tests of the length check: a run whose text is too long for a recipient is not begun.

use scheduler::FireError;
use serde_json::{Map, Value};
use store::{Consent, NewContact, Run, RunState};

use crate::fixture::Fixture;
use crate::relay_case::{NOW, ONCE};

const CHANNELS: &str = r#"kind = "outbox"
from = "news@test.example"

[channels.sms]
kind     = "twilio"
account  = "AC1"
token    = "unused"
from     = "+15005550006"
base_url = "http://127.0.0.1:9""#;

const STEP: &str = "\n[[steps]]\nid = \"text\"\nchannel = \"sms\"\ntemplate = \"plain\"\n";

/// Adds a contact whose first name has this many letters.
async fn named(fixture: &Fixture, letters: usize, consent: Consent) {
    let name = ("first_name".to_owned(), Value::from("A".repeat(letters)));
    let person = NewContact {
        phone: Some("+8613800138001".to_owned()),
        consent: Some(consent),
        attributes: Map::from_iter([name]),
        ..Fixture::person("p@example.com")
    };
    fixture.store.contact_upsert(&[person], fixture.clock.millis()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_whose_text_is_too_long_for_a_recipient() {
    let fixture = Fixture::with_channel(CHANNELS, &format!("{STEP}{ONCE}"), NOW).await;
    named(&fixture, 1_700, Consent::Yes).await;
    let engine = fixture.engine();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    fixture.set("2027-06-01T09:00:30Z");
    let noted = |runs: &[Run]| runs.iter().any(|run| run.note.is_some());
    fixture.wait("it says why it waits", noted).await;
    engine.stop().await;
    let run = fixture.store.run_list(None, 1).await.unwrap().remove(0);
    let note = run.note.unwrap();
    assert_eq!((run.state, run.total), (RunState::Planned, 0), "{note}");
    assert!(note.contains("Twilio takes 1600"), "{note}");
    assert!(note.contains("first_name has up to 1700 characters"), "{note}");
    assert!(!note.contains("AAA"), "no data of a contact: {note}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manual_send_is_refused_whose_text_is_too_long_for_a_recipient() {
    let fixture = Fixture::with_channel(CHANNELS, &format!("{STEP}{ONCE}"), NOW).await;
    named(&fixture, 1_700, Consent::Yes).await;
    let campaign = fixture.loaded.0.campaigns.values().next().unwrap();
    let fire = async || {
        let now = fixture.clock.now();
        scheduler::fire(
            &fixture.store,
            &fixture.loaded,
            campaign,
            &campaign.steps[0],
            &scheduler::ManualSendOptions::default(),
            now,
        )
        .await
    };
    let refused = fire().await.unwrap_err();
    assert!(matches!(refused, FireError::TooLong(_)), "{refused}");
    assert!(fixture.store.run_list(None, 9).await.unwrap().is_empty(), "nothing is written");
    named(&fixture, 1_700, Consent::No).await;
    fire().await.unwrap();
}
