//! What a server takes that has nothing to do.

use std::thread::sleep;
use std::time::Duration;

use ::tests::{Sandbox, Tools};
use anyhow::{Context, Result};

use super::table::{Figure, spread};
use super::usage;

pub(super) fn measure(tools: &Tools, rounds: usize, seconds: u64) -> Result<Vec<Figure>> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    sandbox.done(&["init", "."])?;
    sandbox.edit("chorus.toml", "127.0.0.1:8080", &format!("127.0.0.1:{}", sandbox.port))?;
    sandbox.done(&["contacts", "import", "contacts.csv"])?;
    let mut ready = Vec::new();
    for _ in 0..rounds {
        let server = sandbox.serve()?;
        ready.push(server.ready_after.as_secs_f64());
        server.stop()?;
    }
    let server = sandbox.serve()?;
    sleep(Duration::from_secs(1));
    let before = usage::cpu_seconds(server.id())?;
    let watched = Duration::from_secs(seconds);
    sleep(watched);
    let percent = (usage::cpu_seconds(server.id())? - before) / watched.as_secs_f64() * 100.0;
    let resident = usage::megabytes(server.id(), "VmRSS").context("the server is gone")?;
    server.stop()?;
    println!("idle: {resident:.1} MB, {percent:.2} % CPU");
    Ok(vec![
        Figure::new("start to ready", spread(&ready, 3, "s"), "≤ 0.3 s"),
        Figure::new(format!("idle memory after {seconds} s"), format!("{resident:.1} MB"), "≤ 30 MB"),
        Figure::new(format!("idle CPU over {seconds} s"), format!("{percent:.2} %"), "≤ 0.5 %"),
    ])
}
