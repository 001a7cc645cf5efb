//! `chorus audiences`: the audiences of the workspace, and how many people each has.

use std::process::ExitCode;

use campaign::Audience;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::output::{self, Format, number};
use crate::setup::{Env, Opened};

/// The audiences, and how many people each has now
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every audience with its size
    List,
    /// The number of contacts that belong to one audience
    Size {
        /// The name of its file in audiences/, without .toml
        audience: String,
    },
}

#[derive(Debug, Serialize)]
struct Sized<'a> {
    audience: &'a str,
    title: &'a str,
    /// The number of contacts that belong to it, whoever may be written to.
    contacts: i64,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let done = sizes(env, options, &opened).await;
    opened.store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn sizes(env: &Env, options: &Options, opened: &Opened) -> anyhow::Result<()> {
    let which: Vec<&Audience> = match &options.action {
        None | Some(Action::List) => {
            opened.note_broken_files();
            opened.workspace().audiences.values().collect()
        }
        Some(Action::Size { audience }) => vec![opened.audience(audience)?],
    };
    let mut sized = Vec::new();
    for audience in which {
        let (audiences, now) = (&opened.workspace().audiences, opened.clock.millis());
        let contacts = opened.store.audience_count(audiences, &audience.id, now).await?;
        sized.push(Sized { audience: audience.id.as_str(), title: &audience.title, contacts });
    }
    if env.format == Format::Json {
        return output::json(&sized);
    }
    let width = sized.iter().map(|row| row.audience.len()).max().unwrap_or(0);
    for row in &sized {
        output::line(format!("{:width$}  {:>12}  {}", row.audience, number(row.contacts), row.title))?;
    }
    if sized.is_empty() {
        output::line("There is no audience yet: add a file to audiences/.")?;
    }
    Ok(())
}
