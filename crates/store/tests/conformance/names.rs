//! Tests of random names, which are never given twice, and of test copies, which change nothing.

use std::collections::BTreeSet;

use store::{
    AddressKind, ContactId, DeliveryId, DeliveryName, DeliveryRef, EventKind, LinkId, LinkName, Millis,
    NamedDelivery, NewEvent, Outcome, RecipientSource, Rejection, RunId, RunKind, RunName, SoftBounce,
    SuppressionReason,
};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, accepted, event, id};
use crate::lifecycle::rejected;

pub(crate) async fn links_have_random_names(f: &StoreFixture) {
    let urls: Vec<_> = (0..200).map(|n| format!("https://harbour.example/{n}")).collect();
    let one = f.store.revision_put("one", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    let two = f.store.revision_put("two", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    let names: BTreeSet<_> = one.links.iter().chain(&two.links).map(|name| name.0).collect();
    assert_eq!(names.len(), 400, "all differ");
    assert!(names.iter().all(|name| *name >= 1 << 32), "none is a row's number");
    // The names spread over the whole range: of 400 fair coins 120 to 280 show heads but once in
    // 10^15.
    let upper = names.iter().filter(|name| **name > 1 << 61).count();
    assert!((120..280).contains(&upper), "{upper}");
    let rows = f.store.link_after(LinkId(0)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), [one.links, two.links].concat());
    assert_eq!(f.store.link_after(rows[398].id).await.unwrap(), rows[399..]);
}

pub(crate) async fn links_of_earlier_versions_have_their_numbers(f: &StoreFixture) {
    let urls = ["https://harbour.example/a".to_owned(), "https://harbour.example/b".to_owned()];
    let old = f.store.revision_put("old", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    // Rows as the migration leaves them, and as a running earlier version inserts them.
    f.write("update links set name = id where position = 0").await;
    f.write("update links set name = null where position = 1").await;
    let rows = f.store.link_after(LinkId(0)).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| LinkName(row.id.0)).collect();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), numbers);
    assert_eq!(f.store.revision_get(old.id).await.unwrap().unwrap().links, numbers);
}

/// Claims the deliveries of a run and returns their identities.
async fn claimed_names(f: &StoreFixture, run: RunId) -> Vec<DeliveryName> {
    let lease = f.lease(NOW).await;
    f.claim(lease, run, NOW, 10).await.iter().map(|claimed| claimed.name).collect()
}

pub(crate) async fn a_claim_returns_identities(f: &StoreFixture) {
    f.people(2).await;
    let (first, second, old) = (f.planned("mail").await, f.planned("other").await, f.planned("old").await);
    f.write(&format!("update runs set name = null where id = {old}")).await;
    let names = [f.get(first).await.name.unwrap(), f.get(second).await.name.unwrap()];
    assert_ne!(names[0], names[1]);
    let named = |run, contact| DeliveryName::Named { run, contact: ContactId(contact) };
    assert_eq!(claimed_names(f, first).await, [named(names[0], 1), named(names[0], 2)]);
    assert_eq!(claimed_names(f, second).await, [named(names[1], 1), named(names[1], 2)]);
    let unnamed = [1, 2].map(|contact| DeliveryName::Unnamed(id(old, contact)));
    assert_eq!(claimed_names(f, old).await, unnamed);
}

pub(crate) async fn identities_find_their_own_delivery_only(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let old = f.planned("old").await;
    f.write(&format!("update runs set name = null where id = {old}")).await;
    let name = f.get(run).await.name.unwrap();
    let named = |run, contact| DeliveryName::Named { run, contact: ContactId(contact) };
    let lost = RunName(name.0 ^ 1);
    let found = |id| Some(NamedDelivery { id, is_test_copy: false });
    for (identity, expected, counts) in [
        (named(name, 1), found(id(run, 1)), 1),
        (named(name, 3), None, 0),
        (named(lost, 1), None, 0),
        (named(RunName(run.0), 1), None, 0),
        (named(RunName(i64::MIN), 0), None, 0),
        (named(RunName(i64::MAX), (1 << 32) - 1), None, 0),
        (DeliveryName::Unnamed(id(run, 1)), None, 0),
        (DeliveryName::Unnamed(id(old, 2)), found(id(old, 2)), 1),
        (DeliveryName::Unnamed(DeliveryId(i64::MIN)), found(DeliveryId(i64::MIN)), 0),
        // The contact may still exist.
        (DeliveryName::Unnamed(id(RunId(99), 1)), found(id(RunId(99), 1)), 0),
    ] {
        assert_eq!(f.store.delivery_find(identity).await.unwrap(), expected, "{identity:?}");
        let event = |kind| NewEvent { delivery: identity.into(), ..event(kind, DeliveryId(0), NOW) };
        let batch = [event(EventKind::Clicked), event(EventKind::Unsubscribed)];
        assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 2 * counts, "{identity:?}");
    }
    let rows = f.texts("select delivery_id || '' from events order by id").await;
    let expected = [id(run, 1), id(run, 1), id(old, 2), id(old, 2)].map(|id| id.to_string());
    assert_eq!(rows, expected);
    let suppressed = f.store.suppression_list(10).await.unwrap();
    assert_eq!(suppressed.len(), 2);
    // A batch may contain all kinds of references, and several to the same delivery.
    let refs = [DeliveryRef::Row(id(run, 2)), named(name, 2).into(), named(lost, 2).into()];
    let batch = refs.map(|delivery| NewEvent { delivery, ..event(EventKind::Opened, DeliveryId(0), NOW) });
    assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 2);
    assert!(f.figures().await.contains(&"mail opened 2".to_owned()), "{:?}", f.figures().await);
}

