//! Tests of planning: the recipients of a run, and the contacts that are left out.

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use schedule::Moment;
use sqlx::Connection;
use store::{Consent, ContactId, Millis, PlanCounts, RecipientAddress, RecipientSource, RunKind, RunState};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, all_contacts, id, person, to_all_contacts};
use crate::lifecycle::suppression;

/// The purpose of the runs.
const NEWS: Option<&str> = Some("news");

pub(crate) async fn each_contact_is_planned_once(f: &StoreFixture) {
    f.people(1_000).await;
    let run = f.run("mail", |_| {}).await;
    assert_eq!(f.plan(run).await, 1_000);
    assert_eq!(f.number("select count(*) from deliveries where state = 'queued'").await, 1_000);
    assert_eq!(f.get(run).await.total, 1_000);
    assert_eq!(f.plan(run).await, 0, "planned once");
    let empty = f.run("empty", |_| {}).await;
    let audiences = BTreeMap::from([crate::fixture::audience("empty", campaign::Rule::Any(vec![]))]);
    assert_eq!(f.store.run_plan(empty, &to_all_contacts(&audiences), NOW).await.unwrap(), 0);
    assert_eq!(f.get(empty).await.state, RunState::Running);
    assert_eq!(f.store.run_finish(NOW).await.unwrap(), [empty], "a run without recipients ends at once");
}

/// One contact for each reason to be left out, and one for none.
async fn one_of_each(f: &StoreFixture) {
    let mut people: Vec<_> = ["fine", "gone"].map(|name| person(&format!("{name}@example.com"))).into();
    people.push(store::NewContact { email: None, phone: Some("+8613800000000".to_owned()), ..person("") });
    people.push(store::NewContact { consent: Some(Consent::No), ..person("no@example.com") });
    f.store.contact_upsert(&people, NOW).await.unwrap();
    f.store.suppression_add(&[suppression("gone@example.com")]).await.unwrap();
}

pub(crate) async fn contacts_are_left_out_with_a_reason(f: &StoreFixture) {
    one_of_each(f).await;
    let audiences = all_contacts();
    let all_contacts = audiences.keys().next().unwrap();
    let counts =
        f.store.plan_count(&audiences, all_contacts, &RecipientAddress::Email, NEWS, NOW).await.unwrap();
    let left_out = [("no_address", 1), ("no_consent", 1), ("unsubscribed", 1)];
    let left_out = left_out.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(counts, PlanCounts { audience: 4, reached: 1, left_out });
    let by_phone =
        f.store.plan_count(&audiences, all_contacts, &RecipientAddress::Phone, NEWS, NOW).await.unwrap();
    assert_eq!((by_phone.reached, by_phone.left_out["no_address"]), (1, 3));

    let run = f.planned("mail").await;
    assert_eq!(
        f.states(run).await,
        ["1 queued", "2 suppressed unsubscribed", "3 suppressed no_address", "4 suppressed no_consent"]
    );
    assert_eq!(
        f.tallies(run).await,
        ["suppressed no_address 1", "suppressed no_consent 1", "suppressed unsubscribed 1"]
    );
    assert_eq!(f.figures().await, ["mail suppressed 3"]);
    assert_eq!(f.get(run).await.total, 4);
    assert_eq!(f.number("select count(*) from deliveries where due_at is not null").await, 1);

    let test = f.run("mail", |run| (run.kind, run.instant) = (RunKind::Test, NOW + 1)).await;
    f.plan(test).await;
    assert_eq!(f.figures().await, ["mail suppressed 3"], "a test is in no report");
}

pub(crate) async fn local_times_use_each_contacts_time_zone(f: &StoreFixture) {
    let zones =
        ["Asia/Shanghai", "America/New_York", "Nowhere/Land", "'; drop table runs; --", "Pacific/Kiritimati"];
    let mut people: Vec<_> = zones
        .iter()
        .enumerate()
        .map(|(n, zone)| store::NewContact {
            timezone: Some((*zone).to_owned()),
            ..person(&format!("p{n}@example.com"))
        })
        .collect();
    people.push(person("none@example.com"));
    f.store.contact_upsert(&people, NOW).await.unwrap();
    let run = f.run("mail", |_| {}).await;
    let audiences = all_contacts();
    let ten = date(2027, 3, 2).at(10, 0, 0, 0);
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let utc = |hour, day| {
        Millis::from(date(2027, 3, day).at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp())
    };
    let now = utc(3, 2);
    let RecipientSource::Audience { audience, address, .. } = to_all_contacts(&audiences) else {
        unreachable!()
    };
    let recipients = RecipientSource::Audience {
        audiences: &audiences,
        audience,
        address,
        moment: Moment::Local(ten),
        fallback: &berlin,
        catch_up_window: HOUR,
        by_hand: None,
    };
    assert_eq!(f.store.run_plan(run, &recipients, now).await.unwrap(), 6);
    let rows = f.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
    let due: Vec<_> = rows.iter().map(|row| (row.due_at, row.reason.as_deref())).collect();
    assert_eq!(
        due,
        [
            (Some(utc(2, 2)), None),
            (Some(utc(15, 2)), None),
            (Some(utc(9, 2)), None),
            (Some(utc(9, 2)), None),
            (None, Some("too_late")),
            (Some(utc(9, 2)), None),
        ],
        "Shanghai is exactly as late as it may be, Kiritimati too late"
    );
    assert_eq!(f.tallies(run).await, ["suppressed too_late 1"]);
}

