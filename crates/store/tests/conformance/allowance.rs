//! Tests of shared allowances: rates, caps and holds for all workers.

use std::collections::BTreeMap;

use campaign::Rate;
use store::{AllowanceGrant, AllowanceRequest, GroupCommit, MachineTime, Millis, Outcome, ReceiverHold};

use crate::fixture::{HOUR, NOW, StoreFixture, id};

const MACHINE: MachineTime = MachineTime::new(NOW.as_millisecond() * 1_000);

fn want(receiver: &str, count: u32, rate: &str, cap: Option<i64>) -> AllowanceRequest {
    let rate = (!rate.is_empty()).then(|| Rate::parse(rate).unwrap());
    AllowanceRequest { receiver: receiver.to_owned(), count, rate, cap }
}

/// Two workers ask concurrently and repeatedly: no two messages get the same time, and the rate is
/// used up.
pub(crate) async fn two_workers_share_one_rate(f: &StoreFixture) {
    let rate = Rate::parse("500/s").unwrap();
    let worker = |offset: i64| {
        let store = f.store.clone();
        tokio::spawn(async move {
            let mut granted = Vec::new();
            for turn in 0..25 {
                let now = MACHINE + offset + turn * 100_000;
                let wants = [want("", 1_000, "500/s", None), want("gmail", 10, "20/s", None)];
                granted.extend(store.allowance_take("email", &wants, now, 1).await.unwrap());
            }
            granted
        })
    };
    let (first, second) = (worker(0), worker(50_000));
    let mut all: Vec<AllowanceGrant> = first.await.unwrap();
    all.extend(second.await.unwrap());
    let mut whole: Vec<_> = all.iter().filter(|grant| grant.receiver.is_empty() && grant.count > 0).collect();
    whole.sort_by_key(|grant| grant.from);
    for pair in whole.windows(2) {
        assert!(pair[0].from + rate.micros_for(i64::from(pair[0].count)) <= pair[1].from, "{pair:?}");
    }
    let sum =
        |name: &str| all.iter().filter(|grant| grant.receiver == name).map(|grant| grant.count).sum::<u32>();
    // 2.45 s and the 0.2 s ahead. However the two workers took turns, there was never a pause of a
    // second between two requests.
    assert!((1_300..=1_330).contains(&sum("")), "{}", sum(""));
    assert!((50..=54).contains(&sum("gmail")), "{}", sum("gmail"));
    // Another channel has its own allowance.
    let other = f.store.allowance_take("other", &[want("", 5, "1/s", None)], MACHINE, 1).await.unwrap();
    assert_eq!(other[0].count, 1);
}

pub(crate) async fn a_day_has_one_cap(f: &StoreFixture) {
    let take = async |count, day| {
        f.store
            .allowance_take("email", &[want("", count, "", Some(100))], MACHINE, day)
            .await
            .unwrap()
            .remove(0)
    };
    let grant = take(60, 20_000).await;
    assert_eq!((grant.count, grant.left, grant.day), (60, Some(40), 20_000));
    assert_eq!(take(60, 20_000).await.count, 40);
    let unused = BTreeMap::from([(String::new(), 15), ("unknown".to_owned(), 3)]);
    f.store.allowance_refund("email", &unused, 20_000).await.unwrap();
    f.store.allowance_refund("email", &unused, 19_999).await.unwrap();
    assert_eq!(take(60, 20_000).await.count, 15);
    assert_eq!(
        f.store.allowance_used("email", 20_000).await.unwrap(),
        BTreeMap::from([(String::new(), 100)])
    );
    assert_eq!(f.store.allowance_used("email", 20_001).await.unwrap(), BTreeMap::new());
    assert_eq!(take(60, 20_001).await.count, 60);
    // The clock goes back over midnight: yesterday does not open again, and today keeps its count.
    assert_eq!(take(60, 20_000).await.count, 40);
    assert_eq!(take(60, 20_001).await.count, 0);
    assert!(f.store.allowance_take("email", &[], MACHINE, 1).await.unwrap().is_empty());
}

