//! The workspace of a benchmark: one campaign to everyone, on a database that is the same before
//! every round.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use ::tests::{Sandbox, ScratchDatabase, TestDatabase, Tools};
use anyhow::{Context, Result};

/// The environment variable with the URL of the relay or endpoint.
pub(super) const RELAY: &str = "CHORUS_BENCH_RELAY";

/// The channel of a measured workspace.
#[derive(Debug, Clone, Copy)]
pub(super) enum ChannelSetup {
    /// SMTP to a relay, with a number of connections and an optional limit in messages per second.
    Smtp { connections: usize, rate: Option<u32> },
    /// Signed webhooks to an endpoint, with a number of connections.
    Webhook { connections: usize },
    /// The outbox, limited to one message a day, to measure the planning of deliveries and not
    /// their sending.
    Outbox,
}

/// A workspace with its contacts imported.
#[derive(Debug)]
pub(super) struct BenchWorkspace {
    pub(super) sandbox: Sandbox,
    /// The number of its contacts.
    pub(super) people: usize,
    /// The time of their import, in seconds.
    pub(super) imported: f64,
    scratch: Option<ScratchDatabase>,
}

impl BenchWorkspace {
    /// Creates the workspace and imports contacts, whose addresses `address` returns by number.
    pub(super) fn new(
        tools: &Tools,
        database: TestDatabase<'_>,
        channel: ChannelSetup,
        people: usize,
        address: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let sandbox = Sandbox::empty(&tools.chorus)?;
        let scratch = match database {
            TestDatabase::Sqlite => None,
            TestDatabase::Postgres(server) => Some(ScratchDatabase::new(tools, server)?),
        };
        let url = scratch.as_ref().map_or_else(|| "sqlite:data/chorus.db".to_owned(), ScratchDatabase::url);
        sandbox.write("chorus.toml", &configuration(sandbox.port, &url, channel))?;
        sandbox.write("audiences/members.toml", MEMBERS)?;
        sandbox.write("campaigns/letter.toml", CAMPAIGN)?;
        let mut workspace = Self { sandbox, people, imported: 0.0, scratch };
        workspace.pad(0)?;
        workspace.imported = workspace.import(address)?;
        workspace.save()?;
        Ok(workspace)
    }

    /// Restores the database as it was after the import.
    pub(super) fn restore(&self) -> Result<()> {
        let Some(scratch) = &self.scratch else {
            let folder = self.sandbox.path().join("data");
            fs::remove_dir_all(&folder)?;
            fs::create_dir_all(&folder)?;
            let file = folder.join("chorus.db");
            fs::copy(self.clean(), &file)?;
            // The copy is written to disk first, so that the measurement does not include it.
            return Ok(fs::File::open(file)?.sync_all()?);
        };
        scratch.restore()
    }

    /// Returns the path of the SQLite database as it was after the import.
    pub(super) fn clean(&self) -> PathBuf {
        self.sandbox.path().join("clean.db")
    }

    /// Returns the path of the SQLite database.
    pub(super) fn file(&self) -> PathBuf {
        self.sandbox.path().join("data/chorus.db")
    }

    /// Returns the URL of the PostgreSQL database; `None` for SQLite.
    pub(super) fn postgres(&self) -> Option<String> {
        self.scratch.as_ref().map(ScratchDatabase::url)
    }

    fn save(&self) -> Result<()> {
        let Some(scratch) = &self.scratch else {
            let database = self.sandbox.path().join("data/chorus.db");
            fs::copy(database, self.clean()).context("the import left no database")?;
            return Ok(());
        };
        scratch.save()
    }

    /// Returns a `chorus` command that sends to a relay on this port.
    pub(super) fn command(&self, args: &[&str], port: u16) -> Command {
        let mut command = self.sandbox.command(args);
        command.env(RELAY, relay(port));
        command
    }

