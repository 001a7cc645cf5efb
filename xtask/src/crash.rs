//! `cargo xtask crash`: kills `chorus` over and over while it sends, and shows what became of the letters.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::tests::{Database, Moment, Tools, Trial, Verdict, When};
use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::build;
use crate::databases::Databases;
use crate::place::Place;
use crate::servers::{Servers, Settings};

/// How long a worker sleeps that is to lose its lease, which lasts thirty seconds.
const ASLEEP: Duration = Duration::from_secs(36);
/// How many workers share a PostgreSQL.
const WORKERS: usize = 3;

/// What is tried.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How often a sending process is killed, on each database. Where several share one, it is a quarter of this; while runs are made,
    /// a tenth.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// How many people each run goes to.
    #[arg(long, default_value_t = 20_000)]
    recipients: usize,
    /// On which database.
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// Repeats the choices of an earlier trial. What the machine does meanwhile is not repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Tries this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// One process, killed and started again.
    Alone,
    /// One process, killed while it makes a run.
    Planning,
    /// Three that share a PostgreSQL, each killed and started again.
    Together,
    /// Two of which one sleeps for longer than its lease.
    Asleep,
}

/// A trial that was made.
struct Made {
    what: String,
    verdict: Verdict,
}

/// Makes the trials and shows what came of them; an error when a promise was broken.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let servers = Servers::find(place, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::release(place), Ok)?;
    let tools = servers.tools(chorus)?;
    let seed = options.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000);
    println!("seed {seed}");
    let start = Instant::now();
    let mut made = Vec::new();
    if options.database.has_sqlite() {
        made.extend(on(&tools, options, seed, Database::Sqlite)?);
    }
    if options.database.has_postgres() {
        let postgres = servers.start_postgres(Settings::Installed)?;
        made.extend(on(&tools, options, seed, Database::Postgres(&postgres.url))?);
    }
    println!("\nseed {seed}, {} s\n", start.elapsed().as_secs());
    show(&made)
}

/// The trials on one database.
fn on(tools: &Tools, options: &Options, seed: u64, database: Database<'_>) -> Result<Vec<Made>> {
    let asked = |part: Part| options.parts.is_empty() || options.parts.contains(&part);
    let (name, is_shared) = match database {
        Database::Sqlite => ("SQLite", false),
        Database::Postgres(_) => ("PostgreSQL", true),
    };
    let (recipients, kills) = (options.recipients, options.kills);
    let trial = Trial { tools, database, workers: 1, recipients, kills, when: When::Sending, seed };
    let mut made = Vec::new();
    if asked(Part::Alone) {
        made.push(kill(&trial, name)?);
    }
    if asked(Part::Planning) {
        let planning = Trial { kills: options.kills.div_ceil(10), when: When::Planning, ..trial.clone() };
        made.push(kill(&planning, &format!("{name}, runs being made"))?);
    }
    if asked(Part::Together) && is_shared {
        let together = Trial { workers: WORKERS, kills: options.kills.div_ceil(4), ..trial.clone() };
        made.push(kill(&together, &format!("{name}, {WORKERS} workers"))?);
    }
    if asked(Part::Asleep) {
        // A run that is over when the sleeper wakes, and one that is not.
        for recipients in [options.recipients / 10, options.recipients] {
            let asleep = Trial { workers: 2, recipients, kills: 1, ..trial.clone() };
            let what = format!("{name}, a worker asleep, {recipients} people");
            println!("{what}: {ASLEEP:?} and more");
            made.push(Made { what, verdict: asleep.stale_worker(ASLEEP)? });
        }
    }
    Ok(made)
}

fn kill(trial: &Trial<'_>, what: &str) -> Result<Made> {
    let bar = ProgressBar::new(trial.kills as u64)
        .with_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} kills, {msg} {elapsed}")?);
    bar.set_prefix(what.to_owned());
    let verdict = trial.run(&mut |progress| {
        bar.set_position(progress.kills as u64);
        bar.set_message(format!("run {}: {} messages", progress.runs, progress.accepted));
    })?;
    bar.finish_and_clear();
    println!("\n{what}\n\n{}", moments(&verdict));
    Ok(Made { what: what.to_owned(), verdict })
}

/// What happened at each kind of moment.
fn moments(verdict: &Verdict) -> String {
    let mut rows: BTreeMap<Moment, (usize, usize, usize, usize)> = BTreeMap::new();
    for kill in &verdict.kills {
        let (kills, awaiting, repeats, most) = rows.entry(kill.moment).or_default();
        *kills += 1;
        *awaiting = (*awaiting).max(kill.awaiting);
        *repeats += kill.repeats;
        *most = (*most).max(kill.repeats);
    }
    let mut text = String::from(
        "| killed at | kills | awaiting an answer, most | repeats | most |\n|---|---|---|---|---|\n",
    );
    for (moment, (kills, awaiting, repeats, most)) in rows {
        text.push_str(&format!("| {} | {kills} | {awaiting} | {repeats} | {most} |\n", moment.words()));
    }
    text
}

fn show(made: &[Made]) -> Result<()> {
    println!(
        "| trial | kills | runs | messages | lost | repeats | most after one kill | told of | at work after | taken over after | stops, slowest |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    );
    for Made { what, verdict } in made {
        println!(
            "| {what} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {}, {:.2} s |",
            verdict.kills.len(),
            verdict.runs,
            verdict.accepted,
            verdict.lost,
            verdict.repeats(),
            verdict.most(),
            verdict.told,
            seconds(verdict.start),
            seconds(verdict.takeover),
            verdict.stops.0,
            verdict.stops.1.as_secs_f64(),
        );
    }
    let broken: Vec<String> = made
        .iter()
        .flat_map(|made| made.verdict.broken.iter().map(|broken| format!("{}: {broken}", made.what)))
        .collect();
    ensure!(broken.is_empty(), "{} promises were broken\n{}", broken.len(), broken.join("\n"));
    println!("\nEvery promise was kept.");
    Ok(())
}

fn seconds(took: Option<Duration>) -> String {
    took.map_or_else(String::new, |took| format!("{:.2} s", took.as_secs_f64()))
}
