//! How long the deliveries of a run take to make, and how long the same insert takes by hand.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ::tests::{Database, Guard, Tools, until};
use anyhow::{Context, Result, ensure};

use super::subject::{Subject, Way, reader};
use super::table::{Figure, median, spread};

/// The same rows as a run's, in the words of somebody who knows SQL and this database.
const BY_HAND: &str = "
pragma journal_mode = wal;
pragma synchronous = full;
begin immediate;
insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
select 77 * 4294967296 + c.id, 77, c.id, 'queued', 0, 0
from contacts c
where json_extract(c.attributes, '$.tier') in ('gold', 'silver') and c.email is not null and c.consent = 'yes'
  and not exists (select 1 from suppressions s where s.kind = 'email' and s.address = c.email);
select changes();
commit;
";

pub(super) fn measure(tools: &Tools, contacts: usize, rounds: usize) -> Result<Vec<Figure>> {
    let subject = Subject::new(tools, Database::Sqlite, Way::Outbox, contacts, reader)?;
    let imported = subject.imported;
    println!("plan: {contacts} contacts imported in {imported:.1} s");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds.max(3) {
        let all = fired(&subject)?;
        let hand = by_hand(&tools.sqlite3, &subject)?;
        println!("plan {round}: chorus {all:.2} s, by hand {hand:.2} s");
        ours.push(all);
        theirs.push(hand);
    }
    let ratio = median(&ours) / median(&theirs);
    Ok(vec![
        Figure::new(format!("import of {contacts} contacts"), format!("{imported:.1} s"), ""),
        Figure::new(format!("{contacts} deliveries made"), spread(&ours, 2, "s"), "≤ 5 s for 1,000,000"),
        Figure::new("the same by hand in sqlite3", spread(&theirs, 2, "s"), ""),
        Figure::new("chorus to by hand", format!("{ratio:.2}"), ""),
    ])
}

/// Seconds from the start of `chorus send` until its run has its deliveries, on a fresh copy of the database: with
/// the start of the process, the reading of the files and the compiling of the template.
fn fired(subject: &Subject) -> Result<f64> {
    subject.restore()?;
    let (sandbox, expected) = (&subject.sandbox, subject.people);
    let start = Instant::now();
    let mut command = sandbox.command(&["send", "--yes", "letter"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut sending = Guard::spawn("chorus send", &mut command)?;
    let (seconds, total) = until("the run to be planned", Duration::from_secs(300), || {
        ensure!(sending.ended()?.is_none(), "chorus send ended before it was measured");
        let runs = sandbox.json(&["runs", "list"])?;
        let planned = runs[0]["planned_at"].is_i64();
        Ok(planned.then(|| (start.elapsed().as_secs_f64(), runs[0]["total"].as_u64())))
    })?;
    sending.crash()?;
    ensure!(total == Some(expected as u64), "{total:?} deliveries were made, not {expected}");
    Ok(seconds)
}

/// Seconds that the sqlite3 shell takes, on a copy of its own.
fn by_hand(sqlite3: &Path, subject: &Subject) -> Result<f64> {
    let copy = subject.sandbox.path().join("by-hand.db");
    fs::copy(subject.clean(), &copy)?;
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
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "sqlite3 failed: {said}");
    ensure!(
        said.lines().any(|line| line == subject.people.to_string()),
        "by hand other rows were made: {said}"
    );
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", copy.display()));
    }
    Ok(seconds)
}
