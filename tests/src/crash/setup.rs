//! The set-up of a crash trial: a workspace, a database, and a relay that delays its answers.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::database::TestDatabase;
use super::{CrashTrial, KillTiming};
use crate::relay::{Phase, RecipientFilter, Relay, RelayAction, RelayListener, Script};
use crate::sandbox::Sandbox;
use crate::scratch_database::ScratchDatabase;

/// The longest delay of the relay's answer to a message: long enough for kills to happen meanwhile.
const MAX_ANSWER_DELAY: Duration = Duration::from_millis(50);
/// The environment variable with the relay URL of a process.
const RELAY_VARIABLE: &str = "CHORUS_CRASH_RELAY";

/// A prepared workspace with its database and relay.
#[derive(Debug)]
pub(super) struct TrialSetup {
    pub(super) sandbox: Sandbox,
    pub(super) relay: Relay,
    _database: Option<ScratchDatabase>,
}

/// One run as reported by `chorus runs`.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) is_planned: bool,
    pub(super) has_ended: bool,
    /// The number of repeats reported for the run.
    pub(super) repeats: usize,
}

impl TrialSetup {
    pub(super) fn prepare(trial: &CrashTrial<'_>) -> Result<Self> {
        let sandbox = Sandbox::empty(&trial.tools.chorus)?;
        let database = match trial.database {
            TestDatabase::Sqlite => None,
            TestDatabase::Postgres(server) => Some(ScratchDatabase::new(trial.tools, server)?),
        };
        let url = database.as_ref().map_or_else(|| "sqlite:data/chorus.db".to_owned(), ScratchDatabase::url);
        sandbox.write("chorus.toml", &configuration(&url, sandbox.port))?;
        sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n")?;
        sandbox.write("campaigns/letter.toml", CAMPAIGN)?;
        sandbox.write("templates/plain/email.txt", TEXT)?;
        let rows = (0..trial.recipients).map(|number| format!("{},Reader {number},yes\n", address(number)));
        sandbox.write("contacts.csv", &format!("email,first_name,consent\n{}", rows.collect::<String>()))?;
        write_template(&sandbox, false)?;
        sandbox.chorus_ok(&["contacts", "import", "contacts.csv"])?;
        let mut script = Script { seed: trial.seed, ..Script::default() };
        if trial.when == KillTiming::Sending {
            script = script.with(
                Phase::Dot,
                RecipientFilter::All,
                RelayAction::Delay(Duration::ZERO, MAX_ANSWER_DELAY),
            );
        }
        Ok(Self { sandbox, relay: Relay::new(script), _database: database })
    }

    /// Makes the messages of the next run short, or so long that they need several writes.
    pub(super) fn write_template(&self, is_long: bool) -> Result<()> {
        write_template(&self.sandbox, is_long)
    }

    /// Returns a command that sends through a port of the relay, with its output discarded.
    pub(super) fn send_command(&self, args: &[&str], listener: &RelayListener) -> Command {
        let mut command = self.sandbox.command(args);
        command.env(RELAY_VARIABLE, format!("smtp://127.0.0.1:{}?tls=off", listener.port));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Returns the run that was created last, if there is one.
    pub(super) fn latest_run(&self) -> Result<Option<Run>> {
        let runs = self.sandbox.json(&["runs", "list", "--limit", "1"])?;
        let Some(id) = runs[0]["id"].as_i64() else { return Ok(None) };
        let (is_planned, has_ended) = (runs[0]["state"] == "planned", runs[0]["finished_at"].is_string());
        Ok(Some(Run { id, is_planned, has_ended, repeats: tally(&runs[0], "repeat")? }))
    }

    /// Returns the JSON output of `chorus runs show` with all its rows.
    pub(super) fn show(&self, run: i64) -> Result<Value> {
        self.sandbox.json(&["runs", "show", &run.to_string(), "--limit", "1000000"])
    }
}

/// Returns the address of a recipient by number.
pub(super) fn address(number: usize) -> String {
    format!("reader.{number}@example.com")
}

/// Returns the number of deliveries of a run in a state, as reported by `chorus runs`.
pub(super) fn tally(run: &Value, state: &str) -> Result<usize> {
    let tallies = run["tallies"].as_array().context("a run has tallies")?;
    let of_state = tallies.iter().filter(|tally| tally["state"] == state);
    let count: i64 = of_state.filter_map(|tally| tally["count"].as_i64()).sum();
    usize::try_from(count).context("a tally is negative")
}

fn configuration(database: &str, port: u16) -> String {
    format!(
        r#"
[brand]
name     = "Pier"
url      = "https://pier.example"
address  = "1 Pier Road, Shanghai"
timezone = "UTC"
language = "en"

[database]
url = "{database}"

[server]
listen     = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[channels.email]
kind        = "smtp"
url         = "${{{RELAY_VARIABLE}}}"
from        = "Pier <news@pier.example>"
connections = 8
"#
    )
}

const CAMPAIGN: &str = r#"
title    = "Letter"
audience = "everyone"

[message]
subject        = "News for {{contact.first_name}}"
headline       = "News"
body           = "Something to read."
call_to_action = "Read"
link           = "https://pier.example/read"

[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
when     = { cron = "0 0 29 2 *" }
"#;

fn write_template(sandbox: &Sandbox, is_long: bool) -> Result<()> {
    let filling = "<p>All work and no play makes a dull letter.</p>\n".repeat(if is_long { 700 } else { 0 });
    let html = format!("{HTML}{filling}</body></html>\n");
    sandbox.write("templates/plain/email.html", &html)
}

const HTML: &str = r#"<!doctype html><html><body><h1>{{message.headline}}</h1>
<p>Hello {{contact.first_name}},</p><p>{{message.body}}</p>
<p><a href="{{message.link}}">{{message.call_to_action}}</a></p>
<p>{{brand.address}} <a href="{{links.unsubscribe}}">unsubscribe</a></p>
"#;

const TEXT: &str =
    "Hello {{contact.first_name}},\n\n{{message.link}}\n\n{{brand.address}}\n{{links.unsubscribe}}\n";
