//! The audience, act by act, against the real public paths.

use std::collections::BTreeMap;
use std::sync::RwLock;

use campaign::OnUncertain;
use serde_json::Map;
use store::{
    Address, AddressKind, Clock, ContactId, DeliveryName, LinkName, Metric, NewContact, NewRun,
    OutboxMessage, Outcome, Planned, Record, RollupFilter, RunId, RunKind,
};
use tokio::net::TcpListener;
use tracking::{Signer, Tracking};

use super::*;

const MESSAGES: i64 = 120;
const NOW: Millis = Millis::new(1_800_000_000_000);

/// A server with the real public paths, and messages in the outbox.
struct Place {
    world: World,
    tracking: Tracking,
    server: JoinSet<()>,
}

impl Place {
    async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::fixed(NOW.timestamp().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let signer = Signer::new(&[7; 32], &public_url);
        fill(&store, &signer).await;
        let goals = Arc::new(RwLock::new(BTreeMap::new()));
        let brand = "Harbour Coffee".to_owned();
        let tracking =
            Tracking::start(store.clone(), signer, clock.clone(), goals, None, brand, true).await.unwrap();
        let router = tracking.router();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let platform = Arc::new(Platform::start(Arc::new(|| NOW.as_millisecond())).await.unwrap());
        let world = World { store, public_url, platform, clock };
        Self { world, tracking, server }
    }

    /// Ends all but the store, so that everything is written.
    async fn finish(mut self) -> Store {
        self.server.shutdown().await;
        self.tracking.finish().await;
        self.world.store
    }
}

/// Sends a message to each of some people, as a worker would, into the outbox.
async fn fill(store: &Store, signer: &Signer) {
    let lease = store.lease_open("test", true, NOW, NOW + 60_000).await.unwrap();
    let url = ["https://harbour.example/spring".to_owned()];
    let revision = store.revision_put("hash", "spring", "mail", "{}", &url, NOW).await.unwrap();
    for number in 1..=MESSAGES {
        let contact = person(store, number).await;
        let run = run(store, revision.id, number).await;
        let whom = Planned::One { contact, address: Address::Email, due_at: NOW };
        store.run_plan(run, &whom, NOW).await.unwrap();
        let claimed = store.delivery_claim(lease, run, NOW, 1).await.unwrap();
        let (id, name) = (claimed[0].id, claimed[0].name);
        let begin = Record { intents: vec![id], ..Record::default() };
        assert_eq!(store.delivery_record(lease, &begin, NOW).await.unwrap().granted, [id]);
        let outcome = Outcome::Accepted { answer: "kept".to_owned(), post: None };
        let outbox = vec![message(signer, &revision.links, id, name, number)];
        let end = Record { outcomes: vec![(id, outcome)], outbox, ..Record::default() };
        assert_eq!(store.delivery_record(lease, &end, NOW).await.unwrap().recorded, 1);
    }
}

fn address(number: i64) -> String {
    format!("person-{number}@example.org")
}

async fn person(store: &Store, number: i64) -> ContactId {
    let (external_id, phone, language, timezone, consent) = (None, None, None, None, None);
    let (email, attributes) = (Some(address(number)), Map::new());
    let person = NewContact { external_id, email, phone, language, timezone, consent, attributes };
    store.contact_upsert(&[person], NOW).await.unwrap();
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
        origin: store::Origin::default(),
    };
    store.run_insert(&run, NOW).await.unwrap().unwrap()
}

fn message(
    signer: &Signer,
    links: &[LinkName],
    delivery: DeliveryId,
    name: DeliveryName,
    number: i64,
) -> OutboxMessage {
    let (starts, token) = (signer.starts(links), signer.token(name));
    let (click, open, leave) = (&starts.click[0], &starts.open, &starts.unsubscribe);
    let html = format!(
        "<a href=\"{click}{token}\">Choose</a> <a href=\"{leave}{token}\">Leave</a> <img src=\"{open}{token}\">"
    );
    let (channel, recipient) = ("email".to_owned(), address(number));
    let (subject, text, raw) = (String::new(), String::new(), Vec::new());
    OutboxMessage { delivery, channel, recipient, subject, html, text, raw }
}

async fn figures(store: &Store) -> BTreeMap<Metric, i64> {
    let rows = store.rollup_read(&RollupFilter::default()).await.unwrap();
    rows.into_iter().map(|row| (row.metric, row.count)).collect()
}

#[tokio::test]
async fn people_act_through_the_real_links_and_machines_are_told_apart() {
    let place = Place::new().await;
    let client = browser(&place.world.public_url).unwrap();
    let mut crowd = Crowd::new(place.world.clone(), 1);
    crowd.look().await;
    let planned = crowd.ahead.len();
    crowd.look().await;
    assert_eq!(crowd.ahead.len(), planned, "a message is met once");

    // All of it at once, in the order in which it falls due.
    let mut bought = 0;
    while let Some(Reverse(due)) = crowd.ahead.pop() {
        bought += usize::from(matches!(due.act, Act::Buy { .. }));
        perform(Arc::clone(&crowd.world), client.clone(), due).await;
    }
    let store = place.finish().await;
    let figures = figures(&store).await;
    for metric in [Metric::Opened, Metric::Clicked, Metric::Machine] {
        assert!(figures.get(&metric).is_some_and(|count| *count > 0), "{metric:?}: {figures:?}");
    }
    assert!(figures[&Metric::Opened] < MESSAGES);
    let mut purchases = 0;
    for contact in 1..=MESSAGES {
        let events = store.event_of_contact(ContactId(contact), 100).await.unwrap();
        purchases += events.iter().filter(|event| event.name.as_deref() == Some("purchase")).count();
    }
    assert!(bought > 0);
    assert_eq!(purchases, bought);
}

#[tokio::test]
async fn leaving_is_the_mail_programs_one_click() {
    let place = Place::new().await;
    let client = browser(&place.world.public_url).unwrap();
    let newest = place.world.store.outbox_page(None, None, 1).await.unwrap().remove(0);
    let of = Of::Mail(newest.delivery_id);
    let due = Due { at: Instant::now(), time: NOW, number: 0, of, act: Act::Leave };
    perform(Arc::new(place.world.clone()), client, due).await;
    let suppressed = place.world.store.suppression_get(AddressKind::Email, &newest.recipient).await.unwrap();
    assert_eq!(suppressed.unwrap().source, "one-click");
    place.finish().await;
}

#[tokio::test]
async fn it_ends_when_told() {
    let place = Place::new().await;
    let stop = CancellationToken::new();
    let people = tokio::spawn(simulate(place.world.clone(), 1, stop.clone()));
    stop.cancel();
    people.await.unwrap();
    place.finish().await;
}

#[test]
fn the_audience_never_leaves_this_machine() {
    let ours = |url: &str| is_loopback(&Url::parse(url).unwrap());
    assert!(ours("http://127.0.0.1:8080") && ours("http://[::1]:8080/"));
    for elsewhere in [
        "https://news.harbour.example",
        "http://127.0.0.1.example",
        "http://localhost:8080",
        "http://10.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
        "https://127.0.0.1",
    ] {
        assert!(!ours(elsewhere), "{elsewhere}");
        assert!(browser(&Url::parse(elsewhere).unwrap()).is_err());
    }
}

#[test]
fn neighbouring_messages_do_not_behave_alike() {
    let seeds: HashSet<u64> = (1..1_000).map(|id| Of::Mail(DeliveryId(id)).seed()).collect();
    assert_eq!(seeds.len(), 999);
    assert_ne!(Of::Post("a".to_owned()).seed(), Of::Post("b".to_owned()).seed());
}
