//! `cargo xtask crash`: kills `chorus` repeatedly while it sends, and reports lost and repeated
//! messages.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::tests::{CrashTrial, KillPoint, KillTiming, TestDatabase, Tools, TrialReport};
use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::build;
use crate::databases::Databases;
use crate::repository::Repository;
use crate::servers::{Durability, Servers};

/// The time for which a worker is suspended to lose its lease, which lasts thirty seconds.
const SUSPEND_TIME: Duration = Duration::from_secs(36);
/// The number of workers that share a PostgreSQL.
const WORKERS: usize = 3;

/// The parameters of the crash trial.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The trials to run; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// The number of kills of a sending process, on each database; a quarter of it where several
    /// processes share one, and a tenth while runs are created.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// The number of recipients of each run.
    #[arg(long, default_value_t = 20_000)]
    recipients: usize,
    /// The databases to run the trials on.
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// Repeats the random choices of an earlier trial. What the machine does meanwhile is not
    /// repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Tests this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// One process, killed and started again.
    Alone,
    /// One process, killed while it creates a run.
    Planning,
    /// Three processes that share a PostgreSQL, each killed and started again.
    Together,
    /// Two processes, one of which is suspended for longer than its lease.
    Asleep,
}

/// The name and the report of a completed trial.
struct TrialResult {
    name: String,
    report: TrialReport,
}

/// Runs the trials and prints their results; fails if a promise was broken.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let servers = Servers::find(repository, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::release(repository), Ok)?;
    let tools = servers.tools(chorus)?;
    let seed = options.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000);
    println!("seed {seed}");
    let start = Instant::now();
    let mut results = Vec::new();
    if options.database.has_sqlite() {
        results.extend(run_on(&tools, options, seed, TestDatabase::Sqlite)?);
    }
    if options.database.has_postgres() {
        let postgres = servers.start_postgres(Durability::Default)?;
        results.extend(run_on(&tools, options, seed, TestDatabase::Postgres(&postgres.url))?);
    }
    println!("\nseed {seed}, {} s\n", start.elapsed().as_secs());
    show(&results)
}

/// Runs the trials on one database.
fn run_on(
    tools: &Tools,
    options: &Options,
    seed: u64,
    database: TestDatabase<'_>,
) -> Result<Vec<TrialResult>> {
    let is_selected = |part: Part| options.parts.is_empty() || options.parts.contains(&part);
    let (name, is_shared) = match database {
        TestDatabase::Sqlite => ("SQLite", false),
        TestDatabase::Postgres(_) => ("PostgreSQL", true),
    };
    let (recipients, kills) = (options.recipients, options.kills);
    let trial =
        CrashTrial { tools, database, workers: 1, recipients, kills, when: KillTiming::Sending, seed };
    let mut results = Vec::new();
    if is_selected(Part::Alone) {
        results.push(kill(&trial, name)?);
    }
    if is_selected(Part::Planning) {
        let planning =
            CrashTrial { kills: options.kills.div_ceil(10), when: KillTiming::Planning, ..trial.clone() };
        results.push(kill(&planning, &format!("{name}, runs being created"))?);
    }
    if is_selected(Part::Together) && is_shared {
        let together = CrashTrial { workers: WORKERS, kills: options.kills.div_ceil(4), ..trial.clone() };
        results.push(kill(&together, &format!("{name}, {WORKERS} workers"))?);
    }
    if is_selected(Part::Asleep) {
        // One run is over when the suspended worker resumes, the other is not.
        for recipients in [options.recipients / 10, options.recipients] {
            let asleep = CrashTrial { workers: 2, recipients, kills: 1, ..trial.clone() };
            let name = format!("{name}, a worker suspended, {recipients} people");
            println!("{name}: {SUSPEND_TIME:?} and more");
            results.push(TrialResult { name, report: asleep.stale_worker(SUSPEND_TIME)? });
        }
    }
    Ok(results)
}

fn kill(trial: &CrashTrial<'_>, name: &str) -> Result<TrialResult> {
    let bar = ProgressBar::new(trial.kills as u64)
        .with_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} kills, {msg} {elapsed}")?);
    bar.set_prefix(name.to_owned());
    let report = trial.run(&mut |progress| {
        bar.set_position(progress.kills as u64);
        bar.set_message(format!("run {}: {} messages", progress.runs, progress.accepted));
    })?;
    bar.finish_and_clear();
    println!("\n{name}\n\n{}", kill_table(&report));
    Ok(TrialResult { name: name.to_owned(), report })
}

/// Returns a Markdown table with the results for each kill point.
fn kill_table(report: &TrialReport) -> String {
    let mut rows: BTreeMap<KillPoint, (usize, usize, usize, usize)> = BTreeMap::new();
    for kill in &report.kills {
        let (kills, awaiting, repeats, most) = rows.entry(kill.point).or_default();
        *kills += 1;
        *awaiting = (*awaiting).max(kill.awaiting);
        *repeats += kill.repeats;
        *most = (*most).max(kill.repeats);
    }
    let mut text = String::from(
        "| killed at | kills | awaiting an answer, most | repeats | most repeats |\n|---|---|---|---|---|\n",
    );
    for (kill_point, (kills, awaiting, repeats, most)) in rows {
        text.push_str(&format!(
            "| {} | {kills} | {awaiting} | {repeats} | {most} |\n",
            kill_point.description()
        ));
    }
    text
}

fn show(results: &[TrialResult]) -> Result<()> {
    println!(
        "| trial | kills | runs | messages | lost | repeats | most after one kill | reported | first message after | taken over after | stops, slowest |\n\
         |---|---|---|---|---|---|---|---|---|---|---|"
    );
    for TrialResult { name, report } in results {
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {}, {:.2} s |",
            report.kills.len(),
            report.runs,
            report.accepted,
            report.lost,
            report.repeats(),
            report.max_repeats(),
            report.reported_repeats,
            seconds(report.start),
            seconds(report.takeover),
            report.stops.0,
            report.stops.1.as_secs_f64(),
        );
    }
    let violations: Vec<String> = results
        .iter()
        .flat_map(|result| {
            result.report.violations.iter().map(|violation| format!("{}: {violation}", result.name))
        })
        .collect();
    ensure!(violations.is_empty(), "{} promises were broken\n{}", violations.len(), violations.join("\n"));
    println!("\nEvery promise was kept.");
    Ok(())
}

fn seconds(took: Option<Duration>) -> String {
    took.map_or_else(String::new, |took| format!("{:.2} s", took.as_secs_f64()))
}
