//! A property test of the planner: random histories of edits, restarts, clock changes and manual
//! sends are compared with a naive model. No contact gets a one-shot or an occurrence twice without
//! a request, no occurrence fires whose instant lies before the edit that made it due, and the
//! forecast is what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campaign::Workspace;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use store::{
    Clock, ContactId, DeliveryId, GroupCommit, LeaseId, Millis, NewContact, Outcome, Run, RunKind, RunState,
    Store,
};
use tempfile::TempDir;

use super::{ExpectedOutcome, Planner, forecast};
use crate::{Loaded, fire, manual_send};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const PEOPLE: [(&str, Option<&str>); 4] = [
    ("a@example.com", None),
    ("b@example.com", Some("Asia/Tokyo")),
    ("c@example.com", Some("America/Los_Angeles")),
    ("d@example.com", Some("Pacific/Auckland")),
];

/// An action of a marketer, or an event around the process.
#[derive(Debug, Clone)]
enum Action {
    /// So many minutes pass while a worker checks every ten minutes.
    Work(i64),
    /// So many minutes pass while no worker runs.
    Off(i64),
    /// The clock is moved by so many minutes.
    Clock(i64),
    /// The first step gets another `when`.
    When(usize),
    /// The reminder gets another delay, in hours.
    Delay(i64),
    /// The campaign gets another end: in so many hours, or none.
    Ends(Option<i64>),
    /// The step is renamed, with `was` or without.
    RenameStep { declared: bool },
    /// The campaign is renamed, with `was` or without.
    RenameCampaign { declared: bool },
    /// The file is away for so many minutes and comes back.
    Away(i64),
    /// The file has an error for so many minutes.
    Broken(i64),
    /// The text changes.
    Text,
    /// `chorus send` runs, with `--again` or without.
    Send { sent_again: bool },
    /// The oldest live run is paused; the oldest paused one goes on.
    PauseOrResume,
    /// The oldest live run is cancelled.
    Cancel,
}

const SCHEDULES: [&str; 10] = [
    "at = 2027-03-03T10:00:00",
    "at = 2027-03-03T10:30:00",
    "at = 2027-03-04T09:00:00, timezone = \"contact\"",
    "cron = \"0 10 * * *\"",
    "cron = \"10 10 * * *\"",
    "cron = \"0 10 * * *\", timezone = \"contact\"",
    "every = \"hour 15\"",
    "cron = \"0 9,21 * * *\", timezone = \"Asia/Shanghai\"",
    "dates = [2027-03-03T10:00:00, 2027-03-03T20:00:00, 2027-03-05T10:00:00]",
    "every = \"month first weekday 10:00\"",
];

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1_i64..2_000).prop_map(Action::Work),
        2 => (1_i64..3_000).prop_map(Action::Off),
        1 => prop_oneof![Just(-1_440_i64), Just(-30), Just(2), Just(60), Just(1_440)].prop_map(Action::Clock),
        4 => (0..SCHEDULES.len()).prop_map(Action::When),
        2 => prop_oneof![Just(1_i64), Just(5), Just(30)].prop_map(Action::Delay),
        1 => prop_oneof![Just(None), (1_i64..60).prop_map(Some)].prop_map(Action::Ends),
        1 => any::<bool>().prop_map(|declared| Action::RenameStep { declared }),
        1 => any::<bool>().prop_map(|declared| Action::RenameCampaign { declared }),
        1 => prop_oneof![Just(0_i64), Just(20), Just(2_000)].prop_map(Action::Away),
        1 => prop_oneof![Just(20_i64), Just(300)].prop_map(Action::Broken),
        1 => Just(Action::Text),
        1 => any::<bool>().prop_map(|sent_again| Action::Send { sent_again }),
        1 => Just(Action::PauseOrResume),
        1 => Just(Action::Cancel),
    ]
}

/// The content of the files.
#[derive(Debug, Clone)]
struct Files {
    campaign: usize,
    campaign_was: Option<usize>,
    step: usize,
    step_was: Option<usize>,
    when: usize,
    delay: i64,
    ends: Option<String>,
    text: usize,
    error: bool,
    exists: bool,
}

/// One message that a contact received.
#[derive(Debug, Clone)]
struct Receipt {
    contact: i64,
    run: Run,
    at: Millis,
    /// The number of the text that the file had.
    text: usize,
}

struct Simulation {
    folder: TempDir,
    store: Store,
    clock: Clock,
    now: Millis,
    files: Files,
    loaded: Loaded,
    planner: Planner,
    lease: LeaseId,
    receipts: Vec<Receipt>,
    /// The runs that were made with `--again`.
    sent_again: BTreeSet<store::RunId>,
    /// The time at which the worker saw the last edit of the step's `when`.
    edited_at: Millis,
    seen_when: Option<(usize, Option<String>, bool)>,
    made: BTreeMap<store::RunId, Millis>,
}

