//! What is kept beside runs: the outbox, revisions and links, settings, suppressions, the tables themselves.

use store::{AddressKind, DeliveryId, LinkId, OutboxMessage, Record, RevisionId, Store, SuppressionReason};

use crate::life::suppression;
use crate::world::{NOW, World, accepted, id};

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

pub(crate) async fn outbox_keeps_what_was_recorded(w: &World) {
    w.people(3).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, run, NOW, 2).await;
    let record = Record {
        outcomes: vec![(id(run, 1), accepted()), (id(run, 2), accepted())],
        intents: vec![],
        outbox: vec![message(id(run, 1), "one"), message(id(run, 2), "two"), message(id(run, 3), "not ours")],
        ..Record::default()
    };
    w.store.delivery_record(lease, &record, NOW + 1).await.unwrap();
    let again = Record { outbox: vec![message(id(run, 1), "forged")], ..record };
    w.store.delivery_record(lease, &again, NOW + 2).await.unwrap();

    let page = w.store.outbox_page(None, None, 10).await.unwrap();
    assert_eq!(page.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!((page[0].campaign.as_str(), page[0].step.as_str()), ("spring", "mail"));
    assert!(page.iter().all(|row| row.html.is_empty() && row.text.is_empty() && row.raw.is_empty()));
    let older = w.store.outbox_page(Some("spring"), Some(id(run, 2)), 10).await.unwrap();
    assert_eq!(older.iter().map(|row| row.delivery_id).collect::<Vec<_>>(), [id(run, 1)]);
    assert_eq!(w.store.outbox_page(Some("autumn"), None, 10).await.unwrap(), []);
    let whole = w.store.outbox_get(id(run, 1)).await.unwrap().unwrap();
    assert_eq!(whole.raw, (0..=255).collect::<Vec<u8>>());
    assert_eq!((whole.html.as_str(), whole.text.as_str()), ("<p>\u{fffd} \u{1f980}</p>", "hello"));
    assert_eq!(w.store.outbox_get(DeliveryId(1)).await.unwrap(), None);
}

pub(crate) async fn revisions_are_found_again(w: &World) {
    let links: Vec<_> = (0..3).map(|n| format!("https://harbour.example/{n}?a=1&b='\"")).collect();
    let first = w.store.revision_put("h1", "spring", "mail", "{\"a\":1}", &links, NOW).await.unwrap();
    assert_eq!(first.links.len(), 3);
    let again = w.store.revision_put("h1", "spring", "mail", "{\"a\":1}", &links, NOW + 1).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(w.store.revision_get(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(w.store.revision_get(RevisionId(99)).await.unwrap(), None);
    let other = w.store.revision_put("h2", "spring", "mail", "{}", &links[..1], NOW).await.unwrap();
    assert_ne!(other.id, first.id);
    let rows = w.store.link_after(LinkId(0)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.url.clone()).collect::<Vec<_>>(),
        [&links[..], &links[..1]].concat()
    );
    assert_eq!(w.store.link_after(rows[2].id).await.unwrap().len(), 1);
    // The same revision from several sides at once is one.
    let tasks = (0..4).map(|_| {
        let (store, links) = (w.store.clone(), links.clone());
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

pub(crate) async fn settings_are_made_once(w: &World) {
    assert_eq!(w.store.setting_init("key", "first").await.unwrap(), "first");
    assert_eq!(w.store.setting_init("key", "second").await.unwrap(), "first");
    let tasks = (0..4).map(|n| {
        let store = w.store.clone();
        tokio::spawn(async move { store.setting_init("race", &n.to_string()).await.unwrap() })
    });
    let mut values = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        values.push(task.await.unwrap());
    }
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
}

pub(crate) async fn suppressions_stay_as_they_were(w: &World) {
    let first = suppression("a@x.example");
    let mut second = suppression("a@x.example");
    second.reason = SuppressionReason::Manual;
    let phone = store::Suppression { kind: AddressKind::Phone, ..first.clone() };
    let rows = [first.clone(), second.clone(), phone];
    assert_eq!(w.store.suppression_add(&rows).await.unwrap(), 2);
    assert_eq!(w.store.suppression_add(&[second]).await.unwrap(), 0);
    assert_eq!(w.store.suppression_add(&[]).await.unwrap(), 0);
    assert_eq!(w.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap(), Some(first));
    assert_eq!(w.store.suppression_list(10).await.unwrap().len(), 2);
    assert!(w.store.suppression_remove(AddressKind::Email, "a@x.example").await.unwrap());
    assert!(!w.store.suppression_remove(AddressKind::Email, "a@x.example").await.unwrap());
    assert_eq!(w.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap(), None);
}

pub(crate) async fn opening_and_migrating_again(w: &World) {
    assert_eq!(w.store.migrate().await.unwrap(), 0);
    w.store.ping().await.unwrap();
    w.people(1).await;
    let other = Store::open(&w.url).await.unwrap();
    assert_eq!(other.migrate().await.unwrap(), 0);
    assert_eq!(other.contact_count().await.unwrap(), 1);
    other.close().await;
    other.contact_count().await.unwrap_err();
    w.store.ping().await.unwrap();
    assert_eq!(w.store.dialect().as_str(), if w.url.starts_with("sqlite") { "sqlite" } else { "postgres" });
    assert!(!format!("{:?}", w.store).contains('@'));
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

pub(crate) async fn its_health_is_known(w: &World) {
    let health = w.store.health().await.unwrap();
    assert_eq!((health.pending, health.unknown), (0, 0), "{health:?}");
    let (name, setting) = match w.store.dialect().as_str() {
        "sqlite" => ("SQLite 3.", "synchronous full"),
        _ => ("PostgreSQL ", "synchronous_commit "),
    };
    assert!(health.version.starts_with(name) && health.durability.contains(setting), "{health:?}");
    // The PostgreSQL of tests forgets on purpose: it is told so.
    assert_eq!(health.is_durable, !health.durability.contains("off"), "{health:?}");
}

#[tokio::test]
async fn looking_at_a_new_database_changes_nothing() {
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
