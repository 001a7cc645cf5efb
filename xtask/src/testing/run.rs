//! Runs test programs and counts what they say.

use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ::tests::{Guard, Tools, bound};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::build::{Built, TestProgram};
use crate::place::Place;

/// The package of stories and house rules, which runs last.
const STORIES: &str = "tests";

/// How long one test program may take before it counts as stuck.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What became of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Whether every program ended well, counted failures or not.
    pub(super) whole: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self { passed: 0, failed: 0, whole: true }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.whole &= other.whole;
    }
}

/// What test programs are given.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) tools: Tools,
    pub(super) postgres: String,
    pub(super) filter: Option<String>,
    pub(super) verbose: bool,
}

impl Runner {
    /// Every test program but the stories.
    pub(super) fn quick(&self, built: &Built) -> Result<Tally> {
        self.programs(built, |program| program.package != STORIES, self.verbose)
    }

    /// The stories, whose names are shown: each takes a while.
    pub(super) fn stories(&self, built: &Built) -> Result<Tally> {
        self.programs(built, |program| program.package == STORIES, true)
    }

    /// The examples in the documentation, which cargo compiles by itself.
    pub(super) fn documentation(&self, place: &Place) -> Result<Tally> {
        let mut command = bound(Path::new(env!("CARGO")));
        command.args(["test", "--quiet", "--workspace", "--doc", "--locked"]).current_dir(&place.root);
        self.watch("documentation", command, self.verbose)
    }

    fn programs(&self, built: &Built, which: impl Fn(&TestProgram) -> bool, show: bool) -> Result<Tally> {
        let mut tally = Tally::default();
        for program in built.tests.iter().filter(|program| which(program)) {
            let mut command = bound(&program.path);
            command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
            let name = if program.package == program.target.replace('-', "_") {
                program.package.clone()
            } else {
                format!("{}/{}", program.package, program.target)
            };
            tally += self.watch(&name, command, show)?;
        }
        Ok(tally)
    }

    /// Runs one program, shows what matters of what it says, and counts its verdicts.
    fn watch(&self, name: &str, mut command: Command, show: bool) -> Result<Tally> {
        self.tools.export(&mut command);
        command.env("CHORUS_TEST_POSTGRES", &self.postgres).args(&self.filter);
        let start = Instant::now();
        let mut guard = Guard::spawn(name, command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let end = limit(&guard);
        let output = guard.child().stdout.take().context("the program's output is not to be had")?;
        let mut said = Said::default();
        for line in BufReader::new(output).lines() {
            said.hear(&line?, show);
        }
        let status = guard.child().wait()?;
        let _ = end.send(());
        let mut tally = said.tally;
        tally.whole = status.success();
        if !status.success() {
            said.replay(show);
            eprintln!("{name} ended with {status}");
            tally.failed = tally.failed.max(1);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:24} {:4} passed, {} failed, {seconds:.1} s", tally.passed, tally.failed);
        Ok(tally)
    }
}

/// Kills the program once its time is over, unless told that it has ended.
fn limit(guard: &Guard) -> mpsc::Sender<()> {
    let (end, ended) = mpsc::channel();
    let pid = i32::try_from(guard.id()).ok().and_then(Pid::from_raw);
    thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout)
            && let Some(pid) = pid
        {
            eprintln!("stuck for {LIMIT:?}: killed");
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    end
}

/// What a test program said so far.
#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    tally: Tally,
}

impl Said {
    fn hear(&mut self, line: &str, show: bool) {
        if let Some((passed, failed)) = verdict(line) {
            self.tally.passed += passed;
            self.tally.failed += failed;
        } else if show {
            println!("{line}");
        } else {
            self.lines.push(line.to_owned());
        }
    }

    fn replay(&self, shown: bool) {
        if !shown {
            for line in self.lines.iter().filter(|line| !line.ends_with("... ok")) {
                println!("{line}");
            }
        }
    }
}

/// Reads `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn verdict(line: &str) -> Option<(u64, u64)> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |word: &str| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.5s";
        assert_eq!(verdict(line), Some((12, 3)));
        assert_eq!(verdict("test result: nonsense"), None);
        assert_eq!(verdict("test a::b ... ok"), None);
    }

    #[test]
    fn tallies_add_up() {
        let mut sum = Tally { passed: 1, failed: 0, whole: true };
        sum += Tally { passed: 2, failed: 1, whole: false };
        assert_eq!(sum, Tally { passed: 3, failed: 1, whole: false });
    }
}
