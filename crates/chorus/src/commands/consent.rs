//! `chorus consent`: shows what contacts agreed to, enters what they say by other ways, and
//! verifies the ledger.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use dashboard::words;
use store::{
    Basis, ConsentChange, ConsentEntry, ConsentKind, Contact, EntryKind, Evidence, LedgerReport, Millis,
};

use terminal::color::{self, Tone};
use terminal::help;
use terminal::output::{self, Format, counted, number, user_error};

use crate::lookup::{find_contact, find_purpose};
use crate::setup::{App, Env};
use terminal::arguments;
use terminal::time::{self, When};

/// Maximum number of entries that are shown.
const MAX_ENTRIES: i64 = 200;

/// Show, enter and verify what contacts agreed to
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus consent show daisy_parker@example.com", ""),
    ("chorus consent verify", "is the ledger whole?"),
]))]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the consents of a contact, and each entry with its evidence
    #[command(after_help = help::examples(&[
        ("chorus consent show daisy_parker@example.com", ""),
    ]))]
    Show {
        /// E-mail address, phone number or external id.
        address: String,
    },
    /// Enter a consent that a contact gave, with its evidence
    #[command(after_help = help::examples(&[
        ("chorus consent grant daisy_parker@example.com --source fair", ""),
        ("chorus consent grant HC-10001 --kind phone --source call --at -1d", ""),
    ]))]
    Grant(GrantOptions),
    /// Enter that a contact withdrew a consent
    #[command(after_help = help::examples(&[
        ("chorus consent withdraw daisy_parker@example.com", ""),
        ("chorus consent withdraw HC-10001 --kind phone --source call", ""),
    ]))]
    Withdraw(Answer),
    /// Verify that no entry of the ledger was changed or removed
    #[command(after_help = help::examples(&[
        ("chorus consent verify", ""),
    ]))]
    Verify,
}

/// What a contact said about a purpose.
#[derive(Debug, Args)]
struct Answer {
    /// E-mail address, phone number or external id of the contact.
    address: String,
    /// The purpose, as in `[purposes]` of chorus.toml. Default: the only marketing purpose.
    #[arg(long, value_parser = arguments::id)]
    purpose: Option<String>,
    /// The kind of address that it is about; may be given several times. Default: all.
    #[arg(long = "kind", value_enum, value_name = "KIND")]
    kinds: Vec<Kind>,
    /// The place where they said so, such as a form, a call or a letter.
    #[arg(long)]
    source: Option<String>,
    /// The time at which they said so: 2027-03-02, 2027-03-02T10:00, -7d or now.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    at: When,
}

#[derive(Debug, Args)]
#[command(mut_arg("source", |arg| arg.required(true)))]
struct GrantOptions {
    #[command(flatten)]
    answer: Answer,
    /// The legal basis.
    #[arg(long, value_enum, default_value = "consent")]
    basis: GrantBasis,
    /// The version of the text that they agreed to.
    #[arg(long, value_name = "VERSION")]
    text_version: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// E-mail
    Email,
    /// Text messages and calls
    Phone,
    /// Networks and receivers that identify contacts by themselves
    Other,
}

impl From<Kind> for ConsentKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Email => Self::Email,
            Kind::Phone => Self::Phone,
            Kind::Other => Self::Other,
        }
    }
}

/// The legal basis of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrantBasis {
    /// A freely given, informed yes
    Consent,
    /// Told at a purchase, with a way to refuse
    SoftOptIn,
    /// Needed for what the contact ordered
    Contract,
}

impl From<GrantBasis> for Basis {
    fn from(basis: GrantBasis) -> Self {
        match basis {
            GrantBasis::Consent => Self::Consent,
            GrantBasis::SoftOptIn => Self::SoftOptIn,
            GrantBasis::Contract => Self::Contract,
        }
    }
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let code = match &options.action {
        Action::Show { address } => show(env, &app, address).await?,
        Action::Grant(options) => {
            let evidence = Evidence {
                basis: options.basis.into(),
                text_version: options.text_version.clone(),
                ..Evidence::default()
            };
            enter(env, &app, &options.answer, EntryKind::Grant, evidence).await?
        }
        Action::Withdraw(answer) => {
            enter(env, &app, answer, EntryKind::Withdraw, Evidence::default()).await?
        }
        Action::Verify => verify(env, &app).await?,
    };
    app.store.close().await;
    Ok(code)
}

