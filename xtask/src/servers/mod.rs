//! The outside programs that tests need: found on the machine, or unpacked from Debian's packages below
//! `target/servers`, where nothing is installed and nothing else is touched.

mod packages;
mod postgres;
mod programs;
mod search;
mod verifiers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ::tests::Tools;
use anyhow::{Context, Result, bail, ensure};

use crate::place::Place;
pub(crate) use postgres::{Postgres, Settings};
use programs::{WANTED, Wanted};
pub(crate) use verifiers::Fetcher;

/// How the servers are looked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Behave as if none of them were on this machine, and fetch them again.
    #[arg(long)]
    fresh: bool,
}

/// Every program, found.
#[derive(Debug)]
pub(crate) struct Servers {
    found: Vec<(&'static str, PathBuf)>,
    run: PathBuf,
}

/// `cargo xtask servers`.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let start = Instant::now();
    let servers = Servers::find(place, options.fresh)?;
    for (name, path) in &servers.found {
        println!("{name:16} {}", path.display());
    }
    let postgres = servers.start_postgres(Settings::Hasty)?;
    println!("PostgreSQL started and answered; all there after {:.1} s", start.elapsed().as_secs_f64());
    drop(postgres);
    Ok(())
}

impl Servers {
    /// Finds every program, fetching what is missing.
    pub(crate) fn find(place: &Place, fresh: bool) -> Result<Self> {
        let home = place.target.join(if fresh { "servers-fresh" } else { "servers" });
        if fresh {
            let _ = fs::remove_dir_all(&home);
        }
        fs::create_dir_all(&home)?;
        let shelf = search::Shelf { unpacked: home.join("root"), use_machine: !fresh };
        let missing = shelf.missing();
        if !missing.is_empty() {
            println!("fetching {} from Debian's packages", names(&missing));
            packages::unpack(&home, &shelf, &missing, fresh)?;
        }
        let missing = shelf.missing();
        if !missing.is_empty() {
            packages::install(&missing).with_context(|| format!("{} cannot be had", names(&missing)))?;
        }
        let mut servers = Self::from_shelf(&shelf, home.join("run"), &home.join("bin"))?;
        let python3 = servers.path("python3")?;
        servers.found.extend(verifiers::find(&home, &python3, &shelf.unpacked)?);
        Ok(servers)
    }

    fn from_shelf(shelf: &search::Shelf, run: PathBuf, wrappers: &Path) -> Result<Self> {
        let mut found = Vec::new();
        for wanted in &WANTED {
            let Some(path) = shelf.find(wanted) else {
                bail!("{} is still missing: install the package {}", wanted.name, wanted.package)
            };
            let path = shelf.runnable(wanted.name, &path, wrappers)?;
            ensure!(starts(&path), "{} does not start on this machine", path.display());
            found.push((wanted.name, path));
        }
        Ok(Self { found, run })
    }

    /// Where the tests find them, with the `chorus` they are to test.
    pub(crate) fn tools(&self, chorus: PathBuf) -> Result<Tools> {
        Ok(Tools {
            chorus,
            smtp_sink: self.path("smtp-sink")?,
            smtp_source: self.path("smtp-source")?,
            chromium: self.path("chromium")?,
            chromedriver: self.path("chromedriver")?,
            sqlite3: self.path("sqlite3")?,
            psql: self.path("psql")?,
            python3: self.path("python3")?,
            dkimpy: self.path("dkimpy")?,
            node: self.path("node")?,
            mailauth: self.path("mailauth")?,
            twitter_text: self.path("twitter-text")?,
            atproto: self.path("atproto")?,
            sms_segments: self.path("sms-segments")?,
            slack_sdk: self.path("slack-sdk")?,
            standardwebhooks: self.path("standardwebhooks")?,
            marked: self.path("marked")?,
            snuownd: self.path("snuownd")?,
            discord_markdown: self.path("discord-markdown")?,
            markdown_it: self.path("markdown-it")?,
            commonmark: self.path("commonmark")?,
        })
    }

    /// What fetches servers that only some commands need, into the folders of the others.
    pub(crate) fn fetcher(&self, place: &Place) -> Result<Fetcher> {
        let home = place.target.join("servers");
        Ok(Fetcher::new(&home, &self.path("python3")?, &home.join("root")))
    }

    /// Where one of them is.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let found = self.found.iter().find(|(known, _)| *known == name);
        Ok(found.with_context(|| format!("{name} was not looked for"))?.1.clone())
    }

    /// Starts a PostgreSQL of its own, gone when the value is.
    pub(crate) fn start_postgres(&self, settings: Settings) -> Result<Postgres> {
        let programs = postgres::Programs {
            initdb: self.path("initdb")?,
            postgres: self.path("postgres")?,
            pg_isready: self.path("pg_isready")?,
        };
        Postgres::start(&programs, &self.run, settings)
    }
}

fn names(wanted: &[&Wanted]) -> String {
    wanted.iter().map(|w| w.name).collect::<Vec<_>>().join(", ")
}

/// Whether the system can load it: the loader of shared libraries ends with 127 where one is missing.
fn starts(path: &Path) -> bool {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.code() != Some(127))
}
