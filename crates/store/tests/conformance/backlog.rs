//! Tests of the backlog of unsent deliveries, and of the health check's write.

use store::Backlog;

use crate::fixture::{MINUTE, NOW, StoreFixture, accepted};

pub(crate) async fn open_deliveries_are_counted_by_channel(f: &StoreFixture) {
    assert_eq!(f.store.backlog().await.unwrap(), []);
    f.people(3).await;
    let mail = f.planned("mail").await;
    f.run("later", |run| {
        run.channel = "sms".to_owned();
        run.instant = NOW + 5 * MINUTE;
    })
    .await;
    let paused = f.planned("paused").await;
    f.store.run_pause(paused, "by a person").await.unwrap();
    let open = |queued, oldest_due| Backlog { channel: "email".to_owned(), queued, oldest_due };
    let later = Backlog { channel: "sms".to_owned(), queued: 0, oldest_due: Some(NOW + 5 * MINUTE) };
    assert_eq!(f.store.backlog().await.unwrap(), [open(3, Some(NOW)), later.clone()]);
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, mail, NOW, 2).await;
    let outcomes: Vec<_> = begun.iter().map(|id| (*id, accepted())).collect();
    f.record(lease, &outcomes, &[], NOW + MINUTE).await;
    assert_eq!(f.store.backlog().await.unwrap(), [open(1, Some(NOW)), later.clone()]);
    f.send_all(mail, NOW + MINUTE).await;
    assert_eq!(f.store.backlog().await.unwrap()[0].queued, 0);
    f.store.run_finish(NOW + MINUTE).await.unwrap();
    assert_eq!(f.store.backlog().await.unwrap(), [later], "an ended run has no backlog");
}

pub(crate) async fn the_health_check_writes(f: &StoreFixture) {
    f.store.health_write(NOW).await.unwrap();
    f.store.health_write(NOW + MINUTE).await.unwrap();
    let stored = f.texts("select value from settings where name = 'last_write_check'").await;
    assert_eq!(stored, [(NOW + MINUTE).to_string()]);
    f.store.close().await;
    assert!(f.store.health_write(NOW).await.is_err());
}
