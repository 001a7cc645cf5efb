//! Tests of the tables beside runs: outbox, revisions and links, settings, suppressions; and of
//! migrations and health.

use store::{
    AddressKind, DeliveryId, GroupCommit, LinkId, OutboxMessage, RevisionId, Store, SuppressionReason,
};

use crate::fixture::{NOW, StoreFixture, accepted, id};
use crate::lifecycle::suppression;

fn message(delivery: DeliveryId, subject: &str) -> OutboxMessage {
    OutboxMessage {
        delivery,
        channel: "outbox".to_owned(),
        recipient: "p1@example.com".to_owned(),
        subject: subject.to_owned(),
        html: "<p>\0 \u{1f980}</p>".to_owned(),
        text: "hello".to_owned(),
        raw: (0..=255).collect(),
    }
}

pub(crate) async fn the_outbox_stores_recorded_messages(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, run, NOW, 2).await;
    let record = GroupCommit {
        outcomes: vec![(id(run, 1), accepted()), (id(run, 2), accepted())],
        intents: vec![],
        outbox: vec![message(id(run, 1), "one"), message(id(run, 2), "two"), message(id(run, 3), "not ours")],
        ..GroupCommit::default()
    };
    f.store.delivery_record(lease, &record, NOW + 1).await.unwrap();
    let again = GroupCommit { outbox: vec![message(id(run, 1), "forged")], ..record };
    f.store.delivery_record(lease, &again, NOW + 2).await.unwrap();

    let page = f.store.outbox_page(None, None, 10).await.unwrap();
    assert_eq!(page.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!((page[0].campaign.as_str(), page[0].step.as_str()), ("spring", "mail"));
    assert!(page.iter().all(|row| row.html.is_empty() && row.text.is_empty() && row.raw.is_empty()));
    let older = f.store.outbox_page(Some("spring"), Some(id(run, 2)), 10).await.unwrap();
    assert_eq!(older.iter().map(|row| row.delivery_id).collect::<Vec<_>>(), [id(run, 1)]);
    assert_eq!(f.store.outbox_page(Some("autumn"), None, 10).await.unwrap(), []);
    let whole = f.store.outbox_get(id(run, 1)).await.unwrap().unwrap();
    assert_eq!(whole.raw, (0..=255).collect::<Vec<u8>>());
    assert_eq!((whole.html.as_str(), whole.text.as_str()), ("<p>\u{fffd} \u{1f980}</p>", "hello"));
    assert_eq!(f.store.outbox_get(DeliveryId(1)).await.unwrap(), None);
}

pub(crate) async fn revisions_are_found_again(f: &StoreFixture) {
    let links: Vec<_> = (0..3).map(|n| format!("https://harbour.example/{n}?a=1&b='\"")).collect();
    let first = f.store.revision_put("h1", "spring", "mail", "{\"a\":1}", &links, NOW).await.unwrap();
    assert_eq!(first.links.len(), 3);
    let again = f.store.revision_put("h1", "spring", "mail", "{\"a\":1}", &links, NOW + 1).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(f.store.revision_get(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(f.store.revision_get(RevisionId(99)).await.unwrap(), None);
    let other = f.store.revision_put("h2", "spring", "mail", "{}", &links[..1], NOW).await.unwrap();
    assert_ne!(other.id, first.id);
    let rows = f.store.link_after(LinkId(0)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.url.clone()).collect::<Vec<_>>(),
        [&links[..], &links[..1]].concat()
    );
    assert_eq!(f.store.link_after(rows[2].id).await.unwrap().len(), 1);
    // The same revision, stored concurrently, is one.
    let tasks = (0..4).map(|_| {
        let (store, links) = (f.store.clone(), links.clone());
        tokio::spawn(
            async move { store.revision_put("h3", "spring", "mail", "{}", &links, NOW).await.unwrap() },
        )
    });
    let mut made = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        made.push(task.await.unwrap());
    }
    assert!(made.iter().all(|revision| *revision == made[0] && revision.links.len() == 3));
}