impl Simulation {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("chorus.toml", CHORUS);
        write("audiences/everyone.toml", "title = \"Everyone\"\n");
        write("templates/plain/email.md", EMAIL);
        let files = Files {
            campaign: 0,
            campaign_was: None,
            step: 0,
            step_was: None,
            when: 3,
            delay: 5,
            ends: None,
            text: 0,
            error: false,
            exists: true,
        };
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let start = "2027-03-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let now = Millis::from(start);
        let clock = Clock::fixed(start);
        let person = |(email, zone): (&str, Option<&str>)| NewContact {
            email: Some(email.to_owned()),
            timezone: zone.map(str::to_owned),
            consent: Some(store::Consent::Yes),
            ..NewContact::default()
        };
        store.contact_upsert(&PEOPLE.map(person), now).await.unwrap();
        let lease = store.lease_open("model", true, now, Millis::MAX).await.unwrap();
        save(&folder, &files);
        let loaded = load(&folder);
        let planner = Planner::new(store.clone(), clock.clone());
        Self {
            folder,
            store,
            clock,
            now,
            files,
            loaded,
            planner,
            lease,
            receipts: Vec::new(),
            sent_again: BTreeSet::new(),
            edited_at: now,
            seen_when: None,
            made: BTreeMap::new(),
        }
    }

    fn set(&mut self, now: Millis) {
        self.now = now;
        let Clock::Fixed(at) = &self.clock else { unreachable!() };
        at.store(now.as_millisecond(), std::sync::atomic::Ordering::Relaxed);
    }

    fn at(&self) -> Timestamp {
        self.now.timestamp().unwrap()
    }

    fn reload(&mut self) {
        save(&self.folder, &self.files);
        self.loaded = load(&self.folder);
    }

    /// Runs one check of a worker, and sends everything that is due.
    async fn tick(&mut self) {
        self.planner.next_follow = None;
        let seen_files = (self.files.when, self.files.ends.clone(), self.files.exists);
        let usable = self.files.exists && !self.files.error;
        if usable && self.seen_when.as_ref() != Some(&seen_files) {
            self.edited_at = self.now;
            self.seen_when = Some(seen_files);
        }
        let live = self.store.run_live().await.unwrap();
        self.planner.tick(&self.loaded, &live, None).await.unwrap();
        let live = self.store.run_live().await.unwrap();
        self.planner.update_absent_runs(&self.loaded, &live).await.unwrap();
        let live = self.store.run_live().await.unwrap();
        crate::file_edits::apply(&self.store, &self.loaded, &live).await.unwrap();
        self.check_new_runs().await;
        self.deliver().await;
    }

    /// Checks that no run fired whose instant lies before the edit that made it due.
    async fn check_new_runs(&mut self) {
        for run in self.store.run_list(None, 10_000).await.unwrap() {
            if self.made.insert(run.id, self.now).is_some() {
                continue;
            }
            if run.kind == RunKind::Scheduled && run.parent_id.is_none() {
                let zone_day = if run.own_clock == 1 { 26 * HOUR } else { 0 };
                assert!(
                    run.instant + zone_day >= self.edited_at - MINUTE,
                    "run {run:?} made at {} lies before the edit at {}",
                    self.at(),
                    self.edited_at.timestamp().unwrap()
                );
            }
        }
    }

    async fn deliver(&mut self) {
        for run in self.store.run_live().await.unwrap() {
            let _ = fire::plan(&self.store, &self.loaded, &run, self.at()).await;
        }
        for run in self.store.run_live().await.unwrap() {
            if run.state != RunState::Running {
                continue;
            }
            let claimed = self.store.delivery_claim(self.lease, run.id, self.now, 1_000).await.unwrap();
            let intents: Vec<DeliveryId> = claimed.iter().map(|claimed| claimed.id).collect();
            let record = GroupCommit { intents, ..GroupCommit::default() };
            let granted = self.store.delivery_record(self.lease, &record, self.now).await.unwrap().granted;
            let accepted = |id: &DeliveryId| (*id, Outcome::Accepted { answer: "250 ok".into(), post: None });
            let record =
                GroupCommit { outcomes: granted.iter().map(accepted).collect(), ..GroupCommit::default() };
            self.store.delivery_record(self.lease, &record, self.now).await.unwrap();
            for id in granted {
                self.receipts.push(Receipt {
                    contact: id.contact().0,
                    run: run.clone(),
                    at: self.now,
                    text: self.files.text,
                });
            }
        }
        self.store.run_finish(self.now).await.unwrap();
    }

    async fn pass(&mut self, minutes: i64) {
        let until = self.now + minutes * MINUTE;
        while self.now < until {
            self.set((self.now + 10 * MINUTE).min(until));
            self.tick().await;
        }
    }

    async fn action(&mut self, action: &Action) {
        match action {
            Action::Work(minutes) => return self.compare_with_forecast(*minutes).await,
            Action::Off(minutes) => {
                self.set(self.now + minutes * MINUTE);
                self.planner = Planner::new(self.store.clone(), self.clock.clone());
            }
            Action::Clock(minutes) => {
                self.set(self.now + minutes * MINUTE);
                // An edit that was dated ahead by a wrong clock counts from now.
                self.edited_at = self.edited_at.min(self.now);
            }
            Action::When(when) => self.files.when = *when,
            Action::Delay(delay) => self.files.delay = *delay,
            Action::Ends(hours) => {
                self.files.ends =
                    hours.map(|hours| (self.now + hours * HOUR).timestamp().unwrap().to_string());
            }
            Action::RenameStep { declared } => {
                self.files.step_was = declared.then_some(self.files.step);
                self.files.step += 1;
            }
            Action::RenameCampaign { declared } => {
                self.files.campaign_was = declared.then_some(self.files.campaign);
                self.files.campaign += 1;
                self.files.step_was = None;
            }
            Action::Away(minutes) => {
                self.files.exists = false;
                self.reload();
                self.tick().await;
                self.pass(*minutes).await;
                self.files.exists = true;
            }
            Action::Broken(minutes) => {
                self.files.error = true;
                self.reload();
                self.tick().await;
                self.pass(*minutes).await;
                self.files.error = false;
            }
            Action::Text => self.files.text += 1,
            Action::Send { sent_again } => self.send(*sent_again).await,
            Action::PauseOrResume => {
                let live = self.store.run_live().await.unwrap();
                if let Some(run) = live.iter().find(|run| run.state == RunState::Paused) {
                    self.store.run_resume(run.id).await.unwrap();
                } else if let Some(run) = live.first() {
                    self.store.run_pause(run.id, "by hand").await.unwrap();
                }
            }
            Action::Cancel => {
                if let Some(run) = self.store.run_live().await.unwrap().first() {
                    self.store.run_cancel(run.id, self.now).await.unwrap();
                }
            }
        }
        // No two checks have the same millisecond.
        self.set(self.now + 1_000);
        self.reload();
        self.tick().await;
    }

    /// Does what `chorus send` does: a step that was sent needs `--again`, and an open run refuses
    /// the send.
    async fn send(&mut self, sent_again: bool) {
        let Some(campaign) = self.loaded.0.campaigns.values().next().cloned() else { return };
        let step = campaign.steps[0].clone();
        let ask =
            manual_send::ManualSendOptions { again: sent_again, ..manual_send::ManualSendOptions::default() };
        if manual_send::refusal(&self.store, &self.loaded, &campaign, &step, &ask, self.at())
            .await
            .unwrap()
            .is_some()
        {
            return;
        }
        let run = manual_send::fire(&self.store, &self.loaded, &campaign, &step, &ask, self.at()).await;
        if let (Ok(run), true) = (run, sent_again) {
            self.sent_again.insert(run);
        }
    }

    /// Works for so many minutes, and compares the forecast with the runs that were made.
    async fn compare_with_forecast(&mut self, minutes: i64) {
        self.set(self.now + 1_000);
        self.tick().await;
        let (from, to) = (self.at(), (self.now + minutes * MINUTE).timestamp().unwrap());
        let before: BTreeSet<_> =
            self.store.run_list(None, 10_000).await.unwrap().into_iter().map(|run| run.id).collect();
        let mut expected = BTreeSet::new();
        let mut uncertain = false;
        if let Some(campaign) = self.loaded.0.campaigns.values().next() {
            let found = forecast(&self.store, &self.loaded, campaign, from, to, from).await.unwrap();
            let live = self.store.run_live().await.unwrap();
            // A run that is not handed out can overlap with the next one.
            uncertain = live.iter().any(|run| matches!(run.state, RunState::Running | RunState::Planned));
            expected = found
                .into_iter()
                .filter(|e| e.outcome == ExpectedOutcome::Runs && !e.follows && e.occurrence.instant > from)
                .map(|e| (e.step.to_string(), Millis::from(e.occurrence.instant)))
                .collect();
        }
        self.pass(minutes).await;
        let made: BTreeSet<_> = self
            .store
            .run_list(None, 10_000)
            .await
            .unwrap()
            .into_iter()
            .filter(|run| {
                !before.contains(&run.id) && run.kind == RunKind::Scheduled && run.parent_id.is_none()
            })
            .map(|run| (run.step, run.instant))
            .collect();
        if uncertain {
            assert!(made.is_subset(&expected), "made {made:?}, expected {expected:?}");
        } else {
            assert_eq!(made, expected, "from {from} to {to}: {:?}", self.files);
        }
    }

    /// Compares the received messages with the naive model.
    async fn check(&self) {
        let runs: BTreeMap<_, _> =
            self.store.run_list(None, 10_000).await.unwrap().into_iter().map(|run| (run.id, run)).collect();
        let mut occurrences = BTreeSet::new();
        let mut once: BTreeMap<(String, String, i64), usize> = BTreeMap::new();
        let mut parents = BTreeSet::new();
        let mut words: BTreeMap<(usize, i64), BTreeSet<store::RunId>> = BTreeMap::new();
        for receipt in &self.receipts {
            // A rename moves the history: the run's current name counts.
            let run = &runs[&receipt.run.id];
            assert!(occurrences.insert((run.id, receipt.contact)), "twice in one run: {run:?}");
            assert!(
                run.ends_at.is_none_or(|_| receipt.run.ends_at.is_none_or(|ends| receipt.at <= ends)),
                "{receipt:?}"
            );
            if let Some(parent) = run.parent_id {
                assert!(
                    parents.insert((run.step.clone(), parent, receipt.contact)),
                    "two follow-ups: {run:?}"
                );
                let _ = ContactId(receipt.contact);
            }
            let is_one_shot = run.trigger == Some(store::RunTrigger::At);
            if is_one_shot && run.kind == RunKind::Scheduled {
                words.entry((receipt.text, receipt.contact)).or_default().insert(run.id);
            }
            if is_one_shot && !self.sent_again.contains(&run.id) {
                *once.entry((run.campaign.clone(), run.step.clone(), receipt.contact)).or_default() += 1;
            }
        }
        for ((campaign, step, contact), count) in once {
            assert_eq!(
                count, 1,
                "{contact} got the one-shot {campaign}/{step} {count} times: {:#?}",
                self.receipts
            );
        }
        // Without `was` a new name is a new step, but the same text is not sent to the same people
        // without a request.
        for ((text, contact), runs) in words {
            assert!(runs.len() <= 1, "{contact} got the text {text} in {runs:?}: {:#?}", self.receipts);
        }
    }
}

