//! `chorus init`: creates a workspace that passes `check` and sends to the outbox.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::embedded;
use crate::output::{self, Format, user_error};
use crate::setup::Env;

/// Create a workspace that passes `check` and sends to the outbox
#[derive(Debug, Args)]
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

pub(crate) fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let dir = &options.dir;
    refuse_to_overwrite(dir)?;
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    embedded::write_templates(dir, &["newsletter"])?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "workspace": dir }))?;
    } else {
        let dir = dir.display();
        output::line(format!("A new workspace is in {dir}. Next:\n"))?;
        output::line(format!("  cd {dir}"))?;
        output::line("  chorus check                          # is everything right?")?;
        output::line("  chorus contacts import contacts.csv   # two people to begin with")?;
        output::line("  chorus send hello                     # to the outbox: nothing leaves this machine")?;
        output::line("  chorus serve                          # look at it in a browser")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns an error if a file or folder of the new workspace exists.
fn refuse_to_overwrite(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() && !dir.is_dir() {
        return Err(user_error(format!("{} is a file; name a folder", dir.display())));
    }
    let there = FILES.iter().map(|(name, _)| *name).chain(["templates"]).find(|name| dir.join(name).exists());
    there.map_or(Ok(()), |name| {
        Err(user_error(format!("{} is there already; name a new folder", dir.join(name).display())))
    })
}
