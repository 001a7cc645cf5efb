//! Tests of pacing by receiver, in simulated time.

use super::mx_lookup::{MxLookup, MxState};
use super::simulation::{SECOND, START, Simulation, accepted, channel, limited, store_in_memory, throttled};
use super::{Admission, ChannelRateLimiter};
use campaign::{DailyLimit, ReceiverLimits, Receivers};
use proptest::prelude::*;
use store::MachineTime;

const MINUTE: i64 = 60 * SECOND;

fn within(count: usize, rate: usize, seconds: usize) -> bool {
    let wanted = rate * seconds;
    count.abs_diff(wanted) * 50 <= wanted
}

#[tokio::test]
async fn a_channels_rate_is_met_within_two_percent_over_a_minute() {
    for rate in [50, 500] {
        let store = store_in_memory().await;
        let channel = channel(Some(&format!("{rate}/s")), Receivers::default());
        let mut simulation = Simulation::new(&channel, 5_000, Box::new(|_, _| (10_000, accepted())));
        simulation.add_messages(rate * 70, &["a.example", "b.example"]);
        simulation.run(&store, MINUTE).await;
        let sent = simulation.begun.values().map(Vec::len).sum::<usize>();
        assert!(within(sent, rate, 60), "{sent} of {rate}/s");
        assert_eq!(simulation.postponements, 0, "messages that wait for the channel wait in memory");
        assert!(simulation.refills < 60 * 10, "{} transactions", simulation.refills);
    }
}

#[tokio::test]
async fn two_workers_share_one_rate() {
    let store = store_in_memory().await;
    let channel = channel(Some("200/s"), limited(&[("gmail", "50/s")]));
    let mut workers: Vec<_> =
        (0..2).map(|_| Simulation::new(&channel, 10_000, Box::new(|_, _| (10_000, accepted())))).collect();
    for simulation in &mut workers {
        simulation.add_messages(12_000, &["gmail.example", "b.example"]);
    }
    for _ in 0..60 * 100 {
        for simulation in &mut workers {
            simulation.step_lane(&store).await;
            simulation.now += 10_000;
        }
    }
    let sum = |domain| workers.iter().map(|simulation| simulation.count(domain, 0..MINUTE)).sum::<usize>();
    assert!(within(sum("gmail.example"), 50, 60), "{}", sum("gmail.example"));
    let all = sum("gmail.example") + sum("b.example");
    assert!(within(all, 200, 60), "{all}");
    assert!(workers.iter().all(|simulation| simulation.count("b.example", 0..MINUTE) > 0), "both send");
}

#[tokio::test]
async fn a_limited_receiver_holds_up_no_other_and_its_rows_are_put_off_once() {
    let store = store_in_memory().await;
    let channel = channel(None, limited(&[("gmail", "20/s"), ("yahoo", "50/s")]));
    let mut simulation = Simulation::new(&channel, 2_000, Box::new(|_, _| (10_000, accepted())));
    simulation.add_messages(24_000, &["gmail.example", "yahoo.example", "free.example", "free.example"]);
    simulation.run(&store, 65 * SECOND).await;
    let (gmail, yahoo) =
        (simulation.count("gmail.example", 0..MINUTE), simulation.count("yahoo.example", 0..MINUTE));
    assert!(within(gmail, 20, 60), "{gmail}");
    assert!(within(yahoo, 50, 60), "{yahoo}");
    // Eight connections of 10 ms carry 800 a second; the two take 70 of them.
    let free = simulation.count("free.example", 0..12 * SECOND);
    assert!(free >= 8_000, "{free}");
    let reasons: Vec<_> = simulation.reasons.iter().map(String::as_str).collect();
    assert_eq!(reasons, ["gmail gets at most 20/s", "yahoo gets at most 50/s"]);
    assert!(
        simulation.max_postponed <= 2 && simulation.postponements <= 12_500,
        "{} {}",
        simulation.max_postponed,
        simulation.postponements
    );
}

