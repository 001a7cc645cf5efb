//! Tests of the simulated audience against the real tracking routes.

use std::collections::BTreeMap;
use std::sync::RwLock;

use campaign::OnUncertain;
use store::{
    AddressKind, Clock, ContactId, DeliveryName, GroupCommit, LinkName, Metric, NewContact, NewRun,
    OutboxMessage, Outcome, RecipientAddress, RecipientSource, RollupFilter, RunId, RunKind,
};
use tokio::net::TcpListener;
use tracking::{LinkSigner, Tracking};

use super::*;

const MESSAGES: i64 = 120;
const NOW: Millis = Millis::new(1_800_000_000_000);

/// A server with the real tracking routes, and messages in the outbox.
struct Fixture {
    context: SimulationContext,
    tracking: Tracking,
    server: JoinSet<()>,
}

impl Fixture {
    async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::fixed(NOW.timestamp().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let signer = LinkSigner::new(&[7; 32], &public_url);
        fill(&store, &signer).await;
        let goals = Arc::new(RwLock::new(BTreeMap::new()));
        let brand = "Harbour Coffee".to_owned();
        let tracking =
            Tracking::start(store.clone(), signer, clock.clone(), goals, None, brand, true).await.unwrap();
        let router = tracking.router();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let platform = Arc::new(Platform::start(Arc::new(|| NOW.as_millisecond())).await.unwrap());
        let context = SimulationContext { store, public_url, platform, clock };
        Self { context, tracking, server }
    }

    /// Stops the server and the event writer, so that all events are written, and returns the
    /// store.
    async fn finish(mut self) -> Store {
        self.server.shutdown().await;
        self.tracking.finish().await;
        self.context.store
    }
}

/// Sends a message to each of [`MESSAGES`] contacts into the outbox, as a worker does.
async fn fill(store: &Store, signer: &LinkSigner) {
    let lease = store.lease_open("test", true, NOW, NOW + 60_000).await.unwrap();
    let url = ["https://harbour.example/spring".to_owned()];
    let revision = store.revision_put("hash", "spring", "mail", "{}", &url, NOW).await.unwrap();
    for number in 1..=MESSAGES {
        let contact = insert_contact(store, number).await;
        let run = run(store, revision.id, number).await;
        let recipients = RecipientSource::One { contact, address: RecipientAddress::Email, due_at: NOW };
        store.run_plan(run, &recipients, NOW).await.unwrap();
        let claimed = store.delivery_claim(lease, run, NOW, 1).await.unwrap();
        let (id, name) = (claimed[0].id, claimed[0].name);
        let begin = GroupCommit { intents: vec![id], ..GroupCommit::default() };
        assert_eq!(store.delivery_record(lease, &begin, NOW).await.unwrap().granted, [id]);
        let outcome = Outcome::Accepted { answer: "stored".to_owned(), post: None };
        let outbox = vec![message(signer, &revision.links, id, name, number)];
        let end = GroupCommit { outcomes: vec![(id, outcome)], outbox, ..GroupCommit::default() };
        assert_eq!(store.delivery_record(lease, &end, NOW).await.unwrap().recorded, 1);
    }
}

fn address(number: i64) -> String {
    format!("person-{number}@example.org")
}

async fn insert_contact(store: &Store, number: i64) -> ContactId {
    let contact = NewContact { email: Some(address(number)), ..NewContact::default() };
    store.contact_upsert(&[contact], NOW).await.unwrap();
    store.contact_find(&address(number)).await.unwrap().unwrap().id
}

async fn run(store: &Store, revision_id: store::RevisionId, number: i64) -> RunId {
    let run = NewRun {
        campaign: "spring".to_owned(),
        step: "mail".to_owned(),
        channel: "email".to_owned(),
        instant: NOW + number,
        kind: RunKind::Manual,
        revision_id,
        parent_id: None,
        condition: None,
        on_uncertain: OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: NOW + 60_000,
        origin: store::RunOrigin::default(),
    };
    store.run_insert(&run, NOW).await.unwrap().unwrap()
}

