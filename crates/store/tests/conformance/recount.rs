//! Tests that rollups and tallies equal a recount after random operations.

use std::collections::BTreeMap;

use campaign::OnUncertain;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use store::{
    AttributionGoal, ContactId, Conversion, DeliveryId, EventKind, LeaseId, Millis, NewEvent, Outcome,
    RecipientSource, RollupFilter, RunId, RunKind,
};

use crate::fixture::{DAY, HOUR, MINUTE, NOW, StoreFixture, accepted, event, id};
use crate::lifecycle::{rejected, suppression};

const PEOPLE: i64 = 40;

/// Random operations on a store, in random order.
struct RandomOperations<'a> {
    f: &'a StoreFixture,
    rng: StdRng,
    now: Millis,
    runs: Vec<RunId>,
    leases: Vec<LeaseId>,
    begun: Vec<(LeaseId, DeliveryId)>,
}

impl RandomOperations<'_> {
    fn run(&mut self) -> RunId {
        *self.runs.choose(&mut self.rng).unwrap()
    }

    fn delivery(&mut self) -> DeliveryId {
        let run = self.run();
        id(run, self.rng.random_range(0..=PEOPLE + 2))
    }

    fn outcome(&mut self) -> Outcome {
        let until = self.now + self.rng.random_range(0..HOUR);
        let answer = "450 later".to_owned();
        match self.rng.random_range(0..8) {
            0..=2 => accepted(),
            3 => Outcome::Deferred { until, answer, soft: None },
            4 => rejected("policy", None),
            5 => rejected("bad_address", Some(store::SuppressionReason::Bounced)),
            6 => Outcome::Returned { answer },
            _ => Outcome::Unknown { retry_at: Some(until), answer },
        }
    }

    async fn step(&mut self) {
        self.now += self.rng.random_range(0..5 * MINUTE);
        let (store, now) = (self.f.store.clone(), self.now);
        match self.rng.random_range(0..20) {
            0 => self.leases.push(self.f.lease(now).await),
            1..=7 => self.work().await,
            8..=11 => self.events().await,
            12 => self.convert().await,
            13 => {
                store.lease_sweep(now).await.unwrap();
            }
            14 => {
                let run = self.run();
                store.run_pause(run, "").await.unwrap();
            }
            15 | 16 => {
                for run in self.runs.clone() {
                    store.run_resume(run).await.unwrap();
                }
            }
            17 => {
                store.run_finish(now).await.unwrap();
            }
            18 => {
                let run = self.run();
                store.run_retry(run, now).await.unwrap();
            }
            _ if self.rng.random_bool(0.1) => {
                let run = self.run();
                store.run_cancel(run, now).await.unwrap();
            }
            _ if self.rng.random_bool(0.7) => self.work().await,
            _ => {
                let address = format!("p{}@example.com", self.rng.random_range(1..=PEOPLE));
                store.suppression_add(&[suppression(&address)]).await.unwrap();
            }
        }
    }

    /// A worker records outcomes of some begun deliveries and begins more.
    async fn work(&mut self) {
        let Some(lease) = self.leases.choose(&mut self.rng).copied() else { return };
        if self.rng.random_bool(0.7) {
            self.f.store.lease_renew(lease, self.now + 30_000).await.unwrap();
        }
        let run = self.run();
        let limit = self.rng.random_range(1..15);
        let claimed = self.f.store.delivery_claim(lease, run, self.now, limit).await.unwrap();
        let mut outcomes = Vec::new();
        for at in (0..self.begun.len()).rev() {
            if self.rng.random_bool(0.6) {
                let (holder, id) = self.begun.swap_remove(at);
                // Sometimes a worker records an outcome of another's delivery.
                if holder == lease || self.rng.random_bool(0.3) {
                    outcomes.push((id, self.outcome()));
                }
            }
        }
        let intents: Vec<_> = claimed.iter().map(|c| c.id).filter(|_| self.rng.random_bool(0.8)).collect();
        let recorded = self.f.record(lease, &outcomes, &intents, self.now).await;
        self.begun.extend(recorded.granted.into_iter().map(|id| (lease, id)));
    }

    async fn events(&mut self) {
        let often = [EventKind::Delivered, EventKind::Opened, EventKind::Clicked];
        let seldom = [EventKind::Bounced, EventKind::Complained, EventKind::Unsubscribed, EventKind::Replied];
        let mut events = Vec::new();
        for _ in 0..self.rng.random_range(1..12) {
            let kinds = if self.rng.random_bool(0.97) { &often[..] } else { &seldom };
            let kind = *kinds.choose(&mut self.rng).unwrap();
            let delivery = self.delivery();
            let actor = (*["human", "human", "prefetch"].choose(&mut self.rng).unwrap()).to_owned();
            let at = self.now - self.rng.random_range(0..HOUR);
            events.push(NewEvent { actor, ..event(kind, delivery, at) });
        }
        self.f.store.event_record(&events, self.now).await.unwrap();
    }

    async fn convert(&mut self) {
        let priced = self.rng.random_bool(0.7);
        let key = self.rng.random_range(0..30);
        let event = Conversion {
            name: "purchase".to_owned(),
            contact: ContactId(self.rng.random_range(1..=PEOPLE)),
            occurred_at: self.now,
            value_micros: priced
                .then(|| campaign::Money::from_millionths(self.rng.random_range(1..1_000_000))),
            currency: priced.then(|| "CNY".to_owned()),
            idempotency_key: Some(format!("key-{key}")),
            detail: None,
        };
        let goal = AttributionGoal { campaign: "spring".to_owned(), window: DAY };
        self.f.store.event_convert(&event, &[goal], self.now).await.unwrap();
    }
}

