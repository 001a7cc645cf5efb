//! The fixture of the engine tests: a small workspace, a database and a clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use campaign::Workspace;
use channel::Timeouts;
use jiff::Timestamp;
use scheduler::{Context, Engine, Files, Loaded};
use store::{Clock, DeliveryRow, NewContact, Run, RunId, RunState, Store};
use tempfile::TempDir;
use tokio::sync::watch;
use tracking::LinkSigner;

/// A workspace in a temporary folder, with a SQLite database and a clock that tests move.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) loaded: Loaded,
    files: Files,
    files_sender: watch::Sender<Loaded>,
    folder: TempDir,
    /// The time-outs of its workers.
    pub(crate) limits: Timeouts,
}

pub(crate) const MAIL: &str = r#"
[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
"#;

/// Waits until a worker has checked schedules and runs several times.
pub(crate) async fn wait_for_ticks() {
    tokio::time::sleep(Duration::from_millis(1_300)).await;
}

impl Fixture {
    /// Makes a workspace whose campaign has one step, with this `when`, and so many contacts.
    pub(crate) async fn with_when(when: &str, people: usize, now: &str) -> Self {
        let fixture = Self::new(&format!("{MAIL}when = {{ {when} }}\n"), now).await;
        fixture.contacts(people, None).await;
        fixture
    }

    /// Makes a workspace with one campaign, `hello`, that has these steps, at `now`.
    pub(crate) async fn new(steps: &str, now: &str) -> Self {
        Self::with_channel("kind = \"outbox\"", steps, now).await
    }

    /// Does the same, with this channel in the place of an outbox.
    pub(crate) async fn with_channel(channel: &str, steps: &str, now: &str) -> Self {
        Self::with_campaign(channel, "", steps, now).await
    }

    /// Does the same, with more lines at the head of the campaign.
    pub(crate) async fn with_campaign(channel: &str, head: &str, steps: &str, now: &str) -> Self {
        Self::made(channel, head, &[], steps, now).await
    }

    /// Makes a workspace with more files, given by name and content.
    pub(crate) async fn with_files(files: &[(&str, &str)], steps: &str, now: &str) -> Self {
        Self::made("kind = \"outbox\"", "", files, steps, now).await
    }

    /// Writes the files of the workspace and opens its database.
    async fn made(channel: &str, head: &str, files: &[(&str, &str)], steps: &str, now: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("chorus.toml", &format!("{CHORUS}\n[channels.email]\n{channel}\n"));
        write("audiences/everyone.toml", "title = \"Everyone\"\n");
        for (name, text) in files {
            write(name, text);
        }
        write("templates/plain/email.md", EMAIL);
        write("templates/plain/post.md", POST);
        write("campaigns/hello.toml", &format!("{head}{CAMPAIGN}\n{steps}"));
        let (workspace, findings) = Workspace::load(folder.path(), &|_| None).unwrap();
        assert!(!findings.is_fatal(), "{}", findings.to_text(false));
        let store =
            Store::open(&format!("sqlite:{}", folder.path().join("test.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let loaded: Loaded = Arc::new((workspace, findings));
        let (files_sender, files) = watch::channel(Arc::clone(&loaded));
        let clock = Clock::fixed(now.parse::<Timestamp>().unwrap());
        Self { store, clock, loaded, files, files_sender, folder, limits: Timeouts::default() }
    }

    pub(crate) fn signer(&self) -> LinkSigner {
        LinkSigner::new(b"0123456789abcdef0123456789abcdef", &self.loaded.0.server.public_url)
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine_for(None)
    }

    pub(crate) fn engine_for(&self, only: Option<RunId>) -> Engine {
        Engine::start(self.context(only))
    }

    fn context(&self, only: Option<RunId>) -> Context {
        Context {
            proxy: None,
            store: self.store.clone(),
            files: self.files.clone(),
            signer: self.signer(),
            clock: self.clock.clone(),
            worker: "test".to_owned(),
            journal: self.folder.path().join("journal"),
            limits: self.limits,
            only,
            files_before: Arc::default(),
        }
    }

    /// Starts a worker with other files.
    pub(crate) fn engine_with(&self, files: Files) -> Engine {
        Engine::start(Context { files, ..self.context(None) })
    }

    /// Returns the files as they were last read.
    pub(crate) fn loaded(&self) -> Loaded {
        Arc::clone(&self.files.borrow())
    }

    /// Reads the files again, as the watcher does when they change.
    fn reload(&self) {
        let loaded = Workspace::load(self.folder.path(), &|_| None).unwrap();
        self.files_sender.send_replace(Arc::new(loaded));
    }

    /// Replaces a text in a file of the workspace.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let path = self.folder.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{name} does not contain {old:?}");
        std::fs::write(&path, text.replace(old, new)).unwrap();
        self.reload();
    }

    /// Appends text to a file of the workspace.
    pub(crate) fn append(&self, name: &str, more: &str) {
        let path = self.folder.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{more}")).unwrap();
        self.reload();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Replaces the content of a file of the workspace.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self.reload();
    }

    /// Renames a file of the workspace.
    pub(crate) fn rename(&self, old: &str, new: &str) {
        std::fs::rename(self.folder.path().join(old), self.folder.path().join(new)).unwrap();
        self.reload();
    }

    pub(crate) fn set(&self, now: &str) {
        let Clock::Fixed(at) = &self.clock else { unreachable!() };
        at.store(now.parse::<Timestamp>().unwrap().as_millisecond(), Ordering::Relaxed);
    }

    /// Stops a worker, moves the clock by `minutes`, and starts another worker.
    pub(crate) async fn later(&self, engine: Engine, minutes: i64) -> Engine {
        engine.stop().await;
        let Clock::Fixed(at) = &self.clock else { unreachable!() };
        at.fetch_add(minutes * 60_000, Ordering::Relaxed);
        self.engine()
    }

    pub(crate) fn person(email: &str) -> NewContact {
        NewContact {
            email: Some(email.to_owned()),
            consent: Some(store::Consent::Yes),
            ..NewContact::default()
        }
    }

    pub(crate) async fn contacts(&self, count: usize, zone: Option<&str>) {
        let contact = |n: usize| {
            let name = zone.map_or("p".to_owned(), |z| z.replace('/', "").to_lowercase());
            let person = Self::person(&format!("{name}{n}@example.com"));
            NewContact { timezone: zone.map(str::to_owned), ..person }
        };
        let people: Vec<_> = (0..count).map(contact).collect();
        self.store.contact_upsert(&people, self.clock.millis()).await.unwrap();
    }

    /// Fires a step of the campaign by hand, at the clock's time.
    pub(crate) async fn fire(&self, step: &str) -> RunId {
        let campaign = &self.loaded.0.campaigns["hello"];
        let step = campaign.steps.iter().find(|s| s.id.as_str() == step).unwrap();
        scheduler::fire(
            &self.store,
            &self.loaded,
            campaign,
            step,
            &scheduler::ManualSendOptions::default(),
            self.clock.now(),
        )
        .await
        .unwrap()
    }

    /// Waits until `done` holds for the runs, oldest first; fails after twenty seconds.
    pub(crate) async fn wait(&self, what: &str, done: impl Fn(&[Run]) -> bool) -> Vec<Run> {
        for _ in 0..400 {
            let mut runs = self.store.run_list(None, 100).await.unwrap();
            runs.sort_by_key(|run| run.id);
            if done(&runs) {
                return runs;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never: {what}: {:#?}", self.store.run_list(None, 100).await.unwrap());
    }

    pub(crate) async fn ended(&self, count: usize) -> Vec<Run> {
        let ended =
            |run: &Run| run.state == RunState::Finished || run.state == RunState::FinishedWithFailures;
        self.wait(&format!("{count} runs ended"), |runs| runs.len() >= count && runs.iter().all(ended)).await
    }

    pub(crate) async fn deliveries(&self, run: RunId) -> Vec<DeliveryRow> {
        let before = store::DeliveryId((run.0 << 32) - 1);
        self.store.delivery_list(run, None, false, before, 100_000).await.unwrap()
    }

    /// Returns the number of messages in the outbox, by recipient.
    pub(crate) async fn outbox_counts(&self) -> BTreeMap<String, usize> {
        let mut kept = BTreeMap::new();
        for message in self.store.outbox_page(None, None, 100_000).await.unwrap() {
            *kept.entry(message.recipient).or_default() += 1;
        }
        kept
    }
}

pub(crate) fn tally(run: &Run, state: &str) -> i64 {
    run.tallies.iter().filter(|tally| tally.state.as_str() == state).map(|tally| tally.count).sum()
}

const CHORUS: &str = r#"
[brand]
name     = "Test"
url      = "https://test.example"
address  = "1 Test Road"
timezone = "Europe/London"

[server]
public_url = "http://127.0.0.1:1"
"#;

const EMAIL: &str = "\
# {{message.headline}}

[Go]({{message.link}})

{{brand.address}} – [unsubscribe]({{links.unsubscribe}})
";

const POST: &str = "{{contact.first_name}}, {{message.headline}} {{message.link}}\n";

const CAMPAIGN: &str = r#"
title    = "Hello"
audience = "everyone"

[message]
subject  = "Hello"
headline = "Hello"
link     = "https://test.example/go"
"#;
