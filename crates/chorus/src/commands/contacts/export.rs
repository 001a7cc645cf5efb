//! `chorus contacts export`: writes all contacts in a form that `import` can read.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use import::escape_formula;
use serde_json::Value;
use store::{AddressKind, ConsentState, Consents, Contact, ContactId, Store};

use crate::lookup::find_contact;
use crate::setup::{App, Env};
use terminal::disk;
use terminal::output::{self, Format, counted};

/// Number of contacts that are read at a time.
const PAGE_SIZE: i64 = 5_000;
/// Maximum number of rows of one kind about one contact.
const MAX_ROWS: i64 = 100_000;
/// The columns before those of attributes.
const FIXED_COLUMNS: [&str; 6] = ["external_id", "email", "phone", "language", "timezone", "consent"];

pub(super) async fn run(
    env: &Env,
    app: &App,
    out: Option<&Path>,
    of: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let mut to: Box<dyn Write> = match out {
        Some(path) => Box::new(std::io::BufWriter::new(disk::create(path)?)),
        None => Box::new(std::io::stdout()),
    };
    if let Some(address) = of {
        let everything = everything(app, address).await?;
        serde_json::to_writer_pretty(&mut to, &everything)?;
        to.write_all(b"\n")?;
        to.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let count = match env.format {
        Format::Json => export_json(&app.store, &mut to).await?,
        _ => export_csv(&app.store, &mut to).await?,
    };
    to.flush()?;
    if let Some(path) = out {
        output::note(format!("{} in {}", counted(count, "contact", "contacts"), path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns everything that is stored about a contact, for a request of their own (GDPR, articles 15
/// and 20).
async fn everything(app: &App, address: &str) -> anyhow::Result<Value> {
    let store = &app.store;
    let contact = find_contact(app, address).await?;
    let deliveries = store.delivery_of_contact(contact.id, MAX_ROWS).await?;
    let mut messages = Vec::new();
    for delivery in &deliveries {
        messages.extend(store.outbox_get(delivery.id).await?);
    }
    let mut suppressions = Vec::new();
    for (kind, address) in [(AddressKind::Email, &contact.email), (AddressKind::Phone, &contact.phone)] {
        if let Some(address) = address {
            suppressions.extend(store.suppression_get(kind, address).await?);
        }
    }
    Ok(serde_json::json!({
        "contact": contact,
        "consents": store.consent_entries(contact.id, MAX_ROWS).await?,
        "suppressions": suppressions,
        "deliveries": deliveries,
        "messages": messages,
        "events": store.event_of_contact(contact.id, MAX_ROWS).await?,
    }))
}

/// Writes each contact as a JSON object on one line. Returns the number of contacts.
async fn export_json(store: &Store, to: &mut dyn Write) -> anyhow::Result<u64> {
    let mut count = 0;
    let mut after = ContactId(0);
    loop {
        let page = store.contact_page(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = last.id;
        count += page.len() as u64;
        for contact in &page {
            serde_json::to_writer(&mut *to, contact)?;
            to.write_all(b"\n")?;
        }
    }
}

async fn export_csv(store: &Store, to: &mut dyn Write) -> anyhow::Result<u64> {
    let names = attribute_names(store).await?;
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(FIXED_COLUMNS.iter().copied().chain(names.iter().map(String::as_str)))?;
    let mut count = 0;
    let mut after = ContactId(0);
    loop {
        let page = store.contact_page(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        count += page.len() as u64;
        for contact in &page {
            writer.write_record(row(contact, &names))?;
        }
    }
    writer.flush()?;
    Ok(count)
}

async fn attribute_names(store: &Store) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut after = ContactId(0);
    loop {
        let page = store.contact_page(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(names) };
        after = last.id;
        for contact in page {
            names.extend(contact.attributes.into_iter().map(|(name, _)| name));
        }
    }
}

fn row(contact: &Contact, names: &BTreeSet<String>) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut row = vec![
        escape_formula(&text(&contact.external_id)),
        escape_formula(&text(&contact.email)),
        // A phone number starts with a plus sign and otherwise holds only digits.
        text(&contact.phone),
        text(&contact.language),
        text(&contact.timezone),
        consent(&contact.consents).to_owned(),
    ];
    row.extend(names.iter().map(|name| contact.attributes.get(name).map_or_else(String::new, cell)));
    row
}

/// Returns the cell of the column `consent`: `yes` or `no` where all of the contact's consents are
/// the same, else empty, which an import leaves as they are.
fn consent(consents: &Consents) -> &'static str {
    let mut states = consents.iter().map(|(.., state)| state);
    match states.next() {
        Some(first) if !states.all(|state| state == first) => "",
        Some(ConsentState::Granted) => "yes",
        Some(ConsentState::Withdrawn) => "no",
        Some(ConsentState::Pending) | None => "",
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => escape_formula(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
