//! Where the posts of these stories go: every network of the platform, one campaign with a step for each, and a hand
//! on the database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use platform::{Fault, Kind, Platform};
use serde_json::Value;
use tests::{Guard, Sandbox, Scratch, Server, Tools, bound, until};
use tokio::runtime::Runtime;

use crate::pier;

/// These know a post by its key.
pub(super) const KEYED: &[Kind] = &[Kind::Webhook, Kind::Bluesky, Kind::Matrix, Kind::Wechat];
/// There a post is looked up before it is made again.
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
/// Of these nobody knows: a person has to look.
pub(super) const PARKED: &[Kind] = &[
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

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A journal: so many bytes before its slots, and in each: delivery (8), try (4), what is known (1), nothing (3).
const HEADER: usize = 256;
const SLOT: usize = 16;
const ACCEPTED: u8 = 3;

/// Networks, and a workspace whose one campaign posts to each of them as soon as somebody works.
pub(super) struct Town {
    pub(super) kinds: Vec<Kind>,
    pub(super) platform: Platform,
    pub(super) sandbox: Sandbox,
    tools: Tools,
    database: Option<Scratch>,
    _runtime: Runtime,
}

impl Town {
    pub(super) fn of(kinds: &[Kind]) -> Self {
        Self::with(kinds, None, "")
    }

    /// One whose truth is on a PostgreSQL.
    pub(super) fn on_postgres(kinds: &[Kind]) -> Self {
        let database = Scratch::new(&pier::tools(), &Tools::postgres().unwrap()).unwrap();
        Self::with(kinds, Some(database), "")
    }

    /// One whose channels say more than they must.
    pub(super) fn with(kinds: &[Kind], database: Option<Scratch>, more: &str) -> Self {
        let tools = pier::tools();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let platform = runtime.block_on(Platform::start(Arc::new(now))).unwrap();
        let sandbox = Sandbox::empty(&tools.chorus).unwrap().knowing(Platform::variables());
        let town = Self { kinds: kinds.to_vec(), platform, sandbox, tools, database, _runtime: runtime };
        town.write(more);
        town
    }

    fn write(&self, more: &str) {
        let url = self.database.as_ref().map_or_else(|| "sqlite:data/chorus.db".to_owned(), Scratch::url);
        let mut configuration = configuration(&url, self.sandbox.port);
        let mut campaign = CAMPAIGN.to_owned();
        let at = past();
        for kind in &self.kinds {
            configuration.push_str(&format!("\n{}{more}", self.platform.channel_toml(*kind, kind.name())));
            campaign.push_str(&format!(
                "\n[[steps]]\nid = \"{kind}\"\nchannel = \"{kind}\"\ntemplate = \"note\"\nwhen = {{ at = {at} }}\n"
            ));
        }
        self.sandbox.write("chorus.toml", &configuration).unwrap();
        self.sandbox.write("campaigns/launch.toml", &campaign).unwrap();
        self.sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n").unwrap();
        self.sandbox.write("templates/note/post.md", TEMPLATE).unwrap();
        fs::create_dir_all(self.sandbox.path().join("images")).unwrap();
        let picture = pier::repository().join("images/spring.png");
        fs::copy(picture, self.sandbox.path().join("images/spring.png")).unwrap();
        self.sandbox.done(&["migrate"]).unwrap();
        // Each step was looked at last two minutes ago: all of them fire at once, late.
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

    /// A worker without pages.
    pub(super) fn worker(&self) -> Guard {
        let mut command = self.sandbox.command(&["serve", "--role", "worker"]);
        Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null())).unwrap()
    }

    /// Asks the database's own shell.
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

    pub(super) fn number(&self, statement: &str) -> usize {
        self.sql(statement).parse().unwrap()
    }

    /// Waits for something.
    pub(super) fn until(&self, what: &str, ready: impl Fn(&Self) -> bool) {
        let told = until(what, PATIENCE, || Ok(ready(self).then_some(())));
        told.unwrap_or_else(|error| {
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

    /// Waits until every network was asked for a post with this going wrong.
    pub(super) fn until_all_met(&self, fault: &Fault) {
        let met = |town: &Self, kind: &Kind| {
            town.platform.requests(*kind).iter().any(|request| request.fault.as_ref() == Some(fault))
        };
        self.until("every network to be asked", |town| town.kinds.iter().all(|kind| met(town, kind)));
    }

    /// Waits until as many requests as there are networks are held.
    pub(super) fn until_all_are_held(&self) {
        self.until("every network to be asked", |town| town.platform.held() == town.kinds.len());
    }

    /// Lets minutes pass: what waits for its next try is due, and no rate is in its way.
    pub(super) fn pass_time(&self) {
        self.sql(
            "update deliveries set due_at = 1 where state in ('queued', 'deferred') and due_at > 1;
             update allowances set free_at = 0 where free_at > 0",
        );
    }

    /// Waits until every run has ended, letting time pass.
    pub(super) fn let_end(&self) {
        self.until("every run to end", |town| {
            town.pass_time();
            town.number("select count(*) from runs where finished_at is not null") == town.kinds.len()
        });
    }

    /// Every run, by its network.
    pub(super) fn runs(&self) -> BTreeMap<String, Value> {
        let runs = self.sandbox.json(&["runs", "list", "--limit", "100"]).unwrap();
        let named = |run: &Value| (run["step"].as_str().unwrap().to_owned(), run.clone());
        runs.as_array().unwrap().iter().map(named).collect()
    }

    /// Everything goes wrong in the same way.
    pub(super) fn fault(&self, fault: &Fault) {
        self.kinds.iter().for_each(|kind| self.platform.fault(*kind, fault.clone()));
    }

    /// How many posts each network has.
    pub(super) fn posts(&self, kinds: &[Kind]) -> BTreeMap<&'static str, u64> {
        kinds.iter().map(|kind| (kind.name(), self.platform.accepted(*kind))).collect()
    }

    /// How many deliveries the journals have as accepted.
    pub(super) fn noted_as_accepted(&self) -> usize {
        let mut noted = BTreeSet::new();
        for entry in fs::read_dir(self.sandbox.path().join("data/journal")).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
            for slot in bytes.get(HEADER..).unwrap_or_default().chunks_exact(SLOT) {
                if slot[12] == ACCEPTED {
                    noted.insert(slot[..8].to_vec());
                }
            }
        }
        noted.len()
    }

    /// Holds SQLite's one place to write until dropped.
    pub(super) fn lock(&self) -> Guard {
        let mut shell = bound(&self.tools.sqlite3);
        shell.arg(self.file()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guard = Guard::spawn("sqlite3", &mut shell).unwrap();
        let ask = ".timeout 20000\nbegin immediate;\nselect 'held';\n";
        guard.child().stdin.as_mut().unwrap().write_all(ask.as_bytes()).unwrap();
        let mut said = String::new();
        BufReader::new(guard.child().stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "held");
        guard
    }
}

/// So many of each.
pub(super) fn each(kinds: &[Kind], count: u64) -> BTreeMap<&'static str, u64> {
    kinds.iter().map(|kind| (kind.name(), count)).collect()
}

/// The machine's time, which is `chorus`'s, in Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the platform judges by the same clock as the process under test"
)]
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A minute ago, as files write it.
fn past() -> String {
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
