//! The whole engine against servers that do what servers do: one end state for every recipient, nobody twice.

use std::collections::BTreeMap;
use std::time::Duration;

use channel::Limits;
use store::{AddressKind, DeliveryRow, DeliveryState, Run, RunId, RunState};
use tests::{Act, Door, Phase, Relay, Script, Whom};

use crate::world::{MAIL, World, tally};

const ONCE: &str = "when = { at = 2027-06-01T10:00:00 }\n";
const NOW: &str = "2027-05-01T00:00:00Z";

/// A run of one step that goes out through a relay of our own.
struct Case {
    world: World,
    relay: Relay,
    run: RunId,
    _door: Door,
}

impl Case {
    async fn new(people: usize, script: Script) -> Self {
        Self::with(people, script, "", MAIL, Limits::default()).await
    }

    /// With more lines for the campaign, another step and other limits.
    async fn with(people: usize, script: Script, campaign: &str, step: &str, limits: Limits) -> Self {
        let relay = Relay::new(script);
        let door = relay.open().unwrap();
        let channel = format!(
            "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}?tls=off\"\nfrom = \"news@test.example\"\nconnections = 4",
            door.port
        );
        let mut world = World::with_campaign(&channel, campaign, &format!("{step}{ONCE}"), NOW).await;
        world.limits = limits;
        // At many receivers: one alone that refuses us is left alone before it stops a run.
        let of = |n: usize| World::person(&format!("p{n}@d{}.example", n % 40));
        let people: Vec<_> = (0..people).map(of).collect();
        world.store.contact_upsert(&people, world.clock.millis()).await.unwrap();
        let run = world.fire("mail").await;
        Self { world, relay, run, _door: door }
    }

    async fn run(&self) -> Run {
        self.world.store.run_get(self.run).await.unwrap().unwrap()
    }

    async fn rows(&self) -> Vec<DeliveryRow> {
        self.world.deliveries(self.run).await
    }

    /// Waits until every delivery is in one of these states; says how many of each.
    async fn until(&self, states: &[DeliveryState]) -> BTreeMap<String, usize> {
        for _ in 0..600 {
            let rows = self.rows().await;
            if !rows.is_empty() && rows.iter().all(|row| states.contains(&row.state)) {
                return count(&rows);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never all {states:?}: {:?} {:#?}", count(&self.rows().await), self.run().await);
    }

    async fn paused(&self) -> Run {
        let paused = |runs: &[Run]| runs.iter().any(|run| run.state == RunState::Paused);
        self.world.wait("it pauses", paused).await;
        self.run().await
    }

    /// How often the relay took a message for each recipient.
    fn got(&self) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for message in self.relay.taken() {
            *got.entry(message.recipient).or_default() += 1;
        }
        got
    }

    /// Everybody got it, once.
    fn everybody_once(&self, people: usize) {
        let got = self.got();
        assert_eq!((got.len(), got.values().max()), (people, Some(&1)));
    }

    /// Nobody may not be written to any more.
    async fn nobody_is_suppressed(&self) {
        assert_eq!(self.world.store.suppression_list(10).await.unwrap(), []);
    }
}

fn count(rows: &[DeliveryRow]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(format!("{} {}", row.state, row.reason.as_deref().unwrap_or(""))).or_default() += 1;
    }
    counts
}

fn answers(at: Phase, whom: Whom, line: &str) -> Script {
    Script::default().with(at, whom, Act::Answer(line.to_owned()))
}

/// For servers that never answer.
fn hasty() -> Limits {
    let short = Duration::from_millis(400);
    Limits { command: short, data: short, block: short, message: short, ..Limits::default() }
}

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
async fn half_the_list_does_not_exist() {
    let script = answers(Phase::Rcpt, Whom::Share(0.5), "550 5.1.1 No such user");
    let case = Case::with(400, script, "stop_at = { bounces = 1 }\n", MAIL, Limits::default()).await;
    let engine = case.world.engine();
    let counts = case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.world.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    let got = case.got();
    assert_eq!((counts["sent "], got.values().max()), (got.len(), Some(&1)));
    assert_eq!(counts["failed bad_address"], 400 - got.len());
    assert!(got.len() > 100 && got.len() < 300, "{}", got.len());
    for row in case.rows().await {
        let held = case.world.store.suppression_get(AddressKind::Email, &row.address).await.unwrap();
        assert_eq!(held.is_some(), row.state == DeliveryState::Failed, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_bounces_stops_its_run() {
    let case = Case::new(3_000, answers(Phase::Rcpt, Whom::Share(0.2), "550 5.1.1 No such user")).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    engine.stop().await;
    let note = run.note.unwrap();
    assert!(note.contains("addresses do not exist") && note.contains("the limit is 5 %"), "{note}");
    assert!(note.contains(&format!("chorus runs resume {}", run.id)), "{note}");
    assert!(run.stopped.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_us_stops_the_run_and_suppresses_nobody() {
    let refused = "550 5.7.1 Our system has detected that this message is likely unsolicited mail";
    let case = Case::new(2_000, answers(Phase::Dot, Whom::All, refused)).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    let note = run.note.clone().unwrap();
    assert!(note.contains("refuse us") && note.contains("likely unsolicited mail"), "{note}");
    assert!(tally(&run, "failed") < 2_000, "most were spared: {:?}", run.tallies);
    case.nobody_is_suppressed().await;
    case.until(&[DeliveryState::Failed, DeliveryState::Queued]).await;
    // Whoever goes on is not stopped again for the same numbers, and once it is mended everybody gets it.
    case.relay.behave(Script::default());
    assert!(case.world.store.run_resume(case.run).await.unwrap());
    let mut engine = engine;
    for _ in 0..3 {
        // A receiver that refused us so often is left alone for a while.
        tokio::time::sleep(Duration::from_millis(600)).await;
        engine = case.world.later(engine, 300).await;
    }
    case.until(&[DeliveryState::Sent, DeliveryState::Failed]).await;
    case.world.wait("it ends", |runs| runs[0].finished_at.is_some()).await;
    let failed = tally(&case.run().await, "failed");
    let now = case.world.clock.millis();
    assert_eq!(case.world.store.run_retry(case.run, now).await.unwrap(), failed);
    case.until(&[DeliveryState::Sent]).await;
    engine.stop().await;
    case.everybody_once(2_000);
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
async fn a_message_over_the_announced_size_costs_no_traffic() {
    let case = Case::new(400, Script { size: Some(100), ..Script::default() }).await;
    let engine = case.world.engine();
    // Refusing four hundred takes less than a look at the run: a larger one would be paused.
    case.world.wait("it ends", |runs| runs[0].state == RunState::FinishedWithFailures).await;
    engine.stop().await;
    let begun: usize = case.relay.lines().iter().map(|line| line.messages.len()).sum();
    assert_eq!(begun, 0, "no MAIL");
    assert_eq!(count(&case.rows().await), BTreeMap::from([("failed too_big".to_owned(), 400)]));
    assert!(case.rows().await[0].answer.as_deref().unwrap().contains("the server takes 100"));
    case.nobody_is_suppressed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_a_size_that_was_not_announced_goes_there_a_few_times_at_most() {
    let case = Case::new(2_000, answers(Phase::Dot, Whom::All, "552 5.3.4 Message too big")).await;
    let engine = case.world.engine();
    let run = case.paused().await;
    engine.stop().await;
    assert!(run.note.unwrap().contains("too big"));
    let begun: usize = case.relay.lines().iter().map(|line| line.messages.len()).sum();
    assert!(begun <= 8, "{begun} messages over four connections");
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
