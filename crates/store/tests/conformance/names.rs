//! Names that are never given twice.

use std::collections::BTreeSet;

use store::{
    ContactId, DeliveryId, DeliveryName, DeliveryRef, EventKind, LinkId, LinkName, NamedDelivery, NewEvent,
    RunId, RunName,
};

use crate::world::{NOW, World, event, id};

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