pub(crate) async fn held_receivers_are_listed(f: &StoreFixture) {
    let held = |receiver: &str, until| ReceiverHold {
        receiver: receiver.to_owned(),
        until,
        why: format!("{receiver} said \"421\""),
    };
    f.store.allowance_hold("email", &held("gmail", NOW + 500)).await.unwrap();
    f.store.allowance_hold("email", &held("gmail", NOW + 900)).await.unwrap();
    f.store.allowance_hold("email", &held("yahoo", NOW + 300)).await.unwrap();
    f.store.allowance_hold("other", &held("qq", NOW + 300)).await.unwrap();
    let listed = f.store.allowance_held("email", NOW).await.unwrap();
    assert_eq!(listed, [held("yahoo", NOW + 300), held("gmail", NOW + 900)]);
    assert_eq!(f.store.allowance_held("email", NOW + 300).await.unwrap(), [held("gmail", NOW + 900)]);
    // A hold and an allowance share a row, and neither disturbs the other.
    f.store.allowance_take("email", &[want("gmail", 3, "", Some(5))], MACHINE, 1).await.unwrap();
    f.store.allowance_release("email", "gmail").await.unwrap();
    f.store.allowance_release("email", "unknown").await.unwrap();
    assert_eq!(f.store.allowance_held("email", NOW).await.unwrap(), [held("yahoo", NOW + 300)]);
    assert_eq!(f.store.allowance_used("email", 1).await.unwrap()["gmail"], 3);
    // Two days later only the allowances that still count are left.
    let later = 2 * 86_400_000;
    let sweep = async |now: Millis, day| {
        let machine = MachineTime::new(now.as_millisecond() * 1_000);
        f.store.allowance_sweep(now, machine, day).await.unwrap()
    };
    assert_eq!(sweep(NOW, 1).await, 0);
    assert_eq!(sweep(NOW + later + 1, 3).await, 3);
    assert_eq!(f.number("select count(*) from allowances").await, 0);
}

pub(crate) async fn a_receiver_may_have_any_name(f: &StoreFixture) {
    for name in ["", "a\0b", "'; drop table allowances; --", "例え.example", &"x".repeat(300)] {
        let grants =
            f.store.allowance_take("email", &[want(name, 1, "1/s", Some(1))], MACHINE, 1).await.unwrap();
        // PostgreSQL allows no NUL in a text, so neither database stores it.
        assert_eq!(
            grants.iter().map(|grant| grant.count).sum::<u32>(),
            u32::from(!name.contains('\0')),
            "{name:?}"
        );
    }
}

pub(crate) async fn deliveries_that_cannot_be_sent_yet_are_put_off(f: &StoreFixture) {
    f.people(4).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 1).await;
    let claimed: Vec<_> = f.claim(lease, run, NOW, 3).await;
    let answer = "421 4.7.28 slow down".to_owned();
    let why = "gmail said \"421 4.7.28 slow down\"".to_owned();
    let until = NOW + 20_000;
    let long = "x".repeat(5_000);
    let record = GroupCommit {
        outcomes: vec![(begun[0], Outcome::PutOff { until, why: why.clone(), answer })],
        intents: vec![claimed[0].id],
        put_off: vec![
            (claimed[2].id, until, long),
            (claimed[1].id, until + 1, "gmail gets at most 20/s".to_owned()),
            // A delivery that this lease does not hold.
            (id(run, 99), until, String::new()),
        ],
        ..GroupCommit::default()
    };
    let recorded = f.store.delivery_record(lease, &record, NOW).await.unwrap();
    assert_eq!(recorded.granted, [claimed[0].id]);
    let rows = f.store.delivery_list(run, None, false, id(run, 0), 9).await.unwrap();
    let row =
        |n: usize| (rows[n].state.as_str(), rows[n].reason.as_deref(), rows[n].due_at, rows[n].attempts);
    assert_eq!(row(0), ("queued", Some(why.as_str()), Some(until), 0), "the try does not count");
    assert_eq!(row(1), ("sending", None, Some(NOW), 1));
    assert_eq!(row(2), ("queued", Some("gmail gets at most 20/s"), Some(until + 1), 0));
    assert_eq!(rows[3].reason.as_ref().map(String::len), Some(1_000));
    assert_eq!(rows[0].answer.as_deref(), Some("421 4.7.28 slow down"));
    // Each is claimed at its time; once begun, the reason is gone.
    assert_eq!(f.claim(lease, run, NOW + 1, 9).await, []);
    let again: Vec<_> = f.claim(lease, run, until + 1, 9).await.iter().map(|claimed| claimed.id).collect();
    assert_eq!(again, [id(run, 1), id(run, 4), id(run, 3)]);
    let stranger = f.lease(NOW).await;
    let steal =
        GroupCommit { put_off: vec![(id(run, 1), until + HOUR, String::new())], ..GroupCommit::default() };
    f.store.delivery_record(stranger, &steal, until).await.unwrap();
    assert_eq!(f.record(lease, &[], &[id(run, 1), id(run, 4)], NOW + 2).await.granted.len(), 2);
    assert_eq!(
        f.states(run).await,
        ["1 sending", "2 sending", "3 queued gmail gets at most 20/s", "4 sending"]
    );
    f.store.run_cancel(run, NOW + 3).await.unwrap();
    assert_eq!(f.states(run).await[2], "3 cancelled", "a cancelled delivery does not wait");
}
