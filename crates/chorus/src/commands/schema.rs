//! `chorus schema`: prints the JSON Schemas of the workspace's files, or writes them as files, for
//! editors.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use campaign::SchemaKind;
use clap::{Args, ValueEnum};

use crate::setup::Env;
use terminal::help;
use terminal::output::{self, Format};

/// Print the JSON Schema of a kind of file, or write all schemas as files, for editors
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus schema campaign", "of the files campaigns/*.toml"),
    ("chorus schema --out .chorus/schemas", "a file for each kind"),
]))]
pub(crate) struct Options {
    /// The kind of file. Default: all kinds, in one object.
    kind: Option<Kind>,
    /// Write each schema as a file to this folder, which is created if it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    out: Option<PathBuf>,
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

impl From<Kind> for SchemaKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Chorus => Self::Chorus,
            Kind::Campaign => Self::Campaign,
            Kind::Audience => Self::Audience,
        }
    }
}

pub(crate) fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &options.out {
        write(folder)?;
        if env.format == Format::Json {
            output::json(&serde_json::json!({ "folder": folder, "schemas": SchemaKind::ALL.len() }))?;
        } else {
            output::line(format!("{} schemas in {}", SchemaKind::ALL.len(), folder.display()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    match options.kind {
        Some(kind) => output::json(&campaign::workspace::schema(kind.into()))?,
        None => {
            let all = SchemaKind::ALL.map(|kind| (name(kind).to_owned(), campaign::workspace::schema(kind)));
            output::json(&serde_json::Map::from_iter(all))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const fn name(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Chorus => "chorus",
        SchemaKind::Campaign => "campaign",
        SchemaKind::Audience => "audience",
    }
}

/// Returns the name of the file that has the schema of a kind, such as `campaign.schema.json`.
pub(crate) fn file_name(kind: SchemaKind) -> String {
    format!("{}.schema.json", name(kind))
}

/// Writes the schema of each kind of file to a folder, which is created if it does not exist.
///
/// # Errors
/// Returns an error that names the folder or file that cannot be written.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    for kind in SchemaKind::ALL {
        let path = folder.join(file_name(kind));
        let text = serde_json::to_string_pretty(&campaign::workspace::schema(kind))? + "\n";
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
