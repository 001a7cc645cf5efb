//! Tests of audiences by engagement and events after changes to runs, names and events; and of
//! planning in ranges.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::audience::MessageEvent;
use campaign::{Audience, AudienceId, CampaignId, Rule};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use store::{Conversion, EventKind, Millis, RunId, RunKind, RunState};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, all_contacts, audience, event, id, to_all_contacts};

const CAMPAIGNS: [&str; 3] = ["spring", "autumn", "winter"];
const EVENTS: [&str; 3] = ["purchase", "visit", "' or 1=1 --"];
const PEOPLE: i64 = 40;

/// All deliveries and events, read row by row.
struct Facts {
    /// The campaign, the contact, and the times at which it was sent, opened, clicked and
    /// converted.
    deliveries: Vec<(String, i64, [Option<Millis>; 4])>,
    /// The name, the contact and the time of each event.
    events: Vec<(String, i64, Millis)>,
}

impl Facts {
    async fn read(f: &StoreFixture) -> Self {
        let numbers = |row: &str| -> Vec<Option<i64>> {
            row.split_whitespace().map(|number| number.parse().ok()).collect()
        };
        let deliveries = f
            .texts(
                "select r.campaign || '|' || d.contact_id || ' ' || coalesce(cast(d.sent_at as text), '-') || ' ' ||
                   coalesce(cast(d.opened_at as text), '-') || ' ' || coalesce(cast(d.clicked_at as text), '-') || ' ' ||
                   coalesce(cast(d.converted_at as text), '-')
                 from deliveries d join runs r on r.id = d.run_id where r.kind <> 'test' and d.contact_id > 0",
            )
            .await;
        let deliveries = deliveries.iter().map(|row| {
            let (campaign, row) = row.split_once('|').unwrap();
            let row = numbers(row);
            (
                campaign.to_owned(),
                row[0].unwrap(),
                [row[1], row[2], row[3], row[4]].map(|at| at.map(Millis::new)),
            )
        });
        let events = f
            .texts(
                "select name || '|' || contact_id || ' ' || occurred_at from events
                 where name is not null and contact_id is not null",
            )
            .await;
        let events = events.iter().map(|row| {
            let (name, row) = row.split_once('|').unwrap();
            let row = numbers(row);
            (name.to_owned(), row[0].unwrap(), Millis::new(row[1].unwrap()))
        });
        Self { deliveries: deliveries.collect(), events: events.collect() }
    }

    fn belongs(&self, contact: i64, rule: &Rule, now: Millis) -> bool {
        let since = |within: &Option<Duration>| {
            within.map_or(Millis::MIN, |within| now - i64::try_from(within.as_millis()).unwrap())
        };
        match rule {
            Rule::All(rules) => rules.iter().all(|rule| self.belongs(contact, rule, now)),
            Rule::Any(rules) => rules.iter().any(|rule| self.belongs(contact, rule, now)),
            Rule::None(rules) => !rules.iter().any(|rule| self.belongs(contact, rule, now)),
            Rule::Event { name, within, at_least } => {
                let since = since(within);
                let count = self
                    .events
                    .iter()
                    .filter(|(n, c, at)| n == name && *c == contact && *at >= since)
                    .count();
                count >= usize::try_from((*at_least).max(1)).unwrap()
            }
            Rule::Engagement { campaign, did, within } => {
                let since = since(within);
                let column = match did {
                    MessageEvent::Sent => 0,
                    MessageEvent::Opened => 1,
                    MessageEvent::Clicked => 2,
                    MessageEvent::Converted => 3,
                };
                self.deliveries.iter().any(|(of, to, at)| {
                    *to == contact
                        && campaign.as_ref().is_none_or(|campaign| campaign.as_str() == of)
                        && at[column].is_some_and(|at| at >= since)
                })
            }
            _ => unreachable!("not drawn here"),
        }
    }
}

fn some_time(rng: &mut StdRng) -> Option<Duration> {
    let hours = rng.random_range(0..60);
    rng.random_bool(0.7).then(|| Duration::from_secs(hours * 3_600))
}

