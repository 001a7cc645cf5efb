//! `chorus contacts`: imports, exports and shows contacts.

mod export;
mod import;
mod row;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::setup::Env;
use terminal::help;

/// Import, export and show contacts
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus contacts import contacts.csv", ""),
    ("chorus contacts show daisy_parker@example.com", ""),
]))]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Import contacts from a CSV file with a header; existing contacts are updated
    #[command(after_help = help::examples(&[
        ("chorus contacts import contacts.csv", ""),
        ("chorus contacts import a.csv --consent consent --consent-source form", ""),
    ]))]
    Import {
        /// A UTF-8 file with commas or semicolons. Columns: email, phone, external_id (at least one
        /// of them), language, timezone, consent (yes/no); any other column is an attribute.
        file: PathBuf,
        #[command(flatten)]
        answers: import::ConsentOptions,
    },
    /// Export all contacts as CSV, or as JSON with --format json
    #[command(after_help = help::examples(&[
        ("chorus contacts export --out all.csv", ""),
        ("chorus contacts export --format json", "one object a line"),
    ]))]
    Export {
        /// The file to write. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show one contact with their attributes, messages and events
    #[command(after_help = help::examples(&[
        ("chorus contacts show daisy_parker@example.com", ""),
    ]))]
    Show {
        /// E-mail address, phone number or external id.
        address: String,
    },
}

/// Imports contacts from CSV in memory, for the demo.
pub(crate) async fn import_from(
    store: &store::Store,
    attributes: &std::collections::BTreeMap<String, campaign::workspace::AttributeKind>,
    source: &[u8],
    now: store::Millis,
) -> anyhow::Result<()> {
    let answers = import::Answers {
        evidence: store::Evidence {
            basis: store::Basis::Consent,
            source: Some("the demo's contacts.csv".to_owned()),
            ..store::Evidence::default()
        },
        without_column: None,
    };
    import::import(store, attributes, source, &answers, now, |_| ()).await.map(|_| ())
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let code = match &options.action {
        Action::Import { file, answers } => import::run(env, &app, file, answers).await?,
        Action::Export { out } => export::run(env, &app, out.as_deref()).await?,
        Action::Show { address } => show::run(env, &app, address).await?,
    };
    app.store.close().await;
    Ok(code)
}
