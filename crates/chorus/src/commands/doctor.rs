//! `chorus doctor`: configuration, database, DNS, TLS, signing: pass, warn or fail, with the fix.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use campaign::{Channel, ChannelKind, Workspace};
use channel::{Dns, Doctor, Email, Finding, Message, Recipient, Renderer, Verdict};
use clap::Args;
use jiff::tz::TimeZone;
use scheduler::Loaded;
use store::{Clock, Health, Identity, StopReason, Store, StoreError};
use tokio::task::JoinSet;
use url::{Host, Url};

use crate::commands::runs::describe;
use crate::commands::{preview, stop};
use crate::disk;
use crate::output::{self, Format};
use crate::setup::{self, Env};
use crate::time;

/// Look at configuration, database, DNS, TLS and signing; nothing is sent
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Ask this DNS server instead of the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let findings = match setup::read(&env.root()?, None) {
        Ok(loaded) => examine(&loaded, options, env.format).await?,
        Err(findings) => {
            let errors = findings.errors().count();
            vec![unreadable(errors)]
        }
    };
    tell(&findings, env.format)?;
    let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    Ok(if any(Verdict::FailHere) {
        ExitCode::from(1)
    } else if any(Verdict::FailOutside) {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

fn unreadable(errors: usize) -> Finding {
    let found = format!("chorus.toml cannot be used: {errors} errors");
    Finding::fail_here("files", found, "`chorus check` shows each with its fix.").about("workspace")
}

/// Everything at once, each part in a task of its own; told in a fixed order.
async fn examine(loaded: &Loaded, options: &Options, format: Format) -> anyhow::Result<Vec<Finding>> {
    let dns = match options.dns {
        Some(address) => Dns::at(address)?,
        None => Dns::of_machine()?,
    };
    let doctor = Doctor::new(dns, Clock::System.now(), PATIENCE).behind(setup::proxy(&loaded.0)?);
    let mut parts = JoinSet::new();
    let part = loaded.clone();
    parts.spawn(async move { (0, within("database", "opens", database(&part.0)).await) });
    let (part, of) = (loaded.clone(), doctor.clone());
    parts.spawn(async move { (1, public_url(&part.0, &of).await) });
    for (at, channel) in loaded.0.channels.values().enumerate() {
        let (of, channel, sample) = (doctor.clone(), channel.clone(), sample(&loaded.0, channel));
        parts.spawn(async move { (2 + at, of.channel(&channel, sample).await) });
    }
    let bar = (format == Format::Text).then(|| output::progress("examining", parts.len() as u64));
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
    let findings = tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        vec![Finding::fail_outside(check, "no answer within 10 s", "See whether it is up.")]
    });
    findings.into_iter().map(|finding| finding.about(about)).collect()
}

fn files(loaded: &Loaded) -> Finding {
    let (workspace, findings) = &**loaded;
    let (errors, warnings) = (findings.errors().count(), findings.warnings().count());
    let fix = "`chorus check` shows each with its fix.";
    let found = format!(
        "{} ready; {errors} errors, {warnings} warnings",
        match workspace.campaigns.len() {
            1 => "1 campaign is".to_owned(),
            count => format!("{count} campaigns are"),
        }
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
            vec![Finding::pass("opens", "there is none yet: the first command that needs it makes it")]
        }
        None => opened(url, &workspace.brand.timezone).await,
    };
    findings.extend(file.and_then(room));
    findings
}

