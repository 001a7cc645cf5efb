//! A PostgreSQL database of somebody's own, gone when they are.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::child::free_port;
use crate::tools::Tools;

/// A new database on a server whose user may make one.
#[derive(Debug)]
pub struct Scratch {
    tools: Tools,
    server: String,
    name: String,
}

impl Scratch {
    /// Makes an empty one on the server at this URL.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn new(tools: &Tools, server: &str) -> Result<Self> {
        // A port that was free is as good a number as any, and nobody else's at the moment.
        let name = format!("scratch_{}_{}", std::process::id(), free_port()?);
        let made = Self { tools: tools.clone(), server: server.to_owned(), name };
        made.say(&[&format!("create database {}", made.name)])?;
        Ok(made)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{server}/{}", self.name)
    }

    /// Keeps it as it stands, for [`Scratch::restore`]. Nobody may be connected.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn keep(&self) -> Result<()> {
        self.say(&[&format!("create database {0}_kept template {0}", self.name)])
    }

    /// Makes it what it was when it was kept, as the server keeps any database that has been there for a while.
    ///
    /// # Errors
    /// When it was not kept.
    pub fn restore(&self) -> Result<()> {
        let name = &self.name;
        self.say(&[
            &format!("drop database {name} with (force)"),
            &format!("create database {name} template {name}_kept"),
            "checkpoint",
        ])
    }

    /// Ends everybody's connections and takes no new one, as a server that is stopped.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn stop(&self) -> Result<()> {
        let name = &self.name;
        self.say(&[
            &format!("alter database {name} with allow_connections false"),
            &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"),
        ])
    }

    /// Takes connections again.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn start(&self) -> Result<()> {
        self.say(&[&format!("alter database {} with allow_connections true", self.name)])
    }

    fn say(&self, statements: &[&str]) -> Result<()> {
        let mut psql = Command::new(&self.tools.psql);
        psql.args(["-q", "-X", "-d", &self.server, "-v", "ON_ERROR_STOP=1"]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        let output = psql.stdin(Stdio::null()).output().context("cannot start psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let name = &self.name;
        let _ = self.say(&[
            &format!("drop database if exists {name} with (force)"),
            &format!("drop database if exists {name}_kept"),
        ]);
    }
}