fn random_event(name: &str, rng: &mut StdRng) -> Rule {
    Rule::Event { name: name.to_owned(), within: some_time(rng), at_least: rng.random_range(0..6) }
}

/// A rule about one event that happened, such as bought twice, and not lately.
fn random_history(rng: &mut StdRng) -> Rule {
    let name = *EVENTS.choose(rng).unwrap();
    let several = |rng: &mut StdRng| (0..rng.random_range(0..3)).map(|_| random_event(name, rng)).collect();
    let other = match rng.random_range(0..3) {
        0 => Rule::Any(several(rng)),
        1 => Rule::All(several(rng)),
        _ => Rule::None(several(rng)),
    };
    Rule::All(vec![other, random_event(name, rng)])
}

fn random_rule(depth: u32, rng: &mut StdRng) -> Rule {
    let group = |rng: &mut StdRng| (0..rng.random_range(0..4)).map(|_| random_rule(depth - 1, rng)).collect();
    match rng.random_range(0..if depth == 0 { 4 } else { 8 }) {
        4 => Rule::All(group(rng)),
        5 => Rule::Any(group(rng)),
        6 => Rule::None(group(rng)),
        7 => random_history(rng),
        0 => random_event(EVENTS.choose(rng).unwrap(), rng),
        _ => Rule::Engagement {
            campaign: rng
                .random_bool(0.6)
                .then(|| CampaignId::parse(CAMPAIGNS.choose(rng).unwrap()).unwrap()),
            did: *[MessageEvent::Sent, MessageEvent::Opened, MessageEvent::Clicked, MessageEvent::Converted]
                .choose(rng)
                .unwrap(),
            within: some_time(rng),
        },
    }
}

/// Sends some deliveries of a run; one in ten fails.
async fn send_some(f: &StoreFixture, run: RunId, rng: &mut StdRng, now: Millis) {
    let lease = f.lease(now).await;
    let begun = f.begin(lease, run, now, rng.random_range(1..2 * PEOPLE)).await;
    let outcomes = begun.into_iter().map(|id| {
        let failed = store::Outcome::Rejected(store::Rejection {
            reason: "bad".to_owned(),
            answer: "550 no".to_owned(),
            suppress: None,
            soft: None,
        });
        (id, if rng.random_bool(0.9) { crate::fixture::accepted() } else { failed })
    });
    let outcomes: Vec<_> = outcomes.collect();
    f.record(lease, &outcomes, &[], now).await;
    f.store.lease_close(lease, now).await.unwrap();
}

/// Records some opens or clicks; now and then some stored hits turn out to be a machine's.
async fn react(f: &StoreFixture, run: RunId, rng: &mut StdRng, now: Millis) {
    let kind = *[EventKind::Opened, EventKind::Clicked].choose(rng).unwrap();
    let events = (0..rng.random_range(1..6)).map(|_| {
        let at = now - rng.random_range(0..2 * HOUR);
        event(kind, id(run, rng.random_range(1..=PEOPLE)), at)
    });
    let events: Vec<_> = events.collect();
    let odd = |hits: &[store::Hit]| (0..hits.len()).filter(|index| hits[*index].id % 3 == 0).collect();
    let goals = |_: &str| vec![store::AttributionGoal { campaign: "spring".to_owned(), window: DAY }];
    let classifier =
        store::HitClassifier { window: 2 * HOUR, classify: &odd, actor: "machine:burst", goals: &goals };
    f.store.event_record_classified(&events, &classifier, now).await.unwrap();
}

