//! Who gets a run.

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use schedule::Moment;
use sqlx::Connection;
use store::{Address, Consent, ContactId, Millis, PlanCounts, Planned, RunKind, RunState};

use crate::life::suppression;
use crate::world::{DAY, HOUR, NOW, World, everybody, id, person, to_everybody};

pub(crate) async fn everybody_once(w: &World) {
    w.people(1_000).await;
    let run = w.run("mail", |_| {}).await;
    assert_eq!(w.plan(run).await, 1_000);
    assert_eq!(w.number("select count(*) from deliveries where state = 'queued'").await, 1_000);
    assert_eq!(w.get(run).await.total, 1_000);
    assert_eq!(w.plan(run).await, 0, "planned once");
    let nobody = w.run("nobody", |_| {}).await;
    let audiences = BTreeMap::from([crate::world::audience("nobody", campaign::Rule::Any(vec![]))]);
    assert_eq!(w.store.run_plan(nobody, &to_everybody(&audiences), NOW).await.unwrap(), 0);
    assert_eq!(w.get(nobody).await.state, RunState::Running);
    assert_eq!(w.store.run_finish(NOW).await.unwrap(), [nobody], "a run for nobody ends at once");
}

/// One contact for each reason, and one for none.
async fn one_of_each(w: &World) {
    let mut people: Vec<_> = ["fine", "gone"].map(|name| person(&format!("{name}@example.com"))).into();
    people.push(store::NewContact { email: None, phone: Some("+8613800000000".to_owned()), ..person("") });
    people.push(store::NewContact { consent: Some(Consent::No), ..person("no@example.com") });
    w.store.contact_upsert(&people, NOW).await.unwrap();
    w.store.suppression_add(&[suppression("gone@example.com")]).await.unwrap();
}

pub(crate) async fn who_is_left_out(w: &World) {
    one_of_each(w).await;
    let audiences = everybody();
    let everybody = audiences.keys().next().unwrap();
    let counts = w.store.plan_count(&audiences, everybody, &Address::Email, NOW).await.unwrap();
    let left_out = [("no_address", 1), ("no_consent", 1), ("unsubscribed", 1)];
    let left_out = left_out.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(counts, PlanCounts { audience: 4, reached: 1, left_out });
    let by_phone = w.store.plan_count(&audiences, everybody, &Address::Phone, NOW).await.unwrap();
    assert_eq!((by_phone.reached, by_phone.left_out["no_address"]), (1, 3));

    let run = w.planned("mail").await;
    assert_eq!(
        w.states(run).await,
        ["1 queued", "2 suppressed unsubscribed", "3 suppressed no_address", "4 suppressed no_consent"]
    );
    assert_eq!(
        w.tallies(run).await,
        ["suppressed no_address 1", "suppressed no_consent 1", "suppressed unsubscribed 1"]
    );
    assert_eq!(w.figures().await, ["mail suppressed 3"]);
    assert_eq!(w.get(run).await.total, 4);
    assert_eq!(w.number("select count(*) from deliveries where due_at is not null").await, 1);

    let test = w.run("mail", |run| (run.kind, run.instant) = (RunKind::Test, NOW + 1)).await;
    w.plan(test).await;
    assert_eq!(w.figures().await, ["mail suppressed 3"], "a test is in no report");
}

pub(crate) async fn everybody_at_their_own_time(w: &World) {
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
    w.store.contact_upsert(&people, NOW).await.unwrap();
    let run = w.run("mail", |_| {}).await;
    let audiences = everybody();
    let ten = date(2027, 3, 2).at(10, 0, 0, 0);
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let utc = |hour, day| {
        Millis::from(date(2027, 3, day).at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp())
    };
    let now = utc(3, 2);
    let Planned::Audience { audience, address, .. } = to_everybody(&audiences) else { unreachable!() };
    let whom = Planned::Audience {
        audiences: &audiences,
        audience,
        address,
        moment: Moment::Local(ten),
        fallback: &berlin,
        catch_up_window: HOUR,
        by_hand: None,
    };
    assert_eq!(w.store.run_plan(run, &whom, now).await.unwrap(), 6);
    let rows = w.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
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
    assert_eq!(w.tallies(run).await, ["suppressed too_late 1"]);
}

