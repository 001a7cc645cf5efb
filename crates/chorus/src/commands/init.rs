//! `chorus init`: creates a workspace that passes `check` and sends to the outbox.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use campaign::SchemaKind;
use clap::Args;

use crate::commands::schema;
use crate::embedded;
use crate::setup::Env;
use terminal::help;
use terminal::output::{self, Format, user_error};

/// Create a workspace that passes `check` and sends to the outbox
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus init my-brand", "a workspace in the new folder my-brand"),
]))]
pub(crate) struct Options {
    /// The folder of the workspace. It is created if it does not exist, and refused if it has a
    /// chorus.toml.
    dir: PathBuf,
}

const FILES: [(&str, &str); 5] = [
    ("chorus.toml", include_str!("../../starter/chorus.toml")),
    ("campaigns/hello.toml", include_str!("../../starter/campaigns/hello.toml")),
    ("audiences/everyone.toml", include_str!("../../starter/audiences/everyone.toml")),
    ("contacts.csv", include_str!("../../starter/contacts.csv")),
    (".gitignore", "/data\n"),
];

/// The folder of the JSON Schemas for editors, below the workspace's.
const SCHEMAS: &str = ".chorus/schemas";

/// The glob of each kind of file, for editors.
const GLOBS: [(&str, SchemaKind); 3] = [
    ("chorus.toml", SchemaKind::Chorus),
    ("campaigns/*.toml", SchemaKind::Campaign),
    ("audiences/*.toml", SchemaKind::Audience),
];

pub(crate) fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let dir = &options.dir;
    refuse_to_overwrite(dir)?;
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        std::fs::write(&path, schema_line(name) + text)
            .with_context(|| format!("write {}", path.display()))?;
    }
    schema::write(&dir.join(SCHEMAS))?;
    let rules = dir.join(".taplo.toml");
    std::fs::write(&rules, editor_rules()).with_context(|| format!("write {}", rules.display()))?;
    embedded::write_templates(dir, &["newsletter"])?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "workspace": dir }))?;
    } else {
        let full = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        output::line(format!("A new workspace is in {}. Next:\n", full.display()))?;
        if full != std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default() {
            output::line(format!("  cd {}", dir.display()))?;
        }
        output::line("  chorus check                          # is everything right?")?;
        output::line("  chorus contacts import contacts.csv   # two people to begin with")?;
        output::line("  chorus send hello                     # to the outbox: nothing leaves this machine")?;
        output::line("  chorus serve                          # look at it in a browser")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the first line of a file, which tells editors the schema of the file; nothing for files
/// without a schema.
fn schema_line(name: &str) -> String {
    let kind = match name.split_once('/') {
        None if name == "chorus.toml" => SchemaKind::Chorus,
        Some(("campaigns", _)) => SchemaKind::Campaign,
        Some(("audiences", _)) => SchemaKind::Audience,
        _ => return String::new(),
    };
    let up = if name.contains('/') { "../" } else { "" };
    format!("#:schema {up}{SCHEMAS}/{}\n", schema::file_name(kind))
}

/// Returns the text of `.taplo.toml`, which tells editors the schema of files that are added later.
fn editor_rules() -> String {
    let mut text = "# The schemas of these files, for editors. `chorus schema --out .chorus/schemas` writes \
                    them again.\n"
        .to_owned();
    for (glob, kind) in GLOBS {
        let path = schema::file_name(kind);
        text += &format!(
            "\n[[rule]]\ninclude = [\"{glob}\"]\n[rule.schema]\npath = \"{SCHEMAS}/{path}\"\nenabled = true\n"
        );
    }
    text
}

/// Returns an error if a file or folder of the new workspace exists.
fn refuse_to_overwrite(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() && !dir.is_dir() {
        return Err(user_error(format!("{} is a file; name a folder", dir.display())));
    }
    let there = FILES
        .iter()
        .map(|(name, _)| *name)
        .chain(["templates", ".taplo.toml"])
        .find(|name| dir.join(name).exists());
    there.map_or(Ok(()), |name| {
        Err(user_error(format!("{} is there already; name a new folder", dir.join(name).display())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_with_a_schema_names_it_by_its_relative_path() {
        assert_eq!(schema_line("chorus.toml"), "#:schema .chorus/schemas/chorus.schema.json\n");
        let campaign = "#:schema ../.chorus/schemas/campaign.schema.json\n";
        assert_eq!(schema_line("campaigns/hello.toml"), campaign);
        let audience = "#:schema ../.chorus/schemas/audience.schema.json\n";
        assert_eq!(schema_line("audiences/everyone.toml"), audience);
        assert_eq!(schema_line("contacts.csv"), "");
        assert_eq!(schema_line(".gitignore"), "");
    }

    #[test]
    fn the_rules_for_editors_name_every_schema() {
        let rules = editor_rules();
        assert_eq!(rules.matches("[[rule]]\n").count(), SchemaKind::ALL.len());
        let campaigns = "include = [\"campaigns/*.toml\"]\n[rule.schema]\n\
                         path = \".chorus/schemas/campaign.schema.json\"\nenabled = true\n";
        assert!(rules.contains(campaigns), "{rules}");
    }
}