/// Runs one random operation.
async fn random_operation(f: &StoreFixture, runs: &mut Vec<RunId>, rng: &mut StdRng, now: Millis) {
    let some_run = |runs: &[RunId], rng: &mut StdRng| runs.choose(rng).copied();
    match rng.random_range(0..13) {
        0 if runs.len() < 12 => {
            let campaign = (*CAMPAIGNS.choose(rng).unwrap()).to_owned();
            let test = rng.random_bool(0.2);
            let step = format!("step-{}", runs.len());
            let instant = NOW + i64::try_from(runs.len()).unwrap();
            let run = f
                .run(&step, |run| {
                    (run.campaign, run.instant) = (campaign, instant);
                    run.kind = if test { RunKind::Test } else { RunKind::Scheduled };
                    run.expires_at = NOW + 100 * DAY;
                })
                .await;
            f.plan(run).await;
            runs.push(run);
        }
        1 | 2 => {
            if let Some(run) = some_run(runs, rng) {
                send_some(f, run, rng, now).await;
            }
        }
        3 => {
            f.store.run_finish(now).await.unwrap();
        }
        4 => {
            f.store.engagement_advance().await.unwrap();
        }
        5..=7 => {
            if let Some(run) = some_run(runs, rng) {
                react(f, run, rng, now).await;
            }
        }
        8 | 9 => {
            let goals = [store::AttributionGoal {
                campaign: (*CAMPAIGNS.choose(rng).unwrap()).to_owned(),
                window: DAY,
            }];
            let event = Conversion {
                name: (*EVENTS.choose(rng).unwrap()).to_owned(),
                contact: store::ContactId(rng.random_range(1..=PEOPLE / 4)),
                occurred_at: now - rng.random_range(0..30 * HOUR),
                value_micros: None,
                currency: None,
                idempotency_key: rng.random_bool(0.3).then(|| rng.random_range(0..20).to_string()),
                detail: None,
            };
            f.store.event_convert(&event, &goals, now).await.unwrap();
        }
        _ => match rng.random_range(0..3) {
            0 => {
                if let Some(run) = some_run(runs, rng) {
                    f.store.run_retry(run, now).await.unwrap();
                }
            }
            1 => {
                if let Some(run) = some_run(runs, rng)
                    && f.store.run_cancel(run, now).await.unwrap().is_some()
                    && rng.random_bool(0.7)
                {
                    f.store.run_reopen(run, now).await.unwrap();
                }
            }
            _ => {
                let step = |rng: &mut StdRng| {
                    let step = format!("step-{}", rng.random_range(0..12));
                    ((*CAMPAIGNS.choose(rng).unwrap()).to_owned(), step)
                };
                f.store.step_rename(&step(rng), &step(rng), now).await.unwrap();
            }
        },
    }
}

/// Checks as many rules as `CHORUS_AUDIENCE_CASES` says at compile time; 240 if it is not set.
pub(crate) async fn histories_agree_with_memory(f: &StoreFixture) {
    let cases = option_env!("CHORUS_AUDIENCE_CASES").map_or(240, |count| count.parse().unwrap());
    let mut rng = StdRng::seed_from_u64(11);
    f.people(usize::try_from(PEOPLE).unwrap()).await;
    let (mut runs, mut now, mut selective) = (Vec::new(), NOW, 0);
    for case in 0..cases {
        if case % 4 == 0 {
            for _ in 0..6 {
                now += rng.random_range(0..HOUR / 2);
                random_operation(f, &mut runs, &mut rng, now).await;
            }
        }
        let rule = random_rule(2, &mut rng);
        let facts = Facts::read(f).await;
        let audiences: BTreeMap<AudienceId, Audience> = BTreeMap::from([audience("a", rule.clone())]);
        let first = audiences.keys().next().unwrap();
        let got = f.store.audience_sample(&audiences, first, now, 10_000).await.unwrap();
        let got: Vec<_> = got.iter().map(|contact| contact.id.0).collect();
        let wanted: Vec<_> = (1..=PEOPLE).filter(|contact| facts.belongs(*contact, &rule, now)).collect();
        assert_eq!(got, wanted, "case {case}: {rule:?}");
        let one = rng.random_range(1..=PEOPLE);
        let contains =
            f.store.audience_contains(&audiences, first, store::ContactId(one), now).await.unwrap();
        assert_eq!(contains, wanted.contains(&one), "case {case}: {one} of {rule:?}");
        selective += usize::from(!got.is_empty() && got.len() < usize::try_from(PEOPLE).unwrap());
    }
    assert!(selective > cases / 8, "only {selective} rules selected some of the contacts");
    while f.store.engagement_advance().await.unwrap() {}
    let open = "select count(*) from runs where engaged < 2 and finished_at is not null and kind <> 'test'";
    assert_eq!(f.number(open).await, 0);
    let unknown = "select count(*) from engagement e where e.campaign <> 0
                   and not exists (select 1 from campaign_numbers n where n.number = e.campaign and n.campaign is not null)";
    assert_eq!(f.number(unknown).await, 0);
}

