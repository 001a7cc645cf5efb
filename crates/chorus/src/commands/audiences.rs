//! `chorus audiences`: the audiences of the workspace with their sizes.

use std::process::ExitCode;

use campaign::Audience;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::setup::{App, Env};
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, number};

/// Show the audiences and the number of contacts in each
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus audiences", "every audience with its size"),
    ("chorus audiences size members", "one of them"),
]))]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every audience with its size
    #[command(after_help = help::examples(&[
        ("chorus audiences list", ""),
    ]))]
    List,
    /// Show the number of contacts in one audience
    #[command(after_help = help::examples(&[
        ("chorus audiences size members", ""),
    ]))]
    Size {
        /// The name of its file in audiences/, without .toml
        #[arg(value_parser = arguments::id)]
        audience: String,
    },
}

#[derive(Debug, Serialize)]
struct AudienceSize<'a> {
    audience: &'a str,
    title: &'a str,
    /// Number of contacts in the audience, including those that may not be contacted.
    contacts: i64,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let result = print_sizes(env, options, &app).await;
    app.store.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

async fn print_sizes(env: &Env, options: &Options, app: &App) -> anyhow::Result<()> {
    let audiences: Vec<&Audience> = match &options.action {
        None | Some(Action::List) => {
            app.note_broken_files();
            app.workspace().audiences.values().collect()
        }
        Some(Action::Size { audience }) => vec![app.audience(audience)?],
    };
    let mut rows = Vec::new();
    for audience in audiences {
        let (audiences, now) = (&app.workspace().audiences, app.clock.millis());
        let contacts = app.store.audience_count(audiences, &audience.id, now).await?;
        rows.push(AudienceSize { audience: audience.id.as_str(), title: &audience.title, contacts });
    }
    if env.format == Format::Json {
        return output::json(&rows);
    }
    let width = rows.iter().map(|row| row.audience.len()).max().unwrap_or(0);
    for row in &rows {
        output::line(format!("{:width$}  {:>12}  {}", row.audience, number(row.contacts), row.title))?;
    }
    if rows.is_empty() {
        output::line("There is no audience yet: add a file to audiences/.")?;
    }
    Ok(())
}