/// A run of kind `test` to all contacts, begun.
async fn test_copies(f: &StoreFixture, instant: Millis) -> RunId {
    let run = f
        .run("mail", |run| (run.kind, run.instant, run.expires_at) = (RunKind::Test, instant, instant + DAY))
        .await;
    f.plan(run).await;
    let lease = f.lease(instant).await;
    f.begin(lease, run, instant, 100).await;
    run
}

pub(crate) async fn events_of_a_test_copy_change_nothing(f: &StoreFixture) {
    f.people(1).await;
    let run = test_copies(f, NOW).await;
    let name = DeliveryName::new(f.get(run).await.name, id(run, 1));
    assert_eq!(
        f.store.delivery_find(name).await.unwrap(),
        Some(NamedDelivery { id: id(run, 1), is_test_copy: true })
    );
    let kinds = [
        EventKind::Delivered,
        EventKind::Opened,
        EventKind::Clicked,
        EventKind::Bounced,
        EventKind::Complained,
        EventKind::Unsubscribed,
        EventKind::Replied,
    ];
    for reference in [DeliveryRef::Row(id(run, 1)), name.into()] {
        let batch = kinds.map(|kind| NewEvent { delivery: reference, ..event(kind, DeliveryId(0), NOW) });
        assert_eq!(f.store.event_record(&batch, NOW).await.unwrap(), 0);
    }
    assert_eq!(f.number("select count(*) from events").await, 0);
    assert_eq!(f.store.suppression_list(10).await.unwrap(), []);
    assert_eq!(f.figures().await, [] as [&str; 0]);
    let row = &f.store.delivery_list(run, None, false, DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!((row.opened_at, row.clicked_at, row.converted_at), (None, None, None));
    assert_eq!(f.number("select count(*) from deliveries where unsubscribed_at is not null").await, 0);
    let back = f.get(run).await.feedback;
    assert_eq!((back.bounced, back.complained), (0, 0));
}

pub(crate) async fn a_refused_test_copy_suppresses_nothing(f: &StoreFixture) {
    f.people(1).await;
    let record = async |run, outcome: Outcome, at| {
        let lease =
            f.texts(&format!("select cast(lease_id as text) from deliveries where run_id = {run}")).await;
        let lease = store::LeaseId(lease[0].parse().unwrap());
        assert_eq!(f.record(lease, &[(id(run, 1), outcome)], &[], at).await.recorded, 1);
    };
    let soft = |reason: &str, soft| {
        let (reason, answer) = (reason.to_owned(), "552 5.2.2 full".to_owned());
        Outcome::Rejected(Rejection { reason, answer, suppress: None, soft: Some(soft) })
    };
    let count = async || f.number("select coalesce(sum(count), 0) from soft_bounces").await;

    let run = test_copies(f, NOW).await;
    record(run, rejected("bad_address", Some(SuppressionReason::Bounced)), NOW).await;
    for n in 1..3 {
        let run = test_copies(f, NOW + n).await;
        record(run, soft("inactive", SoftBounce::Inactive), NOW + n).await;
    }
    assert_eq!(count().await, 0);

    // A mailbox is full on four days, the last of them within the week.
    for day in 0..4 {
        let at = NOW + HOUR + day * DAY;
        let run = f.run("real", |run| (run.instant, run.expires_at) = (at, at + DAY)).await;
        f.plan(run).await;
        let lease = f.lease(at).await;
        f.begin(lease, run, at, 100).await;
        record(run, soft("inactive", SoftBounce::Full), at).await;
    }
    assert_eq!(count().await, 4);
    let late = test_copies(f, NOW + 9 * DAY).await;
    record(late, soft("inactive", SoftBounce::Full), NOW + 9 * DAY).await;
    assert_eq!(count().await, 4, "a test copy neither counts nor lets the count run out");
    let good = test_copies(f, NOW + 9 * DAY + 1).await;
    record(good, accepted(), NOW + 9 * DAY + 1).await;
    assert_eq!(count().await, 4, "nor does one that arrives clear it");
    assert_eq!(f.store.suppression_list(10).await.unwrap(), []);
}

pub(crate) async fn a_test_copy_may_go_to_another_address(f: &StoreFixture) {
    f.people(1).await;
    f.store
        .suppression_add(&[store::Suppression {
            kind: AddressKind::Email,
            address: "p1@example.com".to_owned(),
            reason: SuppressionReason::Manual,
            source: "import".to_owned(),
            created_at: NOW,
        }])
        .await
        .unwrap();
    let to = "owner@example.org";
    let run =
        f.run("mail", |run| (run.kind, run.origin.to_address) = (RunKind::Test, Some(to.to_owned()))).await;
    f.store.run_plan(run, &RecipientSource::Feed { due_at: NOW }, NOW).await.unwrap();
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].to_address.as_deref(), &claimed[0].contact), (Some(to), &None));
    assert_eq!(f.record(lease, &[], &[claimed[0].id], NOW).await.granted, [claimed[0].id]);
    assert_eq!(f.store.delivery_list(run, None, false, DeliveryId(0), 9).await.unwrap()[0].address, to);
    f.record(lease, &[(claimed[0].id, rejected("bad_address", Some(SuppressionReason::Bounced)))], &[], NOW)
        .await;
    assert_eq!(f.store.suppression_list(10).await.unwrap().len(), 1, "as before");
}