async fn engagement(f: &StoreFixture) -> Vec<String> {
    f.texts(
        "select coalesce(n.campaign, '*') || ' ' || e.kind || ' ' || e.contact_id || ' ' || e.last_at
         from engagement e left join campaign_numbers n on n.number = e.campaign order by 1",
    )
    .await
}

pub(crate) async fn sends_are_read_when_a_run_has_ended(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    assert!(!f.store.engagement_advance().await.unwrap(), "it has not ended");
    f.store.event_record(&[event(EventKind::Clicked, id(run, 2), NOW + 5)], NOW + 5).await.unwrap();
    assert_eq!(engagement(f).await[..2], [format!("* 2 2 {}", NOW + 5), format!("* 3 2 {}", NOW + 5)]);
    f.store.run_finish(NOW + 9).await.unwrap();
    assert!(f.store.engagement_advance().await.unwrap());
    assert!(!f.store.engagement_advance().await.unwrap(), "once");
    let sends: Vec<_> = engagement(f).await.into_iter().filter(|row| row.contains(" 1 ")).collect();
    assert_eq!(sends.len(), 4, "{sends:?}: two people, in all campaigns and in this one");
    // A second try after the run's end is read, too.
    f.write("update deliveries set state = 'failed', sent_at = null where contact_id = 1").await;
    f.write("delete from engagement where contact_id = 1").await;
    f.write("insert into run_tallies (run_id, state, count) values (1, 'failed', 1)").await;
    assert_eq!(f.store.run_retry(run, NOW + 10).await.unwrap(), 1);
    f.send_all(run, NOW + 11).await;
    f.store.run_finish(NOW + 12).await.unwrap();
    assert!(f.store.engagement_advance().await.unwrap());
    assert!(engagement(f).await.contains(&format!("spring 1 1 {}", NOW + 11)));

    let test = f.run("mail", |run| (run.kind, run.instant) = (RunKind::Test, NOW + 1)).await;
    f.plan(test).await;
    f.send_all(test, NOW + 20).await;
    f.store.run_finish(NOW + 21).await.unwrap();
    assert!(!f.store.engagement_advance().await.unwrap(), "test copies are in no audience");
}

/// A number of contacts that makes several ranges of planning.
const MANY_CONTACTS: i64 = 45_000;

async fn insert_many_contacts(f: &StoreFixture) {
    f.write(&format!(
        "insert into contacts (email, consents, created_at, updated_at)
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {MANY_CONTACTS})
         select 'p' || i || '@example.com', case when i % 10 = 0 then '' else ' news:email+ ' end, 0, 0 from n"
    ))
    .await;
}

async fn rows(f: &StoreFixture, run: RunId) -> i64 {
    f.number(&format!("select count(*) from deliveries where run_id = {run}")).await
}

/// Yields growing times, in milliseconds.
fn growing_timeouts() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(5), |millis| Some(millis + millis / 4 + 1))
}

/// Plans a run until a timeout.
async fn plan_for(
    f: &StoreFixture,
    run: RunId,
    millis: u64,
    audiences: &BTreeMap<AudienceId, Audience>,
    now: Millis,
) {
    let recipients = to_all_contacts(audiences);
    let _ =
        tokio::time::timeout(Duration::from_millis(millis), f.store.run_plan(run, &recipients, now)).await;
}

