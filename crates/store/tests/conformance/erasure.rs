//! Tests that nothing tells who an erased contact was, and that the counts stay.

use store::{
    Basis, ConsentChange, ContactId, EntryKind, EventKind, Evidence, NewContact, NewEvent, Outcome,
    Rejection, SoftBounce,
};

use crate::fixture::{NOW, StoreFixture, event, id, person};

const ADDRESS: &str = "ada.lovelace@example.com";
const PHONE: &str = "+442079460000";

/// Returns the places where a text is: `table.column` of every column of every table.
async fn places(f: &StoreFixture, text: &str) -> Vec<String> {
    let columns = if f.store.dialect().as_str() == "sqlite" {
        f.texts(
            "select t.name || '.' || c.name from pragma_table_list t join pragma_table_info(t.name) c
             where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%'",
        )
        .await
    } else {
        f.texts(
            "select cast(table_name || '.' || column_name as text) from information_schema.columns
             where table_schema = 'public'",
        )
        .await
    };
    let mut found = Vec::new();
    for column in columns {
        let (table, name) = column.split_once('.').unwrap();
        let count = format!("select count(*) from {table} where cast(\"{name}\" as text) like '%{text}%'");
        if f.number(&count).await > 0 {
            found.push(column);
        }
    }
    found
}

/// A contact with everything that can be known of one, and another with the same phone number.
async fn prepared(f: &StoreFixture) {
    let ada = NewContact {
        external_id: Some("crm-ada".to_owned()),
        email: Some(ADDRESS.to_owned()),
        phone: Some(PHONE.to_owned()),
        consent_source: Some("the stand where lovelace stood".to_owned()),
        attributes: [("note".to_owned(), "Ada Lovelace".into())].into_iter().collect(),
        ..person("")
    };
    let mut bob = person("bob@example.com");
    bob.phone = Some(PHONE.to_owned());
    f.store.contact_upsert(&[ada, bob], NOW).await.unwrap();
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 10).await;
    assert_eq!(begun.len(), 2);
    let answer = format!("550 5.1.1 <{ADDRESS}> unknown; Lovelace");
    let rejected = Outcome::Rejected(Rejection {
        reason: "refused".to_owned(),
        answer,
        suppress: None,
        soft: Some(SoftBounce::Inactive),
    });
    let outcomes = [(id(run, 1), rejected), (id(run, 2), crate::fixture::accepted())];
    f.record(lease, &outcomes, &[], NOW).await;
    let raw = if f.store.dialect().as_str() == "sqlite" { "x'00'" } else { "'\\x00'" };
    f.write(&format!(
        "insert into outbox (delivery_id, channel, recipient, subject, html, text, raw, created_at)
         values ({}, 'email', '{ADDRESS}', 'Dear Lovelace', '<p>Lovelace</p>', 'Lovelace', {raw}, 1)",
        id(run, 1).0
    ))
    .await;
    f.write(&format!("update runs set to_address = '{ADDRESS}' where id = {} and kind = 'test'", run.0))
        .await;
    let clicked = NewEvent {
        detail: Some("{\"ip\":\"192.0.2.7\",\"ua\":\"the browser of Lovelace\"}".to_owned()),
        ..event(EventKind::Clicked, id(run, 1), NOW + 1)
    };
    f.store
        .event_record(&[clicked, event(EventKind::Unsubscribed, id(run, 1), NOW + 2)], NOW + 3)
        .await
        .unwrap();
}

pub(crate) async fn nothing_tells_who_an_erased_contact_was(f: &StoreFixture) {
    prepared(f).await;
    assert!(places(f, "lovelace").await.len() > 4, "{:?}", places(f, "lovelace").await);
    let before = (f.figures().await, f.number("select count(*) from deliveries").await);
    assert!(f.store.contact_erase(ContactId(1), NOW + 9).await.unwrap());
    for text in ["lovelace", "Lovelace", "crm-ada", "192.0.2.7"] {
        assert_eq!(places(f, text).await, [""; 0], "{text}");
    }
    assert_eq!(
        (f.figures().await, f.number("select count(*) from deliveries").await),
        before,
        "the counts stay"
    );
    let report = f.store.consent_verify().await.unwrap();
    assert_eq!((report.broken_at, report.differs, report.erased), (None, None, 2));
    let bob = f.store.contact_find("bob@example.com").await.unwrap().unwrap();
    assert_eq!(bob.phone.as_deref(), Some(PHONE), "the other contact is as before");
    assert!(!f.store.contact_erase(ContactId(1), NOW + 9).await.unwrap(), "once");
}

pub(crate) async fn an_erased_address_that_is_imported_again_gets_nothing(f: &StoreFixture) {
    prepared(f).await;
    f.store.contact_erase(ContactId(1), NOW + 9).await.unwrap();
    f.store.contact_upsert(&[person("carl@example.com"), person(ADDRESS)], NOW + 10).await.unwrap();
    let again = f.store.contact_find(ADDRESS).await.unwrap().unwrap();
    assert_ne!(again.id, ContactId(1), "numbers are never used again");
    let run = f.planned("second").await;
    let states = f.states(run).await;
    assert!(states.contains(&format!("{} suppressed unsubscribed", again.id.0)), "{states:?}");
    assert_eq!(states.iter().filter(|state| state.ends_with("queued")).count(), 2, "{states:?}");
    // Their own yes counts.
    let evidence = Evidence { basis: Basis::Consent, actor: "contact".to_owned(), ..Evidence::default() };
    let withdraw = ConsentChange { contact: again.id, entry: EntryKind::Withdraw, kinds: Vec::new() };
    f.store.consent_change(&withdraw, &evidence, NOW + 11).await.unwrap();
    let grant = ConsentChange { contact: again.id, entry: EntryKind::Grant, kinds: Vec::new() };
    f.store.consent_change(&grant, &evidence, NOW + 12).await.unwrap();
    let run = f.planned("third").await;
    assert!(f.states(run).await.contains(&format!("{} queued", again.id.0)));
}
