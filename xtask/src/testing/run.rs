//! Runs test programs and counts passed and failed tests.

use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ::tests::{Guard, Tools, child_command};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::build::{Built, TestProgram};
use crate::repository::Repository;

/// The package of end-to-end and architecture tests, which runs last.
const E2E_PACKAGE: &str = "tests";

/// The longest time that one test program may take before it counts as stuck.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The numbers of passed and failed tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// True if every program exited with success.
    pub(super) all_exited_ok: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self { passed: 0, failed: 0, all_exited_ok: true }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.all_exited_ok &= other.all_exited_ok;
    }
}

/// The environment and the filter for test programs.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) tools: Tools,
    pub(super) postgres: String,
    pub(super) filter: Option<String>,
    pub(super) verbose: bool,
}

impl Runner {
    /// Runs every test program except the end-to-end tests.
    pub(super) fn unit_tests(&self, built: &Built) -> Result<Tally> {
        self.programs(built, |program| program.package != E2E_PACKAGE, self.verbose)
    }

    /// Runs the end-to-end tests, and prints the name of each, since they take long.
    pub(super) fn e2e_tests(&self, built: &Built) -> Result<Tally> {
        self.programs(built, |program| program.package == E2E_PACKAGE, true)
    }

    /// Runs the examples in the documentation, which cargo compiles itself.
    pub(super) fn documentation(&self, repository: &Repository) -> Result<Tally> {
        let mut command = child_command(Path::new(env!("CARGO")));
        command.args(["test", "--quiet", "--workspace", "--doc", "--locked"]).current_dir(&repository.root);
        self.run_program("documentation", command, self.verbose)
    }

    fn programs(&self, built: &Built, which: impl Fn(&TestProgram) -> bool, show: bool) -> Result<Tally> {
        let mut tally = Tally::default();
        for program in built.tests.iter().filter(|program| which(program)) {
            let mut command = child_command(&program.path);
            command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
            let name = if program.package == program.target.replace('-', "_") {
                program.package.clone()
            } else {
                format!("{}/{}", program.package, program.target)
            };
            tally += self.run_program(&name, command, show)?;
        }
        Ok(tally)
    }

    /// Runs one program, prints the relevant part of its output, and counts its tests.
    fn run_program(&self, name: &str, mut command: Command, show: bool) -> Result<Tally> {
        self.tools.export(&mut command);
        command.env("CHORUS_TEST_POSTGRES", &self.postgres).args(&self.filter);
        let start = Instant::now();
        let mut guard = Guard::spawn(name, command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let end = kill_after_timeout(&guard);
        let stdout = guard.child().stdout.take().context("the program has no output")?;
        let mut output = TestOutput::default();
        for line in BufReader::new(stdout).lines() {
            output.add_line(&line?, show);
        }
        let status = guard.child().wait()?;
        let _ = end.send(());
        let mut tally = output.tally;
        tally.all_exited_ok = status.success();
        if !status.success() {
            output.print_failures(show);
            eprintln!("{name} ended with {status}");
            tally.failed = tally.failed.max(1);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:24} {:4} passed, {} failed, {seconds:.1} s", tally.passed, tally.failed);
        Ok(tally)
    }
}

/// Kills the program after its time limit, unless the returned sender reports that it has ended.
fn kill_after_timeout(guard: &Guard) -> mpsc::Sender<()> {
    let (end, ended) = mpsc::channel();
    let pid = i32::try_from(guard.id()).ok().and_then(Pid::from_raw);
    thread::spawn(move || {
        if ended.recv_timeout(PROGRAM_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout)
            && let Some(pid) = pid
        {
            eprintln!("stuck for {PROGRAM_TIMEOUT:?}: killed");
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    end
}

/// The output of a test program so far, with its counts.
#[derive(Debug, Default)]
struct TestOutput {
    lines: Vec<String>,
    tally: Tally,
}

impl TestOutput {
    fn add_line(&mut self, line: &str, show: bool) {
        if let Some((passed, failed)) = parse_counts(line) {
            self.tally.passed += passed;
            self.tally.failed += failed;
        } else if show {
            println!("{line}");
        } else {
            self.lines.push(line.to_owned());
        }
    }

    fn print_failures(&self, shown: bool) {
        if !shown {
            for line in self.lines.iter().filter(|line| !line.ends_with("... ok")) {
                println!("{line}");
            }
        }
    }
}

/// Parses `test result: ok. 12 passed; 0 failed; 0 ignored; …` into the numbers of passed and
/// failed tests.
fn parse_counts(line: &str) -> Option<(u64, u64)> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |word: &str| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_parsed() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.5s";
        assert_eq!(parse_counts(line), Some((12, 3)));
        assert_eq!(parse_counts("test result: nonsense"), None);
        assert_eq!(parse_counts("test a::b ... ok"), None);
    }

    #[test]
    fn tallies_add_up() {
        let mut sum = Tally { passed: 1, failed: 0, all_exited_ok: true };
        sum += Tally { passed: 2, failed: 1, all_exited_ok: false };
        assert_eq!(sum, Tally { passed: 3, failed: 1, all_exited_ok: false });
    }
}
