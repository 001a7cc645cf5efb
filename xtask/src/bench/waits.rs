//! Benchmark `waits`: the longest wait of an event for the database while a million contacts are
//! imported, planned for and cancelled.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::tests::{Guard, TestDatabase, Tools, until};
use anyhow::{Context, Result, ensure};

use super::Options;
use super::table::Figure;
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The pause between two events.
const EVENT_PAUSE: Duration = Duration::from_millis(15);
/// The longest time that one piece of work may take.
const WORK_TIMEOUT: Duration = Duration::from_secs(600);

const PROMISE: &str = "≤ 250 ms";

pub(super) fn measure(tools: &Tools, options: &Options, server: &str) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, database) in options.database.named(server) {
        figures.extend(measure_on(tools, name, database, options.contacts)?);
    }
    Ok(figures)
}

fn measure_on(tools: &Tools, name: &str, database: TestDatabase<'_>, contacts: usize) -> Result<Vec<Figure>> {
    let workspace = BenchWorkspace::new(tools, database, ChannelSetup::Outbox, contacts, reader)?;
    workspace.restore()?;
    // Otherwise the system would write the new files to disk in the middle of the measurement, half
    // a minute later.
    ensure!(Command::new("sync").status()?.success(), "the files were not written to the disk");
    let sandbox = &workspace.sandbox;
    let server = sandbox.serve()?;
    let mut figures = Vec::new();
    let mut add_figure = |what: &str, (took, waits): (f64, Vec<Wait>)| {
        let mut sorted: Vec<_> = waits.iter().map(|wait| wait.took).collect();
        sorted.sort_unstable();
        let most = sorted.last().copied().unwrap_or_default();
        let usual = sorted[sorted.len() * 99 / 100];
        let count = waits.len();
        let after = waits.iter().find(|wait| wait.took == most).map_or(0.0, |wait| wait.after.as_secs_f64());
        println!(
            "{name}: {what} {took:.2} s, {count} events meanwhile: 99 % within {usual:.0?}, the longest {most:.0?} \
             after {after:.1} s"
        );
        figures.push(Figure::new(format!("{name}: {what}"), format!("{took:.2} s"), ""));
        let what = format!("{name}: the longest wait of an event meanwhile");
        let millis = |wait: Duration| wait.as_secs_f64() * 1e3;
        let waited = format!("{:.0} ms; 99 % within {:.0} ms", millis(most), millis(usual));
        figures.push(Figure::new(what, waited, PROMISE));
    };
    let imported = measure_waits(&workspace, sandbox.port, || {
        sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).map(|_| ())
    })?;
    add_figure(&format!("import of {contacts} contacts once more"), imported);
    let mut sending = None;
    let planned = measure_waits(&workspace, sandbox.port, || {
        let mut command = sandbox.command(&["send", "--yes", "letter"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        sending = Some(Guard::spawn("chorus send", &mut command)?);
        let expected = workspace.people as u64;
        until("the run to be planned", WORK_TIMEOUT, || {
            let runs = sandbox.json(&["runs", "list"])?;
            Ok((runs[0]["planned_at"].is_string() && runs[0]["total"].as_u64() == Some(expected))
                .then_some(()))
        })
    })?;
    add_figure(&format!("a run to {contacts} planned"), planned);
    sending.context("nothing was sent")?.crash()?;
    let cancelled =
        measure_waits(&workspace, sandbox.port, || sandbox.chorus_ok(&["runs", "cancel", "1"]).map(|_| ()))?;
    add_figure("the run cancelled", cancelled);
    server.stop()?;
    Ok(figures)
}

/// The wait of one event.
struct Wait {
    /// The time of the request, since the start of the work.
    after: Duration,
    /// The time from the request to the answer.
    took: Duration,
}

/// Runs some work while events are posted to a server, each of which is answered when it is
/// written. Returns the seconds that the work took, and the wait of each event.
fn measure_waits(
    workspace: &BenchWorkspace,
    port: u16,
    work: impl FnOnce() -> Result<()>,
) -> Result<(f64, Vec<Wait>)> {
    post(port)?;
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let people = workspace.people;
    thread::scope(|scope| {
        let waits = scope.spawn(|| -> Result<Vec<Wait>> {
            let mut waits = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let posted = Instant::now();
                post(port)?;
                waits.push(Wait { after: posted - start, took: posted.elapsed() });
                thread::sleep(EVENT_PAUSE);
            }
            Ok(waits)
        });
        let done = work();
        let took = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let waits = waits.join().map_err(|_| anyhow::anyhow!("the thread that posts events failed"))??;
        done?;
        ensure!(waits.len() > 1, "work for {people} was over before a second event was posted");
        Ok((took, waits))
    })
}

/// Posts one event of the first contact and reads the answer.
fn post(port: u16) -> Result<()> {
    let body = format!("{{\"contact\": \"{}\", \"event\": \"visit\"}}", reader(0));
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        connection,
        "POST /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.contains("recorded"), "the event was not written: {answer}");
    Ok(())
}
