//! What pace by receiver promises, in made-up time.

use super::servers::{Server, Servers};
use super::simulation::{SECOND, START, Sim, accepted, accounts, channel, limited, throttled};
use super::{Admit, Groups};
use campaign::{Daily, Limits, Receivers};
use proptest::prelude::*;
use store::MachineTime;

const MINUTE: i64 = 60 * SECOND;

fn within(count: usize, rate: usize, seconds: usize) -> bool {
    let wanted = rate * seconds;
    count.abs_diff(wanted) * 50 <= wanted
}

#[tokio::test]
async fn a_channels_rate_is_met_within_two_in_a_hundred_over_a_minute() {
    for rate in [50, 500] {
        let store = accounts().await;
        let channel = channel(Some(&format!("{rate}/s")), Receivers::default());
        let mut sim = Sim::new(&channel, 5_000, Box::new(|_, _| (10_000, accepted())));
        sim.add(rate * 70, &["a.example", "b.example"]);
        sim.run(&store, MINUTE).await;
        let sent = sim.begun.values().map(Vec::len).sum::<usize>();
        assert!(within(sent, rate, 60), "{sent} of {rate}/s");
        assert_eq!(sim.touches, 0, "what waits for the channel waits in memory");
        assert!(sim.takes < 60 * 10, "{} transactions", sim.takes);
    }
}

#[tokio::test]
async fn two_workers_have_one_rate() {
    let store = accounts().await;
    let channel = channel(Some("200/s"), limited(&[("gmail", "50/s")]));
    let mut workers: Vec<_> =
        (0..2).map(|_| Sim::new(&channel, 10_000, Box::new(|_, _| (10_000, accepted())))).collect();
    for sim in &mut workers {
        sim.add(12_000, &["gmail.example", "b.example"]);
    }
    for _ in 0..60 * 100 {
        for sim in &mut workers {
            sim.turn(&store).await;
            sim.now += 10_000;
        }
    }
    let sum = |domain| workers.iter().map(|sim| sim.count(domain, 0..MINUTE)).sum::<usize>();
    assert!(within(sum("gmail.example"), 50, 60), "{}", sum("gmail.example"));
    let all = sum("gmail.example") + sum("b.example");
    assert!(within(all, 200, 60), "{all}");
    assert!(workers.iter().all(|sim| sim.count("b.example", 0..MINUTE) > 0), "both send");
}

#[tokio::test]
async fn a_limited_receiver_holds_up_nobody_and_its_rows_are_put_off_once() {
    let store = accounts().await;
    let channel = channel(None, limited(&[("gmail", "20/s"), ("yahoo", "50/s")]));
    let mut sim = Sim::new(&channel, 2_000, Box::new(|_, _| (10_000, accepted())));
    sim.add(24_000, &["gmail.example", "yahoo.example", "free.example", "free.example"]);
    sim.run(&store, 65 * SECOND).await;
    let (gmail, yahoo) = (sim.count("gmail.example", 0..MINUTE), sim.count("yahoo.example", 0..MINUTE));
    assert!(within(gmail, 20, 60), "{gmail}");
    assert!(within(yahoo, 50, 60), "{yahoo}");
    // Eight connections of 10 ms carry 800 a second; the two take 70 of them.
    let free = sim.count("free.example", 0..12 * SECOND);
    assert!(free >= 8_000, "{free}");
    let reasons: Vec<_> = sim.reasons.iter().map(String::as_str).collect();
    assert_eq!(reasons, ["gmail gets at most 20/s", "yahoo gets at most 50/s"]);
    assert!(sim.most_touched <= 2 && sim.touches <= 12_500, "{} {}", sim.most_touched, sim.touches);
}

#[tokio::test]
async fn a_receiver_that_holds_every_connection_leaves_the_others_their_speed() {
    let speed = async |tar: i64| {
        let store = accounts().await;
        let channel = channel(Some("400/s"), Receivers::default());
        let slow = move |domain: &str, _| (if domain == "tar.example" { tar } else { 10_000 }, accepted());
        let mut sim = Sim::new(&channel, 5_000, Box::new(slow));
        sim.add(30_000, &["tar.example", "b.example", "c.example", "d.example"]);
        let mut most = 0;
        for _ in 0..4_000 {
            sim.turn(&store).await;
            sim.now += 5_000;
            most = most.max(sim.held_by("tar.example"));
        }
        (sim.count("b.example", 0..MINUTE) + sim.count("c.example", 0..MINUTE), most, sim.touches)
    };
    let (alone, _, _) = speed(10_000).await;
    let (beside, held, touches) = speed(MINUTE).await;
    assert!(held <= 2, "{held} connections");
    assert!(beside * 100 >= alone * 95, "{beside} of {alone}");
    assert!(touches < 10_000, "{touches}");
}