pub(crate) async fn an_interrupted_planning_continues(f: &StoreFixture) {
    insert_many_contacts(f).await;
    let run = f.run("mail", |_| {}).await;
    let audiences = all_contacts();
    let mut cuts = 0;
    for millis in growing_timeouts() {
        plan_for(f, run, millis, &audiences, NOW + 1).await;
        // A commit in flight may still arrive: a worker that claims a delivery reads the run
        // afterwards.
        let claimed = f.claim(f.lease(NOW).await, run, NOW, 10).await;
        let state = f.get(run).await.state;
        if state == RunState::Running {
            break;
        }
        assert_eq!(state, RunState::Planned);
        assert!(claimed.is_empty(), "nothing is handed out yet");
        cuts += 1;
    }
    assert!(cuts > 1, "it was never cut short");
    assert_eq!((rows(f, run).await, f.get(run).await.total), (MANY_CONTACTS, MANY_CONTACTS));
    assert_eq!(f.tallies(run).await, [format!("suppressed no_consent {}", MANY_CONTACTS / 10)]);
    assert_eq!(f.figures().await, [format!("mail suppressed {}", MANY_CONTACTS / 10)]);
}

/// Plans until the first range is stored, and aborts before the last.
async fn half_planned(f: &StoreFixture, run: RunId) {
    let store = f.store.clone();
    let planning =
        tokio::spawn(
            async move { store.run_plan(run, &to_all_contacts(&all_contacts()), NOW).await.map(|_| ()) },
        );
    while rows(f, run).await == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    planning.abort();
    let _ = planning.await;
    assert!((1..MANY_CONTACTS).contains(&rows(f, run).await), "it was not cut short");
}

pub(crate) async fn an_interrupted_planning_may_change(f: &StoreFixture) {
    insert_many_contacts(f).await;
    let run = f.run("mail", |_| {}).await;
    half_planned(f, run).await;
    // With another audience, the deliveries for the old one are deleted.
    let few = attribute_rule();
    let audiences = BTreeMap::from([audience("few", few)]);
    f.store.run_plan(run, &to_all_contacts(&audiences), NOW).await.unwrap();
    assert_eq!((rows(f, run).await, f.get(run).await.total), (11, 11));
    assert_eq!(f.tallies(run).await, ["suppressed no_consent 2"]);
    assert_eq!(f.figures().await, ["mail suppressed 2"]);

    // A pause interrupts the planning, a cancellation ends it.
    let paused = f.run("paused", |_| {}).await;
    half_planned(f, paused).await;
    f.store.run_pause(paused, "for now").await.unwrap();
    let before = rows(f, paused).await;
    assert_eq!(f.plan(paused).await, 0);
    assert_eq!(rows(f, paused).await, before);
    f.store.run_resume(paused).await.unwrap();
    f.plan(paused).await;
    assert_eq!((rows(f, paused).await, f.get(paused).await.state), (MANY_CONTACTS, RunState::Running));

    let cancelled = f.run("cancelled", |_| {}).await;
    half_planned(f, cancelled).await;
    f.store.run_cancel(cancelled, NOW).await.unwrap();
    assert_eq!(f.plan(cancelled).await, 0);
    let open = format!("select count(*) from deliveries where run_id = {cancelled} and due_at is not null");
    assert_eq!(f.number(&open).await, 0);
    assert_eq!(f.get(cancelled).await.state, RunState::Cancelled);
}

/// A rule for eleven contacts: `p1@…`, `p10@…` to `p18@…`, and `p20000@…`.
fn attribute_rule() -> Rule {
    let texts = ["1", "10", "11", "12", "13", "14", "15", "16", "17", "18", "20000"];
    let values = texts.iter().map(|n| campaign::audience::Value::Text(format!("p{n}@example.com"))).collect();
    Rule::Attribute { name: "email".to_owned(), test: campaign::audience::Test::In(values) }
}