async fn opened(url: &str, zone: &TimeZone) -> Vec<Finding> {
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

/// A database that cannot be used, and what to do about it, each in its own place.
fn unusable(check: &'static str, error: &StoreError) -> Finding {
    let (found, advice) = match error {
        StoreError::Database(error) => (error.problem(), error.advice()),
        error => (error.to_string(), None),
    };
    let other = || "check [database] in chorus.toml, and whether the server is up".to_owned();
    let fix = format!("{}.", sentence(&advice.unwrap_or_else(other)));
    Finding::fail_outside(check, format!("cannot {found}"), fix)
}

/// The text with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// Whether the database is a copy, or everything is stopped.
async fn copies(store: &Store, zone: &TimeZone) -> Finding {
    match looked_for_copies(store, zone).await {
        Ok(finding) => finding,
        Err(error) => {
            let fix = "Look at the database's folder: who may write in it?";
            Finding::fail_outside("copies", format!("cannot {error}"), fix)
        }
    }
}

async fn looked_for_copies(store: &Store, zone: &TimeZone) -> anyhow::Result<Finding> {
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

/// What a copy cannot know: the fate of everything after it was made.
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

/// At most so many occurrences are counted.
const COUNTED: i64 = 1_000;
/// At most so many reasons are named.
const TOLD: usize = 5;

/// Occurrences that did not run and wait for a person, and workers that plan nothing.
async fn schedules(store: &Store) -> Vec<Finding> {
    let mut findings = Vec::new();
    match store.occurrence_list(None, true, COUNTED).await {
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
            let more = why.len().saturating_sub(TOLD);
            why.truncate(TOLD);
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
        let found = format!("a newer Chorus changed its tables {} times", health.unknown);
        return Finding::fail_here("tables", found, "Use that version.");
    }
    if health.pending > 0 {
        let found = format!("{} changes of its tables are not made yet", health.pending);
        return Finding::warn("tables", found, "`chorus migrate` makes them; other commands do, too.");
    }
    Finding::pass("tables", "they are this version's")
}

fn durability(health: &Health) -> Finding {
    if health.is_durable {
        return Finding::pass("durability", health.durability.as_str());
    }
    let found = format!("{}: what was sent may be forgotten when the power fails", health.durability);
    Finding::warn("durability", found, "Let the database wait until a commit is on the disk.")
}

/// How much room the disk of a SQLite file has.
fn room(file: &Path) -> Option<Finding> {
    let free = disk::free(file)?;
    let found = format!("{} MiB are free", free >> 20);
    let fix = "Make room: nothing goes out while its intent cannot be written.";
    Some(match free {
        free if free < disk::TOO_LITTLE => Finding::fail_outside("room", found, fix),
        free if free < disk::SCARCE => Finding::warn("room", found, fix),
        _ => Finding::pass("room", found),
    })
}

/// Where links lead, once a channel sends for real.
async fn public_url(workspace: &Workspace, doctor: &Doctor) -> Vec<Finding> {
    let url = &workspace.server.public_url;
    let in_earnest = |channel: &Channel| !matches!(channel.kind, ChannelKind::Outbox { .. });
    let findings = if workspace.channels.values().any(in_earnest) {
        earnest(url, doctor).await
    } else {
        vec![Finding::pass("address", format!("{url}; no channel sends for real"))]
    };
    findings.into_iter().map(|finding| finding.about("public_url")).collect()
}

async fn earnest(url: &Url, doctor: &Doctor) -> Vec<Finding> {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => true,
    };
    let fix = "Write the https address by which readers reach this server: public_url = \"https://news.harbour.example\".";
    if here {
        let found = format!("{url} can be reached from here only: no reader's link works");
        return vec![Finding::fail_here("address", found, fix)];
    }
    if url.scheme() != "https" {
        let found = format!("{url} is not https, which one-click unsubscription must be (RFC 8058 §3.1)");
        return vec![Finding::fail_here("address", found, fix), doctor.public_url(url).await];
    }
    vec![Finding::pass("address", url.to_string()), doctor.public_url(url).await]
}

/// A message as a channel's own campaigns write them, to somebody made up.
fn sample(workspace: &Workspace, channel: &Channel) -> Option<Email> {
    let steps = workspace
        .campaigns
        .values()
        .flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    let (campaign, step) = steps.into_iter().find(|(_, step)| step.channel == channel.id)?;
    let (compiled, _) = channel::compile(workspace, campaign, step).ok()?;
    let renderer = Renderer::new(&compiled, &compiled.sample_links(workspace)).ok()?;
    let somebody = preview::somebody();
    let recipient = Recipient {
        person: Some(&somebody),
        token: "doctor",
        message_id: "doctor",
        date: Clock::System.now(),
        again: false,
    };
    match renderer.render(&recipient).ok()? {
        Message::Email(email) => Some(email),
        Message::Post(_) => None,
    }
}

fn tell(findings: &[Finding], format: Format) -> anyhow::Result<()> {
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
        let word = finding.verdict.word();
        output::line(format!(
            "{word}  {:about$}  {:check$}  {}",
            finding.about, finding.check, finding.found
        ))?;
        if let Some(fix) = &finding.fix {
            output::line(format!("      {:about$}  {:check$}  → {fix}", "", ""))?;
        }
    }
    output::line("")?;
    output::line(format!("{passed} passed, {warned} warned, {failed} failed"))
}
