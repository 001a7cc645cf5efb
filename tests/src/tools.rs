//! The external programs that tests and benchmarks use. `cargo xtask` passes their paths in
//! environment variables.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The paths of the external programs and package folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The `chorus` executable under test.
    pub chorus: PathBuf,
    /// Postfix's `smtp-sink`, a server that accepts and discards mail.
    pub smtp_sink: PathBuf,
    /// Postfix's `smtp-source`, a client that sends mail as fast as possible.
    pub smtp_source: PathBuf,
    /// The Chromium browser, or a wrapper script that starts it.
    pub chromium: PathBuf,
    /// The WebDriver server for Chromium.
    pub chromedriver: PathBuf,
    /// The SQLite shell `sqlite3`.
    pub sqlite3: PathBuf,
    /// The PostgreSQL shell `psql`.
    pub psql: PathBuf,
    /// Python 3, whose `email` package parses every message as a second opinion.
    pub python3: PathBuf,
    /// The folder of Python packages that contains `dkim`, a verifier of DKIM signatures.
    pub dkimpy: PathBuf,
    /// The Node.js executable.
    pub node: PathBuf,
    /// The folder of the npm package mailauth, the second verifier of DKIM signatures.
    pub mailauth: PathBuf,
    /// The folder of X's npm package twitter-text.
    pub twitter_text: PathBuf,
    /// The folder of Bluesky's npm package @atproto/api.
    pub atproto: PathBuf,
    /// The folder of Twilio's npm package sms-segments-calculator.
    pub sms_segments: PathBuf,
    /// The folder of Python packages that contains `slack_sdk`.
    pub slack_sdk: PathBuf,
    /// The folder of Python packages that contains `standardwebhooks`.
    pub standardwebhooks: PathBuf,
    /// The folder of the npm package marked, in the version that Mattermost forked.
    pub marked: PathBuf,
    /// The folder of the npm package snuownd, a port of Reddit's renderer.
    pub snuownd: PathBuf,
    /// The folder of the npm package discord-markdown.
    pub discord_markdown: PathBuf,
    /// The folder of the npm package markdown-it, which renders Adaptive Cards.
    pub markdown_it: PathBuf,
    /// The folder of the npm package commonmark, the reference implementation.
    pub commonmark: PathBuf,
}

impl Tools {
    /// Reads the paths that `cargo xtask test` exported.
    ///
    /// # Errors
    /// Names the variable that is missing or points to no file, and the command that sets it.
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

    /// Returns the URL of the PostgreSQL that `cargo xtask test` started.
    ///
    /// # Errors
    /// Names the command that sets the variable when it is missing.
    #[expect(clippy::disallowed_methods, reason = "the one place where tests learn what xtask found")]
    pub fn postgres() -> Result<String> {
        std::env::var("CHORUS_TEST_POSTGRES")
            .context("CHORUS_TEST_POSTGRES is not set: run the stories with `cargo xtask test e2e`")
    }

    /// Sets the variables in the environment of a command.
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
