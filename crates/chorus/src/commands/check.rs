//! `chorus check`: every file, template and fact; all findings at once.

use std::process::ExitCode;

use clap::Args;

use crate::output::{self, Format};
use crate::setup::{self, Env};

/// Check every file, template and fact, and show all findings at once
#[derive(Debug, Args)]
pub(crate) struct Options {}

pub(crate) fn run(env: &Env, _options: &Options) -> anyhow::Result<ExitCode> {
    let root = env.root()?;
    let (findings, campaigns) = match setup::read(&root) {
        Ok(loaded) => (loaded.1.clone(), Some(loaded.0.campaigns.len())),
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

fn summary(errors: usize, warnings: usize, campaigns: Option<usize>) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    match campaigns {
        Some(ready) => format!("{found}; {} ready to run", count(ready, "campaign")),
        None => format!("{found}; nothing can run until chorus.toml is right"),
    }
}
