//! Rates, caps and holds that all workers share.

use std::collections::BTreeMap;

use campaign::Rate;
use store::{Grant, Held, MachineTime, Millis, Outcome, Record, Want};

use crate::world::{HOUR, NOW, World, id};

const MACHINE: MachineTime = MachineTime::new(NOW.as_millisecond() * 1_000);

fn want(receiver: &str, count: u32, rate: &str, cap: Option<i64>) -> Want {
    let rate = (!rate.is_empty()).then(|| Rate::parse(rate).unwrap());
    Want { receiver: receiver.to_owned(), count, rate, cap }
}

/// Two at once, each again and again: never two messages at one time, and all that the rate allows.
pub(crate) async fn two_workers_share_one_rate(w: &World) {
    let rate = Rate::parse("500/s").unwrap();
    let worker = |offset: i64| {
        let store = w.store.clone();
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
    let mut all: Vec<Grant> = first.await.unwrap();
    all.extend(second.await.unwrap());
    let mut whole: Vec<_> = all.iter().filter(|grant| grant.receiver.is_empty() && grant.count > 0).collect();
    whole.sort_by_key(|grant| grant.from);
    for pair in whole.windows(2) {
        assert!(pair[0].from + rate.span(i64::from(pair[0].count)) <= pair[1].from, "{pair:?}");
    }
    let sum =
        |name: &str| all.iter().filter(|grant| grant.receiver == name).map(|grant| grant.count).sum::<u32>();
    // 2.45 s and the 0.2 s ahead. However the two took turns, a pause of a second was never between two asks.
    assert!((1_300..=1_330).contains(&sum("")), "{}", sum(""));
    assert!((50..=54).contains(&sum("gmail")), "{}", sum("gmail"));
    // Another channel has its own.
    let other = w.store.allowance_take("other", &[want("", 5, "1/s", None)], MACHINE, 1).await.unwrap();
    assert_eq!(other[0].count, 1);
}

pub(crate) async fn a_day_has_one_cap(w: &World) {
    let take = async |count, day| {
        w.store
            .allowance_take("email", &[want("", count, "", Some(100))], MACHINE, day)
            .await
            .unwrap()
            .remove(0)
    };
    let grant = take(60, 20_000).await;
    assert_eq!((grant.count, grant.left, grant.day), (60, Some(40), 20_000));
    assert_eq!(take(60, 20_000).await.count, 40);
    let unused = BTreeMap::from([(String::new(), 15), ("nobody".to_owned(), 3)]);
    w.store.allowance_give_back("email", &unused, 20_000).await.unwrap();
    w.store.allowance_give_back("email", &unused, 19_999).await.unwrap();
    assert_eq!(take(60, 20_000).await.count, 15);
    assert_eq!(
        w.store.allowance_used("email", 20_000).await.unwrap(),
        BTreeMap::from([(String::new(), 100)])
    );
    assert_eq!(w.store.allowance_used("email", 20_001).await.unwrap(), BTreeMap::new());
    assert_eq!(take(60, 20_001).await.count, 60);
    // The clock goes back over midnight: yesterday does not open again, and today keeps its count.
    assert_eq!(take(60, 20_000).await.count, 40);
    assert_eq!(take(60, 20_001).await.count, 0);
    assert!(w.store.allowance_take("email", &[], MACHINE, 1).await.unwrap().is_empty());
}

pub(crate) async fn receivers_that_wait_are_listed(w: &World) {
    let held = |receiver: &str, until| Held {
        receiver: receiver.to_owned(),
        until,
        why: format!("{receiver} said \"421\""),
    };
    w.store.allowance_hold("email", &held("gmail", NOW + 500)).await.unwrap();
    w.store.allowance_hold("email", &held("gmail", NOW + 900)).await.unwrap();
    w.store.allowance_hold("email", &held("yahoo", NOW + 300)).await.unwrap();
    w.store.allowance_hold("other", &held("qq", NOW + 300)).await.unwrap();
    let listed = w.store.allowance_held("email", NOW).await.unwrap();
    assert_eq!(listed, [held("yahoo", NOW + 300), held("gmail", NOW + 900)]);
    assert_eq!(w.store.allowance_held("email", NOW + 300).await.unwrap(), [held("gmail", NOW + 900)]);
    // A hold and an account are of one row, and neither disturbs the other.
    w.store.allowance_take("email", &[want("gmail", 3, "", Some(5))], MACHINE, 1).await.unwrap();
    w.store.allowance_let_go("email", "gmail").await.unwrap();
    w.store.allowance_let_go("email", "nobody").await.unwrap();
    assert_eq!(w.store.allowance_held("email", NOW).await.unwrap(), [held("yahoo", NOW + 300)]);
    assert_eq!(w.store.allowance_used("email", 1).await.unwrap()["gmail"], 3);
    // Two days later only what still counts is kept.
    let later = 2 * 86_400_000;
    let sweep = async |now: Millis, day| {
        let machine = MachineTime::new(now.as_millisecond() * 1_000);
        w.store.allowance_sweep(now, machine, day).await.unwrap()
    };
    assert_eq!(sweep(NOW, 1).await, 0);
    assert_eq!(sweep(NOW + later + 1, 3).await, 3);
    assert_eq!(w.number("select count(*) from allowances").await, 0);
}

pub(crate) async fn a_receiver_may_have_any_name(w: &World) {
    for name in ["", "a\0b", "'; drop table allowances; --", "例え.example", &"x".repeat(300)] {
        let grants =
            w.store.allowance_take("email", &[want(name, 1, "1/s", Some(1))], MACHINE, 1).await.unwrap();
        // A NUL is no part of a text in PostgreSQL, so in neither.
        assert_eq!(
            grants.iter().map(|grant| grant.count).sum::<u32>(),
            u32::from(!name.contains('\0')),
            "{name:?}"
        );
    }
}

pub(crate) async fn what_cannot_go_yet_is_put_off(w: &World) {
    w.people(4).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    let begun = w.begin(lease, run, NOW, 1).await;
    let claimed: Vec<_> = w.claim(lease, run, NOW, 3).await;
    let answer = "421 4.7.28 slow down".to_owned();
    let why = "gmail said \"421 4.7.28 slow down\"".to_owned();
    let until = NOW + 20_000;
    let long = "x".repeat(5_000);
    let record = Record {
        outcomes: vec![(begun[0], Outcome::PutOff { until, why: why.clone(), answer })],
        intents: vec![claimed[0].id],
        put_off: vec![
            (claimed[2].id, until, long),
            (claimed[1].id, until + 1, "gmail gets at most 20/s".to_owned()),
            // Of another lease, or of nobody.
            (id(run, 99), until, String::new()),
        ],
        ..Record::default()
    };
    let recorded = w.store.delivery_record(lease, &record, NOW).await.unwrap();
    assert_eq!(recorded.granted, [claimed[0].id]);
    let rows = w.store.delivery_list(run, None, false, id(run, 0), 9).await.unwrap();
    let row =
        |n: usize| (rows[n].state.as_str(), rows[n].reason.as_deref(), rows[n].due_at, rows[n].attempts);
    assert_eq!(row(0), ("queued", Some(why.as_str()), Some(until), 0), "the try does not count");
    assert_eq!(row(1), ("sending", None, Some(NOW), 1));
    assert_eq!(row(2), ("queued", Some("gmail gets at most 20/s"), Some(until + 1), 0));
    assert_eq!(rows[3].reason.as_ref().map(String::len), Some(1_000));
    assert_eq!(rows[0].answer.as_deref(), Some("421 4.7.28 slow down"));
    // Each comes at its time; once begun, nothing is left of it.
    assert_eq!(w.claim(lease, run, NOW + 1, 9).await, []);
    let again: Vec<_> = w.claim(lease, run, until + 1, 9).await.iter().map(|claimed| claimed.id).collect();
    assert_eq!(again, [id(run, 1), id(run, 4), id(run, 3)]);
    let stranger = w.lease(NOW).await;
    let steal = Record { put_off: vec![(id(run, 1), until + HOUR, String::new())], ..Record::default() };
    w.store.delivery_record(stranger, &steal, until).await.unwrap();
    assert_eq!(w.record(lease, &[], &[id(run, 1), id(run, 4)], NOW + 2).await.granted.len(), 2);
    assert_eq!(
        w.states(run).await,
        ["1 sending", "2 sending", "3 queued gmail gets at most 20/s", "4 sending"]
    );
    w.store.run_cancel(run, NOW + 3).await.unwrap();
    assert_eq!(w.states(run).await[2], "3 cancelled", "what is over waits for nothing");
}
