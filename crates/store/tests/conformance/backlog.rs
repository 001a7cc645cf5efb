//! What is not sent yet, as operators see it.

use store::Backlog;

use crate::world::{MINUTE, NOW, World, accepted};

pub(crate) async fn what_is_open_is_counted_by_channel(w: &World) {
    assert_eq!(w.store.backlog().await.unwrap(), []);
    w.people(3).await;
    let mail = w.planned("mail").await;
    w.run("later", |run| {
        run.channel = "sms".to_owned();
        run.instant = NOW + 5 * MINUTE;
    })
    .await;
    let paused = w.planned("paused").await;
    w.store.run_pause(paused, "by a person").await.unwrap();
    let open = |queued, oldest_due| Backlog { channel: "email".to_owned(), queued, oldest_due };
    let later = Backlog { channel: "sms".to_owned(), queued: 0, oldest_due: Some(NOW + 5 * MINUTE) };
    assert_eq!(w.store.backlog().await.unwrap(), [open(3, Some(NOW)), later.clone()]);
    let lease = w.lease(NOW).await;
    let begun = w.begin(lease, mail, NOW, 2).await;
    let outcomes: Vec<_> = begun.iter().map(|id| (*id, accepted())).collect();
    w.record(lease, &outcomes, &[], NOW + MINUTE).await;
    assert_eq!(w.store.backlog().await.unwrap(), [open(1, Some(NOW)), later.clone()]);
    w.send_all(mail, NOW + MINUTE).await;
    assert_eq!(w.store.backlog().await.unwrap()[0].queued, 0);
    w.store.run_finish(NOW + MINUTE).await.unwrap();
    assert_eq!(w.store.backlog().await.unwrap(), [later], "what has ended is not behind");
}

pub(crate) async fn a_write_is_tried(w: &World) {
    w.store.health_write(NOW).await.unwrap();
    w.store.health_write(NOW + MINUTE).await.unwrap();
    let kept = w.texts("select value from settings where name = 'last_write_check'").await;
    assert_eq!(kept, [(NOW + MINUTE).to_string()]);
    w.store.close().await;
    assert!(w.store.health_write(NOW).await.is_err());
}
