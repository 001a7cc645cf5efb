//! A database shell that stays open for several statements.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ::tests::Tools;
use anyhow::{Context, Result, ensure};

use super::workspace::BenchWorkspace;

/// The line that a shell prints after all statements.
const END_MARKER: &str = "chorus-bench-done";

/// A running `sqlite3` or `psql` on the database of a workspace.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    is_sqlite: bool,
}

impl Shell {
    /// Starts a shell on the database of a workspace.
    pub(super) fn open(tools: &Tools, workspace: &BenchWorkspace) -> Result<Self> {
        let is_sqlite = workspace.postgres().is_none();
        let mut command = match workspace.postgres() {
            None => {
                let mut shell = Command::new(&tools.sqlite3);
                shell.args(["-batch", "-bail", "-cmd", ".timeout 60000"]).arg(workspace.file());
                shell
            }
            Some(url) => {
                let mut shell = Command::new(&tools.psql);
                shell.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]).arg(url);
                shell
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a database shell")?;
        let input = child.stdin.take().context("the shell takes no input")?;
        let output = BufReader::new(child.stdout.take().context("the shell has no output")?);
        Ok(Self { child, input, output, is_sqlite })
    }

    /// Runs statements and returns the time they took and the lines they printed.
    pub(super) fn run(&mut self, sql: &str) -> Result<(Duration, Vec<String>)> {
        let start = Instant::now();
        writeln!(self.input, "{sql}\nselect '{END_MARKER}';")?;
        self.input.flush()?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the database shell ended at: {sql}");
            match line.trim_end() {
                END_MARKER => return Ok((start.elapsed(), lines)),
                text => lines.push(text.to_owned()),
            }
        }
    }

    /// Returns the integer that a query prints.
    pub(super) fn number(&mut self, sql: &str) -> Result<i64> {
        let (_, lines) = self.run(sql)?;
        lines.first().and_then(|line| line.parse().ok()).with_context(|| format!("no number from {sql}"))
    }

    /// Returns the variant of a statement for this shell's database.
    pub(super) fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_sqlite { sqlite } else { postgres }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
