//! `chorus contacts`: people.

mod export;
mod import;
mod row;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::setup::Env;

/// Import, export and show contacts
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read contacts from a CSV file with a header; known people are updated
    Import {
        /// UTF-8, comma or semicolon. Columns: email, phone, external_id (at least one of them), language, timezone,
        /// consent (yes/no); any other column is an attribute.
        file: PathBuf,
    },
    /// Write all contacts as CSV (or JSON)
    Export {
        /// To this file; to the screen when left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// One person: who they are, what they got, what they did
    Show {
        /// E-mail address, phone number or external id.
        address: String,
    },
}

/// Imports CSV from memory; for the demo.
pub(crate) async fn import_from(
    store: &store::Store,
    attributes: &std::collections::BTreeMap<String, campaign::workspace::AttributeKind>,
    source: &[u8],
    now: store::Millis,
) -> anyhow::Result<()> {
    import::import(store, attributes, source, now, |_| ()).await.map(|_| ())
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let code = match &options.action {
        Action::Import { file } => import::run(env, &opened, file).await?,
        Action::Export { out } => export::run(env, &opened, out.as_deref()).await?,
        Action::Show { address } => show::run(env, &opened, address).await?,
    };
    opened.store.close().await;
    Ok(code)
}
