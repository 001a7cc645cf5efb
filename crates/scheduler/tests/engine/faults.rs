//! The whole engine against servers that do what servers do: one end state for every recipient, nobody twice.

use std::time::Duration;

use store::{DeliveryState, RunState};
use tests::{Act, Phase, Relay, Script, Whom};

use crate::case::{Case, NOW, ONCE, answers, hasty};
use crate::world::{MAIL, World, tally};

#[tokio::test(flavor = "multi_thread")]
async fn a_grey_list_gets_everybody_the_second_time() {
    let case = Case::new(300, answers(Phase::Rcpt, Whom::New, "450 4.7.1 Greylisted, come back later")).await;
    let engine = case.world.engine();
    case.until(&[DeliveryState::Deferred]).await;
    assert!(case.got().is_empty());
    let engine = case.world.later(engine, 4).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(case.got().is_empty(), "four minutes are too early");
    let engine = case.world.later(engine, 2).await;
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.everybody_once(300);
    assert!(case.rows().await.iter().all(|row| row.attempts == 2 && row.repeats == 0));
    case.nobody_is_suppressed().await;
}

/// What passes loses nobody, however long it takes.
async fn a_storm_passes(at: Phase, line: &str) {
    let case = Case::new(200, answers(at, Whom::All, line)).await;
    let mut engine = case.world.engine();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        engine = case.world.later(engine, 100).await;
    }
    assert!(case.got().is_empty());
    case.relay.behave(Script::default());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        engine = case.world.later(engine, 300).await;
    }
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.everybody_once(200);
    case.nobody_is_suppressed().await;
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
async fn a_relay_without_our_password_holds_everybody_back() {
    a_storm_passes(Phase::Mail, "530 5.7.0 Authentication required").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let script = Script::default().with(Phase::Rcpt, Whom::All, Act::Silence);
    let case = Case::with(12, script, "", MAIL, hasty()).await;
    let engine = case.world.engine();
    case.until(&[DeliveryState::Deferred]).await;
    case.relay.behave(Script::default());
    let engine = case.world.later(engine, 300).await;
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.everybody_once(12);
    assert!(case.rows().await.iter().all(|row| row.repeats == 0), "it never had them");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_the_message_is_no_answer() {
    let held = format!("{MAIL}on_uncertain = \"hold\"\n");
    let script = Script::default().with(Phase::Dot, Whom::All, Act::Silence);
    let case = Case::with(8, script, "", &held, hasty()).await;
    let engine = case.world.engine();
    case.until(&[DeliveryState::Uncertain]).await;
    case.world.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    assert!(case.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_a_second_is_too_slow() {
    let script = Script::default().with(Phase::Rcpt, Whom::All, Act::Drip);
    let case = Case::with(8, script, "", MAIL, hasty()).await;
    let engine = case.world.engine();
    case.until(&[DeliveryState::Deferred]).await;
    engine.stop().await;
    assert!(case.got().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tarpit_for_some_is_theirs_alone() {
    let script = Script::default().with(Phase::Rcpt, Whom::Share(0.05), Act::Silence);
    let case = Case::with(100, script, "", MAIL, hasty()).await;
    let engine = case.world.engine();
    let counts = case.until(&[DeliveryState::Sent, DeliveryState::Deferred]).await;
    engine.stop().await;
    assert_eq!(counts["sent "], case.got().len());
    assert!(case.got().values().all(|times| *times == 1));
    assert!((80..100).contains(&counts["sent "]), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_gets_nothing_in_clear() {
    let relay = Relay::new(Script::default());
    let door = relay.open().unwrap();
    let channel = format!(
        "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}\"\nfrom = \"news@test.example\"\nconnections = 4",
        door.port
    );
    let world = World::with_channel(&channel, &format!("{MAIL}{ONCE}"), NOW).await;
    world.contacts(50, None).await;
    let run = world.fire("mail").await;
    let engine = world.engine();
    world
        .wait("it says why", |runs| runs[0].note.as_deref().is_some_and(|note| note.contains("STARTTLS")))
        .await;
    engine.stop().await;
    assert!(relay.lines().iter().all(|line| line.messages.is_empty()), "not one MAIL");
    let rows = world.deliveries(run).await;
    assert!(rows.iter().all(|row| row.state == DeliveryState::Queued && row.attempts == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cannot_write_headers() {
    let relay = Relay::new(Script { keeps: true, ..Script::default() });
    let door = relay.open().unwrap();
    let channel = format!(
        "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}?tls=off\"\nfrom = \"news@test.example\"",
        door.port
    );
    let subject = "[steps.message]\nsubject = \"For {{contact.name}}\"\n";
    let world = World::with_channel(&channel, &format!("{MAIL}{ONCE}{subject}"), NOW).await;
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
            let mut person = World::person(&format!("n{n}@example.com"));
            person.attributes.insert("name".to_owned(), name.clone().into());
            person
        })
        .collect();
    world.store.contact_upsert(&people, world.clock.millis()).await.unwrap();
    world.fire("mail").await;
    let engine = world.engine();
    let run = world.wait("it ends", |runs| runs[0].finished_at.is_some()).await.remove(0);
    engine.stop().await;
    assert_eq!((run.state, tally(&run, "sent")), (RunState::Finished, 5));
    let taken = relay.taken();
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
