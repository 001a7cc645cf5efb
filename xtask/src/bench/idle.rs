//! Benchmark `idle`: start-up time, memory and processor time of a server without work.

use std::thread::sleep;
use std::time::Duration;

use ::tests::{Sandbox, Tools};
use anyhow::{Context, Result};

use super::check;
use super::table::{Figure, spread};
use super::usage;

/// The start-up is over once the server uses less than a tenth of a processor for this long.
const SETTLE_INTERVAL: Duration = Duration::from_secs(3);
/// The largest number of waits for the end of the start-up.
const MAX_WAITS: usize = 20;

pub(super) fn measure(tools: &Tools, rounds: usize, seconds: u64) -> Result<Vec<Figure>> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    sandbox.chorus_ok(&["init", "."])?;
    sandbox.edit("chorus.toml", "127.0.0.1:8080", &format!("127.0.0.1:{}", sandbox.port))?;
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"])?;
    let mut ready = Vec::new();
    for _ in 0..rounds {
        let server = sandbox.serve()?;
        ready.push(server.ready_after.as_secs_f64());
        server.stop()?;
    }
    let (resident, percent) = usage_when_idle(&sandbox, seconds)?;
    let many = check::small_campaigns(tools, check::SMALL_CAMPAIGNS)?;
    let (many_resident, many_percent) = usage_when_idle(&many, seconds)?;
    println!(
        "idle: {resident:.1} MB, {percent:.2} % CPU; with many campaigns {many_resident:.1} MB, {many_percent:.2} %"
    );
    let what = format!("with {} campaigns", check::SMALL_CAMPAIGNS);
    Ok(vec![
        Figure::new("start to ready", spread(&ready, 3, "s"), "≤ 0.3 s"),
        Figure::new(format!("idle memory after {seconds} s"), format!("{resident:.1} MB"), "≤ 30 MB"),
        Figure::new(format!("idle CPU over {seconds} s"), format!("{percent:.2} %"), "≤ 0.5 %"),
        Figure::new(format!("idle memory {what}"), format!("{many_resident:.1} MB"), ""),
        Figure::new(format!("idle CPU {what}"), format!("{many_percent:.2} %"), "≤ 0.5 %"),
    ])
}

/// Returns the resident memory in megabytes and the processor usage in per cent of a server without
/// work.
fn usage_when_idle(sandbox: &Sandbox, seconds: u64) -> Result<(f64, f64)> {
    let server = sandbox.serve()?;
    for _ in 0..MAX_WAITS {
        let before = usage::cpu_seconds(server.id())?;
        sleep(SETTLE_INTERVAL);
        if usage::cpu_seconds(server.id())? - before < SETTLE_INTERVAL.as_secs_f64() / 10.0 {
            break;
        }
    }
    let before = usage::cpu_seconds(server.id())?;
    let watched = Duration::from_secs(seconds);
    sleep(watched);
    let percent = (usage::cpu_seconds(server.id())? - before) / watched.as_secs_f64() * 100.0;
    let resident = usage::megabytes(server.id(), "VmRSS").context("the server is gone")?;
    server.stop()?;
    Ok((resident, percent))
}