pub(crate) async fn followers_come_after(f: &StoreFixture) {
    f.people(4).await;
    let parent = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, parent, NOW, 3).await;
    let outcomes = [
        (id(parent, 1), crate::fixture::accepted()),
        (id(parent, 2), crate::lifecycle::rejected("policy", None)),
        (id(parent, 3), crate::fixture::accepted()),
    ];
    f.record(lease, &outcomes, &[], NOW + 7).await;
    f.store.suppression_add(&[suppression("p3@example.com")]).await.unwrap();
    let follower = f.run("reminder", |run| run.parent_id = Some(parent)).await;
    let recipients =
        RecipientSource::Followers { delay: 3 * DAY, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(follower, &recipients, NOW + 9).await.unwrap(), 2);
    assert_eq!(f.states(follower).await, ["1 queued", "3 suppressed unsubscribed"]);
    let rows = f.store.delivery_list(follower, None, false, id(follower, 0), 1).await.unwrap();
    assert_eq!(rows[0].due_at, Some(NOW + 7 + 3 * DAY));
    let orphan = f.run("orphan", |_| {}).await;
    assert_eq!(f.store.run_plan(orphan, &recipients, NOW).await.unwrap(), 0);
}

pub(crate) async fn followers_grow_while_the_parent_sends(f: &StoreFixture) {
    f.people(4).await;
    let parent = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    f.begin(lease, parent, NOW, 4).await;
    f.record(lease, &[(id(parent, 1), crate::fixture::accepted())], &[], NOW).await;
    let follower = f.run("reminder", |run| run.parent_id = Some(parent)).await;
    let recipients =
        RecipientSource::Followers { delay: 0, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(follower, &recipients, NOW).await.unwrap(), 1);
    assert_eq!(f.store.run_plan(follower, &recipients, NOW).await.unwrap(), 0, "no new follower");
    let next = f.begin(lease, follower, NOW, 1).await;
    f.record(lease, &[(next[0], crate::fixture::accepted())], &[], NOW + 1).await;
    assert_eq!(f.store.run_finish(NOW + 1).await.unwrap(), [], "its parent is still sending");
    let rest = [2, 3, 4].map(|contact| (id(parent, contact), crate::fixture::accepted()));
    f.record(lease, &rest, &[], NOW + 2).await;
    f.store.suppression_add(&[suppression("p4@example.com")]).await.unwrap();
    assert_eq!(
        f.store.run_finish(NOW + 3).await.unwrap(),
        [parent],
        "it was not planned since its parent ended"
    );
    assert_eq!(f.store.run_plan(follower, &recipients, NOW + 4).await.unwrap(), 3);
    assert_eq!(f.states(follower).await, ["1 sent", "2 queued", "3 queued", "4 suppressed unsubscribed"]);
    let run = f.store.run_get(follower).await.unwrap().unwrap();
    assert_eq!(run.total, 4);
    let left_out = run.tallies.iter().find(|tally| tally.state.as_str() == "suppressed").unwrap();
    assert_eq!((left_out.reason.as_str(), left_out.count), ("unsubscribed", 1));
}

