//! Benchmark `plan`: the time to plan the deliveries of a run, and the time of the same insert by
//! hand.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ::tests::{Guard, TestDatabase, Tools, until};
use anyhow::{Context, Result, ensure};

use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// SQL that inserts the same rows as a run, as written by someone who knows this database.
const BY_HAND: &str = "
pragma journal_mode = wal;
pragma synchronous = full;
begin immediate;
insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
select 77 * 4294967296 + c.id, 77, c.id, 'queued', 0, 0
from contacts c
where json_extract(c.attributes, '$.tier') in ('gold', 'silver') and c.email is not null and c.consents like '% news:email+ %'
  and not exists (select 1 from suppressions s where s.kind = 'email' and s.address = c.email);
select changes();
commit;
";

pub(super) fn measure(tools: &Tools, contacts: usize, rounds: usize) -> Result<Vec<Figure>> {
    let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, ChannelSetup::Outbox, contacts, reader)?;
    let imported = workspace.imported;
    println!("plan: {contacts} contacts imported in {imported:.1} s");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds.max(3) {
        let all = planning_time(&workspace)?;
        let hand = time_by_hand(&tools.sqlite3, &workspace)?;
        println!("plan {round}: chorus {all:.2} s, by hand {hand:.2} s");
        ours.push(all);
        theirs.push(hand);
    }
    let ratio = median(&ours) / median(&theirs);
    Ok(vec![
        Figure::new(format!("import of {contacts} contacts"), format!("{imported:.1} s"), ""),
        Figure::new(format!("{contacts} deliveries made"), spread(&ours, 2, "s"), ""),
        Figure::new("the same by hand in sqlite3", spread(&theirs, 2, "s"), ""),
        Figure::new("chorus to by hand", format!("{ratio:.2}"), "≤ 2.1"),
    ])
}

/// Returns the seconds from the start of `chorus send` until its run is planned, on a fresh copy of
/// the database: including the start of the process, reading the files and compiling the template.
fn planning_time(workspace: &BenchWorkspace) -> Result<f64> {
    workspace.restore()?;
    let (sandbox, expected) = (&workspace.sandbox, workspace.people);
    let start = Instant::now();
    let mut command = sandbox.command(&["send", "--yes", "letter"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut sending = Guard::spawn("chorus send", &mut command)?;
    let (seconds, total) = until("the run to be planned", Duration::from_secs(300), || {
        ensure!(sending.exit_status()?.is_none(), "chorus send ended before it was measured");
        let runs = sandbox.json(&["runs", "list"])?;
        let planned = runs[0]["planned_at"].is_string();
        Ok(planned.then(|| (start.elapsed().as_secs_f64(), runs[0]["total"].as_u64())))
    })?;
    sending.crash()?;
    ensure!(total == Some(expected as u64), "{total:?} deliveries were made, not {expected}");
    Ok(seconds)
}

/// Returns the seconds that the sqlite3 shell takes, on its own copy of the database.
fn time_by_hand(sqlite3: &Path, workspace: &BenchWorkspace) -> Result<f64> {
    let copy = workspace.sandbox.path().join("by-hand.db");
    fs::copy(workspace.clean(), &copy)?;
    let start = Instant::now();
    let mut shell = Command::new(sqlite3)
        .args(["-bail", "-batch"])
        .arg(&copy)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start sqlite3")?;
    shell.stdin.take().context("sqlite3 takes no input")?.write_all(BY_HAND.as_bytes())?;
    let output = shell.wait_with_output()?;
    let seconds = start.elapsed().as_secs_f64();
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "sqlite3 failed: {stdout}");
    ensure!(
        stdout.lines().any(|line| line == workspace.people.to_string()),
        "by hand other rows were made: {stdout}"
    );
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", copy.display()));
    }
    Ok(seconds)
}
