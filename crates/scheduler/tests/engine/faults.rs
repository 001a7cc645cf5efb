//! Tests of the engine with faulty servers: every recipient ends in one state, and no one gets a
//! message twice.

use std::time::Duration;

use store::{DeliveryState, RunState};
use tests::{Phase, RecipientFilter, Relay, RelayAction, Script};

use crate::fixture::{Fixture, MAIL, tally};
use crate::relay_case::{NOW, ONCE, RelayCase, answers, short_timeouts};

#[tokio::test(flavor = "multi_thread")]
async fn a_greylisting_server_takes_all_messages_the_second_time() {
    let case = RelayCase::new(
        300,
        answers(Phase::Rcpt, RecipientFilter::New, "450 4.7.1 Greylisted, come back later"),
    )
    .await;
    let engine = case.fixture.engine();
    case.until(&[DeliveryState::Deferred]).await;
    assert!(case.accepted_counts().is_empty());
    let engine = case.fixture.later(engine, 4).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(case.accepted_counts().is_empty(), "four minutes are too early");
    let engine = case.fixture.later(engine, 2).await;
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.all_received_once(300);
    assert!(case.rows().await.iter().all(|row| row.attempts == 2 && row.repeats == 0));
    case.nothing_is_suppressed().await;
}

/// Checks that a transient failure loses no message, however long it takes.
async fn a_storm_passes(at: Phase, line: &str) {
    let case = RelayCase::new(200, answers(at, RecipientFilter::All, line)).await;
    let mut engine = case.fixture.engine();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        engine = case.fixture.later(engine, 100).await;
    }
    assert!(case.accepted_counts().is_empty());
    case.relay.set_script(Script::default());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        engine = case.fixture.later(engine, 300).await;
    }
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.all_received_once(200);
    case.nothing_is_suppressed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_421_storm_passes() {
    a_storm_passes(Phase::Rcpt, "421 4.7.0 Try again later, closing connection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_421_storm_at_the_end_passes() {
    a_storm_passes(Phase::Dot, "421 4.3.2 Service shutting down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_451_storm_passes() {
    a_storm_passes(Phase::Mail, "451 4.3.0 Temporary lookup failure").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_requires_authentication_holds_back_all_messages() {
    a_storm_passes(Phase::Mail, "530 5.7.0 Authentication required").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let script = Script::default().with(Phase::Rcpt, RecipientFilter::All, RelayAction::Silence);
    let case = RelayCase::with(12, script, "", MAIL, short_timeouts()).await;
    let engine = case.fixture.engine();
    case.until(&[DeliveryState::Deferred]).await;
    case.relay.set_script(Script::default());
    let engine = case.fixture.later(engine, 300).await;
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.all_received_once(12);
    assert!(case.rows().await.iter().all(|row| row.repeats == 0), "the server never had them");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_the_message_leaves_it_uncertain() {
    let held = format!("{MAIL}on_uncertain = \"hold\"\n");
    let script = Script::default().with(Phase::Dot, RecipientFilter::All, RelayAction::Silence);
    let case = RelayCase::with(8, script, "", &held, short_timeouts()).await;
    let engine = case.fixture.engine();
    case.until(&[DeliveryState::Uncertain]).await;
    case.fixture.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    assert!(case.accepted_counts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_a_second_is_too_slow() {
    let script = Script::default().with(Phase::Rcpt, RecipientFilter::All, RelayAction::Drip);
    let case = RelayCase::with(8, script, "", MAIL, short_timeouts()).await;
    let engine = case.fixture.engine();
    case.until(&[DeliveryState::Deferred]).await;
    engine.stop().await;
    assert!(case.accepted_counts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tarpit_for_some_does_not_delay_the_others() {
    let script = Script::default().with(Phase::Rcpt, RecipientFilter::Share(0.05), RelayAction::Silence);
    let case = RelayCase::with(100, script, "", MAIL, short_timeouts()).await;
    let engine = case.fixture.engine();
    let counts = case.until(&[DeliveryState::Sent, DeliveryState::Deferred]).await;
    engine.stop().await;
    assert_eq!(counts["sent "], case.accepted_counts().len());
    assert!(case.accepted_counts().values().all(|times| *times == 1));
    assert!((80..100).contains(&counts["sent "]), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_gets_no_message() {
    let relay = Relay::new(Script::default());
    let listener = relay.listen().unwrap();
    let channel = format!(
        "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}\"\nfrom = \"news@test.example\"\nconnections = 4",
        listener.port
    );
    let fixture = Fixture::with_channel(&channel, &format!("{MAIL}{ONCE}"), NOW).await;
    fixture.contacts(50, None).await;
    let run = fixture.fire("mail").await;
    let engine = fixture.engine();
    fixture
        .wait("it says why", |runs| runs[0].note.as_deref().is_some_and(|note| note.contains("STARTTLS")))
        .await;
    engine.stop().await;
    assert!(relay.connections().iter().all(|connection| connection.messages.is_empty()), "not one MAIL");
    let rows = fixture.deliveries(run).await;
    assert!(rows.iter().all(|row| row.state == DeliveryState::Queued && row.attempts == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cannot_write_headers() {
    let relay = Relay::new(Script { keep_content: true, ..Script::default() });
    let listener = relay.listen().unwrap();
    let channel = format!(
        "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}?tls=off\"\nfrom = \"news@test.example\"",
        listener.port
    );
    let subject = "[steps.message]\nsubject = \"For {{contact.name}}\"\n";
    let fixture = Fixture::with_channel(&channel, &format!("{MAIL}{ONCE}{subject}"), NOW).await;
    let names = [
        "x".repeat(300),
        "名".repeat(300),
        "a\r\nBcc: thief@evil.example".to_owned(),
        "a\nX-Evil: 1\n\nHello".to_owned(),
        "a\u{2028}c\r.\r\n.\r\nMAIL FROM:<thief@evil.example>".to_owned(),
    ];
    let people: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let mut person = Fixture::person(&format!("n{n}@example.com"));
            person.attributes.insert("name".to_owned(), name.clone().into());
            person
        })
        .collect();
    fixture.store.contact_upsert(&people, fixture.clock.millis()).await.unwrap();
    fixture.fire("mail").await;
    let engine = fixture.engine();
    let run = fixture.wait("it ends", |runs| runs[0].finished_at.is_some()).await.remove(0);
    engine.stop().await;
    assert_eq!((run.state, tally(&run, "sent")), (RunState::Finished, 5));
    let taken = relay.accepted_messages();
    assert_eq!(taken.len(), 5);
    for message in taken {
        let text = String::from_utf8(message.raw).unwrap();
        let headers = text.split("\r\n\r\n").next().unwrap().to_lowercase();
        let named = |name: &str| headers.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((named("subject:"), named("to:"), named("message-id:")), (1, 1, 1), "{headers}");
        assert_eq!(named("bcc:") + named("x-evil"), 0, "{headers}");
        assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    }
}
