//! Benchmark `sign`: the time of a DKIM signature, on one thread.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::table::{Figure, spread};
use crate::repository::Repository;

/// The keys in the output of the example, and their names in the table.
const KINDS: [(&str, &str); 3] = [
    ("rsa_4k", "RSA-2048 over 4 KB"),
    ("rsa_20k", "RSA-2048 over 20 KB"),
    ("both_4k", "RSA-2048 and Ed25519 over 4 KB"),
];

pub(super) fn measure(rounds: usize) -> Result<Vec<Figure>> {
    let repository = Repository::find()?;
    let results = (0..rounds).map(|_| round(&repository)).collect::<Result<Vec<_>>>()?;
    let figure = |(key, name): (&str, &str)| {
        let times = results.iter().map(|result| result[key].as_f64().context("a time is missing"));
        let times = times.collect::<Result<Vec<_>>>()?;
        Ok(Figure::new(format!("DKIM, {name}"), spread(&times, 0, "µs"), "≤ 1,000 µs"))
    };
    KINDS.into_iter().map(figure).collect()
}

fn round(repository: &Repository) -> Result<Value> {
    let output = repository
        .cargo()
        .args("run --release --locked --quiet --package channel --example sign".split(' '))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the example failed");
    serde_json::from_slice(&output.stdout).context("the example printed no JSON")
}
