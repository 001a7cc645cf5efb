//! `chorus doctor`: examines configuration, database, DNS, TLS and signing, and reports each check
//! with its fix.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use campaign::{Channel, ChannelKind, Workspace};
use channel::{CheckVerdict, Dns, Doctor, Email, Finding, Message, Recipient, Renderer};
use clap::Args;
use jiff::tz::TimeZone;
use scheduler::Loaded;
use store::{Clock, Health, Identity, StopReason, Store, StoreError};
use tokio::task::JoinSet;
use url::{Host, Url};

use crate::commands::runs::describe;
use crate::commands::{preview, stop};
use crate::setup::{self, Env};
use terminal::arguments;
use terminal::color::{self, Tone};
use terminal::disk;
use terminal::help;
use terminal::output::{self, Format, counted};
use terminal::progress::{self, Unit};
use terminal::time;

/// Examine configuration, database, DNS, TLS and signing, without sending anything
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus doctor", ""),
    ("chorus doctor --dns 1.1.1.1:53", "ask this DNS server"),
]))]
pub(crate) struct Options {
    /// Use this DNS server instead of the machine's.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = arguments::dns_server)]
    dns: Option<SocketAddr>,
}

/// Timeout of each part of the examination.
const EXAMINATION_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let findings = match setup::read(&env.root()?, None) {
        Ok(loaded) => examine(&loaded, options, env.format).await?,
        Err(findings) => {
            let errors = findings.errors().count();
            vec![unreadable(errors)]
        }
    };
    print_findings(&findings, env.format)?;
    let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    Ok(if any(CheckVerdict::FailHere) {
        ExitCode::from(1)
    } else if any(CheckVerdict::FailOutside) {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

fn unreadable(errors: usize) -> Finding {
    let found = format!("chorus.toml cannot be used: {}", counted(errors, "error", "errors"));
    Finding::fail_here("files", found, "`chorus check` shows each with its fix.").about("workspace")
}

/// Runs all checks concurrently, each part in its own task, and returns the findings in a fixed
/// order.
async fn examine(loaded: &Loaded, options: &Options, format: Format) -> anyhow::Result<Vec<Finding>> {
    let dns = match options.dns {
        Some(address) => Dns::from_server(address)?,
        None => Dns::from_system()?,
    };
    let doctor =
        Doctor::new(dns, Clock::System.now(), EXAMINATION_TIMEOUT).with_proxy(setup::proxy(&loaded.0)?);
    let mut parts = JoinSet::new();
    let part = loaded.clone();
    parts.spawn(async move { (0, within("database", "opens", database(&part.0)).await) });
    let (part, examiner) = (loaded.clone(), doctor.clone());
    parts.spawn(async move { (1, public_url(&part.0, &examiner).await) });
    for (at, channel) in loaded.0.channels.values().enumerate() {
        let (examiner, sample) = (doctor.clone(), sample(&loaded.0, channel));
        let channel = channel.clone();
        parts.spawn(async move { (2 + at, examiner.examine_channel(&channel, sample).await) });
    }
    let bar = (format == Format::Text).then(|| progress::bar("examining", parts.len() as u64, Unit::Checks));
    let mut found = Vec::new();
    while let Some(done) = parts.join_next().await {
        found.push(done?);
        bar.iter().for_each(|bar| bar.inc(1));
    }
    bar.iter().for_each(indicatif::ProgressBar::finish_and_clear);
    found.sort_by_key(|(at, _)| *at);
    let files = std::iter::once(files(loaded));
    Ok(files.chain(found.into_iter().flat_map(|(_, findings)| findings)).collect())
}

async fn within(about: &str, check: &'static str, work: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let findings = tokio::time::timeout(EXAMINATION_TIMEOUT, work).await.unwrap_or_else(|_| {
        vec![Finding::fail_outside(check, "no answer within 10 s", "Check whether it is running.")]
    });
    findings.into_iter().map(|finding| finding.about(about)).collect()
}

fn files(loaded: &Loaded) -> Finding {
    let (workspace, findings) = &**loaded;
    let (errors, warnings) = (findings.errors().count(), findings.warnings().count());
    let fix = "`chorus check` shows each with its fix.";
    let found = format!(
        "{} ready; {}, {}",
        counted(workspace.campaigns.len(), "campaign is", "campaigns are"),
        counted(errors, "error", "errors"),
        counted(warnings, "warning", "warnings"),
    );
    let finding = match (errors, warnings) {
        (0, 0) => Finding::pass("files", found),
        (0, _) => Finding::warn("files", found, fix),
        _ => Finding::fail_here("files", found, fix),
    };
    finding.about("workspace")
}

async fn database(workspace: &Workspace) -> Vec<Finding> {
    let url = match workspace.database.url.expose() {
        Ok(url) => url,
        Err(missing) => {
            return vec![Finding::fail_here("opens", missing.to_string(), "Set it where Chorus runs.")];
        }
    };
    let file = url.strip_prefix("sqlite:").map(Path::new);
    let mut findings = match file.filter(|file| !file.exists()) {
        Some(_) => {
            vec![Finding::pass("opens", "there is none yet: the first command that needs it creates it")]
        }
        None => examine_database(url, &workspace.brand.timezone).await,
    };
    findings.extend(file.and_then(free_space));
    findings
}