#[tokio::test]
async fn one_fast_domain_alone_is_as_fast_as_the_connections_within_milliseconds() {
    let store = accounts().await;
    let mut sim = Sim::new(&channel(None, Receivers::default()), 250, Box::new(|_, _| (1_000, accepted())));
    sim.add(8_000, &["a.example"]);
    sim.run(&store, SECOND).await;
    // Eight connections of one millisecond.
    assert!(sim.count("a.example", 0..50_000) > 250, "{}", sim.count("a.example", 0..50_000));
    let steady = sim.count("a.example", 100_000..600_000);
    assert!(steady >= 3_900, "{steady}");
    assert_eq!((sim.touches, sim.takes), (0, 0));
}

#[tokio::test]
async fn a_slow_relay_with_one_domain_is_not_made_slower() {
    let store = accounts().await;
    let mut sim =
        Sim::new(&channel(None, Receivers::default()), 50_000, Box::new(|_, _| (6 * SECOND, accepted())));
    sim.add(400, &["a.example"]);
    sim.run(&store, 5 * MINUTE).await;
    // 8 / 6 s × 300 s, less the start.
    assert!(sim.done >= 360, "{}", sim.done);
}

#[tokio::test]
async fn a_receiver_that_puts_us_off_is_asked_again_with_one_message() {
    let store = accounts().await;
    let refuses = |domain: &str, at: MachineTime| match domain {
        "gmail.com" if at < START + 2 * MINUTE => (10_000, throttled()),
        _ => (10_000, accepted()),
    };
    let mut sim = Sim::new(&channel(None, Receivers::default()), 10_000, Box::new(refuses));
    sim.add(8_000, &["gmail.com", "b.example"]);
    sim.run(&store, MINUTE).await;
    assert_eq!(sim.count("b.example", 0..MINUTE), 4_000);
    assert!(sim.count("gmail.com", 0..MINUTE) <= 2);
    assert!(sim.reasons.contains("gmail said \"421 4.7.28 slow down\""), "{:?}", sim.reasons);
    let news = sim.groups.news();
    assert_eq!(news.len(), 1);
    let (until, why) = news[0].1.clone().unwrap();
    assert_eq!((news[0].0.as_str(), why.as_str()), ("gmail", "gmail said \"421 4.7.28 slow down\""));
    assert!((START + MINUTE..START + MINUTE + SECOND).contains(&until));
    sim.run(&store, MINUTE).await;
    assert_eq!(sim.count("gmail.com", MINUTE..2 * MINUTE), 1, "one asks after a minute");
    sim.run(&store, 12 * MINUTE).await;
    assert_eq!(sim.left(), 0);
    assert_eq!(sim.groups.news().last().unwrap().1, None, "and it is taken back when one was accepted");
    assert!(sim.touches < 5_000 * 4, "{}", sim.touches);
}

#[tokio::test]
async fn a_days_cap_is_kept_and_the_rest_goes_out_on_the_days_after() {
    let store = accounts().await;
    let mut receivers = Receivers::default();
    let daily = Daily { cap: Some(100), warm_up: None };
    receivers.add("gmail", ["gmail.example".to_owned()], Limits { daily, ..Limits::default() });
    let channel = channel(None, receivers);
    // START is 08:00 UTC.
    let mut sim = Sim::new(&channel, 20 * SECOND, Box::new(|_, _| (10_000, accepted())));
    sim.add(500, &["gmail.example", "b.example"]);
    sim.run(&store, 60 * 60 * MINUTE).await;
    let hour = 60 * MINUTE;
    assert_eq!(sim.count("b.example", 0..hour), 250);
    assert_eq!(sim.count("gmail.example", 0..16 * hour), 100);
    assert_eq!(sim.count("gmail.example", 16 * hour..40 * hour), 100);
    assert_eq!(sim.count("gmail.example", 40 * hour..60 * hour), 50);
    assert!(sim.reasons.contains("gmail has had its 100 messages of today"), "{:?}", sim.reasons);
    assert!(sim.most_touched <= 3 && sim.touches < 400, "{} {}", sim.most_touched, sim.touches);
    // A worker that starts anew on the same day has no cap of its own.
    let mut again = Sim::new(&channel, 20 * SECOND, Box::new(|_, _| (10_000, accepted())));
    again.add(10, &["gmail.example"]);
    again.run(&store, hour).await;
    assert_eq!(again.done, 0);
}

