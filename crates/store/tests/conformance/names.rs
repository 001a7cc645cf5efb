//! Names that are never given twice, and test copies, which change nothing.

use std::collections::BTreeSet;

use store::{
    AddressKind, ContactId, DeliveryId, DeliveryName, DeliveryRef, EventKind, LinkId, LinkName, Millis,
    NamedDelivery, NewEvent, Outcome, Planned, Rejection, RunId, RunKind, RunName, SoftBounce,
    SuppressionReason,
};

use crate::life::rejected;
use crate::world::{DAY, HOUR, NOW, World, accepted, event, id};

pub(crate) async fn links_have_random_names(w: &World) {
    let urls: Vec<_> = (0..200).map(|n| format!("https://harbour.example/{n}")).collect();
    let one = w.store.revision_put("one", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    let two = w.store.revision_put("two", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    let names: BTreeSet<_> = one.links.iter().chain(&two.links).map(|name| name.0).collect();
    assert_eq!(names.len(), 400, "all differ");
    assert!(names.iter().all(|name| *name >= 1 << 32), "none is a row's number");
    // Spread over the whole range: of 400 fair coins 120 to 280 show heads but once in 10^15.
    let upper = names.iter().filter(|name| **name > 1 << 61).count();
    assert!((120..280).contains(&upper), "{upper}");
    let rows = w.store.link_after(LinkId(0)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), [one.links, two.links].concat());
    assert_eq!(w.store.link_after(rows[398].id).await.unwrap(), rows[399..]);
}

pub(crate) async fn links_of_earlier_versions_have_their_numbers(w: &World) {
    let urls = ["https://harbour.example/a".to_owned(), "https://harbour.example/b".to_owned()];
    let old = w.store.revision_put("old", "spring", "mail", "{}", &urls, NOW).await.unwrap();
    // As the migration leaves them, and as an earlier version writes them that still runs.
    w.write("update links set name = id where position = 0").await;
    w.write("update links set name = null where position = 1").await;
    let rows = w.store.link_after(LinkId(0)).await.unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| LinkName(row.id.0)).collect();
    assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), numbers);
    assert_eq!(w.store.revision_get(old.id).await.unwrap().unwrap().links, numbers);
}

/// The identities of a run's claimed deliveries.
async fn claimed_names(w: &World, run: RunId) -> Vec<DeliveryName> {
    let lease = w.lease(NOW).await;
    w.claim(lease, run, NOW, 10).await.iter().map(|claimed| claimed.name).collect()
}

pub(crate) async fn a_claim_tells_identities(w: &World) {
    w.people(2).await;
    let (first, second, old) = (w.planned("mail").await, w.planned("other").await, w.planned("old").await);
    w.write(&format!("update runs set name = null where id = {old}")).await;
    let names = [w.get(first).await.name.unwrap(), w.get(second).await.name.unwrap()];
    assert_ne!(names[0], names[1]);
    let named = |run, contact| DeliveryName::Named { run, contact: ContactId(contact) };
    assert_eq!(claimed_names(w, first).await, [named(names[0], 1), named(names[0], 2)]);
    assert_eq!(claimed_names(w, second).await, [named(names[1], 1), named(names[1], 2)]);
    let unnamed = [1, 2].map(|contact| DeliveryName::Unnamed(id(old, contact)));
    assert_eq!(claimed_names(w, old).await, unnamed);
}

pub(crate) async fn identities_find_their_own_delivery_only(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    let old = w.planned("old").await;
    w.write(&format!("update runs set name = null where id = {old}")).await;
    let name = w.get(run).await.name.unwrap();
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
        // The contact may still be there.
        (DeliveryName::Unnamed(id(RunId(99), 1)), found(id(RunId(99), 1)), 0),
    ] {
        assert_eq!(w.store.delivery_find(identity).await.unwrap(), expected, "{identity:?}");
        let event = |kind| NewEvent { delivery: identity.into(), ..event(kind, DeliveryId(0), NOW) };
        let batch = [event(EventKind::Clicked), event(EventKind::Unsubscribed)];
        assert_eq!(w.store.event_record(&batch, NOW).await.unwrap(), 2 * counts, "{identity:?}");
    }
    let rows = w.texts("select delivery_id || '' from events order by id").await;
    let expected = [id(run, 1), id(run, 1), id(old, 2), id(old, 2)].map(|id| id.to_string());
    assert_eq!(rows, expected);
    let suppressed = w.store.suppression_list(10).await.unwrap();
    assert_eq!(suppressed.len(), 2);
    // A batch may hold all kinds of references, and the same delivery by several of them.
    let refs = [DeliveryRef::Row(id(run, 2)), named(name, 2).into(), named(lost, 2).into()];
    let batch = refs.map(|delivery| NewEvent { delivery, ..event(EventKind::Opened, DeliveryId(0), NOW) });
    assert_eq!(w.store.event_record(&batch, NOW).await.unwrap(), 2);
    assert!(w.figures().await.contains(&"mail opened 2".to_owned()), "{:?}", w.figures().await);
}

