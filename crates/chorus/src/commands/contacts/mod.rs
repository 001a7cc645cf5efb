//! `chorus contacts`: imports, exports and shows contacts.

mod erase;
mod export;
mod import;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::setup::{App, Env};
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
    /// Import contacts from a file; existing contacts are updated
    ///
    /// Columns: email, phone, external_id (at least one of them), language, timezone, consent,
    /// consent_source and consent_time, in any spelling and under the names of other programs; any
    /// other column is an attribute.
    #[command(after_help = help::examples(&[
        ("chorus contacts import contacts.csv --dry-run", ""),
        ("chorus contacts import a.csv --consent consent --consent-source form", ""),
        ("chorus contacts import b.xlsx --country GB --map Level=tier", ""),
    ]))]
    Import(import::ImportOptions),
    /// Export all contacts as CSV, or as JSON with --format json
    #[command(after_help = help::examples(&[
        ("chorus contacts export --out all.csv", ""),
        ("chorus contacts export --format json", "one object a line"),
        ("chorus contacts export --of daisy_parker@example.com", "all of one"),
    ]))]
    Export {
        /// The file to write. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Export everything that is stored about this contact as JSON: e-mail address, phone
        /// number or external id.
        #[arg(long, value_name = "ADDRESS")]
        of: Option<String>,
    },
    /// Erase a contact for good; the counts stay
    ///
    /// Deletes the contact, the messages kept of them, and the details of what they did, also from
    /// the files of a SQLite database. An address that is imported again gets nothing.
    #[command(after_help = help::examples(&[
        ("chorus contacts erase daisy_parker@example.com --yes", ""),
    ]))]
    Erase {
        /// E-mail address, phone number or external id.
        address: String,
        /// Erase without a question.
        #[arg(long)]
        yes: bool,
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
pub(crate) async fn import_from(app: &App, source: &[u8]) -> anyhow::Result<()> {
    let answers = import::Answers {
        evidence: store::Evidence {
            basis: store::Basis::Consent,
            source: Some("the demo's contacts.csv".to_owned()),
            ..store::Evidence::default()
        },
        for_everybody: None,
    };
    import::import_from(app, source, &answers).await
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let code = match &options.action {
        Action::Import(options) => import::run(env, &app, options).await?,
        Action::Export { out, of } => export::run(env, &app, out.as_deref(), of.as_deref()).await?,
        Action::Erase { address, yes } => erase::run(env, &app, address, *yes).await?,
        Action::Show { address } => show::run(env, &app, address).await?,
    };
    app.store.close().await;
    Ok(code)
}
