//! The fixture for posts to networks: the fake networks, one campaign with a step for each, and
//! access to the database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use platform::{Fault, Kind, Platform};
use serde_json::Value;
use tests::{Guard, Sandbox, ScratchDatabase, Server, Tools, child_command, until};
use tokio::runtime::Runtime;

use crate::fixture;

/// Networks that recognize a repeated post by its idempotency key.
pub(super) const KEYED: &[Kind] = &[Kind::Webhook, Kind::Bluesky, Kind::Matrix, Kind::Wechat];
/// Networks on which a post can be looked up before it is repeated.
pub(super) const LOOKED_UP: &[Kind] = &[
    Kind::Mastodon,
    Kind::X,
    Kind::Linkedin,
    Kind::Facebook,
    Kind::Threads,
    Kind::Reddit,
    Kind::Pinterest,
    Kind::Weibo,
    Kind::Ntfy,
];
/// Networks on which a lost answer leaves a post uncertain: a person has to look.
pub(super) const UNCERTAIN: &[Kind] = &[
    Kind::Slack,
    Kind::Discord,
    Kind::Mattermost,
    Kind::Wecom,
    Kind::Dingtalk,
    Kind::Feishu,
    Kind::Telegram,
    Kind::Teams,
    Kind::Douyin,
];

/// The longest time that a test waits for a condition.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The size of a journal's header in bytes. A slot contains delivery (8 bytes), attempt (4), state
/// (1) and padding (3).
const JOURNAL_HEADER_BYTES: usize = 256;
const JOURNAL_SLOT_BYTES: usize = 16;
const JOURNAL_STATE_ACCEPTED: u8 = 3;

/// Fake networks, and a workspace whose one campaign posts to each of them as soon as a worker
/// runs.
pub(super) struct NetworkFixture {
    pub(super) kinds: Vec<Kind>,
    pub(super) platform: Platform,
    pub(super) sandbox: Sandbox,
    tools: Tools,
    database: Option<ScratchDatabase>,
    _runtime: Runtime,
}

impl NetworkFixture {
    pub(super) fn of(kinds: &[Kind]) -> Self {
        Self::with(kinds, None, "")
    }

    /// Creates a fixture with its database on PostgreSQL.
    pub(super) fn on_postgres(kinds: &[Kind]) -> Self {
        let database = ScratchDatabase::new(&fixture::tools(), &Tools::postgres().unwrap()).unwrap();
        Self::with(kinds, Some(database), "")
    }

    /// Creates a fixture whose channels have additional settings.
    pub(super) fn with(kinds: &[Kind], database: Option<ScratchDatabase>, settings: &str) -> Self {
        let tools = fixture::tools();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let platform = runtime.block_on(Platform::start(Arc::new(now))).unwrap();
        let sandbox = Sandbox::empty(&tools.chorus).unwrap().with_env(Platform::variables());
        let fixture = Self { kinds: kinds.to_vec(), platform, sandbox, tools, database, _runtime: runtime };
        fixture.write_workspace(settings);
        fixture
    }

    fn write_workspace(&self, settings: &str) {
        let url =
            self.database.as_ref().map_or_else(|| "sqlite:data/chorus.db".to_owned(), ScratchDatabase::url);
        let mut configuration = configuration(&url, self.sandbox.port);
        let mut campaign = CAMPAIGN.to_owned();
        let at = a_minute_ago();
        for kind in &self.kinds {
            configuration
                .push_str(&format!("\n{}{settings}", self.platform.channel_toml(*kind, kind.name())));
            campaign.push_str(&format!(
                "\n[[steps]]\nid = \"{kind}\"\nchannel = \"{kind}\"\ntemplate = \"note\"\nwhen = {{ at = {at} }}\n"
            ));
        }
        self.sandbox.write("chorus.toml", &configuration).unwrap();
        self.sandbox.write("campaigns/launch.toml", &campaign).unwrap();
        self.sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n").unwrap();
        self.sandbox.write("templates/note/post.md", TEMPLATE).unwrap();
        fs::create_dir_all(self.sandbox.path().join("images")).unwrap();
        let picture = fixture::repository().join("images/spring.png");
        fs::copy(picture, self.sandbox.path().join("images/spring.png")).unwrap();
        self.sandbox.chorus_ok(&["migrate"]).unwrap();
        // Each step was last planned two minutes ago: all of them fire at once, late.
        for kind in &self.kinds {
            let before = now() - 120_000;
            self.sql(&format!(
                "insert into schedules (campaign, step, planned_through) values ('launch', '{kind}', {before})"
            ));
        }
    }

    pub(super) fn serve(&self) -> Server {
        self.sandbox.serve().unwrap()
    }

