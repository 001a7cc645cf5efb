//! A temporary PostgreSQL database, dropped with the value that stands for it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::child::free_port;
use crate::tools::Tools;

/// A new database on a server whose user may create databases.
#[derive(Debug)]
pub struct ScratchDatabase {
    tools: Tools,
    server: String,
    name: String,
}

impl ScratchDatabase {
    /// Creates an empty database on the server at this URL.
    ///
    /// # Errors
    /// Fails when the server refuses.
    pub fn new(tools: &Tools, server: &str) -> Result<Self> {
        // The free port serves as a number that no other process uses at the moment.
        let name = format!("scratch_{}_{}", std::process::id(), free_port()?);
        let made = Self { tools: tools.clone(), server: server.to_owned(), name };
        made.execute(&[&format!("create database {}", made.name)])?;
        Ok(made)
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{server}/{}", self.name)
    }

    /// Saves a copy of the database for [`ScratchDatabase::restore`]. There must be no open
    /// connection.
    ///
    /// # Errors
    /// Fails when the server refuses.
    pub fn save(&self) -> Result<()> {
        self.execute(&[&format!("create database {0}_saved template {0}", self.name)])
    }

    /// Restores the saved copy, followed by a checkpoint so that the database performs like one
    /// that was not just created.
    ///
    /// # Errors
    /// Fails when there is no saved copy.
    pub fn restore(&self) -> Result<()> {
        let name = &self.name;
        self.execute(&[
            &format!("drop database {name} with (force)"),
            &format!("create database {name} template {name}_saved"),
            "checkpoint",
        ])
    }

    /// Terminates all connections and refuses new ones, as a stopped server does.
    ///
    /// # Errors
    /// Fails when the server refuses.
    pub fn stop(&self) -> Result<()> {
        let name = &self.name;
        self.execute(&[
            &format!("alter database {name} with allow_connections false"),
            &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"),
        ])
    }

    /// Allows connections again.
    ///
    /// # Errors
    /// Fails when the server refuses.
    pub fn start(&self) -> Result<()> {
        self.execute(&[&format!("alter database {} with allow_connections true", self.name)])
    }

    fn execute(&self, statements: &[&str]) -> Result<()> {
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

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let name = &self.name;
        let _ = self.execute(&[
            &format!("drop database if exists {name} with (force)"),
            &format!("drop database if exists {name}_saved"),
        ]);
    }
}
