//! The outside programs that stories and benchmarks use, handed from `cargo xtask` to them by environment.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where each program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The `chorus` executable under test.
    pub chorus: PathBuf,
    /// Postfix's server that takes mail and throws it away.
    pub smtp_sink: PathBuf,
    /// Postfix's client that sends as fast as it can.
    pub smtp_source: PathBuf,
    /// A browser.
    pub chromium: PathBuf,
    /// What drives it.
    pub chromedriver: PathBuf,
    /// The database shell.
    pub sqlite3: PathBuf,
    /// The shell of the other database.
    pub psql: PathBuf,
    /// Python 3, whose `email` package is the second opinion on every message.
    pub python3: PathBuf,
    /// The folder of Python packages that has `dkim`, which reads DKIM signatures.
    pub dkimpy: PathBuf,
    /// Node.js.
    pub node: PathBuf,
    /// The folder of its package mailauth, which reads them too.
    pub mailauth: PathBuf,
    /// The folder of X's twitter-text.
    pub twitter_text: PathBuf,
    /// The folder of Bluesky's @atproto/api.
    pub atproto: PathBuf,
    /// The folder of Twilio's sms-segments-calculator.
    pub sms_segments: PathBuf,
    /// The folder of Python packages that has `slack_sdk`.
    pub slack_sdk: PathBuf,
    /// The folder of Python packages that has `standardwebhooks`.
    pub standardwebhooks: PathBuf,
    /// The folder of marked, in the version that Mattermost forked.
    pub marked: PathBuf,
    /// The folder of Reddit's snuownd.
    pub snuownd: PathBuf,
    /// The folder of discord-markdown.
    pub discord_markdown: PathBuf,
    /// The folder of markdown-it, which Adaptive Cards are shown by.
    pub markdown_it: PathBuf,
    /// The folder of commonmark.js.
    pub commonmark: PathBuf,
}

impl Tools {
    /// As `cargo xtask test` exported them.
    ///
    /// # Errors
    /// Names the variable that is missing or points nowhere, and says what sets it.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            chorus: named("CHORUS_TEST_BINARY")?,
            smtp_sink: named("CHORUS_TEST_SMTP_SINK")?,
            smtp_source: named("CHORUS_TEST_SMTP_SOURCE")?,
            chromium: named("CHORUS_TEST_CHROMIUM")?,
            chromedriver: named("CHORUS_TEST_CHROMEDRIVER")?,
            sqlite3: named("CHORUS_TEST_SQLITE3")?,
            psql: named("CHORUS_TEST_PSQL")?,
            python3: named("CHORUS_TEST_PYTHON3")?,
            dkimpy: named("CHORUS_TEST_DKIMPY")?,
            node: named("CHORUS_TEST_NODE")?,
            mailauth: named("CHORUS_TEST_MAILAUTH")?,
            twitter_text: named("CHORUS_TEST_TWITTER_TEXT")?,
            atproto: named("CHORUS_TEST_ATPROTO")?,
            sms_segments: named("CHORUS_TEST_SMS_SEGMENTS")?,
            slack_sdk: named("CHORUS_TEST_SLACK_SDK")?,
            standardwebhooks: named("CHORUS_TEST_STANDARDWEBHOOKS")?,
            marked: named("CHORUS_TEST_MARKED")?,
            snuownd: named("CHORUS_TEST_SNUOWND")?,
            discord_markdown: named("CHORUS_TEST_DISCORD_MARKDOWN")?,
            markdown_it: named("CHORUS_TEST_MARKDOWN_IT")?,
            commonmark: named("CHORUS_TEST_COMMONMARK")?,
        })
    }

    /// The URL of the PostgreSQL that `cargo xtask test` started.
    ///
    /// # Errors
    /// When the variable is missing, and what sets it.
    #[expect(clippy::disallowed_methods, reason = "the one place where tests learn what xtask found")]
    pub fn postgres() -> Result<String> {
        std::env::var("CHORUS_TEST_POSTGRES")
            .context("CHORUS_TEST_POSTGRES is not set: run the stories with `cargo xtask test e2e`")
    }

    /// Hands them to a process.
    pub fn export(&self, command: &mut Command) {
        command
            .env("CHORUS_TEST_BINARY", &self.chorus)
            .env("CHORUS_TEST_SMTP_SINK", &self.smtp_sink)
            .env("CHORUS_TEST_SMTP_SOURCE", &self.smtp_source)
            .env("CHORUS_TEST_CHROMIUM", &self.chromium)
            .env("CHORUS_TEST_CHROMEDRIVER", &self.chromedriver)
            .env("CHORUS_TEST_SQLITE3", &self.sqlite3)
            .env("CHORUS_TEST_PSQL", &self.psql)
            .env("CHORUS_TEST_PYTHON3", &self.python3)
            .env("CHORUS_TEST_DKIMPY", &self.dkimpy)
            .env("CHORUS_TEST_NODE", &self.node)
            .env("CHORUS_TEST_MAILAUTH", &self.mailauth)
            .env("CHORUS_TEST_TWITTER_TEXT", &self.twitter_text)
            .env("CHORUS_TEST_ATPROTO", &self.atproto)
            .env("CHORUS_TEST_SMS_SEGMENTS", &self.sms_segments)
            .env("CHORUS_TEST_SLACK_SDK", &self.slack_sdk)
            .env("CHORUS_TEST_STANDARDWEBHOOKS", &self.standardwebhooks)
            .env("CHORUS_TEST_MARKED", &self.marked)
            .env("CHORUS_TEST_SNUOWND", &self.snuownd)
            .env("CHORUS_TEST_DISCORD_MARKDOWN", &self.discord_markdown)
            .env("CHORUS_TEST_MARKDOWN_IT", &self.markdown_it)
            .env("CHORUS_TEST_COMMONMARK", &self.commonmark);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where tests learn what xtask found")]
fn named(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .with_context(|| format!("{variable} is not set: run the stories with `cargo xtask test e2e`"))?;
    let path = PathBuf::from(path);
    ensure!(path.exists(), "{variable} names {}, which is not there", path.display());
    Ok(path)
}
