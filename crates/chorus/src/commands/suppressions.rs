//! `chorus suppressions`: addresses that must not be written to, listed, added, and exchanged with
//! other programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use campaign::EmailAddress;
use campaign::text::Phone;
use clap::{Args, Subcommand};
use import::{ContactFile, Conventions, Row};
use store::iso8601::Iso8601 as _;
use store::{AddressKind, Suppression, SuppressionReason};
use terminal::help;
use terminal::output::{self, Format, counted, user_error};

use crate::setup::{App, Env};
use terminal::{arguments, disk, time};

/// Number of rows that are written or read at a time.
const BATCH_SIZE: usize = 1_000;
/// Maximum number of rows that an import lists as rejected.
const MAX_LISTED: usize = 100;

/// List, add and exchange addresses that must not be written to
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus suppressions", "the latest"),
    ("chorus suppressions import unsubscribed.csv", "from another program"),
]))]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List suppressed addresses, the latest first
    #[command(after_help = help::examples(&[
        ("chorus suppressions list --limit 20", ""),
    ]))]
    List {
        /// Maximum number of addresses.
        #[arg(long, default_value_t = 50, value_parser = arguments::rows)]
        limit: u32,
    },
    /// Suppress addresses
    #[command(after_help = help::examples(&[
        ("chorus suppressions add ada@example.com +442079460000", ""),
    ]))]
    Add {
        /// E-mail addresses, and phone numbers with their country code.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Remove the suppression of an address; a consent is asked for still
    #[command(after_help = help::examples(&[
        ("chorus suppressions remove ada@example.com", ""),
    ]))]
    Remove {
        /// An e-mail address, or a phone number with its country code.
        address: String,
    },
    /// Suppress the addresses in a file, such as the list of another program
    #[command(after_help = help::examples(&[
        ("chorus suppressions import unsubscribed.csv", ""),
    ]))]
    Import {
        /// CSV, JSON Lines or an Excel workbook with a column for e-mail addresses or phone
        /// numbers; a column `reason` may say unsubscribed, bounced, complained or manual.
        file: PathBuf,
    },
    /// Export all suppressed addresses as CSV
    #[command(after_help = help::examples(&[
        ("chorus suppressions export --out suppressed.csv", ""),
    ]))]
    Export {
        /// The file to write. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let code = match options.action.as_ref().unwrap_or(&Action::List { limit: 50 }) {
        Action::List { limit } => list(env, &app, i64::from(*limit)).await?,
        Action::Add { addresses } => add(env, &app, addresses).await?,
        Action::Remove { address } => remove(env, &app, address).await?,
        Action::Import { file } => import_file(env, &app, file).await?,
        Action::Export { out } => export(&app, out.as_deref()).await?,
    };
    app.store.close().await;
    Ok(code)
}