/// Each shape of a rule about engagement or events reads sets from indexes, and never scans all
/// deliveries or events, least of all for each contact.
pub(crate) async fn no_rule_reads_all_deliveries_or_events(f: &StoreFixture) {
    insert_many_contacts(f).await;
    let run = f.planned("mail").await;
    f.write(&format!("update deliveries set sent_at = {NOW}, state = 'sent', due_at = null")).await;
    f.write("update runs set state = 'finished', finished_at = 1").await;
    while f.store.engagement_advance().await.unwrap() {}
    f.write(&format!(
        "insert into events (kind, name, occurred_at, received_at, contact_id)
         select 'custom', 'purchase', {NOW}, {NOW}, contact_id from deliveries where run_id = {run}"
    ))
    .await;
    f.write(
        "insert into event_recents (name, contact_id, last_at) select name, contact_id, occurred_at from events",
    )
    .await;
    f.planned("open").await;
    if f.store.dialect().as_str() == "postgres" {
        f.write("analyze").await;
    }
    let within = || Some(Duration::from_secs(90 * 86_400));
    let mut shapes = Vec::new();
    for did in [MessageEvent::Sent, MessageEvent::Opened, MessageEvent::Clicked, MessageEvent::Converted] {
        for campaign in [None, Some(CampaignId::parse("spring").unwrap())] {
            for within in [None, within()] {
                shapes.push(Rule::Engagement { campaign: campaign.clone(), did, within });
            }
        }
    }
    for at_least in [1, 2, 3, 7] {
        shapes.push(Rule::Event { name: "purchase".to_owned(), within: within(), at_least });
    }
    for shape in shapes.clone() {
        shapes.push(Rule::None(vec![shape.clone()]));
        shapes.push(Rule::Any(vec![shape, attribute_rule()]));
    }
    for shape in shapes {
        let audiences = BTreeMap::from([audience("a", shape.clone())]);
        let first = audiences.keys().next().unwrap();
        let plan = f.store.audience_query_plan(&audiences, first, NOW).await.unwrap();
        for line in &plan {
            let all = ["SCAN d", "SCAN e", "SCAN x", "Seq Scan on deliveries", "Seq Scan on events"];
            let reads_all = all.iter().any(|all| {
                line.trim_start().split("->").any(|part| {
                    let part = part.trim_start();
                    part == *all || part.starts_with(&format!("{all} "))
                })
            });
            assert!(!reads_all, "{shape:?}\n{}", plan.join("\n"));
        }
    }
}

/// As many rules as an audience may have, nested as deep as allowed, in fifty audiences that refer
/// to each other; and a contact with a hundred thousand events.
pub(crate) async fn large_audiences_and_busy_contacts(f: &StoreFixture) {
    f.people(3).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    f.store.event_record(&[event(EventKind::Clicked, id(run, 2), NOW)], NOW).await.unwrap();
    let clicked = |days: u64| Rule::Engagement {
        campaign: Some(CampaignId::parse(CAMPAIGNS[usize::try_from(days % 3).unwrap()]).unwrap()),
        did: MessageEvent::Clicked,
        within: Some(Duration::from_secs(days * 86_400)),
    };
    let named = |n: u64| AudienceId::parse(&format!("a{n}")).unwrap();
    let audiences: BTreeMap<_, _> = (0..50)
        .map(|n| {
            let mut rules: Vec<_> = (1..=16).map(|day| clicked(n * 16 + day)).collect();
            if n < 49 && n % 10 == 9 {
                rules.push(Rule::None(vec![Rule::Any(vec![])]));
            }
            audience(named(n).as_str(), Rule::Any(rules))
        })
        .collect();
    let mut all = audiences;
    let every = (0..50).map(|n| Rule::Audience(named(n))).collect();
    all.extend([audience("z", Rule::All(every))]);
    let top = AudienceId::parse("z").unwrap();
    assert_eq!(f.store.audience_count(&all, &top, NOW).await.unwrap(), 1);
    let deep = (0..30).fold(clicked(3), |rule, _| Rule::None(vec![rule]));
    let deep = BTreeMap::from([audience("deep", deep)]);
    assert_eq!(f.store.audience_count(&deep, deep.keys().next().unwrap(), NOW).await.unwrap(), 1);

    f.write(&format!(
        "insert into events (kind, name, occurred_at, received_at, contact_id)
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
         select 'custom', 'visit', {NOW} - i, {NOW}, 3 from n"
    ))
    .await;
    f.write(&format!(
        "insert into event_recents (name, contact_id, last_at, second_at, third_at)
         values ('visit', 3, {NOW} - 1, {NOW} - 2, {NOW} - 3)"
    ))
    .await;
    for (at_least, members) in [(3, 1), (1_000, 1), (100_000, 1), (100_001, 0), (u32::MAX, 0)] {
        let rule =
            Rule::Event { name: "visit".to_owned(), within: Some(Duration::from_secs(3_600)), at_least };
        let audiences = BTreeMap::from([audience("busy", rule)]);
        let busy = audiences.keys().next().unwrap();
        assert_eq!(f.store.audience_count(&audiences, busy, NOW).await.unwrap(), members, "{at_least}");
    }
}