pub(crate) async fn settings_are_inserted_once(f: &StoreFixture) {
    assert_eq!(f.store.setting_init("key", "first").await.unwrap(), "first");
    assert_eq!(f.store.setting_init("key", "second").await.unwrap(), "first");
    let tasks = (0..4).map(|n| {
        let store = f.store.clone();
        tokio::spawn(async move { store.setting_init("race", &n.to_string()).await.unwrap() })
    });
    let mut values = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        values.push(task.await.unwrap());
    }
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
}

pub(crate) async fn existing_suppressions_are_not_changed(f: &StoreFixture) {
    let first = suppression("a@x.example");
    let mut second = suppression("a@x.example");
    second.reason = SuppressionReason::Manual;
    let phone = store::Suppression { kind: AddressKind::Phone, ..first.clone() };
    let rows = [first.clone(), second.clone(), phone];
    assert_eq!(f.store.suppression_add(&rows).await.unwrap(), 2);
    assert_eq!(f.store.suppression_add(&[second]).await.unwrap(), 0);
    assert_eq!(f.store.suppression_add(&[]).await.unwrap(), 0);
    assert_eq!(f.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap(), Some(first));
    assert_eq!(f.store.suppression_list(10).await.unwrap().len(), 2);
    assert!(f.store.suppression_remove(AddressKind::Email, "a@x.example").await.unwrap());
    assert!(!f.store.suppression_remove(AddressKind::Email, "a@x.example").await.unwrap());
    assert_eq!(f.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap(), None);
}

pub(crate) async fn opening_and_migrating_again(f: &StoreFixture) {
    assert_eq!(f.store.migrate().await.unwrap(), 0);
    f.store.ping().await.unwrap();
    f.people(1).await;
    let other = Store::open(&f.url).await.unwrap();
    assert_eq!(other.migrate().await.unwrap(), 0);
    assert_eq!(other.contact_count().await.unwrap(), 1);
    other.close().await;
    other.contact_count().await.unwrap_err();
    f.store.ping().await.unwrap();
    assert_eq!(f.store.dialect().as_str(), if f.url.starts_with("sqlite") { "sqlite" } else { "postgres" });
    assert!(!format!("{:?}", f.store).contains('@'));
}

#[tokio::test]
async fn two_processes_may_migrate_one_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("chorus.db").display());
    let tasks = (0..4).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { Store::open(&url).await.unwrap().migrate().await.unwrap() })
    });
    let mut ran = 0;
    for task in tasks.collect::<Vec<_>>() {
        ran += task.await.unwrap();
    }
    let migrations =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite")).unwrap();
    assert_eq!(ran, migrations.count());
}

pub(crate) async fn health_is_reported(f: &StoreFixture) {
    let health = f.store.health().await.unwrap();
    assert_eq!((health.pending, health.unknown), (0, 0), "{health:?}");
    let (name, setting) = match f.store.dialect().as_str() {
        "sqlite" => ("SQLite 3.", "synchronous full"),
        _ => ("PostgreSQL ", "synchronous_commit "),
    };
    assert!(health.version.starts_with(name) && health.durability.contains(setting), "{health:?}");
    // The PostgreSQL server of the tests runs without durability, which is reported.
    assert_eq!(health.is_durable, !health.durability.contains("off"), "{health:?}");
}

#[tokio::test]
async fn reading_health_changes_nothing() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let before = store.health().await.unwrap();
    assert!(before.pending > 0 && before.unknown == 0, "{before:?}");
    assert_eq!(store.health().await.unwrap(), before);
    store.migrate().await.unwrap();
    assert_eq!(store.health().await.unwrap().pending, 0);
}

#[tokio::test]
async fn a_database_in_memory_is_one() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store.setting_init("a", "b").await.unwrap();
    assert_eq!(store.setting_init("a", "c").await.unwrap(), "b");
    store.close().await;
}

#[tokio::test]
async fn closing_truncates_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chorus.db");
    let store = Store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    store.migrate().await.unwrap();
    assert!(file.with_extension("db-wal").exists());
    store.close().await;
    let log = std::fs::metadata(file.with_extension("db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0);
}