async fn list(env: &Env, app: &App, limit: i64) -> anyhow::Result<ExitCode> {
    let rows = app.store.suppression_list(limit).await?;
    if env.format == Format::Json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("No address is suppressed.")?;
    } else {
        let zone = &app.workspace().brand.timezone;
        let row = |row: &Suppression| {
            let since = time::show_millis(row.created_at, zone);
            vec![row.address.clone(), row.reason.as_str().to_owned(), row.source.clone(), since]
        };
        output::table(&["address", "reason", "source", "since"], rows.iter().map(row))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(env: &Env, app: &App, addresses: &[String]) -> anyhow::Result<ExitCode> {
    let parsed = addresses.iter().map(|address| parse(address)).collect::<anyhow::Result<Vec<_>>>()?;
    let suppress = |(kind, address)| suppression(app, kind, address, SuppressionReason::Manual, "command");
    let rows: Vec<_> = parsed.into_iter().map(suppress).collect();
    let added = app.store.suppression_add(&rows).await?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "added": added }))?;
    } else {
        let known = rows.len() as u64 - added;
        output::line(format!(
            "{} suppressed, {known} before",
            counted(added, "address is", "addresses are")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(env: &Env, app: &App, address: &str) -> anyhow::Result<ExitCode> {
    let (kind, address) = parse(address)?;
    let known = app.store.suppression_get(kind, &address).await?;
    let Some(known) = known else { return Err(user_error(format!("{address} is not suppressed"))) };
    app.store.suppression_remove(kind, &address).await?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "removed": known }))?;
    } else {
        output::line(format!(
            "{address} is not suppressed any more; it was ({}, by {}).",
            known.reason.as_str(),
            known.source
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn import_file(env: &Env, app: &App, path: &Path) -> anyhow::Result<ExitCode> {
    let file = ContactFile::open(disk::open(path)?, &Conventions::default())
        .map_err(|error| user_error(format!("{}: {error}", path.display())))?;
    let (mut added, mut found, mut rejected) = (0, 0_u64, 0_u64);
    let mut batch = Vec::new();
    for row in file {
        match row.map_err(|error| user_error(error.to_string()))? {
            Row::Contact { contact, .. } => {
                let reason = contact.attributes.get("reason").and_then(|reason| reason.as_str());
                let reason = reason.and_then(|reason| SuppressionReason::try_from(reason.to_owned()).ok());
                let reason = reason.unwrap_or(SuppressionReason::Manual);
                let addresses = [(AddressKind::Email, contact.email), (AddressKind::Phone, contact.phone)];
                let addresses = addresses.into_iter().filter_map(|(kind, address)| Some((kind, address?)));
                let before = batch.len();
                batch.extend(
                    addresses.map(|(kind, address)| suppression(app, kind, address, reason, "import")),
                );
                found += (batch.len() - before) as u64;
            }
            Row::Rejected { line, reason, .. } => {
                rejected += 1;
                if rejected <= MAX_LISTED as u64 {
                    output::note(format!("line {line}: {reason}"));
                }
            }
        }
        if batch.len() >= BATCH_SIZE {
            added += app.store.suppression_add(&batch).await?;
            app.store.yield_writer().await;
            batch.clear();
        }
    }
    added += app.store.suppression_add(&batch).await?;
    if env.format == Format::Json {
        let known = found - added;
        output::json(&serde_json::json!({ "added": added, "known": known, "rejected": rejected }))?;
    } else {
        let known = found - added;
        output::line(format!(
            "{} suppressed, {known} before, {} rejected",
            counted(added, "address is", "addresses are"),
            counted(rejected, "row", "rows")
        ))?;
    }
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn export(app: &App, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let to: Box<dyn Write> = match out {
        Some(path) => Box::new(disk::create(path)?),
        None => Box::new(std::io::stdout()),
    };
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(["email", "phone", "reason", "source", "since"])?;
    let rows = app.store.suppression_list(i64::MAX).await?;
    for row in &rows {
        let address = import::escape_formula(&row.address);
        let (email, phone) = match row.kind {
            AddressKind::Email => (address.as_str(), ""),
            AddressKind::Phone => ("", row.address.as_str()),
        };
        let source = import::escape_formula(&row.source);
        let since = row.created_at.iso8601().unwrap_or_default();
        writer.write_record([email, phone, row.reason.as_str(), &source, &since])?;
    }
    writer.flush()?;
    if let Some(path) = out {
        output::note(format!("{} in {}", counted(rows.len() as u64, "address", "addresses"), path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Parses an e-mail address or a phone number with its country code.
fn parse(text: &str) -> anyhow::Result<(AddressKind, String)> {
    if let Ok(address) = EmailAddress::parse(text) {
        return Ok((AddressKind::Email, address.as_str().to_owned()));
    }
    Phone::parse(text).map(|phone| (AddressKind::Phone, phone.as_str().to_owned())).map_err(|_| {
        user_error(format!(
            "{text} is neither an e-mail address nor a phone number with its country code, such as +442079460000"
        ))
    })
}

fn suppression(
    app: &App,
    kind: AddressKind,
    address: String,
    reason: SuppressionReason,
    source: &str,
) -> Suppression {
    Suppression { kind, address, reason, source: source.to_owned(), created_at: app.clock.millis() }
}
