//! `chorus check`: every file, template and fact; all findings at once.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use scheduler::Loaded;
use source::Diagnostic;
use store::{Clock, Store};

use crate::output::{self, Format};
use crate::setup::{self, Env};

/// Check every file, template and fact, and show all findings at once
#[derive(Debug, Args)]
pub(crate) struct Options {}

pub(crate) async fn run(env: &Env, _options: &Options) -> anyhow::Result<ExitCode> {
    let root = env.root()?;
    let (findings, campaigns) = match setup::read(&root, None) {
        Ok(loaded) => {
            let mut findings = loaded.1.clone();
            for finding in against_database(&loaded).await {
                findings.push(finding);
            }
            (findings, Some(loaded.0.campaigns.len()))
        }
        Err(findings) => (findings, None),
    };
    let (errors, warnings) = (findings.errors().count(), findings.warnings().count());
    if env.format == Format::Json {
        output::json(&serde_json::json!({
            "errors": errors,
            "warnings": warnings,
            "findings": findings.to_json(),
        }))?;
    } else {
        let text = findings.to_text(output::is_terminal());
        if !text.is_empty() {
            output::line(text.trim_end())?;
            output::line("")?;
        }
        output::line(summary(errors, warnings, campaigns))?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the files would do that the database knows better: steps that went out already, and runs that are on their way
/// with other words. A database that is not there yet, or does not answer, says nothing.
async fn against_database(loaded: &Loaded) -> Vec<Diagnostic> {
    let Ok(url) = loaded.0.database.url.expose() else { return Vec::new() };
    if url.strip_prefix("sqlite:").is_some_and(|file| !std::path::Path::new(file).exists()) {
        return Vec::new();
    }
    let asked = async {
        let store = Store::open(url).await.ok()?;
        let current = store.health().await.is_ok_and(|health| health.pending == 0 && health.unknown == 0);
        let found = if current {
            scheduler::already_sent(&store, loaded, Clock::System.now()).await.ok()
        } else {
            None
        };
        store.close().await;
        found
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten().unwrap_or_default()
}

/// How long the database is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

fn summary(errors: usize, warnings: usize, campaigns: Option<usize>) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    match campaigns {
        Some(ready) => format!("{found}; {} ready to run", count(ready, "campaign")),
        None => format!("{found}; nothing can run until chorus.toml is right"),
    }
}