async fn examine_database(url: &str, zone: &TimeZone) -> Vec<Finding> {
    let store = match Store::open(url).await {
        Ok(store) => store,
        Err(error) => return vec![unusable("opens", &error)],
    };
    let findings = match store.health().await {
        Ok(health) => {
            let findings = vec![
                Finding::pass("opens", format!("{} answers", health.version)),
                tables(&health),
                durability(&health),
            ];
            let is_current = health.pending == 0 && health.unknown == 0;
            let mut more = Vec::new();
            if is_current {
                more.push(copies(&store, zone).await);
                more.extend(schedules(&store).await);
            }
            findings.into_iter().chain(more).collect()
        }
        Err(error) => vec![unusable("opens", &error)],
    };
    store.close().await;
    findings
}

/// Returns the finding for a database error, with its advice as the fix.
fn unusable(check: &'static str, error: &StoreError) -> Finding {
    let (found, advice) = match error {
        StoreError::Database(error) => (error.problem(), error.advice()),
        error => (error.to_string(), None),
    };
    let other = || "check [database] in chorus.toml, and whether the server is up".to_owned();
    let fix = format!("{}.", sentence(&advice.unwrap_or_else(other)));
    Finding::fail_outside(check, format!("cannot {found}"), fix)
}

/// Returns the text with its first letter in upper case.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// Checks whether the database is a copy, and whether everything is stopped.
async fn copies(store: &Store, zone: &TimeZone) -> Finding {
    match check_for_copies(store, zone).await {
        Ok(finding) => finding,
        Err(error) => {
            let fix = "Check which user can write to the database's folder.";
            Finding::fail_outside("copies", format!("cannot {error}"), fix)
        }
    }
}

async fn check_for_copies(store: &Store, zone: &TimeZone) -> anyhow::Result<Finding> {
    let stopped = store.stopped().await?;
    let by_copy = stopped.as_ref().filter(|stopped| stopped.reason == StopReason::Copy);
    let detail = match store.identity_check().await? {
        Identity::Copy(evidence) => Some(evidence.to_string()),
        _ => by_copy.map(|stopped| stopped.detail.clone()),
    };
    if let Some(detail) = detail {
        let found = format!("this database is a copy: {detail}. {}", may_have_gone_out(store, zone).await?);
        let fix = "`chorus runs reconcile FILE` marks what a relay's log shows to have gone out; then `chorus start`.";
        return Ok(Finding::fail_here("copies", found, fix));
    }
    if let Some(stopped) = stopped {
        return Ok(Finding::warn("copies", describe(&stopped, zone), "`chorus start` goes on."));
    }
    Ok(match store.identity_check().await? {
        Identity::Unknown(why) => {
            let fix = "Let the role execute pg_control_system() and pg_control_checkpoint().";
            Finding::warn("copies", format!("a copy would not be noticed: {why}"), fix)
        }
        _ => Finding::pass("copies", "it is the database that was last worked with"),
    })
}

/// Describes what may have been sent after the copy was made, which the copy does not record.
async fn may_have_gone_out(store: &Store, zone: &TimeZone) -> anyhow::Result<String> {
    let runs = store.run_live().await?;
    let runs: Vec<_> = runs.iter().map(stop::progress).collect();
    let runs = match runs.as_slice() {
        [] => "No run in it is open.".to_owned(),
        runs => format!("What is not recorded as sent may have gone out: {}.", runs.join("; ")),
    };
    let decided = store.schedule_all().await?.values().map(|row| row.planned_through).max();
    Ok(match decided {
        Some(at) => format!("{runs} Occurrences after {} may have run, too.", time::show_millis(at, zone)),
        None => runs,
    })
}

/// Maximum number of occurrences that are counted.
const MAX_COUNTED: i64 = 1_000;
/// Maximum number of reasons that are listed.
const MAX_REASONS: usize = 5;

/// Returns findings about occurrences that did not run and wait for an operator, and about workers
/// that do not plan.
async fn schedules(store: &Store) -> Vec<Finding> {
    let mut findings = Vec::new();
    match store.occurrence_list(None, true, MAX_COUNTED).await {
        Ok(rows) if rows.is_empty() => {
            findings.push(Finding::pass("occurrences", "all ran, or were dismissed"));
        }
        Ok(rows) => {
            let mut why: Vec<String> = rows
                .iter()
                .map(|row| {
                    let words = dashboard::words::occurrence(row.kind, row.reason, row.detail.as_deref());
                    format!("{}/{}: {words}", row.campaign, row.step)
                })
                .collect();
            why.dedup();
            let more = why.len().saturating_sub(MAX_REASONS);
            why.truncate(MAX_REASONS);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            let found = format!("{} did not run: {}{more}", rows.len(), why.join("; "));
            let fix = "`chorus runs` lists them with the command that runs each now or dismisses it.";
            findings.push(Finding::warn("occurrences", found, fix));
        }
        Err(error) => {
            findings.push(unusable("occurrences", &error));
        }
    }
    for lease in store.lease_list().await.unwrap_or_default() {
        if let Some(note) = lease.note {
            let fix = "Give all processes of this database the same files.";
            findings.push(Finding::warn("workers", format!("{}: {note}", lease.worker), fix));
        }
    }
    findings
}