async fn enter(
    env: &Env,
    app: &App,
    answer: &Answer,
    entry: EntryKind,
    evidence: Evidence,
) -> anyhow::Result<ExitCode> {
    let contact = find_contact(app, &answer.address).await?;
    let now = app.clock.now();
    let given_at = answer.at.resolve(&app.workspace().brand.timezone, now)?;
    if given_at > now {
        return Err(user_error("--at is in the future; write the time at which the contact said so"));
    }
    let purpose = find_purpose(app.workspace(), answer.purpose.as_deref())?;
    let evidence = Evidence {
        purpose: purpose.id.to_string(),
        method: "command".to_owned(),
        source: answer.source.clone(),
        given_at: Some(Millis::from(given_at)),
        ..evidence
    };
    let kinds = answer.kinds.iter().map(|kind| (*kind).into()).collect();
    let change = ConsentChange { contact: contact.id, entry, kinds };
    let changed = app.store.consent_change(&change, &evidence, app.clock.millis()).await?.unwrap_or_default();
    let contact = app.store.contact_get(contact.id).await?.unwrap_or(contact);
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "changed": changed, "contact": contact }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if changed.is_empty() {
        output::line("Nothing changes: that is what the ledger says already.")?;
    }
    print_consents(&contact)?;
    Ok(ExitCode::SUCCESS)
}

fn print_consents(contact: &Contact) -> anyhow::Result<()> {
    let consents = words::consents(&contact.consents);
    if consents.is_empty() {
        return output::line(
            "No consent is known. Messages that need one are not sent to this contact; enter one with \
             `chorus consent grant`.",
        );
    }
    consents.iter().try_for_each(output::line)
}

async fn show(env: &Env, app: &App, address: &str) -> anyhow::Result<ExitCode> {
    let contact = find_contact(app, address).await?;
    let entries = app.store.consent_entries(contact.id, MAX_ENTRIES).await?;
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "contact": contact, "entries": entries }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print_consents(&contact)?;
    if entries.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::line("\nEntries, the latest first:")?;
    let zone = &app.workspace().brand.timezone;
    let row = |entry: &ConsentEntry| {
        let tone = match entry.entry {
            EntryKind::Grant | EntryKind::Confirm => Tone::Good,
            EntryKind::Request => Tone::Plain,
            EntryKind::Withdraw | EntryKind::Object => Tone::Warning,
        };
        vec![
            entry.id.to_string(),
            time::show_millis(entry.occurred_at, zone),
            color::paint(tone, entry.entry.as_str()),
            entry.purpose.clone(),
            entry.kinds.replace(',', ", "),
            entry.basis.as_str().replace('_', " "),
            format!("{}, by {}", entry.method, entry.actor),
            entry.source.clone().unwrap_or_default(),
            entry.text_version.clone().unwrap_or_default(),
        ]
    };
    let headings = ["entry#", "given", "what", "purpose", "addresses", "basis", "how", "source", "text"];
    output::table(&headings, entries.iter().map(row))?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(env: &Env, app: &App) -> anyhow::Result<ExitCode> {
    let report = app.store.consent_verify().await?;
    let is_sound = report.broken_at.is_none() && report.differs.is_none();
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "sound": is_sound, "report": report }))?;
    } else {
        output::line(sentence(&report))?;
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn sentence(report: &LedgerReport) -> String {
    if let Some(entry) = report.broken_at {
        return format!(
            "Entry {} was changed, or one before it is missing. {} before it are as they were made. Compare with a \
             backup: `chorus consent show` prints entries.",
            number(entry),
            counted(entry - 1, "entry", "entries"),
        );
    }
    let erased = match report.erased {
        0 => String::new(),
        erased => format!(", {} of them erased", number(erased)),
    };
    let entries = counted(report.entries, "entry is", "entries are");
    match report.differs {
        Some(contact) => format!(
            "{entries} as they were made{erased}, but what is stored at contact {} is something else, or entries at \
             the end are missing. Enter what the contact said with `chorus consent grant` or `withdraw`.",
            contact.0
        ),
        None => {
            format!("{entries} as they were made{erased}, and every contact's consents are what they say.")
        }
    }
}
