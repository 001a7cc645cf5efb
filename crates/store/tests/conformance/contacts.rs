//! Tests that contacts are found by any of their keys and never inserted twice.

use serde_json::{Map, Value, json};
use store::{Consent, ConsentKind, ContactId, NewContact, UpsertCounts};

use crate::fixture::{NOW, StoreFixture, person};

fn keyed(external_id: Option<&str>, email: Option<&str>, phone: Option<&str>) -> NewContact {
    let owned = |key: Option<&str>| key.map(str::to_owned);
    NewContact { external_id: owned(external_id), email: owned(email), phone: owned(phone), ..person("") }
}

fn attributes(json: Value) -> Map<String, Value> {
    let Value::Object(attributes) = json else { panic!("{json} is no object") };
    attributes
}

async fn upsert(f: &StoreFixture, people: &[NewContact]) -> UpsertCounts {
    f.store.contact_upsert(people, NOW).await.unwrap()
}

pub(crate) async fn upsert_finds_by_each_key(f: &StoreFixture) {
    let created = upsert(f, &[keyed(Some("a"), Some("a@x.example"), Some("+861"))]).await;
    assert_eq!(created, UpsertCounts { created: 1, updated: 0 });
    for again in [
        keyed(Some("a"), None, None),
        keyed(None, Some("a@x.example"), None),
        keyed(None, None, Some("+861")),
    ] {
        assert_eq!(upsert(f, &[again]).await, UpsertCounts { created: 0, updated: 1 });
    }
    assert_eq!(upsert(f, &[keyed(Some("b"), Some("b@x.example"), None)]).await.created, 1);
    assert_eq!(f.store.contact_count().await.unwrap(), 2);
    let a = f.store.contact_get(ContactId(1)).await.unwrap().unwrap();
    assert_eq!(
        (a.external_id.as_deref(), a.email.as_deref(), a.phone.as_deref()),
        (Some("a"), Some("a@x.example"), Some("+861"))
    );
    // An unknown external id with a known address is the contact with that address.
    assert_eq!(upsert(f, &[keyed(Some("c"), Some("a@x.example"), None)]).await.updated, 1);
    assert_eq!(f.store.contact_find("c").await.unwrap().unwrap().id, a.id);
    assert_eq!(f.store.contact_find("a").await.unwrap(), None);
}

pub(crate) async fn upsert_merges(f: &StoreFixture) {
    let mut first = person("p@x.example");
    first.language = Some("zh-CN".to_owned());
    first.consent = Some(Consent::No);
    first.attributes =
        attributes(json!({"tier": "gold", "visits": 3, "vip": true, "city": "上海", "ratio": 0.25}));
    upsert(f, &[first]).await;
    let mut second = person("p@x.example");
    second.timezone = Some("Asia/Shanghai".to_owned());
    second.attributes = attributes(json!({"tier": "silver", "vip": null, "new \"key\"": ""}));
    upsert(f, &[second]).await;
    let merged = f.store.contact_find("P@X.example").await.unwrap().unwrap();
    assert_eq!(
        merged.consents.stored(),
        " news:email-  news:phone-  news:other- ",
        "a yes in a later import changes nothing"
    );
    assert_eq!(
        (merged.language.as_deref(), merged.timezone.as_deref()),
        (Some("zh-CN"), Some("Asia/Shanghai"))
    );
    let expected = json!({"tier": "silver", "visits": 3, "city": "上海", "ratio": 0.25, "new \"key\"": ""});
    assert_eq!(Value::Object(merged.attributes), expected);
    assert_eq!(merged.created_at, NOW);
}

/// An address whose owner refused stays refused, whichever contact gets it, in one file or in
/// several.
pub(crate) async fn a_refused_address_stays_refused_when_it_moves(f: &StoreFixture) {
    let row = |id: &str, email: &str, consent| NewContact {
        consent: Some(consent),
        ..keyed(Some(id), Some(email), None)
    };
    upsert(f, &[row("1", "a@x.example", Consent::No), row("2", "b@x.example", Consent::Yes)]).await;
    upsert(f, &[row("1", "b@x.example", Consent::Yes), row("2", "a@x.example", Consent::Yes)]).await;
    let run = f.planned("mail").await;
    assert_eq!(f.states(run).await, ["1 suppressed no_consent", "2 suppressed unsubscribed"]);
    upsert(f, &[row("3", "c@x.example", Consent::No)]).await;
    upsert(f, &[row("3", "d@x.example", Consent::Yes)]).await;
    upsert(f, &[row("4", "c@x.example", Consent::Yes)]).await;
    let run = f.planned("second").await;
    assert_eq!(f.states(run).await[2..], ["3 suppressed no_consent", "4 suppressed unsubscribed"]);
}