#[tokio::test]
async fn a_clock_that_goes_back_stops_nothing_for_long() {
    let store = accounts().await;
    let channel = channel(Some("100/s"), limited(&[("gmail", "20/s")]));
    let mut sim = Sim::new(&channel, 10_000, Box::new(|_, _| (10_000, accepted())));
    sim.add(10_000, &["gmail.example", "b.example"]);
    sim.run(&store, 10 * SECOND).await;
    let before = sim.done;
    sim.now -= 3_600 * SECOND;
    sim.run(&store, 10 * SECOND).await;
    assert!((800..1_200).contains(&(sim.done - before)), "{}", sim.done - before);
}

#[tokio::test]
async fn a_domain_belongs_to_whom_its_mail_server_belongs_to() {
    let mx = [("pier.example".to_owned(), vec![(10, "aspmx.l.google.com".to_owned())])];
    let zone = channel::Zone { mx: mx.into(), ..channel::Zone::default() };
    let mut tasks = tokio::task::JoinSet::new();
    let servers = Servers::asking(channel::Dns::Known(zone), &mut tasks);
    let mut groups = Groups::new(&channel(None, Receivers::default()), 32, true, servers.clone());
    let name = |groups: &mut Groups| match groups.admit("a@pier.example") {
        Admit::Now(ticket) => groups.groups[ticket.0 as usize].name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&mut groups), "pier.example", "nobody waits for the DNS");
    while servers.of("pier.example") == Server::Asked {
        tokio::task::yield_now().await;
    }
    assert_eq!(name(&mut groups), "gmail");
}

#[tokio::test]
async fn ten_thousand_domains_are_forgotten_when_they_are_idle() {
    let store = accounts().await;
    let mut sim = Sim::new(&channel(None, Receivers::default()), 1_000, Box::new(|_, _| (1_000, accepted())));
    let names: Vec<&'static str> =
        (0..30_000).map(|n| &*Box::leak(format!("d{n}.example").into_boxed_str())).collect();
    sim.add(30_000, &names);
    sim.run(&store, MINUTE).await;
    assert_eq!(sim.done, 30_000);
    assert!(sim.groups.groups.len() < 20_000, "{}", sim.groups.groups.len());
    assert!(sim.groups.places.len() < 25_000, "{}", sim.groups.places.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Whatever the receivers do, everything goes out in the end, no receiver gets more than its rate, and no row
    /// is put off for ever.
    #[test]
    fn everything_goes_out_in_the_end(
        rate in 1_u32..200,
        whole in prop::option::of(50_u32..400),
        took in prop::collection::vec(1_000_i64..8_000_000, 3),
        bad in 0_i64..30,
        rows in 1_usize..400,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let limits = limited(&[("gmail", &format!("{rate}/s"))]);
        let channel = channel(whole.map(|rate| format!("{rate}/s")).as_deref(), limits);
        let domains = ["gmail.example", "b.example", "c.example"];
        let behaviour = move |domain: &str, at: MachineTime| {
            let which = domains.iter().position(|name| *name == domain).unwrap();
            let outcome = if which == 1 && at < START + bad * MINUTE { throttled() } else { accepted() };
            (took[which], outcome)
        };
        let mut sim = Sim::new(&channel, 50_000, Box::new(behaviour));
        sim.add(rows, &domains);
        runtime.block_on(async {
            let store = accounts().await;
            sim.run(&store, 30 * MINUTE).await;
            // By then only what a receiver keeps putting off is left; it waits in steps of a minute.
            sim.hurry(4 * SECOND);
            sim.run(&store, 600 * MINUTE).await;
        });
        prop_assert_eq!((sim.left(), sim.done), (0, rows));
        let times = &sim.begun.get("gmail.example").cloned().unwrap_or_default();
        for (first, time) in times.iter().enumerate() {
            let minute = times[first..].iter().take_while(|later| **later - *time < MINUTE).count();
            prop_assert!(minute <= rate as usize * 61 + 1, "{minute} in a minute");
        }
    }
}
