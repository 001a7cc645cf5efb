//! Tests of samples: the first contacts who would get a run, and the longest values of their
//! attributes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::{Consent, LengthUnit, NewContact, RecipientAddress};

use crate::fixture::{NOW, StoreFixture, all_contacts, person};
use crate::lifecycle::suppression;

/// The purpose of the runs.
const NEWS: Option<&str> = Some("news");

/// A contact with a phone number that ends in `n`, who agreed to messages or did not.
fn reader(n: usize, consent: Consent, attributes: Value) -> NewContact {
    let Value::Object(attributes) = attributes else { panic!("an object") };
    NewContact {
        phone: Some(format!("+86138000000{n:02}")),
        consent: Some(consent),
        attributes,
        ..person(&format!("r{n}@example.com"))
    }
}

async fn readers(f: &StoreFixture) {
    let people = [
        reader(1, Consent::Yes, json!({ "name": "Christopher", "visits": 7, "vip": false, "a\"b": "q" })),
        reader(2, Consent::Yes, json!({ "name": "欧阳修文", "visits": 12_345, "vip": true, "note": "" })),
        reader(3, Consent::No, json!({ "name": "A contact who refused all of these messages" })),
        reader(4, Consent::Yes, json!({ "name": "A contact whose mailbox is suppressed", "city": "x" })),
        NewContact { phone: None, ..reader(5, Consent::Yes, json!({ "name": "Contact without a phone" })) },
    ];
    f.store.contact_upsert(&people, NOW).await.unwrap();
    f.store.suppression_add(&[suppression("r4@example.com")]).await.unwrap();
}

pub(crate) async fn the_first_recipients(f: &StoreFixture) {
    readers(f).await;
    let audiences = all_contacts();
    let all = audiences.keys().next().unwrap();
    let emails = async |address: &RecipientAddress, limit| {
        let found = f.store.plan_sample(&audiences, all, address, NEWS, NOW, limit).await.unwrap();
        found.into_iter().filter_map(|contact| contact.email).collect::<Vec<_>>()
    };
    assert_eq!(
        emails(&RecipientAddress::Email, 9).await,
        ["r1@example.com", "r2@example.com", "r5@example.com"]
    );
    assert_eq!(emails(&RecipientAddress::Email, 1).await, ["r1@example.com"]);
    let city = RecipientAddress::Attribute("city".to_owned());
    let by_phone = emails(&RecipientAddress::Phone, 9).await;
    assert!(by_phone.len() >= 2 && !by_phone.contains(&"r5@example.com".to_owned()), "{by_phone:?}");
    assert!(!emails(&city, 9).await.contains(&"r1@example.com".to_owned()));
}

pub(crate) async fn the_longest_of_each_attribute(f: &StoreFixture) {
    readers(f).await;
    let audiences = all_contacts();
    let all = audiences.keys().next().unwrap();
    let names = ["name", "visits", "vip", "email", "a\"b", "'; drop table runs; --", "missing", "timezone"];
    let longest = async |address: &RecipientAddress, length| {
        f.store.plan_longest_values(&audiences, all, address, NEWS, (&names, length), NOW).await.unwrap()
    };
    let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let rest = [("a\"b", "q"), ("email", "r5@example.com"), ("vip", "false"), ("visits", "12345")];
    let name = |name| of(&[&rest[..], &[("name", name)]].concat());
    assert_eq!(
        longest(&RecipientAddress::Email, LengthUnit::Characters).await,
        name("Contact without a phone")
    );
    let by_number = longest(&RecipientAddress::Anyone, LengthUnit::Characters).await;
    assert_eq!(by_number["name"], "Contact without a phone", "an e-mail suppression counts here too");
    let two = [reader(2, Consent::No, json!({}))];
    let bytes = longest(&RecipientAddress::Phone, LengthUnit::Bytes).await;
    assert_eq!(bytes["visits"], "12345");
    f.store.contact_upsert(&two, NOW).await.unwrap();
    assert_eq!(
        longest(&RecipientAddress::Phone, LengthUnit::Bytes).await["visits"],
        "7",
        "a contact who refused is not counted"
    );
    let no_members = BTreeMap::from([crate::fixture::audience("none", campaign::Rule::Any(vec![]))]);
    let none = no_members.keys().next().unwrap();
    let found = f
        .store
        .plan_longest_values(
            &no_members,
            none,
            &RecipientAddress::Email,
            NEWS,
            (&names, LengthUnit::Bytes),
            NOW,
        )
        .await;
    assert_eq!(found.unwrap(), BTreeMap::new());
}

pub(crate) async fn length_is_in_characters_or_in_bytes(f: &StoreFixture) {
    let people = [
        reader(1, Consent::Yes, json!({ "name": "Christopher" })),
        reader(2, Consent::Yes, json!({ "name": "欧阳修文" })),
    ];
    f.store.contact_upsert(&people, NOW).await.unwrap();
    let audiences = all_contacts();
    let all = audiences.keys().next().unwrap();
    for (length, expected) in [(LengthUnit::Characters, "Christopher"), (LengthUnit::Bytes, "欧阳修文")] {
        let found = f
            .store
            .plan_longest_values(&audiences, all, &RecipientAddress::Phone, NEWS, (&["name"], length), NOW)
            .await;
        assert_eq!(found.unwrap()["name"], expected);
    }
}