fn save(folder: &TempDir, files: &Files) {
    let campaigns = folder.path().join("campaigns");
    std::fs::create_dir_all(&campaigns).unwrap();
    for entry in std::fs::read_dir(&campaigns).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    if !files.exists {
        return;
    }
    let was = files.campaign_was.map_or_else(String::new, |was| format!("was = \"c{was}\"\n"));
    let ends = files.ends.as_ref().map_or_else(String::new, |ends| format!("ends = {ends}\n"));
    let step_was = files.step_was.map_or_else(String::new, |was| format!("was = \"s{was}\"\n"));
    let error = if files.error { "nonsense = 1\n" } else { "" };
    let (step, when, delay, text) = (files.step, SCHEDULES[files.when], files.delay, files.text);
    let campaign = format!(
        "title = \"Hello\"\naudience = \"everyone\"\n{was}{ends}{error}
[message]
subject  = \"Hello {text}\"
headline = \"Hello {text}\"
link     = \"https://test.example/go\"

[[steps]]
id = \"s{step}\"
{step_was}channel = \"email\"
template = \"plain\"
when = {{ {when} }}

[[steps]]
id = \"reminder\"
channel = \"email\"
template = \"plain\"
message = {{ subject = \"Again {text}\" }}
when = {{ after = \"s{step}\", delay = \"{delay}h\" }}
"
    );
    std::fs::write(campaigns.join(format!("c{}.toml", files.campaign)), campaign).unwrap();
}

fn load(folder: &TempDir) -> Loaded {
    Arc::new(Workspace::load(folder.path(), &|_| None).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: number(option_env!("CHORUS_MODEL_CASES"), 30),
        rng_seed: RngSeed::Fixed(u64::from(number(option_env!("CHORUS_MODEL_SEED"), 20_270_302))),
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_contact_gets_it_twice_whatever_is_edited(actions in prop::collection::vec(action(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut simulation = Simulation::new().await;
            simulation.tick().await;
            for action in &actions {
                simulation.action(action).await;
                simulation.check().await;
            }
        });
    }
}

/// Parses `CHORUS_MODEL_CASES` or `CHORUS_MODEL_SEED`, read at compile time: the number of
/// histories, and their seed.
fn number(text: Option<&str>, default: u32) -> u32 {
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

const CHORUS: &str = r#"
[brand]
name     = "Test"
url      = "https://test.example"
address  = "1 Test Road"
timezone = "Europe/London"

[server]
public_url = "http://127.0.0.1:1"

[channels.email]
kind = "outbox"
"#;

const EMAIL: &str = "\
# {{message.headline}}

[Go]({{message.link}})

{{brand.address}} – [unsubscribe]({{links.unsubscribe}})
";
