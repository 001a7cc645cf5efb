//! Copies of a database, restored ones, and what a log shows of what they have forgotten.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use store::{
    Address, CopyEvidence, DeliveryId, Identity, PausedBy, Planned, RunState, StopReason, Stopped, Store,
};

use crate::world::{HOUR, NOW, World, id};

const FRESH: &str = "0123456789abcdef";

/// A world whose database holds a run of three, which has its identity, and is closed.
async fn lived_in(world: &World) {
    world.people(3).await;
    world.planned("mail").await;
    assert_eq!(world.store.identity_check().await.unwrap(), Identity::Unmarked);
    assert_eq!(world.store.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(world.store.identity_check().await.unwrap(), Identity::Original);
}

fn file(world: &World) -> PathBuf {
    PathBuf::from(world.url.strip_prefix("sqlite:").unwrap())
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Closes the world's database and copies it whole; returns the copy's address.
async fn copied(world: &World) -> String {
    world.store.close().await;
    if world.store.dialect().as_str() == "sqlite" {
        let (from, to) = (file(world), file(world).with_file_name("copy"));
        fs::create_dir(&to).unwrap();
        for suffix in ["", ".marker"] {
            let target = beside(&to.join("chorus.db"), suffix);
            fs::copy(beside(&from, suffix), target).unwrap();
        }
        return format!("sqlite:{}", to.join("chorus.db").display());
    }
    let mut url = url::Url::parse(&world.url).unwrap();
    let name = url.path().trim_start_matches('/').to_owned();
    url.set_path("postgres");
    admin(url.as_str(), &format!("create database {name}_copy template {name}")).await;
    url.set_path(&format!("{name}_copy"));
    url.to_string()
}

async fn admin(url: &str, statement: &str) {
    let mut admin = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

pub(crate) async fn the_same_database_is_no_copy(world: &World) {
    lived_in(world).await;
    world.send_all(world.planned("reminder").await, NOW).await;
    assert_eq!(world.store.identity_renew(NOW).await.unwrap(), None);
    let second = Store::open(&world.url).await.unwrap();
    assert_eq!(second.identity_open("another", NOW).await.unwrap(), None);
    second.close().await;
    world.store.close().await;
    let third = Store::open(&world.url).await.unwrap();
    assert_eq!(third.identity_check().await.unwrap(), Identity::Original);
    assert_eq!(third.stopped().await.unwrap(), None);
}

pub(crate) async fn a_copy_stops_everything_until_it_is_adopted(world: &World) {
    lived_in(world).await;
    let copy = Store::open(&copied(world).await).await.unwrap();
    let Identity::Copy(evidence) = copy.identity_check().await.unwrap() else { panic!("a copy") };
    let stopped = copy.identity_open("another", NOW + HOUR).await.unwrap().unwrap();
    let expected = Stopped { reason: StopReason::Copy, since: NOW + HOUR, detail: evidence.to_string() };
    assert_eq!(stopped, expected);
    let [run] = copy.run_live().await.unwrap().try_into().unwrap();
    assert_eq!((run.state, run.paused_by), (RunState::Paused, Some(PausedBy::Stop)));
    assert!(run.note.unwrap().contains("chorus start"));

    // It stays so, whatever opens it, until a person says otherwise.
    assert_eq!(copy.identity_open("another", NOW + 2 * HOUR).await.unwrap(), None);
    assert_eq!(copy.stopped().await.unwrap(), Some(stopped));
    copy.identity_adopt("another").await.unwrap();
    assert!(copy.start_all().await.unwrap());
    assert_eq!(copy.identity_renew(NOW).await.unwrap(), None);
    assert_eq!(copy.identity_check().await.unwrap(), Identity::Original);
    copy.close().await;
    let original = Store::open(&world.url).await.unwrap();
    assert_eq!(original.identity_check().await.unwrap(), Identity::Original, "the original goes on");
}

pub(crate) async fn a_copy_takes_the_place_of_a_stop_by_hand(world: &World) {
    lived_in(world).await;
    let by_hand = Stopped { reason: StopReason::Stop, since: NOW, detail: "stopped by hand".to_owned() };
    assert!(world.store.stop_all(&by_hand, "note").await.unwrap());
    assert!(!world.store.stop_all(&by_hand, "note").await.unwrap());
    let copy = Store::open(&copied(world).await).await.unwrap();
    let stopped = copy.identity_open("another", NOW).await.unwrap().unwrap();
    assert_eq!(stopped.reason, StopReason::Copy);
    assert!(!copy.stop_all(&by_hand, "note").await.unwrap());
    assert_eq!(copy.stopped().await.unwrap(), Some(stopped));
}

pub(crate) async fn a_database_of_an_older_version_is_marked(world: &World) {
    world.people(1).await;
    world.planned("mail").await;
    let again = Store::open(&world.url).await.unwrap();
    assert_eq!(again.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(world.store.identity_check().await.unwrap(), Identity::Original);
}

pub(crate) async fn what_a_log_shows_is_marked_as_sent(world: &World) {
    world.people(6).await;
    let run = world.planned("mail").await;
    let other = world.planned("reminder").await;
    let lease = world.lease(NOW).await;
    let begun = world.begin(lease, run, NOW, 2).await;
    world.record(lease, &[(begun[0], crate::world::accepted())], &[], NOW).await;
    let open = world.store.delivery_open(run, DeliveryId(0), 3).await.unwrap();
    assert_eq!(open, [id(run, 2), id(run, 3), id(run, 4)], "what was recorded as sent is not open");
    let rest = world.store.delivery_open(run, open[2], 10).await.unwrap();
    assert_eq!(rest, [id(run, 5), id(run, 6)]);

    let found = [id(run, 2), id(run, 4), id(run, 1), id(other, 1)];
    assert_eq!(world.store.delivery_reconcile(run, &found, NOW + HOUR).await.unwrap(), 2);
    assert_eq!(world.store.delivery_reconcile(run, &found, NOW + HOUR).await.unwrap(), 0);
    let late = world.record(lease, &[(id(run, 2), crate::world::accepted())], &[], NOW).await;
    assert_eq!(late.granted, [], "the worker's answer comes too late");
    assert_eq!(
        world.states(run).await,
        ["1 sent", "2 sent settled", "3 queued", "4 sent settled", "5 queued", "6 queued"]
    );
    assert_eq!(world.tallies(run).await, ["sent 1", "sent settled 2"]);
    assert_eq!(
        world.number("select count(*) from deliveries where due_at is null and lease_id is null").await,
        3
    );
    assert_eq!(world.states(other).await.iter().filter(|state| state.ends_with("queued")).count(), 6);
    assert_eq!(world.figures().await, ["mail sent 3", "mail cost CNY 3 3000"]);
}

pub(crate) async fn an_ended_run_is_reconciled_too(world: &World) {
    world.people(2).await;
    let run = world.run("mail", |run| run.on_uncertain = campaign::OnUncertain::Hold).await;
    world.plan(run).await;
    let lease = world.lease(NOW).await;
    let begun = world.begin(lease, run, NOW, 10).await;
    let unknown = store::Outcome::Unknown { retry_at: None, answer: "no answer".to_owned() };
    let outcomes: Vec<_> = begun.iter().map(|id| (*id, unknown.clone())).collect();
    world.record(lease, &outcomes, &[], NOW).await;
    world.store.run_finish(NOW).await.unwrap();
    assert_eq!(world.get(run).await.state, RunState::FinishedWithFailures);
    assert_eq!(world.store.delivery_reconcile(run, &begun, NOW + HOUR).await.unwrap(), 2);
    assert_eq!(world.get(run).await.state, RunState::Finished);
    assert_eq!(world.tallies(run).await, ["sent settled 2"]);
}

/// The evidence that a database gives when it is opened.
async fn evidence(url: &str) -> Option<CopyEvidence> {
    let store = Store::open(url).await.unwrap();
    match store.identity_check().await.unwrap() {
        Identity::Copy(evidence) => Some(evidence),
        Identity::Original => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_told_from_its_copies() {
    let world = World::sqlite().await;
    lived_in(&world).await;
    world.store.close().await;
    let (database, marker) = (file(&world), beside(&file(&world), ".marker"));
    let yesterday = fs::read(&database).unwrap();
    let marked_then = fs::read_to_string(&marker).unwrap();

    // It goes on, and yesterday's content is put in its place.
    let store = Store::open(&world.url).await.unwrap();
    let lease = store.lease_open("worker", true, NOW, NOW + HOUR).await.unwrap();
    store.lease_close(lease, NOW).await.unwrap();
    store.close().await;
    let marked = fs::read_to_string(&marker).unwrap();
    assert_ne!(marked, marked_then, "closing brings the marker up to date");
    let today = fs::read(&database).unwrap();
    fs::write(&database, &yesterday).unwrap();
    let found = evidence(&world.url).await;
    assert!(
        matches!(&found, Some(CopyEvidence::Older { behind, .. }) if behind.what == "leases"),
        "{found:?}"
    );
    fs::write(&database, &today).unwrap();
    assert_eq!(evidence(&world.url).await, None);

    // The same content in a new file.
    fs::rename(&database, beside(&database, ".old")).unwrap();
    fs::write(&database, &today).unwrap();
    let found = evidence(&world.url).await;
    assert!(matches!(found, Some(CopyEvidence::OtherFile { behind: None, .. })), "{found:?}");
    fs::write(&database, &yesterday).unwrap();
    let found = evidence(&world.url).await;
    assert!(matches!(found, Some(CopyEvidence::OtherFile { behind: Some(_), .. })), "{found:?}");
    fs::rename(beside(&database, ".old"), &database).unwrap();
    assert_eq!(evidence(&world.url).await, None);

    // Without its marker, with another's, with one that is no marker.
    for (text, expected) in [
        (None, CopyEvidence::Alone { file: "chorus.db".to_owned() }),
        (Some(marked.replace(FRESH, "other")), CopyEvidence::OtherMarker { file: "chorus.db".to_owned() }),
        (Some("{".to_owned()), CopyEvidence::BadMarker { file: "chorus.db".to_owned() }),
    ] {
        fs::remove_file(&marker).unwrap();
        text.iter().for_each(|text| fs::write(&marker, text).unwrap());
        assert_eq!(evidence(&world.url).await, Some(expected));
        fs::write(&marker, &marked).unwrap();
    }

    // After a boot the disk may have another number; within a boot it is another disk.
    let mut json: serde_json::Value = serde_json::from_str(&marked).unwrap();
    json["file"]["device"] = (json["file"]["device"].as_u64().unwrap() + 1).into();
    fs::write(&marker, json.to_string()).unwrap();
    assert!(matches!(evidence(&world.url).await, Some(CopyEvidence::OtherFile { .. })));
    json["file"]["boot"] = "another boot".into();
    fs::write(&marker, json.to_string()).unwrap();
    let store = Store::open(&world.url).await.unwrap();
    assert_eq!(store.identity_open("another", NOW).await.unwrap(), None);
    assert_eq!(fs::read_to_string(&marker).unwrap(), marked, "it names the disk as it is called now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_while_it_is_open_is_noticed() {
    let world = World::sqlite().await;
    lived_in(&world).await;
    let (database, marker) = (file(&world), beside(&file(&world), ".marker"));
    let marked = fs::read(&marker).unwrap();
    // A reading connection is back in its pool by then: a new one would open the new file.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    world.store.stopped().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    fs::rename(&database, beside(&database, ".old")).unwrap();
    fs::write(&database, "").unwrap();
    let stopped = world.store.identity_renew(NOW).await.unwrap().unwrap();
    assert!(stopped.detail.contains("was replaced"), "{stopped:?}");
    assert_eq!(fs::read(&marker).unwrap(), marked);
    // What would be lost is refused, until the file has its name again.
    let refused = world.store.setting_init("x", "y").await.unwrap_err().to_string();
    assert!(refused.contains("was replaced"), "{refused}");
    fs::rename(beside(&database, ".old"), &database).unwrap();
    world.store.identity_renew(NOW).await.unwrap();
    world.store.setting_init("x", "y").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_and_one_in_memory_are_no_copies() {
    let world = World::sqlite().await;
    assert_eq!(world.store.identity_open(FRESH, NOW).await.unwrap(), None);
    let copy = Store::open(&copied(&world).await).await.unwrap();
    assert_eq!(copy.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(copy.identity_check().await.unwrap(), Identity::Original);
    let memory = Store::open("sqlite::memory:").await.unwrap();
    memory.migrate().await.unwrap();
    assert_eq!(memory.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(memory.identity_check().await.unwrap(), Identity::Original);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_were_made_again_are_a_copy() {
    let world = World::postgres().await;
    lived_in(&world).await;
    for statement in [
        "alter table settings rename to settings_before",
        "create table settings (like settings_before including all)",
        "insert into settings select * from settings_before",
        "drop table settings_before",
    ] {
        world.write(statement).await;
    }
    assert_eq!(evidence(&world.url).await, Some(CopyEvidence::OtherTables));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_ask_goes_on() {
    let world = World::postgres().await;
    lived_in(&world).await;
    let mut url = url::Url::parse(&world.url).unwrap();
    let role = format!("plain_{}", url.path().trim_start_matches('/'));
    world.write(&format!("create role {role} login password 'plain'")).await;
    world.write(&format!("grant all on all tables in schema public to {role}")).await;
    world.write("revoke execute on function pg_control_system() from public").await;
    url.set_username(&role).unwrap();
    url.set_password(Some("plain")).unwrap();
    let store = Store::open(url.as_str()).await.unwrap();
    let found = store.identity_check().await.unwrap();
    assert!(matches!(&found, Identity::Unknown(why) if why.contains("permission denied")), "{found:?}");
    assert_eq!(store.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(store.identity_renew(NOW).await.unwrap(), None);
    assert_eq!(store.stopped().await.unwrap(), None);
}

pub(crate) async fn a_log_also_shows_what_a_cancelled_run_and_a_follow_up_sent(w: &World) {
    w.people(4).await;
    let parent = w.planned("mail").await;
    w.send_all(parent, NOW).await;
    let follower = w.run("reminder", |run| run.parent_id = Some(parent)).await;
    let made = [id(follower, 2), id(follower, 3)];
    assert_eq!(w.store.delivery_unmade(follower, id(follower, 1), 2).await.unwrap(), made);
    assert_eq!(w.store.delivery_make_sent(follower, &made, NOW).await.unwrap(), 2);
    assert_eq!(w.store.delivery_make_sent(follower, &made, NOW).await.unwrap(), 0, "once");
    let whom = Planned::Followers { delay: 0, address: Address::Email, of: None };
    assert_eq!(w.store.run_plan(follower, &whom, NOW).await.unwrap(), 2, "the others");
    assert_eq!(w.states(follower).await, ["1 queued", "2 sent settled", "3 sent settled", "4 queued"]);
    assert_eq!(w.get(follower).await.total, 4);

    let cancelled = w.planned("other").await;
    w.store.run_cancel(cancelled, NOW).await.unwrap();
    assert_eq!(w.store.run_cancel_more(cancelled, None, NOW).await.unwrap(), None);
    assert_eq!(w.store.delivery_reconcile(cancelled, &[id(cancelled, 4)], NOW).await.unwrap(), 1);
    assert_eq!(w.store.run_reopen(cancelled, NOW).await.unwrap(), Some(3));
    assert_eq!(w.states(cancelled).await, ["1 queued", "2 queued", "3 queued", "4 sent settled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_two_names_is_not_opened_and_one_that_is_gone_stops_everything() {
    let world = World::sqlite().await;
    lived_in(&world).await;
    let database = file(&world);
    fs::hard_link(&database, beside(&database, ".second")).unwrap();
    let error = Store::open(&world.url).await.unwrap_err().to_string();
    assert!(error.contains("hard links") && error.contains("mv "), "{error}");
    fs::remove_file(beside(&database, ".second")).unwrap();
    Store::open(&world.url).await.unwrap().close().await;
    fs::remove_file(&database).unwrap();
    let stopped = world.store.identity_renew(NOW).await.unwrap().unwrap();
    assert!(stopped.detail.contains("deleted while Chorus was running"), "{stopped:?}");
}
