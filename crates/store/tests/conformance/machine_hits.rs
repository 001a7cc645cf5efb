//! Tests that hits which turn out to be a machine's are taken back, in marks, rollups, audiences
//! and credits.

use store::{
    AttributionGoal, Conversion, Credit, DeliveryId, EventKind, Hit, HitClassifier, LinkId, Millis, NewEvent,
};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, event, id};

/// Selects hits within a second of each other.
fn within_a_second(hits: &[Hit]) -> Vec<usize> {
    let near = |a: &Hit, b: &Hit| a.id != b.id && (a.at - b.at).abs() < 1_000;
    let is_machine = |hit: &Hit| hits.iter().any(|other| near(hit, other));
    (0..hits.len()).filter(|index| is_machine(&hits[*index])).collect()
}

async fn record(f: &StoreFixture, events: &[NewEvent], now: Millis) {
    let goals = |name: &str| {
        vec![AttributionGoal {
            campaign: if name == "bought" { "spring" } else { "" }.to_owned(),
            window: DAY,
        }]
    };
    let classifier =
        HitClassifier { window: 10_000, classify: &within_a_second, actor: "machine:burst", goals: &goals };
    f.store.event_record_classified(events, &classifier, now).await.unwrap();
}

fn click(delivery: DeliveryId, at: Millis) -> NewEvent {
    event(EventKind::Clicked, delivery, at)
}

/// The kinds and actors of a delivery's hits, and its marks.
async fn hits_and_marks(f: &StoreFixture, delivery: DeliveryId) -> Vec<String> {
    let mut rows = f
        .texts(&format!(
            "select kind || ' ' || actor from events where delivery_id = {delivery} order by occurred_at, id"
        ))
        .await;
    rows.extend(
        f.texts(&format!(
            "select coalesce(cast(opened_at as text), '-') || ' ' || coalesce(cast(clicked_at as text), '-') || ' ' ||
               coalesce(cast(converted_at as text), '-') from deliveries where id = {delivery}"
        ))
        .await,
    );
    rows
}

async fn engaged(f: &StoreFixture) -> Vec<String> {
    f.texts(
        "select e.campaign || ' ' || e.kind || ' ' || e.contact_id || ' ' || e.last_at from engagement e
         where e.kind > 1 order by 1",
    )
    .await
}

pub(crate) async fn the_first_hits_of_a_burst_are_taken_back(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    let (machine, person) = (id(run, 1), id(run, 2));
    let figures_before = f.figures().await;
    // A single hit looks like a person's.
    record(f, &[click(machine, NOW + 10), event(EventKind::Opened, person, NOW + 20)], NOW + 30).await;
    assert_eq!(hits_and_marks(f, machine).await, ["clicked human", &format!("{0} {0} -", NOW + 10)]);
    assert_eq!(f.number("select count(*) from engagement where kind = 3").await, 2);
    // The other hits arrive in a later hour.
    record(f, &[click(machine, NOW + 500), click(machine, NOW + 900)], NOW + HOUR + 900).await;
    let burst = ["clicked machine:burst"; 3].map(str::to_owned);
    assert_eq!(hits_and_marks(f, machine).await, [&burst[..], &["- - -".to_owned()]].concat());
    let mut after: Vec<_> = figures_before.clone();
    after.extend(["mail machine 3", "mail opened 1"].map(str::to_owned));
    after.sort();
    let mut figures = f.figures().await;
    figures.sort();
    assert_eq!(figures, after);
    let below = f.number("select count(*) from rollups where count < 0").await;
    assert_eq!(below, 0, "what was counted in an hour is taken back in that hour");
    assert_eq!(f.number("select count(*) from engagement where kind = 3 or contact_id = 1").await, 0);
    // A person clicks after the machine.
    record(f, &[click(machine, NOW + HOUR)], NOW + HOUR).await;
    assert_eq!(hits_and_marks(f, machine).await.last().unwrap(), &format!("{0} {0} -", NOW + HOUR));
    assert_eq!(f.number("select count(*) from engagement where kind = 3 and contact_id = 1").await, 2);
    // A hit that was classified once stays so.
    record(f, &[event(EventKind::Opened, machine, NOW + HOUR + 5_000)], NOW + HOUR + 5_000).await;
    assert_eq!(f.number("select count(*) from events where actor = 'machine:burst'").await, 3);
}

pub(crate) async fn an_earlier_message_gets_the_credit(f: &StoreFixture) {
    f.people(1).await;
    let first = f.planned("first").await;
    let second = f.planned("second").await;
    f.send_all(first, NOW - 2 * HOUR).await;
    f.send_all(second, NOW).await;
    record(f, &[click(id(first, 1), NOW - HOUR)], NOW - HOUR).await;
    record(f, &[click(id(second, 1), NOW + 100)], NOW + 100).await;
    let bought = Conversion {
        name: "bought".to_owned(),
        contact: store::ContactId(1),
        occurred_at: NOW + 200,
        value_micros: Some(campaign::Money::from_millionths(5_000_000)),
        currency: Some("CNY".to_owned()),
        idempotency_key: None,
        detail: None,
    };
    let goals = [AttributionGoal { campaign: "spring".to_owned(), window: DAY }];
    let credit = f.store.event_convert(&bought, &goals, NOW + 200).await.unwrap();
    assert_eq!(credit, Credit::Delivery(id(second, 1)));
    record(f, &[click(id(second, 1), NOW + 700)], NOW + 700).await;
    assert_eq!(hits_and_marks(f, id(second, 1)).await.last().unwrap(), "- - -");
    let mark = format!("{0} {0} {1}", NOW - HOUR, NOW + 200);
    assert_eq!(hits_and_marks(f, id(first, 1)).await, ["clicked human", "converted human", &mark]);
    let converted: Vec<_> = f.figures().await.into_iter().filter(|row| row.contains("converted")).collect();
    assert_eq!(converted, ["first converted CNY 1 5000000"]);
    let times = [(2, NOW - HOUR), (3, NOW - HOUR), (4, NOW + 200)];
    let wanted: Vec<_> =
        [0, 1].iter().flat_map(|of| times.map(|(kind, at)| format!("{of} {kind} 1 {at}"))).collect();
    assert_eq!(engaged(f).await, wanted);
}

pub(crate) async fn feeds_and_floods_are_classified(f: &StoreFixture) {
    f.people(1).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    let links: Vec<_> = (0..3_000).map(|n| click(id(run, 1), NOW + n * 5)).collect();
    record(f, &links, NOW + 20_000).await;
    let judged = f.number("select count(*) from events where actor = 'machine:burst'").await;
    assert_eq!(judged, 500, "the last five hundred are looked at");
    record(f, &[NewEvent { link: Some(LinkId(9_999)), ..click(id(run, 1), NOW + 15_001) }], NOW).await;
}

pub(crate) async fn an_announced_machine_is_no_evidence_about_a_person(f: &StoreFixture) {
    f.people(1).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    let person = id(run, 1);
    let prefetch = NewEvent { actor: "prefetch".to_owned(), ..click(person, NOW + 100) };
    record(f, &[prefetch], NOW + 100).await;
    record(f, &[click(person, NOW + 700)], NOW + 700).await;
    let mark = format!("{0} {0} -", NOW + 700);
    assert_eq!(hits_and_marks(f, person).await, ["clicked prefetch", "clicked human", &mark]);
}