    /// Starts a worker without pages.
    pub(super) fn worker(&self) -> Guard {
        let mut command = self.sandbox.command(&["serve", "--role", "worker"]);
        Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null())).unwrap()
    }

    /// Runs a statement in the database's own shell and returns its output.
    pub(super) fn sql(&self, statement: &str) -> String {
        let mut shell = match &self.database {
            None => {
                let mut shell = Command::new(&self.tools.sqlite3);
                shell.args(["-cmd", ".timeout 20000"]).arg(self.file());
                shell
            }
            Some(database) => {
                let mut shell = Command::new(&self.tools.psql);
                shell.args(["-q", "-X", "-A", "-t", "-d", &database.url(), "-c"]);
                shell
            }
        };
        let output = shell.arg(statement).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn file(&self) -> PathBuf {
        self.sandbox.path().join("data/chorus.db")
    }

    pub(super) fn count(&self, statement: &str) -> usize {
        self.sql(statement).parse().unwrap()
    }

    /// Waits for a condition, and panics with the state of all deliveries if it is not met in time.
    pub(super) fn wait_for(&self, what: &str, ready: impl Fn(&Self) -> bool) {
        let result = until(what, TIMEOUT, || Ok(ready(self).then_some(())));
        result.unwrap_or_else(|error| {
            let rows = "select r.step, d.state, d.reason, d.repeats, d.answer, r.state, r.note
                        from deliveries d join runs r on r.id = d.run_id order by 1, 2 limit 50";
            let refused: Vec<_> = self.kinds.iter().flat_map(|kind| self.platform.requests(*kind)).collect();
            let refused: Vec<_> = refused
                .iter()
                .filter_map(|request| Some((&request.path, request.refused.as_ref()?)))
                .collect();
            panic!("{error}\n{}\n{refused:#?}", self.sql(rows))
        });
    }

    /// Waits until every network has received a request with this fault.
    pub(super) fn wait_until_all_hit(&self, fault: &Fault) {
        let met = |fixture: &Self, kind: &Kind| {
            fixture.platform.requests(*kind).iter().any(|request| request.fault.as_ref() == Some(fault))
        };
        self.wait_for("every network to be asked", |fixture| {
            fixture.kinds.iter().all(|kind| met(fixture, kind))
        });
    }

    /// Waits until one request for each network is held.
    pub(super) fn wait_until_all_held(&self) {
        self.wait_for("every network to be asked", |fixture| fixture.platform.held() == fixture.kinds.len());
    }

    /// Simulates that minutes have passed: every retry is due, and no rate limit applies.
    pub(super) fn pass_time(&self) {
        self.sql(
            "update deliveries set due_at = 1 where state in ('queued', 'deferred') and due_at > 1;
             update allowances set free_at = 0 where free_at > 0",
        );
    }

    /// Waits until every run has ended, while time is simulated to pass.
    pub(super) fn finish_runs(&self) {
        self.wait_for("every run to end", |fixture| {
            fixture.pass_time();
            fixture.count("select count(*) from runs where finished_at is not null") == fixture.kinds.len()
        });
    }

    /// Returns every run by the name of its network.
    pub(super) fn runs(&self) -> BTreeMap<String, Value> {
        let runs = self.sandbox.json(&["runs", "list", "--limit", "100"]).unwrap();
        let named = |run: &Value| (run["step"].as_str().unwrap().to_owned(), run.clone());
        runs.as_array().unwrap().iter().map(named).collect()
    }

    /// Injects the same fault into the next post to every network.
    pub(super) fn inject_fault(&self, fault: &Fault) {
        self.kinds.iter().for_each(|kind| self.platform.fault(*kind, fault.clone()));
    }

    /// Returns the number of posts that each network has accepted.
    pub(super) fn post_counts(&self, kinds: &[Kind]) -> BTreeMap<&'static str, u64> {
        kinds.iter().map(|kind| (kind.name(), self.platform.accepted(*kind))).collect()
    }

    /// Returns the number of deliveries that the journals record as accepted.
    pub(super) fn accepted_in_journals(&self) -> usize {
        let mut accepted = BTreeSet::new();
        for entry in fs::read_dir(self.sandbox.path().join("data/journal")).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
            for slot in bytes.get(JOURNAL_HEADER_BYTES..).unwrap_or_default().chunks_exact(JOURNAL_SLOT_BYTES)
            {
                if slot[12] == JOURNAL_STATE_ACCEPTED {
                    accepted.insert(slot[..8].to_vec());
                }
            }
        }
        accepted.len()
    }

    /// Holds SQLite's write lock until dropped.
    pub(super) fn lock(&self) -> Guard {
        let mut shell = child_command(&self.tools.sqlite3);
        shell.arg(self.file()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guard = Guard::spawn("sqlite3", &mut shell).unwrap();
        let statements = ".timeout 20000\nbegin immediate;\nselect 'held';\n";
        guard.child().stdin.as_mut().unwrap().write_all(statements.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(guard.child().stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        guard
    }
}

/// Returns the expected counts: `count` posts on each network.
pub(super) fn expected_counts(kinds: &[Kind], count: u64) -> BTreeMap<&'static str, u64> {
    kinds.iter().map(|kind| (kind.name(), count)).collect()
}

/// Returns the machine's time, the clock of `chorus`, in milliseconds since the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "the platform judges by the same clock as the process under test"
)]
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Returns the time a minute ago in the format of campaign files.
fn a_minute_ago() -> String {
    let at = jiff::Timestamp::from_millisecond(now() - 60_000).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn configuration(database: &str, port: u16) -> String {
    format!(
        r#"
[brand]
name     = "Harbour Coffee"
url      = "https://harbour.example"
address  = "1 Pier Road, Shanghai"
timezone = "UTC"
language = "en"

[database]
url = "{database}"

[server]
listen     = "127.0.0.1:{port}"
public_url = "https://news.harbour.example"
"#
    )
}

const CAMPAIGN: &str = r#"
title     = "Launch"
audience  = "everyone"

[message]
subject        = "Spring Tide is here"
headline       = "Spring Tide is here"
body           = "Soft, floral, roasted light."
call_to_action = "Choose your bag"
link           = "https://harbour.example/spring"
image          = "images/spring.png"
image_alt      = "A white cup beneath blossoming magnolias"
"#;

const TEMPLATE: &str =
    "**{{message.headline}}**\n\n{{message.body}}\n\n[{{message.call_to_action}}]({{message.link}})\n";