pub(crate) async fn followers_come_after(w: &World) {
    w.people(4).await;
    let parent = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, parent, NOW, 3).await;
    let outcomes = [
        (id(parent, 1), crate::world::accepted()),
        (id(parent, 2), crate::life::rejected("policy", None)),
        (id(parent, 3), crate::world::accepted()),
    ];
    w.record(lease, &outcomes, &[], NOW + 7).await;
    w.store.suppression_add(&[suppression("p3@example.com")]).await.unwrap();
    let follower = w.run("reminder", |run| run.parent_id = Some(parent)).await;
    let whom = Planned::Followers { delay: 3 * DAY, address: Address::Email, of: None };
    assert_eq!(w.store.run_plan(follower, &whom, NOW + 9).await.unwrap(), 2);
    assert_eq!(w.states(follower).await, ["1 queued", "3 suppressed unsubscribed"]);
    let rows = w.store.delivery_list(follower, None, false, id(follower, 0), 1).await.unwrap();
    assert_eq!(rows[0].due_at, Some(NOW + 7 + 3 * DAY));
    let orphan = w.run("orphan", |_| {}).await;
    assert_eq!(w.store.run_plan(orphan, &whom, NOW).await.unwrap(), 0);
}

pub(crate) async fn followers_grow_while_their_leader_sends(w: &World) {
    w.people(4).await;
    let parent = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    w.begin(lease, parent, NOW, 4).await;
    w.record(lease, &[(id(parent, 1), crate::world::accepted())], &[], NOW).await;
    let follower = w.run("reminder", |run| run.parent_id = Some(parent)).await;
    let whom = Planned::Followers { delay: 0, address: Address::Email, of: None };
    assert_eq!(w.store.run_plan(follower, &whom, NOW).await.unwrap(), 1);
    assert_eq!(w.store.run_plan(follower, &whom, NOW).await.unwrap(), 0, "nobody new");
    let next = w.begin(lease, follower, NOW, 1).await;
    w.record(lease, &[(next[0], crate::world::accepted())], &[], NOW + 1).await;
    assert_eq!(w.store.run_finish(NOW + 1).await.unwrap(), [], "its leader is still going");
    let rest = [2, 3, 4].map(|contact| (id(parent, contact), crate::world::accepted()));
    w.record(lease, &rest, &[], NOW + 2).await;
    w.store.suppression_add(&[suppression("p4@example.com")]).await.unwrap();
    assert_eq!(w.store.run_finish(NOW + 3).await.unwrap(), [parent], "nobody looked since its leader ended");
    assert_eq!(w.store.run_plan(follower, &whom, NOW + 4).await.unwrap(), 3);
    assert_eq!(w.states(follower).await, ["1 sent", "2 queued", "3 queued", "4 suppressed unsubscribed"]);
    let run = w.store.run_get(follower).await.unwrap().unwrap();
    assert_eq!(run.total, 4);
    let left_out = run.tallies.iter().find(|tally| tally.state.as_str() == "suppressed").unwrap();
    assert_eq!((left_out.reason.as_str(), left_out.count), ("unsubscribed", 1));
}

pub(crate) async fn one_and_feed(w: &World) {
    w.people(2).await;
    let one = w.run("mail", |run| run.kind = RunKind::Test).await;
    let whom = Planned::One { contact: ContactId(2), address: Address::Email, due_at: NOW };
    assert_eq!(w.store.run_plan(one, &whom, NOW).await.unwrap(), 1);
    assert_eq!(w.states(one).await, ["2 queued"]);

    let feed = w.run("post", |run| run.channel = "team".to_owned()).await;
    assert_eq!(w.store.run_plan(feed, &Planned::Feed { due_at: NOW + 1 }, NOW).await.unwrap(), 1);
    assert_eq!(w.states(feed).await, ["0 queued"]);
    let lease = w.lease(NOW).await;
    assert_eq!(w.store.delivery_claim(lease, feed, NOW, 9).await.unwrap(), []);
    let claimed = w.store.delivery_claim(lease, feed, NOW + 1, 9).await.unwrap();
    assert_eq!((claimed[0].id, claimed[0].contact.is_none()), (id(feed, 0), true));
    assert_eq!(w.record(lease, &[], &[claimed[0].id], NOW + 1).await.granted.len(), 1);
    w.record(lease, &[(claimed[0].id, crate::world::accepted())], &[], NOW + 1).await;
    assert_eq!(w.store.run_finish(NOW + 2).await.unwrap(), [feed]);
    let row = &w.store.delivery_list(feed, None, false, id(feed, 0), 1).await.unwrap();
    assert!(row.is_empty(), "after the feed there is nothing");
    let row = &w.store.delivery_list(feed, None, false, store::DeliveryId(0), 1).await.unwrap()[0];
    assert_eq!(row.address, "");

    let nobody = w.run("nobody", |_| {}).await;
    let whom = Planned::One { contact: ContactId(99), address: Address::Email, due_at: NOW };
    assert_eq!(w.store.run_plan(nobody, &whom, NOW).await.unwrap(), 0);
}

