//! Tests that events are stored once, counted once, and credited to one delivery.

use store::{
    AddressKind, AttributionGoal, ContactId, Conversion, Credit, DeliveryId, EventKind, LinkId, Millis,
    NewEvent, RecipientSource, RunId, RunKind, SuppressionReason,
};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, event, id};

async fn sent(f: &StoreFixture, people: usize) -> RunId {
    f.people(people).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    run
}

/// The rollups without those of sending.
async fn figures(f: &StoreFixture) -> Vec<String> {
    let figures = f.figures().await;
    figures.into_iter().filter(|f| !f.contains(" sent ") && !f.contains(" cost ")).collect()
}

pub(crate) async fn first_reactions_count_once(f: &StoreFixture) {
    let run = sent(f, 3).await;
    let batch = [
        event(EventKind::Opened, id(run, 1), NOW + 20),
        event(EventKind::Opened, id(run, 1), NOW + 10),
        event(EventKind::Clicked, id(run, 1), NOW + 30),
        event(EventKind::Clicked, id(run, 2), NOW + 40),
        event(EventKind::Clicked, id(run, 2), NOW + 41),
    ];
    assert_eq!(f.store.event_record(&batch, NOW + 50).await.unwrap(), 5);
    assert_eq!(figures(f).await, ["mail opened 2", "mail clicked 2", "mail clicks 3"]);
    let rows = f.store.delivery_list(run, None, false, DeliveryId(0), 10).await.unwrap();
    let marks: Vec<_> = rows.iter().map(|row| (row.opened_at, row.clicked_at)).collect();
    assert_eq!(
        marks,
        [(Some(NOW + 10), Some(NOW + 30)), (Some(NOW + 40), Some(NOW + 40)), (None, None)],
        "a click is an open too"
    );
    assert_eq!(f.store.event_record(&batch, NOW + 60).await.unwrap(), 5);
    assert_eq!(figures(f).await, ["mail opened 2", "mail clicked 2", "mail clicks 6"]);
    assert_eq!(f.number("select count(*) from events").await, 10);

    // The same first open, recorded concurrently.
    let open = [event(EventKind::Opened, id(run, 3), NOW)];
    let tasks = (0..4).map(|_| {
        let (store, open) = (f.store.clone(), open.clone());
        tokio::spawn(async move { store.event_record(&open, NOW).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(figures(f).await[0], "mail opened 3");
}

pub(crate) async fn a_feed_counts_each_time(f: &StoreFixture) {
    let run = f.run("post", |_| {}).await;
    f.store.run_plan(run, &RecipientSource::Feed { due_at: NOW }, NOW).await.unwrap();
    let feed = id(run, 0);
    let batch = [
        event(EventKind::Clicked, feed, NOW + 2),
        event(EventKind::Clicked, feed, NOW + 1),
        event(EventKind::Opened, feed, NOW + 3),
    ];
    f.store.event_record(&batch, NOW).await.unwrap();
    f.store.event_record(&batch[..1], NOW).await.unwrap();
    assert_eq!(figures(f).await, ["post opened 4", "post clicked 3", "post clicks 3"]);
    assert_eq!(f.number("select count(*) from events where contact_id is not null").await, 0);
}

pub(crate) async fn machines_and_reports(f: &StoreFixture) {
    let run = sent(f, 2).await;
    let by = |actor: &str, kind| NewEvent { actor: actor.to_owned(), ..event(kind, id(run, 1), NOW) };
    let batch = [
        by("machine:user-agent", EventKind::Clicked),
        by("prefetch", EventKind::Opened),
        by("machine:dsn", EventKind::Unsubscribed),
        by("human", EventKind::Delivered),
        by("machine:dsn", EventKind::Delivered),
        by("human", EventKind::Replied),
        event(EventKind::Delivered, id(run, 2), NOW),
    ];
    assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 7);
    assert_eq!(f.store.event_record(&batch[3..4], NOW).await.unwrap(), 1);
    assert_eq!(figures(f).await, ["mail delivered 2", "mail machine 2"], "only reactions of people count");
    let row = &f.store.delivery_list(run, None, false, DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!((row.opened_at, row.clicked_at), (None, None));
}

pub(crate) async fn unknown_deliveries_are_dropped(f: &StoreFixture) {
    let run = sent(f, 1).await;
    let batch = [id(run, 1), id(run, 2), DeliveryId(0), DeliveryId(-5), DeliveryId(i64::MAX)]
        .map(|id| event(EventKind::Clicked, id, NOW));
    assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 1);
    assert_eq!(f.store.event_record(&batch[1..], NOW).await.unwrap(), 0);
    assert_eq!(f.store.event_record(&[], NOW).await.unwrap(), 0);
    let hostile = NewEvent {
        actor: "machine:'; drop table events; --\0".to_owned(),
        detail: Some("{\"ua\":\"\\u0000 \0 \u{1f980}".to_owned()),
        ..event(EventKind::Opened, id(run, 1), Millis::MIN)
    };
    assert_eq!(f.store.event_record(&[hostile], NOW).await.unwrap(), 1);
}

pub(crate) async fn suppressions_follow(f: &StoreFixture) {
    let run = sent(f, 4).await;
    let one_click = NewEvent {
        detail: Some(r#"{"source":"one-click"}"#.to_owned()),
        ..event(EventKind::Unsubscribed, id(run, 1), NOW + 1)
    };
    let batch = [
        one_click.clone(),
        one_click,
        event(EventKind::Bounced, id(run, 2), NOW + 2),
        event(EventKind::Complained, id(run, 3), NOW + 3),
        event(EventKind::Complained, id(run, 3), NOW + 4),
    ];
    f.store.event_record(&batch, NOW + 9).await.unwrap();
    let get = async |n: i64| {
        let address = format!("p{n}@example.com");
        let row = f.store.suppression_get(AddressKind::Email, &address).await.unwrap();
        row.map(|row| (row.reason, row.source, row.created_at))
    };
    assert_eq!(get(1).await, Some((SuppressionReason::Unsubscribed, "one-click".to_owned(), NOW + 1)));
    assert_eq!(get(2).await, Some((SuppressionReason::Bounced, "bounced".to_owned(), NOW + 2)));
    assert_eq!(get(3).await, Some((SuppressionReason::Complained, "complained".to_owned(), NOW + 3)));
    assert_eq!(get(4).await, None);
    assert_eq!(figures(f).await, ["mail unsubscribed 1", "mail bounced 1", "mail complained 1"]);
    f.store.event_record(&batch, NOW + 10).await.unwrap();
    assert_eq!(figures(f).await, ["mail unsubscribed 1", "mail bounced 1", "mail complained 1"]);
}

pub(crate) async fn test_runs_move_nothing(f: &StoreFixture) {
    f.people(1).await;
    let run = f.run("mail", |run| run.kind = RunKind::Test).await;
    f.plan(run).await;
    f.send_all(run, NOW).await;
    let batch = [EventKind::Opened, EventKind::Clicked, EventKind::Delivered]
        .map(|kind| event(kind, id(run, 1), NOW));
    assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 0);
    assert_eq!(f.figures().await, [] as [&str; 0]);
    assert_eq!(
        f.store.event_convert(&purchase(1, NOW), &[goal(DAY)], NOW).await.unwrap(),
        Credit::NoDelivery
    );
    assert_eq!(f.tallies(run).await, ["sent 1"]);
}

fn goal(window: i64) -> AttributionGoal {
    AttributionGoal { campaign: "spring".to_owned(), window }
}

fn purchase(contact: i64, at: Millis) -> Conversion {
    Conversion {
        name: "purchase".to_owned(),
        contact: ContactId(contact),
        occurred_at: at,
        value_micros: Some(campaign::Money::from_millionths(9_900_000)),
        currency: Some("CNY".to_owned()),
        idempotency_key: None,
        detail: Some("{\"order\":\"\0\"}".to_owned()),
    }
}

pub(crate) async fn credit_goes_to_the_last_click(f: &StoreFixture) {
    let first = sent(f, 2).await;
    let second = f.planned("reminder").await;
    f.send_all(second, NOW).await;
    let other = f.run("mail", |run| run.campaign = "autumn".to_owned()).await;
    f.plan(other).await;
    let human = [
        event(EventKind::Clicked, id(first, 1), NOW + 5),
        event(EventKind::Clicked, id(second, 1), NOW + 1),
        event(EventKind::Opened, id(second, 1), NOW + 9),
        event(EventKind::Clicked, id(other, 1), NOW + 9),
        event(EventKind::Opened, id(first, 2), NOW + 1),
        event(EventKind::Opened, id(second, 2), NOW + 2),
    ];
    f.store.event_record(&human, NOW).await.unwrap();
    let machine =
        NewEvent { actor: "prefetch".to_owned(), ..event(EventKind::Clicked, id(second, 1), NOW + 8) };
    f.store.event_record(&[machine], NOW).await.unwrap();

    let at = NOW + HOUR;
    let convert = async |contact, goals: &[AttributionGoal]| {
        f.store.event_convert(&purchase(contact, at), goals, at).await
    };
    assert_eq!(convert(1, &[goal(DAY)]).await.unwrap(), Credit::Delivery(id(first, 1)));
    assert_eq!(
        convert(2, &[goal(DAY)]).await.unwrap(),
        Credit::Delivery(id(second, 2)),
        "no click: the last open"
    );
    let autumn = AttributionGoal { campaign: "autumn".to_owned(), window: DAY };
    assert_eq!(convert(1, &[goal(DAY), autumn]).await.unwrap(), Credit::Delivery(id(other, 1)));
    assert_eq!(convert(1, &[]).await.unwrap(), Credit::NoDelivery);
    assert_eq!(convert(77, &[goal(DAY)]).await.unwrap(), Credit::NoDelivery);
    let converted: Vec<_> = figures(f).await.into_iter().filter(|f| f.contains("converted")).collect();
    assert_eq!(
        converted,
        ["mail converted CNY 1 9900000", "mail converted CNY 1 9900000", "reminder converted CNY 1 9900000"]
    );
    let row = &f.store.delivery_list(first, None, false, DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!(row.converted_at, Some(at));
    assert_eq!(
        f.texts("select kind from events where name = 'purchase' order by id").await[3..],
        ["custom", "custom"]
    );
    // A second conversion counts again, but marks the delivery only the first time.
    let later = Conversion { occurred_at: at + 1, value_micros: None, currency: None, ..purchase(1, at) };
    f.store.event_convert(&later, &[goal(DAY)], at).await.unwrap();
    assert!(figures(f).await.contains(&"mail converted 1".to_owned()));
    let row = &f.store.delivery_list(first, None, false, DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!(row.converted_at, Some(at));
}

pub(crate) async fn window_edges(f: &StoreFixture) {
    let run = sent(f, 1).await;
    f.store.event_record(&[event(EventKind::Clicked, id(run, 1), NOW)], NOW).await.unwrap();
    let credit = async |at| f.store.event_convert(&purchase(1, at), &[goal(DAY)], at).await.unwrap();
    assert_eq!(credit(NOW - 1).await, Credit::NoDelivery, "before the click");
    assert_eq!(credit(NOW).await, Credit::Delivery(id(run, 1)));
    assert_eq!(credit(NOW + DAY).await, Credit::Delivery(id(run, 1)), "the last instant of the window");
    assert_eq!(credit(NOW + DAY + 1).await, Credit::NoDelivery);
    // A later click on the same message opens the window again.
    f.store.event_record(&[event(EventKind::Clicked, id(run, 1), NOW + 5)], NOW).await.unwrap();
    assert_eq!(credit(NOW + DAY + 1).await, Credit::Delivery(id(run, 1)));
    let endless = AttributionGoal { window: i64::MAX, ..goal(0) };
    let old = f.store.event_convert(&purchase(1, Millis::MIN), &[endless], NOW).await.unwrap();
    assert_eq!(old, Credit::NoDelivery);
}

pub(crate) async fn keys_count_once(f: &StoreFixture) {
    let run = sent(f, 1).await;
    f.store.event_record(&[event(EventKind::Clicked, id(run, 1), NOW)], NOW).await.unwrap();
    let order = Conversion { idempotency_key: Some("order-7".to_owned()), ..purchase(1, NOW) };
    let tasks = (0..4).map(|_| {
        let (store, order) = (f.store.clone(), order.clone());
        tokio::spawn(async move { store.event_convert(&order, &[goal(DAY)], NOW).await.unwrap() })
    });
    let mut credits = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        credits.push(task.await.unwrap());
    }
    let credited = credits.iter().filter(|credit| **credit == Credit::Delivery(id(run, 1))).count();
    let repeated = credits.iter().filter(|credit| **credit == Credit::Repeated).count();
    assert_eq!((credited, repeated), (1, 3));
    assert!(figures(f).await.contains(&"mail converted CNY 1 9900000".to_owned()));
    assert_eq!(f.store.event_convert(&order, &[], NOW).await.unwrap(), Credit::Repeated);
    for value in [i64::MAX, i64::MIN, 1_000_000_000_000_001] {
        let silly =
            Conversion { value_micros: Some(campaign::Money::from_millionths(value)), ..purchase(1, NOW) };
        f.store.event_convert(&silly, &[], NOW).await.unwrap_err();
    }
}

pub(crate) async fn timelines(f: &StoreFixture) {
    f.people(2).await;
    let links = ["https://harbour.example/renew".to_owned()];
    let revision = f.store.revision_put("with link", "spring", "mail", "{}", &links, NOW).await.unwrap();
    let run = f.run("mail", |run| run.revision_id = revision.id).await;
    f.plan(run).await;
    let link = f.store.link_after(LinkId(0)).await.unwrap()[0].id;
    let click = NewEvent { link: Some(link), ..event(EventKind::Clicked, id(run, 1), NOW + 1) };
    f.store.event_record(&[click, event(EventKind::Opened, id(run, 2), NOW + 2)], NOW).await.unwrap();
    f.store.event_convert(&purchase(1, NOW + 3), &[], NOW).await.unwrap();
    let mine = f.store.event_of_contact(ContactId(1), 10).await.unwrap();
    assert_eq!(mine.iter().map(|row| row.kind).collect::<Vec<_>>(), [EventKind::Custom, EventKind::Clicked]);
    assert_eq!(
        (mine[0].name.as_deref(), mine[0].value_micros, mine[0].campaign.as_deref()),
        (Some("purchase"), Some(campaign::Money::from_millionths(9_900_000)), None)
    );
    assert_eq!((mine[1].campaign.as_deref(), mine[1].step.as_deref()), (Some("spring"), Some("mail")));
    assert_eq!(mine[1].url.as_deref(), Some("https://harbour.example/renew"));
    let recent = f.store.event_recent(2).await.unwrap();
    assert_eq!(recent.iter().map(|row| row.kind).collect::<Vec<_>>(), [EventKind::Custom, EventKind::Opened]);
    assert_eq!(f.store.event_of_contact(ContactId(1), 1).await.unwrap().len(), 1);
}