#[tokio::test]
async fn a_receiver_that_holds_every_connection_leaves_the_others_their_speed() {
    let speed = async |tar: i64| {
        let store = store_in_memory().await;
        let channel = channel(Some("400/s"), Receivers::default());
        let slow = move |domain: &str, _| (if domain == "tar.example" { tar } else { 10_000 }, accepted());
        let mut simulation = Simulation::new(&channel, 5_000, Box::new(slow));
        simulation.add_messages(30_000, &["tar.example", "b.example", "c.example", "d.example"]);
        let mut most = 0;
        for _ in 0..4_000 {
            simulation.step_lane(&store).await;
            simulation.now += 5_000;
            most = most.max(simulation.held_by("tar.example"));
        }
        (
            simulation.count("b.example", 0..MINUTE) + simulation.count("c.example", 0..MINUTE),
            most,
            simulation.postponements,
        )
    };
    let (alone, _, _) = speed(10_000).await;
    let (beside, held, postponements) = speed(MINUTE).await;
    assert!(held <= 2, "{held} connections");
    assert!(beside * 100 >= alone * 95, "{beside} of {alone}");
    assert!(postponements < 10_000, "{postponements}");
}

#[tokio::test]
async fn one_fast_domain_alone_is_as_fast_as_the_connections_within_milliseconds() {
    let store = store_in_memory().await;
    let mut simulation =
        Simulation::new(&channel(None, Receivers::default()), 250, Box::new(|_, _| (1_000, accepted())));
    simulation.add_messages(8_000, &["a.example"]);
    simulation.run(&store, SECOND).await;
    // Eight connections of one millisecond.
    assert!(simulation.count("a.example", 0..50_000) > 250, "{}", simulation.count("a.example", 0..50_000));
    let steady = simulation.count("a.example", 100_000..600_000);
    assert!(steady >= 3_900, "{steady}");
    assert_eq!((simulation.postponements, simulation.refills), (0, 0));
}

#[tokio::test]
async fn a_slow_relay_with_one_domain_is_not_made_slower() {
    let store = store_in_memory().await;
    let mut simulation = Simulation::new(
        &channel(None, Receivers::default()),
        50_000,
        Box::new(|_, _| (6 * SECOND, accepted())),
    );
    simulation.add_messages(400, &["a.example"]);
    simulation.run(&store, 5 * MINUTE).await;
    // 8 / 6 s × 300 s, less the start.
    assert!(simulation.done >= 360, "{}", simulation.done);
}

#[tokio::test]
async fn a_receiver_that_puts_us_off_is_probed_with_one_message() {
    let store = store_in_memory().await;
    let refuses = |domain: &str, at: MachineTime| match domain {
        "gmail.com" if at < START + 2 * MINUTE => (10_000, throttled()),
        _ => (10_000, accepted()),
    };
    let mut simulation = Simulation::new(&channel(None, Receivers::default()), 10_000, Box::new(refuses));
    simulation.add_messages(8_000, &["gmail.com", "b.example"]);
    simulation.run(&store, MINUTE).await;
    assert_eq!(simulation.count("b.example", 0..MINUTE), 4_000);
    assert!(simulation.count("gmail.com", 0..MINUTE) <= 2);
    assert!(simulation.reasons.contains("gmail said \"421 4.7.28 slow down\""), "{:?}", simulation.reasons);
    let news = simulation.limiter.take_changes();
    assert_eq!(news.len(), 1);
    let (until, why) = news[0].1.clone().unwrap();
    assert_eq!((news[0].0.as_str(), why.as_str()), ("gmail", "gmail said \"421 4.7.28 slow down\""));
    assert!((START + MINUTE..START + MINUTE + SECOND).contains(&until));
    simulation.run(&store, MINUTE).await;
    assert_eq!(simulation.count("gmail.com", MINUTE..2 * MINUTE), 1, "one message probes after a minute");
    simulation.run(&store, 12 * MINUTE).await;
    assert_eq!(simulation.left(), 0);
    assert_eq!(
        simulation.limiter.take_changes().last().unwrap().1,
        None,
        "and the hold ends when one was accepted"
    );
    assert!(simulation.postponements < 5_000 * 4, "{}", simulation.postponements);
}