/// Five thousand past runs, most of them not read yet, in a database without statistics.
pub(crate) async fn thousands_of_past_runs(f: &StoreFixture) {
    f.people(20).await;
    const RUNS: i64 = 5_000;
    f.write(&format!(
        "insert into runs (id, campaign, step, channel, instant, kind, state, on_uncertain, expires_at, total,
           created_at, planned_at, started_at, finished_at)
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {RUNS})
         select i, case i % 2 when 0 then 'even' else 'odd' end, 'mail', 'email', i, 'scheduled', 'finished',
                'resend', 0, 2, 0, 0, 0, 1 from n"
    ))
    .await;
    f.write("insert into campaign_numbers (campaign) values ('even'), ('odd')").await;
    // Two contacts each: run n reaches contacts n % 20 + 1 and (n + 1) % 20 + 1, an hour after the
    // run before.
    f.write(&format!(
        "insert into deliveries (id, run_id, contact_id, state, scheduled_at, sent_at, answer, clicked_at)
         select r.id * 4294967296 + c.id, r.id, c.id, 'sent', 0, {NOW} - ({RUNS} - r.id) * 3600000, '250 Ok',
                case when r.id % 100 = 0 then {NOW} - ({RUNS} - r.id) * 3600000 end
         from runs r join contacts c on c.id in (r.id % 20 + 1, (r.id + 1) % 20 + 1)"
    ))
    .await;
    let unread = || async { f.number("select count(*) from runs where engaged < 2").await };
    while unread().await > RUNS - 200 {
        f.store.engagement_advance().await.unwrap();
    }
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let campaign = |name: &str| Some(CampaignId::parse(name).unwrap());
    let expected = [
        // Runs 5,000 and 4,999: contacts 1, 2 and 20.
        (None, MessageEvent::Sent, hours(1), 3),
        (None, MessageEvent::Sent, None, 20),
        (campaign("odd"), MessageEvent::Sent, hours(1), 2),
        // Runs 100, 200, …: always contacts 1 and 2.
        (None, MessageEvent::Clicked, None, 2),
        (campaign("even"), MessageEvent::Clicked, hours(4_950), 2),
        (campaign("odd"), MessageEvent::Clicked, None, 0),
    ];
    for (campaign, did, within, members) in expected {
        let rule = Rule::Engagement { campaign, did, within };
        let without = Rule::None(vec![rule.clone()]);
        let audiences = BTreeMap::from([audience("with", rule.clone()), audience("without", without)]);
        for (name, members) in [("with", members), ("without", 20 - members)] {
            let id = AudienceId::parse(name).unwrap();
            let count = f.store.audience_count(&audiences, &id, NOW).await.unwrap();
            assert_eq!(count, members, "{name} {rule:?}");
        }
    }
}
