//! `chorus check`: checks all files, templates and facts, and prints all findings.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use scheduler::Loaded;
use source::Diagnostic;
use store::{Clock, Store};

use crate::setup::{self, Env};
use terminal::color::{self, Tone};
use terminal::help;
use terminal::output::{self, Format, counted};

/// Check all files, templates and facts, and show all findings
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus check", ""),
    ("chorus check --format json", "for editors and scripts"),
]))]
pub(crate) struct Options {}

pub(crate) async fn run(env: &Env, _options: &Options) -> anyhow::Result<ExitCode> {
    let root = env.root()?;
    let (findings, campaigns) = match setup::read(&root, None) {
        Ok(loaded) => {
            let mut findings = loaded.1.clone();
            for finding in database_findings(&loaded).await {
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
        let text = findings.to_text(color::enabled());
        if !text.is_empty() {
            output::line(text.trim_end())?;
            output::line("")?;
        }
        output::line(summary(errors, warnings, campaigns))?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Returns the findings that need the database: steps that were already sent, and open runs with
/// another text. Returns none if the database does not exist yet, is not migrated or does not
/// answer.
async fn database_findings(loaded: &Loaded) -> Vec<Diagnostic> {
    let Ok(url) = loaded.0.database.url.expose() else { return Vec::new() };
    if url.strip_prefix("sqlite:").is_some_and(|file| !std::path::Path::new(file).exists()) {
        return Vec::new();
    }
    let query = async {
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
    tokio::time::timeout(DATABASE_TIMEOUT, query).await.ok().flatten().unwrap_or_default()
}

/// Timeout of the database queries.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

fn summary(errors: usize, warnings: usize, campaigns: Option<usize>) -> String {
    let errors = color::paint_count(Tone::Bad, errors, &counted(errors, "error", "errors"));
    let warnings = color::paint_count(Tone::Warning, warnings, &counted(warnings, "warning", "warnings"));
    let found = format!("{errors}, {warnings}");
    match campaigns {
        Some(ready) => format!("{found}; {} ready to run", counted(ready, "campaign", "campaigns")),
        None => format!("{found}; nothing can run until chorus.toml is fixed"),
    }
}
