//! Who would get a run, and the longest that is known of any of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::{Address, Consent, Length, NewContact};

use crate::life::suppression;
use crate::world::{NOW, World, everybody, person};

/// Somebody with a phone number that ends in `n`, who wants messages or does not.
fn reader(n: usize, consent: Consent, attributes: Value) -> NewContact {
    let Value::Object(attributes) = attributes else { panic!("an object") };
    NewContact {
        phone: Some(format!("+86138000000{n:02}")),
        consent: Some(consent),
        attributes,
        ..person(&format!("r{n}@example.com"))
    }
}

async fn readers(w: &World) {
    let people = [
        reader(1, Consent::Yes, json!({ "name": "Christopher", "visits": 7, "vip": false, "a\"b": "q" })),
        reader(2, Consent::Yes, json!({ "name": "欧阳修文", "visits": 12_345, "vip": true, "note": "" })),
        reader(3, Consent::No, json!({ "name": "Somebody who has said no to all of this" })),
        reader(4, Consent::Yes, json!({ "name": "Somebody whose mailbox is suppressed", "city": "x" })),
        NewContact { phone: None, ..reader(5, Consent::Yes, json!({ "name": "Nobody without a phone" })) },
    ];
    w.store.contact_upsert(&people, NOW).await.unwrap();
    w.store.suppression_add(&[suppression("r4@example.com")]).await.unwrap();
}

pub(crate) async fn the_first_few(w: &World) {
    readers(w).await;
    let audiences = everybody();
    let all = audiences.keys().next().unwrap();
    let emails = async |address: &Address, limit| {
        let found = w.store.plan_sample(&audiences, all, address, NOW, limit).await.unwrap();
        found.into_iter().filter_map(|contact| contact.email).collect::<Vec<_>>()
    };
    assert_eq!(emails(&Address::Email, 9).await, ["r1@example.com", "r2@example.com", "r5@example.com"]);
    assert_eq!(emails(&Address::Email, 1).await, ["r1@example.com"]);
    let city = Address::Attribute("city".to_owned());
    let by_phone = emails(&Address::Phone, 9).await;
    assert!(by_phone.len() >= 2 && !by_phone.contains(&"r5@example.com".to_owned()), "{by_phone:?}");
    assert!(!emails(&city, 9).await.contains(&"r1@example.com".to_owned()));
}

pub(crate) async fn the_longest_of_each_attribute(w: &World) {
    readers(w).await;
    let audiences = everybody();
    let all = audiences.keys().next().unwrap();
    let names = ["name", "visits", "vip", "email", "a\"b", "'; drop table runs; --", "missing", "timezone"];
    let longest = async |address: &Address, length| {
        w.store.plan_longest(&audiences, all, address, &names, length, NOW).await.unwrap()
    };
    let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let rest = [("a\"b", "q"), ("email", "r5@example.com"), ("vip", "false"), ("visits", "12345")];
    let name = |name| of(&[&rest[..], &[("name", name)]].concat());
    assert_eq!(longest(&Address::Email, Length::Characters).await, name("Nobody without a phone"));
    let by_number = longest(&Address::Anyone, Length::Characters).await;
    assert_eq!(by_number["name"], "Nobody without a phone", "who is suppressed by mail is told of nowhere");
    let two = [reader(2, Consent::No, json!({}))];
    let bytes = longest(&Address::Phone, Length::Bytes).await;
    assert_eq!(bytes["visits"], "12345");
    w.store.contact_upsert(&two, NOW).await.unwrap();
    assert_eq!(
        longest(&Address::Phone, Length::Bytes).await["visits"],
        "7",
        "who has said no is not counted"
    );
    let nobody = BTreeMap::from([crate::world::audience("none", campaign::Rule::Any(vec![]))]);
    let none = nobody.keys().next().unwrap();
    let found = w.store.plan_longest(&nobody, none, &Address::Email, &names, Length::Bytes, NOW).await;
    assert_eq!(found.unwrap(), BTreeMap::new());
}

pub(crate) async fn length_is_in_characters_or_in_bytes(w: &World) {
    let people = [
        reader(1, Consent::Yes, json!({ "name": "Christopher" })),
        reader(2, Consent::Yes, json!({ "name": "欧阳修文" })),
    ];
    w.store.contact_upsert(&people, NOW).await.unwrap();
    let audiences = everybody();
    let all = audiences.keys().next().unwrap();
    for (length, expected) in [(Length::Characters, "Christopher"), (Length::Bytes, "欧阳修文")] {
        let found = w.store.plan_longest(&audiences, all, &Address::Phone, &["name"], length, NOW).await;
        assert_eq!(found.unwrap()["name"], expected);
    }
}