/// A run of kind `test` to everybody, begun.
async fn test_copies(w: &World, instant: Millis) -> RunId {
    let run = w
        .run("mail", |run| (run.kind, run.instant, run.expires_at) = (RunKind::Test, instant, instant + DAY))
        .await;
    w.plan(run).await;
    let lease = w.lease(instant).await;
    w.begin(lease, run, instant, 100).await;
    run
}

pub(crate) async fn what_comes_back_of_a_test_copy_changes_nothing(w: &World) {
    w.people(1).await;
    let run = test_copies(w, NOW).await;
    let name = DeliveryName::new(w.get(run).await.name, id(run, 1));
    assert_eq!(
        w.store.delivery_find(name).await.unwrap(),
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
        assert_eq!(w.store.event_record(&batch, NOW).await.unwrap(), 0);
    }
    assert_eq!(w.number("select count(*) from events").await, 0);
    assert_eq!(w.store.suppression_list(10).await.unwrap(), []);
    assert_eq!(w.figures().await, [] as [&str; 0]);
    let row = &w.store.delivery_list(run, None, false, DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!((row.opened_at, row.clicked_at, row.converted_at), (None, None, None));
    assert_eq!(w.number("select count(*) from deliveries where unsubscribed_at is not null").await, 0);
    let back = w.get(run).await.came_back;
    assert_eq!((back.bounced, back.complained), (0, 0));
}

pub(crate) async fn a_refused_test_copy_is_held_against_nobody(w: &World) {
    w.people(1).await;
    let record = async |run, outcome: Outcome, at| {
        let lease =
            w.texts(&format!("select cast(lease_id as text) from deliveries where run_id = {run}")).await;
        let lease = store::LeaseId(lease[0].parse().unwrap());
        assert_eq!(w.record(lease, &[(id(run, 1), outcome)], &[], at).await.recorded, 1);
    };
    let soft = |reason: &str, soft| {
        let (reason, answer) = (reason.to_owned(), "552 5.2.2 full".to_owned());
        Outcome::Rejected(Rejection { reason, answer, suppress: None, soft: Some(soft) })
    };
    let count = async || w.number("select coalesce(sum(count), 0) from soft_bounces").await;

    let run = test_copies(w, NOW).await;
    record(run, rejected("bad_address", Some(SuppressionReason::Bounced)), NOW).await;
    for n in 1..3 {
        let run = test_copies(w, NOW + n).await;
        record(run, soft("inactive", SoftBounce::Inactive), NOW + n).await;
    }
    assert_eq!(count().await, 0);

    // Four days of a full mailbox, the last of them before the week is over.
    for day in 0..4 {
        let at = NOW + HOUR + day * DAY;
        let run = w.run("real", |run| (run.instant, run.expires_at) = (at, at + DAY)).await;
        w.plan(run).await;
        let lease = w.lease(at).await;
        w.begin(lease, run, at, 100).await;
        record(run, soft("inactive", SoftBounce::Full), at).await;
    }
    assert_eq!(count().await, 4);
    let late = test_copies(w, NOW + 9 * DAY).await;
    record(late, soft("inactive", SoftBounce::Full), NOW + 9 * DAY).await;
    assert_eq!(count().await, 4, "a test copy neither counts nor lets the count run out");
    let good = test_copies(w, NOW + 9 * DAY + 1).await;
    record(good, accepted(), NOW + 9 * DAY + 1).await;
    assert_eq!(count().await, 4, "nor does one that arrives clear it");
    assert_eq!(w.store.suppression_list(10).await.unwrap(), []);
}

pub(crate) async fn a_test_copy_may_go_to_another_address(w: &World) {
    w.people(1).await;
    w.store
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
        w.run("mail", |run| (run.kind, run.origin.to_address) = (RunKind::Test, Some(to.to_owned()))).await;
    w.store.run_plan(run, &Planned::Feed { due_at: NOW }, NOW).await.unwrap();
    let lease = w.lease(NOW).await;
    let claimed = w.claim(lease, run, NOW, 10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].to_address.as_deref(), &claimed[0].contact), (Some(to), &None));
    assert_eq!(w.record(lease, &[], &[claimed[0].id], NOW).await.granted, [claimed[0].id]);
    assert_eq!(w.store.delivery_list(run, None, false, DeliveryId(0), 9).await.unwrap()[0].address, to);
    w.record(lease, &[(claimed[0].id, rejected("bad_address", Some(SuppressionReason::Bounced)))], &[], NOW)
        .await;
    assert_eq!(w.store.suppression_list(10).await.unwrap().len(), 1, "as before");
}