pub(crate) async fn a_batch_may_repeat_people(f: &StoreFixture) {
    let mut first = keyed(Some("a"), Some("a@x.example"), None);
    first.attributes = attributes(json!({"n": 1, "m": 1}));
    let mut again = keyed(None, Some("a@x.example"), Some("+861"));
    again.attributes = attributes(json!({"n": 2}));
    let mut third = keyed(None, None, Some("+861"));
    third.attributes = attributes(json!({"n": 3}));
    let other = keyed(Some("b"), None, None);
    let done = upsert(f, &[first, again, third, other.clone(), other]).await;
    assert_eq!(done, UpsertCounts { created: 2, updated: 0 });
    let a = f.store.contact_find("+861").await.unwrap().unwrap();
    assert_eq!((a.external_id.as_deref(), a.email.as_deref()), (Some("a"), Some("a@x.example")));
    assert_eq!(Value::Object(a.attributes), json!({"n": 3, "m": 1}), "later rows win");
    assert_eq!(upsert(f, &[]).await, UpsertCounts::default());
}

pub(crate) async fn keys_move_and_a_refusal_moves_with_them(f: &StoreFixture) {
    let mut refuses = keyed(Some("a"), Some("a@x.example"), None);
    refuses.consent = Some(Consent::No);
    upsert(f, &[refuses, keyed(Some("b"), Some("b@x.example"), None)]).await;
    upsert(f, &[keyed(Some("b"), Some("a@x.example"), None)]).await;
    let a = f.store.contact_find("a").await.unwrap().unwrap();
    let b = f.store.contact_find("b").await.unwrap().unwrap();
    assert_eq!((a.email, b.email.as_deref()), (None, Some("a@x.example")));
    assert!(!b.consents.is_granted("news", ConsentKind::Email), "the reader of that address had refused");
    // Two contacts swap their addresses in one batch.
    upsert(f, &[keyed(Some("c"), Some("c@x.example"), None), keyed(Some("d"), Some("d@x.example"), None)])
        .await;
    upsert(f, &[keyed(Some("c"), Some("d@x.example"), None), keyed(Some("d"), Some("c@x.example"), None)])
        .await;
    assert_eq!(f.store.contact_find("c").await.unwrap().unwrap().email.as_deref(), Some("d@x.example"));
    assert_eq!(f.store.contact_find("d").await.unwrap().unwrap().email.as_deref(), Some("c@x.example"));
    assert_eq!(f.store.contact_count().await.unwrap(), 4);
}

pub(crate) async fn invalid_contacts_are_reported(f: &StoreFixture) {
    let good = person("good@x.example");
    let with = |json| NewContact { attributes: attributes(json), ..person("bad@x.example") };
    let bad = [
        (keyed(None, None, None), "needs an external id"),
        (keyed(Some(""), Some("bad@x.example"), None), "empty key"),
        (person("ba\0d@x.example"), "NUL"),
        (with(json!({"a": "x\0y"})), "NUL"),
        (with(json!({"a\0": "x"})), "NUL"),
        (with(json!({"a": ["x"]})), "a list"),
        (with(json!({"a": {"b": 1}})), "an object"),
        (with(json!({"a": "x".repeat(70_000)})), "at most 65536"),
    ];
    for (person, why) in bad {
        let error = f.store.contact_upsert(&[good.clone(), person], NOW).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(f.store.contact_count().await.unwrap(), 0, "nothing was written");
}

pub(crate) async fn finding_and_paging(f: &StoreFixture) {
    f.people(25).await;
    upsert(f, &[keyed(Some("P1-vip"), None, None), keyed(None, None, Some("p1000"))]).await;
    let page = f.store.contact_page(ContactId(23), 10).await.unwrap();
    assert_eq!(page.iter().map(|c| c.id.0).collect::<Vec<_>>(), [24, 25, 26, 27]);
    assert_eq!(f.store.contact_page(ContactId(0), 3).await.unwrap().len(), 3);
    let found = |people: Vec<store::Contact>| people.iter().map(|c| c.id.0).collect::<Vec<_>>();
    assert_eq!(found(f.store.contact_search("p2", 10).await.unwrap()), [2, 20, 21, 22, 23, 24, 25]);
    assert_eq!(found(f.store.contact_search("P1-", 10).await.unwrap()), [26]);
    assert_eq!(found(f.store.contact_search("p1", 3).await.unwrap()).len(), 3);
    for hostile in ["%", "_", "' or 1=1 --", "\u{1f980}", "p1\0"] {
        assert_eq!(f.store.contact_search(hostile, 10).await.unwrap(), [], "{hostile:?}");
        assert_eq!(f.store.contact_find(hostile).await.unwrap(), None, "{hostile:?}");
    }
    assert_eq!(f.store.contact_get(ContactId(-1)).await.unwrap(), None);
}

pub(crate) async fn concurrent_imports_insert_each_contact_once(f: &StoreFixture) {
    let tasks = (0..4).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let mut done = UpsertCounts::default();
            for n in 0..10 {
                let people = [person(&format!("p{n}@x.example")), person(&format!("q{n}@x.example"))];
                let one = store.contact_upsert(&people, NOW).await.unwrap();
                done =
                    UpsertCounts { created: done.created + one.created, updated: done.updated + one.updated };
            }
            done
        })
    });
    let mut done = UpsertCounts::default();
    for task in tasks.collect::<Vec<_>>() {
        let one = task.await.unwrap();
        done = UpsertCounts { created: done.created + one.created, updated: done.updated + one.updated };
    }
    assert_eq!(done, UpsertCounts { created: 20, updated: 60 });
    assert_eq!(f.store.contact_count().await.unwrap(), 20);
}