pub(crate) async fn only_planned_runs_are_planned(w: &World) {
    w.people(2).await;
    let run = w.run("mail", |_| {}).await;
    w.store.run_cancel(run, NOW).await.unwrap();
    assert_eq!(w.plan(run).await, 0);
    assert_eq!(w.get(run).await.state, RunState::Cancelled);
    assert_eq!(w.plan(store::RunId(999)).await, 0);
    // An audience that cannot be asked for leaves the run as it was.
    let waiting = w.run("waiting", |_| {}).await;
    let audiences = BTreeMap::from([crate::world::audience(
        "broken",
        campaign::Rule::Audience(campaign::AudienceId::parse("missing").unwrap()),
    )]);
    let error = w.store.run_plan(waiting, &to_everybody(&audiences), NOW).await.unwrap_err();
    assert!(error.to_string().contains("audiences/missing.toml"), "{error}");
    assert_eq!(w.get(waiting).await.state, RunState::Planned);
}

/// PostgreSQL only, because SQLite has one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_look_at_a_leader_add_nobody_twice() {
    let w = World::postgres().await;
    w.people(2_000).await;
    let parent = w.planned("mail").await;
    let follower = w.run("reminder", |run| run.parent_id = Some(parent)).await;
    let whom = Planned::Followers { delay: 0, address: Address::Email, of: None };
    assert_eq!(w.store.run_plan(follower, &whom, NOW).await.unwrap(), 0, "nobody was reached yet");
    w.send_all(parent, NOW).await;
    // All stand at one line before they add anybody.
    let mut line = sqlx::PgConnection::connect(&w.url).await.unwrap();
    let mut watch = sqlx::PgConnection::connect(&w.url).await.unwrap();
    sqlx::query("begin").execute(&mut line).await.unwrap();
    sqlx::query("lock table deliveries in share mode").execute(&mut line).await.unwrap();
    let tasks = (0..4).map(|_| {
        let store = w.store.clone();
        tokio::spawn(async move {
            let whom = Planned::Followers { delay: 0, address: Address::Email, of: None };
            store.run_plan(follower, &whom, NOW).await.unwrap()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    crate::fencing::until_blocked(&mut watch, 4).await;
    sqlx::query("rollback").execute(&mut line).await.unwrap();
    let mut made = 0;
    for task in tasks {
        made += task.await.unwrap();
    }
    assert_eq!((made, w.get(follower).await.total), (2_000, 2_000));
}

pub(crate) async fn where_a_plan_goes_and_until_when(w: &World) {
    w.people(3).await;
    let more = ["a@gmail.com", "b@gmail.com", "c@other.example"].map(person);
    w.store.contact_upsert(&more, NOW).await.unwrap();
    w.store.suppression_add(&[suppression("b@gmail.com")]).await.unwrap();
    let audiences = everybody();
    let audience = audiences.keys().next().unwrap();
    let domains = w.store.plan_domains(&audiences, audience, NOW).await.unwrap();
    let domains: Vec<_> = domains.iter().map(|(domain, count)| (domain.as_str(), *count)).collect();
    assert_eq!(domains, [("example.com", 3), ("gmail.com", 1), ("other.example", 1)]);
    let run = w.planned("mail").await;
    assert_eq!(w.store.run_last_due(run).await.unwrap(), Some(NOW));
    w.send_all(run, NOW).await;
    assert_eq!(w.store.run_last_due(run).await.unwrap(), None);
}
