//! Where the trial takes place: a workspace, a database, a relay that takes its time.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::database::Database;
use super::{Trial, When};
use crate::relay::{Act, Door, Phase, Relay, Script, Whom};
use crate::sandbox::Sandbox;
use crate::scratch::Scratch;

/// How long the relay takes at most to answer a message: long enough for kills to come meanwhile.
const THOUGHT: Duration = Duration::from_millis(50);
/// The variable by which a process is told its door.
const DOOR: &str = "CHORUS_CRASH_RELAY";

/// The stage, set.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) relay: Relay,
    _database: Option<Scratch>,
}

/// One run, as `chorus runs` tells it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) is_planned: bool,
    pub(super) has_ended: bool,
    /// How many repeats it is told to have had.
    pub(super) repeats: usize,
}

impl Stage {
    pub(super) fn set(trial: &Trial<'_>) -> Result<Self> {
        let sandbox = Sandbox::empty(&trial.tools.chorus)?;
        let made = match trial.database {
            Database::Sqlite => None,
            Database::Postgres(server) => Some(Scratch::new(trial.tools, server)?),
        };
        let url = made.as_ref().map_or_else(|| "sqlite:data/chorus.db".to_owned(), Scratch::url);
        sandbox.write("chorus.toml", &configuration(&url, sandbox.port))?;
        sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n")?;
        sandbox.write("campaigns/letter.toml", CAMPAIGN)?;
        sandbox.write("templates/plain/email.txt", TEXT)?;
        let rows = (0..trial.recipients).map(|number| format!("{},Reader {number}\n", address(number)));
        sandbox.write("contacts.csv", &format!("email,first_name\n{}", rows.collect::<String>()))?;
        write_letter(&sandbox, false)?;
        sandbox.done(&["contacts", "import", "contacts.csv"])?;
        let mut script = Script { seed: trial.seed, ..Script::default() };
        if trial.when == When::Sending {
            script = script.with(Phase::Dot, Whom::All, Act::Delay(Duration::ZERO, THOUGHT));
        }
        Ok(Self { sandbox, relay: Relay::new(script), _database: made })
    }

    /// Makes the letters of the next run short, or so long that they do not leave in one piece.
    pub(super) fn write_letter(&self, is_long: bool) -> Result<()> {
        write_letter(&self.sandbox, is_long)
    }

    /// A command that sends through a door and says nothing.
    pub(super) fn sending(&self, args: &[&str], door: &Door) -> Command {
        let mut command = self.sandbox.command(args);
        command.env(DOOR, format!("smtp://127.0.0.1:{}?tls=off", door.port));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The latest run.
    pub(super) fn latest_run(&self) -> Result<Option<Run>> {
        let runs = self.sandbox.json(&["runs", "list", "--limit", "1"])?;
        let Some(id) = runs[0]["id"].as_i64() else { return Ok(None) };
        let (is_planned, has_ended) = (runs[0]["state"] == "planned", runs[0]["finished_at"].is_i64());
        Ok(Some(Run { id, is_planned, has_ended, repeats: tally(&runs[0], "repeat")? }))
    }

    /// Everything that `chorus` tells of a run.
    pub(super) fn show(&self, run: i64) -> Result<Value> {
        self.sandbox.json(&["runs", "show", &run.to_string(), "--limit", "1000000"])
    }
}

/// The address of the `number`th recipient.
pub(super) fn address(number: usize) -> String {
    format!("reader.{number}@example.com")
}

/// How many deliveries of a run ended in a state, as `chorus runs` tells it.
pub(super) fn tally(run: &Value, state: &str) -> Result<usize> {
    let tallies = run["tallies"].as_array().context("a run has tallies")?;
    let of_state = tallies.iter().filter(|tally| tally["state"] == state);
    let count: i64 = of_state.filter_map(|tally| tally["count"].as_i64()).sum();
    usize::try_from(count).context("a tally below nothing")
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
url         = "${{{DOOR}}}"
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

fn write_letter(sandbox: &Sandbox, is_long: bool) -> Result<()> {
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
