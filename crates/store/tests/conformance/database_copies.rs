//! Tests of copied and restored databases, and of reconciling forgotten deliveries with a log.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use store::{
    CopyEvidence, DeliveryId, Identity, PausedBy, RecipientAddress, RecipientSource, RunState, StopReason,
    Stopped, Store,
};

use crate::fixture::{HOUR, NOW, StoreFixture, id};

const FRESH: &str = "0123456789abcdef";

/// Prepares a database that holds a run to three contacts and has its identity.
async fn with_identity(f: &StoreFixture) {
    f.people(3).await;
    f.planned("mail").await;
    assert_eq!(f.store.identity_check().await.unwrap(), Identity::Unmarked);
    assert_eq!(f.store.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(f.store.identity_check().await.unwrap(), Identity::Original);
}

fn file(f: &StoreFixture) -> PathBuf {
    PathBuf::from(f.url.strip_prefix("sqlite:").unwrap())
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Closes the database and copies it whole; returns the copy's URL.
async fn copied(f: &StoreFixture) -> String {
    f.store.close().await;
    if f.store.dialect().as_str() == "sqlite" {
        let (from, to) = (file(f), file(f).with_file_name("copy"));
        fs::create_dir(&to).unwrap();
        for suffix in ["", ".marker"] {
            let target = beside(&to.join("chorus.db"), suffix);
            fs::copy(beside(&from, suffix), target).unwrap();
        }
        return format!("sqlite:{}", to.join("chorus.db").display());
    }
    let mut url = url::Url::parse(&f.url).unwrap();
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

pub(crate) async fn the_same_database_is_no_copy(f: &StoreFixture) {
    with_identity(f).await;
    f.send_all(f.planned("reminder").await, NOW).await;
    assert_eq!(f.store.identity_renew(NOW).await.unwrap(), None);
    let second = Store::open(&f.url).await.unwrap();
    assert_eq!(second.identity_open("another", NOW).await.unwrap(), None);
    second.close().await;
    f.store.close().await;
    let third = Store::open(&f.url).await.unwrap();
    assert_eq!(third.identity_check().await.unwrap(), Identity::Original);
    assert_eq!(third.stopped().await.unwrap(), None);
}

pub(crate) async fn a_copy_stops_everything_until_it_is_adopted(f: &StoreFixture) {
    with_identity(f).await;
    let copy = Store::open(&copied(f).await).await.unwrap();
    let Identity::Copy(evidence) = copy.identity_check().await.unwrap() else { panic!("a copy") };
    let stopped = copy.identity_open("another", NOW + HOUR).await.unwrap().unwrap();
    let expected = Stopped { reason: StopReason::Copy, since: NOW + HOUR, detail: evidence.to_string() };
    assert_eq!(stopped, expected);
    let [run] = copy.run_live().await.unwrap().try_into().unwrap();
    assert_eq!((run.state, run.paused_by), (RunState::Paused, Some(PausedBy::Stop)));
    assert!(run.note.unwrap().contains("chorus start"));

    // It stays stopped, whichever process opens it, until a person adopts it.
    assert_eq!(copy.identity_open("another", NOW + 2 * HOUR).await.unwrap(), None);
    assert_eq!(copy.stopped().await.unwrap(), Some(stopped));
    copy.identity_adopt("another").await.unwrap();
    assert!(copy.start_all().await.unwrap());
    assert_eq!(copy.identity_renew(NOW).await.unwrap(), None);
    assert_eq!(copy.identity_check().await.unwrap(), Identity::Original);
    copy.close().await;
    let original = Store::open(&f.url).await.unwrap();
    assert_eq!(original.identity_check().await.unwrap(), Identity::Original, "the original goes on");
}

pub(crate) async fn a_copy_takes_the_place_of_a_stop_by_hand(f: &StoreFixture) {
    with_identity(f).await;
    let by_hand = Stopped { reason: StopReason::Stop, since: NOW, detail: "stopped by hand".to_owned() };
    assert!(f.store.stop_all(&by_hand, "note").await.unwrap());
    assert!(!f.store.stop_all(&by_hand, "note").await.unwrap());
    let copy = Store::open(&copied(f).await).await.unwrap();
    let stopped = copy.identity_open("another", NOW).await.unwrap().unwrap();
    assert_eq!(stopped.reason, StopReason::Copy);
    assert!(!copy.stop_all(&by_hand, "note").await.unwrap());
    assert_eq!(copy.stopped().await.unwrap(), Some(stopped));
}

pub(crate) async fn a_database_of_an_older_version_is_marked(f: &StoreFixture) {
    f.people(1).await;
    f.planned("mail").await;
    let again = Store::open(&f.url).await.unwrap();
    assert_eq!(again.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(f.store.identity_check().await.unwrap(), Identity::Original);
}

pub(crate) async fn deliveries_in_a_log_are_marked_as_sent(f: &StoreFixture) {
    f.people(6).await;
    let run = f.planned("mail").await;
    let other = f.planned("reminder").await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 2).await;
    f.record(lease, &[(begun[0], crate::fixture::accepted())], &[], NOW).await;
    let open = f.store.delivery_open(run, DeliveryId(0), 3).await.unwrap();
    assert_eq!(open, [id(run, 2), id(run, 3), id(run, 4)], "what was recorded as sent is not open");
    let rest = f.store.delivery_open(run, open[2], 10).await.unwrap();
    assert_eq!(rest, [id(run, 5), id(run, 6)]);

    let found = [id(run, 2), id(run, 4), id(run, 1), id(other, 1)];
    assert_eq!(f.store.delivery_reconcile(run, &found, NOW + HOUR).await.unwrap(), 2);
    assert_eq!(f.store.delivery_reconcile(run, &found, NOW + HOUR).await.unwrap(), 0);
    let late = f.record(lease, &[(id(run, 2), crate::fixture::accepted())], &[], NOW).await;
    assert_eq!(late.granted, [], "the worker's answer comes too late");
    assert_eq!(
        f.states(run).await,
        ["1 sent", "2 sent settled", "3 queued", "4 sent settled", "5 queued", "6 queued"]
    );
    assert_eq!(f.tallies(run).await, ["sent 1", "sent settled 2"]);
    assert_eq!(
        f.number("select count(*) from deliveries where due_at is null and lease_id is null").await,
        3
    );
    assert_eq!(f.states(other).await.iter().filter(|state| state.ends_with("queued")).count(), 6);
    assert_eq!(f.figures().await, ["mail sent 3", "mail cost CNY 3 3000"]);
}

pub(crate) async fn an_ended_run_is_reconciled_too(f: &StoreFixture) {
    f.people(2).await;
    let run = f.run("mail", |run| run.on_uncertain = campaign::OnUncertain::Hold).await;
    f.plan(run).await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 10).await;
    let unknown = store::Outcome::Unknown { retry_at: None, answer: "no answer".to_owned() };
    let outcomes: Vec<_> = begun.iter().map(|id| (*id, unknown.clone())).collect();
    f.record(lease, &outcomes, &[], NOW).await;
    f.store.run_finish(NOW).await.unwrap();
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures);
    assert_eq!(f.store.delivery_reconcile(run, &begun, NOW + HOUR).await.unwrap(), 2);
    assert_eq!(f.get(run).await.state, RunState::Finished);
    assert_eq!(f.tallies(run).await, ["sent settled 2"]);
}

/// Returns the evidence of a copy that a database gives when it is opened.
async fn evidence(url: &str) -> Option<CopyEvidence> {
    let store = Store::open(url).await.unwrap();
    match store.identity_check().await.unwrap() {
        Identity::Copy(evidence) => Some(evidence),
        Identity::Original => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_differs_from_its_copies() {
    let f = StoreFixture::sqlite().await;
    with_identity(&f).await;
    f.store.close().await;
    let (database, marker) = (file(&f), beside(&file(&f), ".marker"));
    let yesterday = fs::read(&database).unwrap();
    let marked_then = fs::read_to_string(&marker).unwrap();

    // The database is used again, then yesterday's content is put in its place.
    let store = Store::open(&f.url).await.unwrap();
    let lease = store.lease_open("worker", true, NOW, NOW + HOUR).await.unwrap();
    store.lease_close(lease, NOW).await.unwrap();
    store.close().await;
    let marked = fs::read_to_string(&marker).unwrap();
    assert_ne!(marked, marked_then, "closing brings the marker up to date");
    let today = fs::read(&database).unwrap();
    fs::write(&database, &yesterday).unwrap();
    let found = evidence(&f.url).await;
    assert!(
        matches!(&found, Some(CopyEvidence::Older { shortfall, .. }) if shortfall.name == "leases"),
        "{found:?}"
    );
    fs::write(&database, &today).unwrap();
    assert_eq!(evidence(&f.url).await, None);

    // The same content in a new file.
    fs::rename(&database, beside(&database, ".old")).unwrap();
    fs::write(&database, &today).unwrap();
    let found = evidence(&f.url).await;
    assert!(matches!(found, Some(CopyEvidence::OtherFile { shortfall: None, .. })), "{found:?}");
    fs::write(&database, &yesterday).unwrap();
    let found = evidence(&f.url).await;
    assert!(matches!(found, Some(CopyEvidence::OtherFile { shortfall: Some(_), .. })), "{found:?}");
    fs::rename(beside(&database, ".old"), &database).unwrap();
    assert_eq!(evidence(&f.url).await, None);

    // Without its marker, with another database's marker, with a file that is not a marker.
    for (text, expected) in [
        (None, CopyEvidence::MissingMarker { file: "chorus.db".to_owned() }),
        (Some(marked.replace(FRESH, "other")), CopyEvidence::OtherMarker { file: "chorus.db".to_owned() }),
        (Some("{".to_owned()), CopyEvidence::BadMarker { file: "chorus.db".to_owned() }),
    ] {
        fs::remove_file(&marker).unwrap();
        text.iter().for_each(|text| fs::write(&marker, text).unwrap());
        assert_eq!(evidence(&f.url).await, Some(expected));
        fs::write(&marker, &marked).unwrap();
    }

    // After a boot the disk may have another number; within a boot another number means another
    // disk.
    let mut json: serde_json::Value = serde_json::from_str(&marked).unwrap();
    json["file"]["device"] = (json["file"]["device"].as_u64().unwrap() + 1).into();
    fs::write(&marker, json.to_string()).unwrap();
    assert!(matches!(evidence(&f.url).await, Some(CopyEvidence::OtherFile { .. })));
    json["file"]["boot"] = "another boot".into();
    fs::write(&marker, json.to_string()).unwrap();
    let store = Store::open(&f.url).await.unwrap();
    assert_eq!(store.identity_open("another", NOW).await.unwrap(), None);
    assert_eq!(fs::read_to_string(&marker).unwrap(), marked, "it names the disk as it is called now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_while_it_is_open_is_noticed() {
    let f = StoreFixture::sqlite().await;
    with_identity(&f).await;
    let (database, marker) = (file(&f), beside(&file(&f), ".marker"));
    let marked = fs::read(&marker).unwrap();
    // Until then the reading connection is back in its pool: a new one would open the new file.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    f.store.stopped().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    fs::rename(&database, beside(&database, ".old")).unwrap();
    fs::write(&database, "").unwrap();
    let stopped = f.store.identity_renew(NOW).await.unwrap().unwrap();
    assert!(stopped.detail.contains("was replaced"), "{stopped:?}");
    assert_eq!(fs::read(&marker).unwrap(), marked);
    // Writes that would be lost are refused until the file has its name again.
    let refused = f.store.setting_init("x", "y").await.unwrap_err().to_string();
    assert!(refused.contains("was replaced"), "{refused}");
    fs::rename(beside(&database, ".old"), &database).unwrap();
    f.store.identity_renew(NOW).await.unwrap();
    f.store.setting_init("x", "y").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_and_one_in_memory_are_no_copies() {
    let f = StoreFixture::sqlite().await;
    assert_eq!(f.store.identity_open(FRESH, NOW).await.unwrap(), None);
    let copy = Store::open(&copied(&f).await).await.unwrap();
    assert_eq!(copy.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(copy.identity_check().await.unwrap(), Identity::Original);
    let memory = Store::open("sqlite::memory:").await.unwrap();
    memory.migrate().await.unwrap();
    assert_eq!(memory.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(memory.identity_check().await.unwrap(), Identity::Original);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_were_made_again_are_a_copy() {
    let f = StoreFixture::postgres().await;
    with_identity(&f).await;
    for statement in [
        "alter table settings rename to settings_before",
        "create table settings (like settings_before including all)",
        "insert into settings select * from settings_before",
        "drop table settings_before",
    ] {
        f.write(statement).await;
    }
    assert_eq!(evidence(&f.url).await, Some(CopyEvidence::OtherTables));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_the_permission_goes_on() {
    let f = StoreFixture::postgres().await;
    with_identity(&f).await;
    let mut url = url::Url::parse(&f.url).unwrap();
    let role = format!("plain_{}", url.path().trim_start_matches('/'));
    f.write(&format!("create role {role} login password 'plain'")).await;
    f.write(&format!("grant all on all tables in schema public to {role}")).await;
    f.write("revoke execute on function pg_control_system() from public").await;
    url.set_username(&role).unwrap();
    url.set_password(Some("plain")).unwrap();
    let store = Store::open(url.as_str()).await.unwrap();
    let found = store.identity_check().await.unwrap();
    assert!(matches!(&found, Identity::Unknown(why) if why.contains("permission denied")), "{found:?}");
    assert_eq!(store.identity_open(FRESH, NOW).await.unwrap(), None);
    assert_eq!(store.identity_renew(NOW).await.unwrap(), None);
    assert_eq!(store.stopped().await.unwrap(), None);
}

pub(crate) async fn a_log_also_shows_deliveries_of_cancelled_runs_and_follow_ups(f: &StoreFixture) {
    f.people(4).await;
    let parent = f.planned("mail").await;
    f.send_all(parent, NOW).await;
    let follower = f.run("reminder", |run| run.parent_id = Some(parent)).await;
    let made = [id(follower, 2), id(follower, 3)];
    assert_eq!(f.store.delivery_future_follow_ups(follower, id(follower, 1), 2).await.unwrap(), made);
    assert_eq!(f.store.delivery_insert_sent(follower, &made, NOW).await.unwrap(), 2);
    assert_eq!(f.store.delivery_insert_sent(follower, &made, NOW).await.unwrap(), 0, "once");
    let recipients =
        RecipientSource::Followers { delay: 0, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(follower, &recipients, NOW).await.unwrap(), 2, "the others");
    assert_eq!(f.states(follower).await, ["1 queued", "2 sent settled", "3 sent settled", "4 queued"]);
    assert_eq!(f.get(follower).await.total, 4);

    let cancelled = f.planned("other").await;
    f.store.run_cancel(cancelled, NOW).await.unwrap();
    assert_eq!(f.store.run_cancel_more(cancelled, None, NOW).await.unwrap(), None);
    assert_eq!(f.store.delivery_reconcile(cancelled, &[id(cancelled, 4)], NOW).await.unwrap(), 1);
    assert_eq!(f.store.run_reopen(cancelled, NOW).await.unwrap(), Some(3));
    assert_eq!(f.states(cancelled).await, ["1 queued", "2 queued", "3 queued", "4 sent settled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_two_names_is_not_opened_and_one_that_is_gone_stops_everything() {
    let f = StoreFixture::sqlite().await;
    with_identity(&f).await;
    let database = file(&f);
    fs::hard_link(&database, beside(&database, ".second")).unwrap();
    let error = Store::open(&f.url).await.unwrap_err().to_string();
    assert!(error.contains("hard links") && error.contains("mv "), "{error}");
    fs::remove_file(beside(&database, ".second")).unwrap();
    Store::open(&f.url).await.unwrap().close().await;
    fs::remove_file(&database).unwrap();
    let stopped = f.store.identity_renew(NOW).await.unwrap().unwrap();
    assert!(stopped.detail.contains("deleted while Chorus was running"), "{stopped:?}");
}