pub(crate) async fn rollups_and_tallies_equal_a_recount(f: &StoreFixture) {
    f.people(usize::try_from(PEOPLE).unwrap()).await;
    for seed in 0..3 {
        let now = NOW + i64::try_from(seed).unwrap() * DAY;
        let resend = f.run("resend", |run| run.instant = now).await;
        f.plan(resend).await;
        let hold = f.run("hold", |run| (run.on_uncertain, run.instant) = (OnUncertain::Hold, now)).await;
        f.plan(hold).await;
        let test = f.run("test", |run| (run.kind, run.instant) = (RunKind::Test, now)).await;
        f.plan(test).await;
        let feed = f.run("feed", |run| (run.cost_micros, run.instant) = (campaign::Money::ZERO, now)).await;
        f.store.run_plan(feed, &RecipientSource::Feed { due_at: now }, now).await.unwrap();
        let runs = vec![resend, hold, test, feed];
        let rng = StdRng::seed_from_u64(seed);
        let leases = vec![f.lease(now).await];
        let mut operations = RandomOperations { f, rng, now, runs, leases, begun: Vec::new() };
        for _ in 0..100 {
            operations.step().await;
        }
        assert_recount(f).await;
    }
    for happened in [
        "attempts",
        "suppressions",
        "deliveries where state = 'sent'",
        "deliveries where state = 'failed'",
        "deliveries where repeats > 0",
        "deliveries where state = 'uncertain' or state = 'cancelled'",
        "deliveries where converted_at is not null",
        "events where kind = 'unsubscribed'",
    ] {
        let rows = f.number(&format!("select count(*) from {happened}")).await;
        assert!(rows > 0, "no {happened}: too few operations");
    }
}

async fn assert_recount(f: &StoreFixture) {
    let tallies = f.texts(
        "select run_id || ' ' || state || ' ' || reason || ' ' || count from run_tallies where count <> 0 order by 1",
    );
    let recount = f.texts(
        "select run_id || ' ' || state || ' ' || why || ' ' || count(*) from (
           select run_id, state, case when state in ('failed', 'suppressed') then coalesce(reason, '') else '' end as why
           from deliveries where due_at is null) d
         group by run_id, state, why
         union all
         select run_id || ' repeat  ' || sum(repeats) from deliveries group by run_id having sum(repeats) > 0
         union all
         select (delivery_id / 4294967296) || ' ' || kind || '  ' || count(distinct delivery_id) from events
         where kind in ('bounced', 'complained') group by delivery_id / 4294967296, kind
         order by 1",
    );
    assert_eq!(tallies.await, recount.await);
    assert_eq!(
        f.number(
            "select count(*) from deliveries where (due_at is null)
               <> (state in ('sent', 'failed', 'uncertain', 'suppressed', 'cancelled'))"
        )
        .await,
        0,
        "due_at is null exactly in the end states"
    );
    assert_eq!(
        f.number("select count(*) from deliveries where due_at is null and lease_id is not null").await,
        0
    );
    assert_eq!(
        f.number("select count(*) from deliveries where state = 'sending' and lease_id is null").await,
        0,
        "a lease holds each delivery that is being sent"
    );

    let mut recount = BTreeMap::new();
    for (metric, sql) in RECOUNT {
        for row in f.texts(sql).await {
            let (step, figures) = row.split_once(' ').unwrap();
            recount.insert(format!("{step} {metric}"), figures.to_owned());
        }
    }
    let rollups = f.store.rollup_read(&RollupFilter::default()).await.unwrap();
    let rollups: BTreeMap<_, _> = rollups
        .iter()
        .filter(|row| row.count != 0)
        .map(|row| {
            let key =
                format!("{} {}{}", row.step, row.metric, if row.currency == "CNY" { " CNY" } else { "" });
            (key, format!("{} {}", row.count, row.amount.millionths()))
        })
        .collect();
    assert_eq!(rollups, recount);
}