pub(crate) async fn one_and_feed(f: &StoreFixture) {
    f.people(2).await;
    let one = f.run("mail", |run| run.kind = RunKind::Test).await;
    let recipients =
        RecipientSource::One { contact: ContactId(2), address: RecipientAddress::Email, due_at: NOW };
    assert_eq!(f.store.run_plan(one, &recipients, NOW).await.unwrap(), 1);
    assert_eq!(f.states(one).await, ["2 queued"]);

    let feed = f.run("post", |run| run.channel = "team".to_owned()).await;
    assert_eq!(f.store.run_plan(feed, &RecipientSource::Feed { due_at: NOW + 1 }, NOW).await.unwrap(), 1);
    assert_eq!(f.states(feed).await, ["0 queued"]);
    let lease = f.lease(NOW).await;
    assert_eq!(f.store.delivery_claim(lease, feed, NOW, 9).await.unwrap(), []);
    let claimed = f.store.delivery_claim(lease, feed, NOW + 1, 9).await.unwrap();
    assert_eq!((claimed[0].id, claimed[0].contact.is_none()), (id(feed, 0), true));
    assert_eq!(f.record(lease, &[], &[claimed[0].id], NOW + 1).await.granted.len(), 1);
    f.record(lease, &[(claimed[0].id, crate::fixture::accepted())], &[], NOW + 1).await;
    assert_eq!(f.store.run_finish(NOW + 2).await.unwrap(), [feed]);
    let row = &f.store.delivery_list(feed, None, false, id(feed, 0), 1).await.unwrap();
    assert!(row.is_empty(), "after the feed there is nothing");
    let row = &f.store.delivery_list(feed, None, false, store::DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!(row.address, "");

    let unknown = f.run("unknown", |_| {}).await;
    let recipients =
        RecipientSource::One { contact: ContactId(99), address: RecipientAddress::Email, due_at: NOW };
    assert_eq!(f.store.run_plan(unknown, &recipients, NOW).await.unwrap(), 0);
}

pub(crate) async fn only_planned_runs_are_planned(f: &StoreFixture) {
    f.people(2).await;
    let run = f.run("mail", |_| {}).await;
    f.store.run_cancel(run, NOW).await.unwrap();
    assert_eq!(f.plan(run).await, 0);
    assert_eq!(f.get(run).await.state, RunState::Cancelled);
    assert_eq!(f.plan(store::RunId(999)).await, 0);
    // An audience that cannot be evaluated leaves the run as it was.
    let waiting = f.run("waiting", |_| {}).await;
    let audiences = BTreeMap::from([crate::fixture::audience(
        "broken",
        campaign::Rule::Audience(campaign::AudienceId::parse("missing").unwrap()),
    )]);
    let error = f.store.run_plan(waiting, &to_all_contacts(&audiences), NOW).await.unwrap_err();
    assert!(error.to_string().contains("audiences/missing.toml"), "{error}");
    assert_eq!(f.get(waiting).await.state, RunState::Planned);
}

/// PostgreSQL only, because SQLite has one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_planners_add_each_follower_once() {
    let f = StoreFixture::postgres().await;
    f.people(2_000).await;
    let parent = f.planned("mail").await;
    let follower = f.run("reminder", |run| run.parent_id = Some(parent)).await;
    let recipients =
        RecipientSource::Followers { delay: 0, address: RecipientAddress::Email, audience: None };
    assert_eq!(f.store.run_plan(follower, &recipients, NOW).await.unwrap(), 0, "no contact was reached yet");
    f.send_all(parent, NOW).await;
    // All planners wait for one lock before they add recipients.
    let mut line = sqlx::PgConnection::connect(&f.url).await.unwrap();
    let mut observer = sqlx::PgConnection::connect(&f.url).await.unwrap();
    sqlx::query("begin").execute(&mut line).await.unwrap();
    sqlx::query("lock table deliveries in share mode").execute(&mut line).await.unwrap();
    let tasks = (0..4).map(|_| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let recipients =
                RecipientSource::Followers { delay: 0, address: RecipientAddress::Email, audience: None };
            store.run_plan(follower, &recipients, NOW).await.unwrap()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    crate::fencing::until_blocked(&mut observer, 4).await;
    sqlx::query("rollback").execute(&mut line).await.unwrap();
    let mut made = 0;
    for task in tasks {
        made += task.await.unwrap();
    }
    assert_eq!((made, f.get(follower).await.total), (2_000, 2_000));
}

pub(crate) async fn domains_and_last_due_time(f: &StoreFixture) {
    f.people(3).await;
    let more = ["a@gmail.com", "b@gmail.com", "c@other.example"].map(person);
    f.store.contact_upsert(&more, NOW).await.unwrap();
    f.store.suppression_add(&[suppression("b@gmail.com")]).await.unwrap();
    let audiences = all_contacts();
    let audience = audiences.keys().next().unwrap();
    let domains = f.store.plan_domains(&audiences, audience, NEWS, NOW).await.unwrap();
    let domains: Vec<_> = domains.iter().map(|(domain, count)| (domain.as_str(), *count)).collect();
    assert_eq!(domains, [("example.com", 3), ("gmail.com", 1), ("other.example", 1)]);
    let run = f.planned("mail").await;
    assert_eq!(f.store.run_last_due(run).await.unwrap(), Some(NOW));
    f.send_all(run, NOW).await;
    assert_eq!(f.store.run_last_due(run).await.unwrap(), None);
}
