//! A database shell that stays open.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ::tests::Tools;
use anyhow::{Context, Result, ensure};

use super::subject::Subject;

/// The line that a shell prints when it has run everything.
const DONE: &str = "chorus-bench-done";

/// A running `sqlite3` or `psql` on the database of a subject.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    is_sqlite: bool,
}

impl Shell {
    /// Starts one.
    pub(super) fn open(tools: &Tools, subject: &Subject) -> Result<Self> {
        let is_sqlite = subject.postgres().is_none();
        let mut command = match subject.postgres() {
            None => {
                let mut shell = Command::new(&tools.sqlite3);
                shell.args(["-batch", "-bail", "-cmd", ".timeout 60000"]).arg(subject.file());
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
        let output = BufReader::new(child.stdout.take().context("the shell says nothing")?);
        Ok(Self { child, input, output, is_sqlite })
    }

    /// Runs statements and says how long they took, and what they printed.
    pub(super) fn run(&mut self, sql: &str) -> Result<(Duration, Vec<String>)> {
        let start = Instant::now();
        writeln!(self.input, "{sql}\nselect '{DONE}';")?;
        self.input.flush()?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the database shell ended at: {sql}");
            match line.trim_end() {
                DONE => return Ok((start.elapsed(), lines)),
                text => lines.push(text.to_owned()),
            }
        }
    }

    /// The number that a query answers.
    pub(super) fn number(&mut self, sql: &str) -> Result<i64> {
        let (_, lines) = self.run(sql)?;
        lines.first().and_then(|line| line.parse().ok()).with_context(|| format!("no number from {sql}"))
    }

    /// The text for the database at hand.
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