/// Each metric, computed from deliveries and events alone: step, count, amount.
const RECOUNT: &[(&str, &str)] = &[
    ("sent", "select step || ' ' || count(*) || ' 0' from runs r join deliveries d on d.run_id = r.id where kind <> 'test' and d.state = 'sent' group by step"),
    ("cost CNY", "select step || ' ' || count(*) || ' ' || sum(cost_micros) from runs r join deliveries d on d.run_id = r.id where kind <> 'test' and d.state = 'sent' and cost_micros > 0 group by step"),
    ("failed", "select step || ' ' || count(*) || ' 0' from runs r join deliveries d on d.run_id = r.id where kind <> 'test' and d.state = 'failed' group by step"),
    ("suppressed", "select step || ' ' || count(*) || ' 0' from runs r join deliveries d on d.run_id = r.id where kind <> 'test' and d.state = 'suppressed' group by step"),
    ("delivered", "select step || ' ' || count(distinct e.delivery_id) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'delivered' group by step"),
    ("bounced", "select step || ' ' || count(distinct e.delivery_id) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'bounced' group by step"),
    ("complained", "select step || ' ' || count(distinct e.delivery_id) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'complained' group by step"),
    ("opened", "select step || ' ' || sum(n) || ' 0' from runs r join (
        select delivery_id, case when max(contact_id) is null then count(*) else 1 end as n from events where actor = 'human' and kind in ('opened', 'clicked') group by delivery_id
      ) e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' group by step"),
    ("clicked", "select step || ' ' || sum(n) || ' 0' from runs r join (
        select delivery_id, case when max(contact_id) is null then count(*) else 1 end as n from events where actor = 'human' and kind = 'clicked' group by delivery_id
      ) e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' group by step"),
    ("clicks", "select step || ' ' || count(*) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'clicked' and actor = 'human' group by step"),
    ("machine", "select step || ' ' || count(*) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind in ('opened', 'clicked') and actor <> 'human' group by step"),
    ("unsubscribed", "select step || ' ' || count(distinct e.delivery_id) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'unsubscribed' and actor = 'human' group by step"),
    ("converted CNY", "select step || ' ' || count(*) || ' ' || sum(value_micros) from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'converted' and e.currency = 'CNY' group by step"),
    ("converted", "select step || ' ' || count(*) || ' 0' from runs r join events e on e.delivery_id / 4294967296 = r.id where r.kind <> 'test' and e.kind = 'converted' and e.currency is null group by step"),
];

pub(crate) async fn rollups_by_hour_and_filtered(f: &StoreFixture) {
    f.people(3).await;
    let spring = f.planned("mail").await;
    let autumn = f
        .run("mail", |run| (run.campaign, run.cost_micros) = ("autumn".to_owned(), campaign::Money::ZERO))
        .await;
    f.plan(autumn).await;
    let lease = f.lease(NOW).await;
    for (n, at) in [(1, NOW), (2, NOW + HOUR - 1), (3, NOW + HOUR)] {
        f.store.lease_renew(lease, at + MINUTE).await.unwrap();
        for run in [spring, autumn] {
            assert_eq!(f.begin(lease, run, at, 1).await, [id(run, n)]);
            f.record(lease, &[(id(run, n), accepted())], &[], at).await;
        }
    }
    let read = async |campaign: Option<&str>, from, to, by_hour| {
        let filter = RollupFilter { campaign: campaign.map(str::to_owned), from, to, by_hour };
        let rows = f.store.rollup_read(&filter).await.unwrap();
        rows.iter()
            .map(|row| {
                (row.campaign.clone(), row.metric.as_str(), row.hour, row.count, row.amount.millionths())
            })
            .collect::<Vec<_>>()
    };
    let (s, a) = ("spring".to_owned(), "autumn".to_owned());
    assert_eq!(
        read(None, None, None, false).await,
        [
            (a.clone(), "sent", Millis::EPOCH, 3, 0),
            (s.clone(), "sent", Millis::EPOCH, 3, 0),
            (s.clone(), "cost", Millis::EPOCH, 3, 3_000)
        ]
    );
    assert_eq!(
        read(Some("autumn"), None, None, true).await,
        [(a.clone(), "sent", NOW, 2, 0), (a.clone(), "sent", NOW + HOUR, 1, 0)]
    );
    assert_eq!(
        read(Some("autumn"), Some(NOW + 1), None, true).await,
        [(a.clone(), "sent", NOW + HOUR, 1, 0)]
    );
    assert_eq!(read(Some("autumn"), None, Some(NOW + HOUR), false).await, [(a, "sent", Millis::EPOCH, 2, 0)]);
    assert_eq!(read(Some("winter"), None, None, false).await, []);
}
