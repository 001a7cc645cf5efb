//! `chorus migrate`: migrates the database to this version.

use std::process::ExitCode;

use clap::Args;
use store::Store;

use crate::setup::Env;
use terminal::help;
use terminal::output::{self, Format, counted, user_error};

/// Migrate the database to this version; other commands do so automatically
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus migrate", ""),
]))]
pub(crate) struct Options {}

pub(crate) async fn run(env: &Env, _options: &Options) -> anyhow::Result<ExitCode> {
    let loaded = env.load()?;
    let url =
        loaded.0.database.url.expose().map_err(|missing| user_error(format!("{missing}: set it first")))?;
    let store = Store::open(url).await?;
    let ran = store.migrate().await?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "database": store.dialect().as_str(), "migrations": ran }))?;
    } else {
        let what = match ran {
            0 => "nothing to do".to_owned(),
            ran => format!("{} run", counted(ran, "migration", "migrations")),
        };
        output::line(format!("{}: {what}", store.dialect().as_str()))?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
