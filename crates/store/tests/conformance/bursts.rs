//! Hits that turn out to be a machine's are taken back, in marks, figures, audiences and credits.

use store::{Conversion, Credit, DeliveryId, EventKind, Goal, Hit, Judge, LinkId, Millis, NewEvent};

use crate::world::{DAY, HOUR, NOW, World, event, id};

/// Clicks that come within a second of each other are a machine's.
fn quick(hits: &[Hit]) -> Vec<usize> {
    let near = |a: &Hit, b: &Hit| a.id != b.id && (a.at - b.at).abs() < 1_000;
    let is_quick = |hit: &Hit| hits.iter().any(|other| near(hit, other));
    (0..hits.len()).filter(|place| is_quick(&hits[*place])).collect()
}

async fn record(w: &World, events: &[NewEvent], now: Millis) {
    let goals = |name: &str| {
        vec![Goal { campaign: if name == "bought" { "spring" } else { "" }.to_owned(), window: DAY }]
    };
    let judge = Judge { around: 10_000, judge: &quick, actor: "machine:burst", goals: &goals };
    w.store.event_record_judged(events, &judge, now).await.unwrap();
}

fn click(delivery: DeliveryId, at: Millis) -> NewEvent {
    event(EventKind::Clicked, delivery, at)
}

/// Kinds and actors of a delivery's hits, and its marks.
async fn seen(w: &World, delivery: DeliveryId) -> Vec<String> {
    let mut seen = w
        .texts(&format!(
            "select kind || ' ' || actor from events where delivery_id = {delivery} order by occurred_at, id"
        ))
        .await;
    seen.extend(
        w.texts(&format!(
            "select coalesce(cast(opened_at as text), '-') || ' ' || coalesce(cast(clicked_at as text), '-') || ' ' ||
               coalesce(cast(converted_at as text), '-') from deliveries where id = {delivery}"
        ))
        .await,
    );
    seen
}

async fn engaged(w: &World) -> Vec<String> {
    w.texts(
        "select e.campaign || ' ' || e.kind || ' ' || e.contact_id || ' ' || e.last_at from engagement e
         where e.kind > 1 order by 1",
    )
    .await
}

pub(crate) async fn the_first_hits_of_a_burst_are_taken_back(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    w.send_all(run, NOW).await;
    let (machine, person) = (id(run, 1), id(run, 2));
    let figures_before = w.figures().await;
    // One hit alone looks like a person.
    record(w, &[click(machine, NOW + 10), event(EventKind::Opened, person, NOW + 20)], NOW + 30).await;
    assert_eq!(seen(w, machine).await, ["clicked human", &format!("{0} {0} -", NOW + 10)]);
    assert_eq!(w.number("select count(*) from engagement where kind = 3").await, 2);
    // The others come, in another hour of ours.
    record(w, &[click(machine, NOW + 500), click(machine, NOW + 900)], NOW + HOUR + 900).await;
    let burst = ["clicked machine:burst"; 3].map(str::to_owned);
    assert_eq!(seen(w, machine).await, [&burst[..], &["- - -".to_owned()]].concat());
    let mut after: Vec<_> = figures_before.clone();
    after.extend(["mail machine 3", "mail opened 1"].map(str::to_owned));
    after.sort();
    let mut figures = w.figures().await;
    figures.sort();
    assert_eq!(figures, after);
    let below = w.number("select count(*) from rollups where count < 0").await;
    assert_eq!(below, 0, "what was counted in an hour is taken back in that hour");
    assert_eq!(w.number("select count(*) from engagement where kind = 3 or contact_id = 1").await, 0);
    // A person comes after the machine.
    record(w, &[click(machine, NOW + HOUR)], NOW + HOUR).await;
    assert_eq!(seen(w, machine).await.last().unwrap(), &format!("{0} {0} -", NOW + HOUR));
    assert_eq!(w.number("select count(*) from engagement where kind = 3 and contact_id = 1").await, 2);
    // What is judged once stays judged.
    record(w, &[event(EventKind::Opened, machine, NOW + HOUR + 5_000)], NOW + HOUR + 5_000).await;
    assert_eq!(w.number("select count(*) from events where actor = 'machine:burst'").await, 3);
}

pub(crate) async fn an_earlier_message_is_remembered_and_gets_the_credit(w: &World) {
    w.people(1).await;
    let first = w.planned("first").await;
    let second = w.planned("second").await;
    w.send_all(first, NOW - 2 * HOUR).await;
    w.send_all(second, NOW).await;
    record(w, &[click(id(first, 1), NOW - HOUR)], NOW - HOUR).await;
    record(w, &[click(id(second, 1), NOW + 100)], NOW + 100).await;
    let bought = Conversion {
        name: "bought".to_owned(),
        contact: store::ContactId(1),
        occurred_at: NOW + 200,
        value_micros: Some(campaign::Money::from_millionths(5_000_000)),
        currency: Some("CNY".to_owned()),
        idempotency_key: None,
        detail: None,
    };
    let goals = [Goal { campaign: "spring".to_owned(), window: DAY }];
    let credit = w.store.event_convert(&bought, &goals, NOW + 200).await.unwrap();
    assert_eq!(credit, Credit::Delivery(id(second, 1)));
    record(w, &[click(id(second, 1), NOW + 700)], NOW + 700).await;
    assert_eq!(seen(w, id(second, 1)).await.last().unwrap(), "- - -");
    let mark = format!("{0} {0} {1}", NOW - HOUR, NOW + 200);
    assert_eq!(seen(w, id(first, 1)).await, ["clicked human", "converted human", &mark]);
    let converted: Vec<_> = w.figures().await.into_iter().filter(|row| row.contains("converted")).collect();
    assert_eq!(converted, ["first converted CNY 1 5000000"]);
    let times = [(2, NOW - HOUR), (3, NOW - HOUR), (4, NOW + 200)];
    let wanted: Vec<_> =
        [0, 1].iter().flat_map(|of| times.map(|(kind, at)| format!("{of} {kind} 1 {at}"))).collect();
    assert_eq!(engaged(w).await, wanted);
}

pub(crate) async fn feeds_and_floods_are_judged_without_harm(w: &World) {
    w.people(1).await;
    let run = w.planned("mail").await;
    w.send_all(run, NOW).await;
    let links: Vec<_> = (0..3_000).map(|n| click(id(run, 1), NOW + n * 5)).collect();
    record(w, &links, NOW + 20_000).await;
    let judged = w.number("select count(*) from events where actor = 'machine:burst'").await;
    assert_eq!(judged, 500, "the last five hundred are looked at");
    record(w, &[NewEvent { link: Some(LinkId(9_999)), ..click(id(run, 1), NOW + 15_001) }], NOW).await;
}
