//! `chorus schema`: prints the JSON Schema of the workspace's files, for editors.

use std::process::ExitCode;

use campaign::SchemaKind;
use clap::{Args, ValueEnum};

use crate::output;
use crate::setup::Env;

/// Print the JSON Schema of a kind of file, for editors
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The kind of file. Default: all kinds, in one object.
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// The file chorus.toml
    Chorus,
    /// The files campaigns/*.toml
    Campaign,
    /// The files audiences/*.toml
    Audience,
}

pub(crate) fn run(_env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    match options.kind {
        Some(kind) => output::json(&schema(kind))?,
        None => output::json(&serde_json::json!({
            "chorus": schema(Kind::Chorus),
            "campaign": schema(Kind::Campaign),
            "audience": schema(Kind::Audience),
        }))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn schema(kind: Kind) -> serde_json::Value {
    campaign::workspace::schema(match kind {
        Kind::Chorus => SchemaKind::Chorus,
        Kind::Campaign => SchemaKind::Campaign,
        Kind::Audience => SchemaKind::Audience,
    })
}