fn message(
    signer: &LinkSigner,
    links: &[LinkName],
    delivery: DeliveryId,
    name: DeliveryName,
    number: i64,
) -> OutboxMessage {
    let (prefixes, token) = (signer.prefixes(links), signer.token(name));
    let (click, open, unsubscribe) = (&prefixes.click[0], &prefixes.open, &prefixes.unsubscribe);
    let html = format!(
        "<a href=\"{click}{token}\">Choose</a> <a href=\"{unsubscribe}{token}\">Unsubscribe</a> \
         <img src=\"{open}{token}\">"
    );
    let (channel, recipient) = ("email".to_owned(), address(number));
    let (subject, text, raw) = (String::new(), String::new(), Vec::new());
    OutboxMessage { delivery, channel, recipient, subject, html, text, raw }
}

async fn metric_counts(store: &Store) -> BTreeMap<Metric, i64> {
    let rows = store.rollup_read(&RollupFilter::default()).await.unwrap();
    rows.into_iter().map(|row| (row.metric, row.count)).collect()
}

#[tokio::test]
async fn actions_use_the_real_links_and_machines_are_detected() {
    let fixture = Fixture::new().await;
    let client = http_client(&fixture.context.public_url).unwrap();
    let mut audience = SimulatedAudience::new(fixture.context.clone(), 1);
    audience.poll().await;
    let planned = audience.queue.len();
    audience.poll().await;
    assert_eq!(audience.queue.len(), planned, "a message is handled once");

    // Performs all actions immediately, in the order in which they are due.
    let mut bought = 0;
    while let Some(Reverse(due)) = audience.queue.pop() {
        bought += usize::from(matches!(due.action, Action::Purchase { .. }));
        perform(Arc::clone(&audience.context), client.clone(), due).await;
    }
    let store = fixture.finish().await;
    let counts = metric_counts(&store).await;
    for metric in [Metric::Opened, Metric::Clicked, Metric::Machine] {
        assert!(counts.get(&metric).is_some_and(|count| *count > 0), "{metric:?}: {counts:?}");
    }
    assert!(counts[&Metric::Opened] < MESSAGES);
    let mut purchases = 0;
    for contact in 1..=MESSAGES {
        let events = store.event_of_contact(ContactId(contact), 100).await.unwrap();
        purchases += events.iter().filter(|event| event.name.as_deref() == Some("purchase")).count();
    }
    assert!(bought > 0);
    assert_eq!(purchases, bought);
}

#[tokio::test]
async fn unsubscribing_is_a_one_click_post() {
    let fixture = Fixture::new().await;
    let client = http_client(&fixture.context.public_url).unwrap();
    let store = fixture.context.store.clone();
    let newest = store.outbox_page(None, None, 1).await.unwrap().remove(0);
    let message = MessageRef::Email(newest.delivery_id);
    let (at, action) = (Instant::now(), Action::Unsubscribe);
    let due = QueuedAction { at, time: NOW, number: 0, message, action };
    perform(Arc::new(fixture.context.clone()), client, due).await;
    let suppressed = store.suppression_get(AddressKind::Email, &newest.recipient).await.unwrap();
    assert_eq!(suppressed.unwrap().source, "one-click");
    fixture.finish().await;
}

#[tokio::test]
async fn the_simulation_ends_when_it_is_cancelled() {
    let fixture = Fixture::new().await;
    let stop = CancellationToken::new();
    let audience = tokio::spawn(simulate(fixture.context.clone(), 1, stop.clone()));
    stop.cancel();
    audience.await.unwrap();
    fixture.finish().await;
}

#[test]
fn the_audience_only_connects_to_this_machine() {
    let allowed = |url: &str| is_loopback(&Url::parse(url).unwrap());
    assert!(allowed("http://127.0.0.1:8080") && allowed("http://[::1]:8080/"));
    for elsewhere in [
        "https://news.harbour.example",
        "http://127.0.0.1.example",
        "http://localhost:8080",
        "http://10.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
        "https://127.0.0.1",
    ] {
        assert!(!allowed(elsewhere), "{elsewhere}");
        assert!(http_client(&Url::parse(elsewhere).unwrap()).is_err());
    }
}

#[test]
fn neighbouring_messages_have_different_seeds() {
    let seeds: HashSet<u64> = (1..1_000).map(|id| MessageRef::Email(DeliveryId(id)).seed()).collect();
    assert_eq!(seeds.len(), 999);
    assert_ne!(MessageRef::Post("a".to_owned()).seed(), MessageRef::Post("b".to_owned()).seed());
}
