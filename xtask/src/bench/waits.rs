//! The longest wait of others for the database while a million contacts are imported, planned for and cancelled.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::tests::{Database, Guard, Tools, until};
use anyhow::{Context, Result, ensure};

use super::Options;
use super::subject::{Subject, Way, reader};
use super::table::Figure;

/// The pause between two events.
const PAUSE: Duration = Duration::from_millis(15);
/// The longest that one piece of work may take.
const LONG: Duration = Duration::from_secs(600);

const PROMISE: &str = "≤ 250 ms";

pub(super) fn measure(tools: &Tools, options: &Options, server: &str) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, database) in options.database.named(server) {
        figures.extend(on(tools, name, database, options.contacts)?);
    }
    Ok(figures)
}

fn on(tools: &Tools, name: &str, database: Database<'_>, contacts: usize) -> Result<Vec<Figure>> {
    let subject = Subject::new(tools, database, Way::Outbox, contacts, reader)?;
    subject.restore()?;
    // Else the system writes the files just made in the middle of the measurement, half a minute later.
    ensure!(Command::new("sync").status()?.success(), "the files were not written to the disk");
    let sandbox = &subject.sandbox;
    let server = sandbox.serve()?;
    let mut figures = Vec::new();
    let mut told = |what: &str, (took, waits): (f64, Vec<Wait>)| {
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
    let imported =
        beside(&subject, sandbox.port, || sandbox.done(&["contacts", "import", "contacts.csv"]).map(|_| ()))?;
    told(&format!("import of {contacts} contacts once more"), imported);
    let mut sending = None;
    let planned = beside(&subject, sandbox.port, || {
        let mut command = sandbox.command(&["send", "--yes", "letter"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        sending = Some(Guard::spawn("chorus send", &mut command)?);
        let expected = subject.people as u64;
        until("the run to be planned", LONG, || {
            let runs = sandbox.json(&["runs", "list"])?;
            Ok((runs[0]["planned_at"].is_i64() && runs[0]["total"].as_u64() == Some(expected)).then_some(()))
        })
    })?;
    told(&format!("a run to {contacts} planned"), planned);
    sending.context("nothing was sent")?.crash()?;
    let cancelled = beside(&subject, sandbox.port, || sandbox.done(&["runs", "cancel", "1"]).map(|_| ()))?;
    told("the run cancelled", cancelled);
    server.stop()?;
    Ok(figures)
}

/// One event's wait.
struct Wait {
    /// When it was posted, since the work began.
    after: Duration,
    /// Time until the answer.
    took: Duration,
}

/// Does some work while a server takes events now and then, each of which is answered when it is written. Says how many
/// seconds the work took and how long each event waited.
fn beside(subject: &Subject, port: u16, work: impl FnOnce() -> Result<()>) -> Result<(f64, Vec<Wait>)> {
    post(port)?;
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let people = subject.people;
    thread::scope(|scope| {
        let waits = scope.spawn(|| -> Result<Vec<Wait>> {
            let mut waits = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                post(port)?;
                waits.push(Wait { after: asked - start, took: asked.elapsed() });
                thread::sleep(PAUSE);
            }
            Ok(waits)
        });
        let done = work();
        let took = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let waits = waits.join().map_err(|_| anyhow::anyhow!("whoever wrote beside it failed"))??;
        done?;
        ensure!(waits.len() > 1, "work for {people} was over before anybody else wrote");
        Ok((took, waits))
    })
}

/// Posts one event of the first person and reads the answer.
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