#[tokio::test]
async fn a_days_cap_is_kept_and_the_rest_goes_out_on_the_days_after() {
    let store = store_in_memory().await;
    let mut receivers = Receivers::default();
    let daily = DailyLimit { cap: Some(100), warm_up: None };
    receivers.add(
        "gmail",
        ["gmail.example".to_owned()],
        ReceiverLimits { daily, ..ReceiverLimits::default() },
    );
    let channel = channel(None, receivers);
    // START is 08:00 UTC.
    let mut simulation = Simulation::new(&channel, 20 * SECOND, Box::new(|_, _| (10_000, accepted())));
    simulation.add_messages(500, &["gmail.example", "b.example"]);
    simulation.run(&store, 60 * 60 * MINUTE).await;
    let hour = 60 * MINUTE;
    assert_eq!(simulation.count("b.example", 0..hour), 250);
    assert_eq!(simulation.count("gmail.example", 0..16 * hour), 100);
    assert_eq!(simulation.count("gmail.example", 16 * hour..40 * hour), 100);
    assert_eq!(simulation.count("gmail.example", 40 * hour..60 * hour), 50);
    assert!(
        simulation.reasons.contains("gmail has had its 100 messages of today"),
        "{:?}",
        simulation.reasons
    );
    assert!(
        simulation.max_postponed <= 3 && simulation.postponements < 400,
        "{} {}",
        simulation.max_postponed,
        simulation.postponements
    );
    // A worker that starts again on the same day does not have the cap once more.
    let mut again = Simulation::new(&channel, 20 * SECOND, Box::new(|_, _| (10_000, accepted())));
    again.add_messages(10, &["gmail.example"]);
    again.run(&store, hour).await;
    assert_eq!(again.done, 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stop_sending_for_long() {
    let store = store_in_memory().await;
    let channel = channel(Some("100/s"), limited(&[("gmail", "20/s")]));
    let mut simulation = Simulation::new(&channel, 10_000, Box::new(|_, _| (10_000, accepted())));
    simulation.add_messages(10_000, &["gmail.example", "b.example"]);
    simulation.run(&store, 10 * SECOND).await;
    let before = simulation.done;
    simulation.now -= 3_600 * SECOND;
    simulation.run(&store, 10 * SECOND).await;
    assert!((800..1_200).contains(&(simulation.done - before)), "{}", simulation.done - before);
}

#[tokio::test]
async fn a_domain_belongs_to_the_receiver_of_its_mail_server() {
    let mx = [("pier.example".to_owned(), vec![(10, "aspmx.l.google.com".to_owned())])];
    let zone = channel::Zone { mx: mx.into(), ..channel::Zone::default() };
    let mut tasks = tokio::task::JoinSet::new();
    let servers = MxLookup::start(channel::Dns::Fixed(zone), &mut tasks);
    let mut limiter =
        ChannelRateLimiter::new(&channel(None, Receivers::default()), 32, true, servers.clone());
    let name = |limiter: &mut ChannelRateLimiter| match limiter.admit("a@pier.example") {
        Admission::Now(ticket) => limiter.limiters[ticket.0 as usize].name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&mut limiter), "pier.example", "no message waits for the DNS");
    while servers.of("pier.example") == MxState::Pending {
        tokio::task::yield_now().await;
    }
    assert_eq!(name(&mut limiter), "gmail");
}

#[tokio::test]
async fn ten_thousand_domains_are_removed_when_they_are_idle() {
    let store = store_in_memory().await;
    let mut simulation =
        Simulation::new(&channel(None, Receivers::default()), 1_000, Box::new(|_, _| (1_000, accepted())));
    let names: Vec<&'static str> =
        (0..30_000).map(|n| &*Box::leak(format!("d{n}.example").into_boxed_str())).collect();
    simulation.add_messages(30_000, &names);
    simulation.run(&store, MINUTE).await;
    assert_eq!(simulation.done, 30_000);
    assert!(simulation.limiter.limiters.len() < 20_000, "{}", simulation.limiter.limiters.len());
    assert!(simulation.limiter.indices.len() < 25_000, "{}", simulation.limiter.indices.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Whatever the receivers do, every message is sent in the end, no receiver gets more than its
    /// rate, and no row is put off for ever.
    #[test]
    fn every_message_is_sent_in_the_end(
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
        let mut simulation = Simulation::new(&channel, 50_000, Box::new(behaviour));
        simulation.add_messages(rows, &domains);
        runtime.block_on(async {
            let store = store_in_memory().await;
            simulation.run(&store, 30 * MINUTE).await;
            // By then only messages are left that a receiver keeps putting off; they wait in steps
            // of a minute.
            simulation.set_step(4 * SECOND);
            simulation.run(&store, 600 * MINUTE).await;
        });
        prop_assert_eq!((simulation.left(), simulation.done), (0, rows));
        let times = &simulation.begun.get("gmail.example").cloned().unwrap_or_default();
        for (first, time) in times.iter().enumerate() {
            let minute = times[first..].iter().take_while(|later| **later - *time < MINUTE).count();
            prop_assert!(minute <= rate as usize * 61 + 1, "{minute} in a minute");
        }
    }
}
