//! The external programs that tests need: found on the machine, or unpacked from Debian's packages
//! below `target/servers`, where nothing is installed and nothing else is touched.

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

use crate::repository::Repository;
pub(crate) use postgres::{Durability, Postgres};
use programs::{REQUIRED_PROGRAMS, RequiredProgram};
use search::ProgramSearch;
pub(crate) use verifiers::Fetcher;

/// The options of the search for servers.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Ignores servers on this machine and fetches all of them again.
    #[arg(long)]
    fresh: bool,
}

/// The paths of all required programs.
#[derive(Debug)]
pub(crate) struct Servers {
    found: Vec<(&'static str, PathBuf)>,
    run: PathBuf,
}

/// Runs `cargo xtask servers`: prints all paths and starts PostgreSQL once.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let start = Instant::now();
    let servers = Servers::find(repository, options.fresh)?;
    for (name, path) in &servers.found {
        println!("{name:16} {}", path.display());
    }
    let postgres = servers.start_postgres(Durability::Off)?;
    println!("PostgreSQL started and answered; all found after {:.1} s", start.elapsed().as_secs_f64());
    drop(postgres);
    Ok(())
}

impl Servers {
    /// Finds every required program, fetching those that are missing.
    pub(crate) fn find(repository: &Repository, fresh: bool) -> Result<Self> {
        let home = repository.target.join(if fresh { "servers-fresh" } else { "servers" });
        if fresh {
            let _ = fs::remove_dir_all(&home);
        }
        fs::create_dir_all(&home)?;
        let search = ProgramSearch { unpacked: home.join("root"), use_machine: !fresh };
        let missing = search.missing();
        if !missing.is_empty() {
            println!("fetching {} from Debian's packages", names(&missing));
            packages::unpack(&home, &search, &missing, fresh)?;
        }
        let missing = search.missing();
        if !missing.is_empty() {
            packages::install(&missing)
                .with_context(|| format!("{} cannot be installed", names(&missing)))?;
        }
        let mut servers = Self::from_search(&search, home.join("run"), &home.join("bin"))?;
        let python3 = servers.path("python3")?;
        servers.found.extend(verifiers::find(&home, &python3, &search.unpacked)?);
        Ok(servers)
    }

    fn from_search(search: &ProgramSearch, run: PathBuf, wrappers: &Path) -> Result<Self> {
        let mut found = Vec::new();
        for program in &REQUIRED_PROGRAMS {
            let Some(path) = search.find(program) else {
                bail!("{} is still missing; install the package {}", program.name, program.package)
            };
            let path = search.runnable(program.name, &path, wrappers)?;
            ensure!(can_start(&path), "{} does not start on this machine", path.display());
            found.push((program.name, path));
        }
        Ok(Self { found, run })
    }

    /// Returns the paths for tests, with the `chorus` executable under test.
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

    /// Returns a fetcher for servers that only some commands need, into the same folder.
    pub(crate) fn fetcher(&self, repository: &Repository) -> Result<Fetcher> {
        let home = repository.target.join("servers");
        Ok(Fetcher::new(&home, &self.path("python3")?, &home.join("root")))
    }

    /// Returns the path of a program by name.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let found = self.found.iter().find(|(known, _)| *known == name);
        Ok(found.with_context(|| format!("{name} is no known program"))?.1.clone())
    }

    /// Starts a new PostgreSQL, stopped when the value is dropped.
    pub(crate) fn start_postgres(&self, durability: Durability) -> Result<Postgres> {
        let programs = postgres::Programs {
            initdb: self.path("initdb")?,
            postgres: self.path("postgres")?,
            pg_isready: self.path("pg_isready")?,
        };
        Postgres::start(&programs, &self.run, durability)
    }
}

fn names(programs: &[&RequiredProgram]) -> String {
    programs.iter().map(|program| program.name).collect::<Vec<_>>().join(", ")
}

/// Returns true if the system can load the program: the loader exits with 127 if a shared library
/// is missing.
fn can_start(path: &Path) -> bool {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.code() != Some(127))
}