fn tables(health: &Health) -> Finding {
    if health.unknown > 0 {
        let found = format!("a newer Chorus ran {}", counted(health.unknown, "migration", "migrations"));
        return Finding::fail_here("tables", found, "Use that version.");
    }
    if health.pending > 0 {
        let found = format!("{} pending", counted(health.pending, "migration is", "migrations are"));
        return Finding::warn("tables", found, "`chorus migrate` runs them; other commands do, too.");
    }
    Finding::pass("tables", "they are up to date")
}

fn durability(health: &Health) -> Finding {
    if health.is_durable {
        return Finding::pass("durability", health.durability.as_str());
    }
    let found = format!("{}: what was sent may be forgotten when the power fails", health.durability);
    Finding::warn("durability", found, "Let the database wait until a commit is on the disk.")
}

/// Checks the free space on the disk of a SQLite file; `None` if the system does not report it.
fn free_space(file: &Path) -> Option<Finding> {
    let free = disk::free_bytes(file)?;
    let found = format!("{} MiB are free", free >> 20);
    let fix = "Free some space: nothing is sent while its intent cannot be written.";
    Some(match free {
        free if free < disk::MIN_FREE_BYTES => Finding::fail_outside("room", found, fix),
        free if free < disk::WARN_BELOW_BYTES => Finding::warn("room", found, fix),
        _ => Finding::pass("room", found),
    })
}

/// Checks the base URL of links, if a channel sends outside the outbox.
async fn public_url(workspace: &Workspace, doctor: &Doctor) -> Vec<Finding> {
    let url = &workspace.server.public_url;
    let sends_for_real = |channel: &Channel| !matches!(channel.kind, ChannelKind::Outbox { .. });
    let findings = if workspace.channels.values().any(sends_for_real) {
        check_public_url(url, doctor).await
    } else {
        vec![Finding::pass("address", format!("{url}; no channel sends for real"))]
    };
    findings.into_iter().map(|finding| finding.about("public_url")).collect()
}

async fn check_public_url(url: &Url, doctor: &Doctor) -> Vec<Finding> {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => true,
    };
    let fix = "Set the https URL under which readers reach this server: public_url = \"https://news.harbour.example\".";
    if here {
        let found = format!("{url} can be reached only from this network: links do not work for readers");
        return vec![Finding::fail_here("address", found, fix)];
    }
    if url.scheme() != "https" {
        let found = format!("{url} is not https, which one-click unsubscription must be (RFC 8058 §3.1)");
        return vec![Finding::fail_here("address", found, fix), doctor.examine_public_url(url).await];
    }
    vec![Finding::pass("address", url.to_string()), doctor.examine_public_url(url).await]
}

/// Returns an e-mail of one of the channel's steps to a made-up recipient.
fn sample(workspace: &Workspace, channel: &Channel) -> Option<Email> {
    let steps = workspace
        .campaigns
        .values()
        .flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    let (campaign, step) = steps.into_iter().find(|(_, step)| step.channel == channel.id)?;
    let (compiled, _) = channel::compile(workspace, campaign, step).ok()?;
    let renderer = Renderer::new(&compiled, &compiled.sample_links(workspace)).ok()?;
    let person = preview::sample_person();
    let recipient = Recipient {
        person: Some(&person),
        token: "doctor",
        message_id: "doctor",
        date: Clock::System.now(),
        possible_duplicate: false,
    };
    match renderer.render(&recipient).ok()? {
        Message::Email(email) => Some(email),
        Message::Post(_) => None,
    }
}

fn print_findings(findings: &[Finding], format: Format) -> anyhow::Result<()> {
    let count = |word: &str| findings.iter().filter(|finding| finding.verdict.word() == word).count();
    let (passed, warned, failed) = (count("pass"), count("warn"), count("fail"));
    if format == Format::Json {
        return output::json(&serde_json::json!({
            "checks": findings,
            "passed": passed,
            "warned": warned,
            "failed": failed,
        }));
    }
    let about = findings.iter().map(|finding| finding.about.len()).max().unwrap_or(0);
    let check = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for finding in findings {
        let word = color::paint(finding.verdict, finding.verdict.word());
        output::line(format!(
            "{word}  {:about$}  {:check$}  {}",
            finding.about, finding.check, finding.found
        ))?;
        if let Some(fix) = &finding.fix {
            output::line(format!("      {:about$}  {:check$}  → {fix}", "", ""))?;
        }
    }
    output::line("")?;
    let warned = color::paint_count(Tone::Warning, warned, &format!("{warned} warned"));
    let failed = color::paint_count(Tone::Bad, failed, &format!("{failed} failed"));
    output::line(format!("{passed} passed, {warned}, {failed}"))
}