    /// Writes the template with about `padding` characters of filler text.
    pub(super) fn pad(&self, padding: usize) -> Result<()> {
        let line = "<p>All work and no play makes a dull letter.</p>\n";
        let filling = line.repeat(padding / line.len());
        let html = format!(
            "<!doctype html><html><body><h1>{{{{message.headline}}}}</h1><p>Hello {{{{contact.first_name}}}},</p>\n\
             {filling}<p><a href=\"{{{{message.link}}}}\">{{{{message.call_to_action}}}}</a></p>\n\
             <p>{{{{brand.address}}}} <a href=\"{{{{links.unsubscribe}}}}\">unsubscribe</a></p></body></html>\n"
        );
        self.sandbox.write("templates/plain/email.html", &html)?;
        let text =
            "Hello {{contact.first_name}},\n\n{{message.link}}\n\n{{brand.address}}\n{{links.unsubscribe}}\n";
        let post = "**{{message.headline}}**\n\nHello {{contact.first_name}}, there is something to read.\n\n\
                    [{{message.call_to_action}}]({{message.link}})\n";
        self.sandbox.write("templates/plain/post.md", post)?;
        self.sandbox.write("templates/plain/email.txt", text)
    }

    fn import(&self, address: impl Fn(usize) -> String) -> Result<f64> {
        let mut csv = String::from("email,first_name,tier,city,consent\n");
        for number in 0..self.people {
            let tier = if number % 3 == 0 { "gold" } else { "silver" };
            let city = ["Shanghai", "Hangzhou", "Berlin", "Lagos"][number % 4];
            let _ = writeln!(csv, "{},Reader {number},{tier},{city},yes", address(number));
        }
        self.sandbox.write("contacts.csv", &csv)?;
        let start = Instant::now();
        self.sandbox.chorus_ok(&["contacts", "import", "contacts.csv"])?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Returns the URL of a relay on a port.
pub(super) fn relay(port: u16) -> String {
    format!("smtp://127.0.0.1:{port}?tls=off")
}

/// Returns the address of a contact by number, all of them at one domain.
pub(super) fn reader(number: usize) -> String {
    format!("reader.{number}@example.com")
}

const MEMBERS: &str = r#"
title = "Members of the first two tiers"
all   = [{ attribute = "tier", in = ["gold", "silver"] }]
"#;

fn configuration(port: u16, database: &str, channel: ChannelSetup) -> String {
    let table = match channel {
        ChannelSetup::Smtp { connections, rate } => {
            let rate = rate.map_or_else(String::new, |rate| format!("\nrate = \"{rate}/s\""));
            format!("kind = \"smtp\"\nurl = \"${{{RELAY}}}\"\nconnections = {connections}{rate}")
        }
        ChannelSetup::Webhook { connections } => format!(
            "kind = \"webhook\"\nurl = \"${{{RELAY}}}\"\nper = \"contact\"\nconnections = {connections}\n\
             secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\""
        ),
        ChannelSetup::Outbox => "kind = \"outbox\"\nrate = \"1/d\"".to_owned(),
    };
    let from = match channel {
        ChannelSetup::Webhook { .. } => "",
        ChannelSetup::Smtp { .. } | ChannelSetup::Outbox => "from = \"Measure <news@measure.example>\"",
    };
    format!(
        r#"
[brand]
name     = "Measure"
url      = "https://measure.example"
address  = "1 High Street, Measure"
timezone = "UTC"
language = "en"

[database]
url = "{database}"

[server]
listen     = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[channels.email]
{table}
{from}
"#
    )
}

const CAMPAIGN: &str = r#"
title    = "Letter"
audience = "members"
stop_at  = { bounces = 1.0, refusals = 1.0 }

[message]
subject        = "News for {{contact.first_name}}"
headline       = "News"
body           = "Something to read."
call_to_action = "Read"
link           = "https://measure.example/read"

[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
when     = { cron = "0 0 29 2 *" }
"#;
