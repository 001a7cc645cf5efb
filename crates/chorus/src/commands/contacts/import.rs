//! `chorus contacts import`: a CSV file, streamed; bad rows are told by line, good ones are kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use campaign::workspace::AttributeKind;
use campaign::{EmailAddress, Language};
use serde::Serialize;
use store::{Consent, NewContact, Store, Upserted};

use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};

/// Rows written in one transaction.
const BATCH: usize = 1_000;
/// The most bytes of one row, the most columns, and the most bad rows that are told one by one.
const ROW_BYTES: usize = 64 * 1024;
const COLUMNS: usize = 256;
const TOLD: usize = 100;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Imported {
    created: u64,
    updated: u64,
    rejected: u64,
    /// The first bad rows.
    problems: Vec<Problem>,
}

/// A row that was not taken.
#[derive(Debug, Serialize)]
struct Problem {
    line: u64,
    problem: String,
}

pub(super) async fn run(env: &Env, opened: &Opened, path: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(path).map_err(|error| wrong(format!("cannot open {}: {error}", path.display())))?;
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let bar = (env.format == Format::Text).then(|| output::progress("importing", bytes));
    let now = opened.clock.millis();
    let attributes = &opened.workspace().attributes;
    let imported = import(&opened.store, attributes, file, now, |position| {
        if let Some(bar) = &bar {
            bar.set_position(position);
        }
    });
    let imported = imported.await.with_context(|| format!("import {}", path.display()))?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    tell(env, &imported)?;
    Ok(if imported.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(env: &Env, imported: &Imported) -> anyhow::Result<()> {
    if env.format == Format::Json {
        return output::json(imported);
    }
    for problem in &imported.problems {
        output::note(format!("line {}: {}", problem.line, problem.problem));
    }
    let more = imported.rejected - imported.problems.len() as u64;
    if more > 0 {
        output::note(format!("… and {more} more"));
    }
    let Imported { created, updated, rejected, .. } = imported;
    output::line(format!("{created} new, {updated} updated, {rejected} rejected"))
}

/// Reads CSV from `source` and writes it, batch by batch. `told` hears how many bytes were read.
pub(crate) async fn import(
    store: &Store,
    attributes: &BTreeMap<String, AttributeKind>,
    source: impl Read,
    now: i64,
    told: impl Fn(u64),
) -> anyhow::Result<Imported> {
    let mut source = BufReader::new(source);
    let separator = separator(&mut source)?;
    // Rows end with a line feed; the carriage return before it is white space. Left to itself, the reader counts
    // the lines of such files wrongly.
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(separator).flexible(true).terminator(csv::Terminator::Any(b'\n'));
    let mut reader = reader.from_reader(source);
    let columns = columns(reader.byte_headers()?, attributes)?;
    let mut imported = Imported::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        match contact(&columns, &record) {
            Ok(contact) => batch.push(contact),
            Err(problem) => imported.reject(line, problem),
        }
        if batch.len() == BATCH {
            imported.add(store.contact_upsert(&batch, now).await?);
            batch.clear();
            store.let_others_write().await;
            told(reader.position().byte());
        }
    }
    imported.add(store.contact_upsert(&batch, now).await?);
    Ok(imported)
}

impl Imported {
    fn add(&mut self, upserted: Upserted) {
        self.created += upserted.created;
        self.updated += upserted.updated;
    }

    fn reject(&mut self, line: u64, problem: String) {
        self.rejected += 1;
        if self.problems.len() < TOLD {
            self.problems.push(Problem { line, problem });
        }
    }
}

/// Passes over a byte order mark, and tells comma from semicolon by the header.
fn separator(source: &mut impl BufRead) -> anyhow::Result<u8> {
    if source.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    let start = source.fill_buf()?;
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.iter().filter(|byte| **byte == wanted).count();
    Ok(if count(b';') > count(b',') { b';' } else { b',' })
}

/// What a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Email,
    Phone,
    ExternalId,
    Language,
    Timezone,
    Consent,
    Attribute(String, AttributeKind),
}

fn columns(
    header: &csv::ByteRecord,
    attributes: &BTreeMap<String, AttributeKind>,
) -> anyhow::Result<Vec<Column>> {
    if header.len() > COLUMNS {
        return Err(wrong(format!("the header has {} columns; at most {COLUMNS} are allowed", header.len())));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let name = std::str::from_utf8(name)
            .map_err(|_| wrong("the header is not UTF-8; save the file as UTF-8"))?;
        let column = column(name.trim(), attributes)
            .map_err(|problem| wrong(format!("column {} of the header: {problem}", index + 1)))?;
        if columns.contains(&column) {
            return Err(wrong(format!("the header has two columns {:?}; rename or drop one", name.trim())));
        }
        columns.push(column);
    }
    let keys = [Column::Email, Column::Phone, Column::ExternalId];
    if !keys.iter().any(|key| columns.contains(key)) {
        return Err(wrong("the header has none of the columns email, phone and external_id; add one"));
    }
    Ok(columns)
}

fn column(name: &str, attributes: &BTreeMap<String, AttributeKind>) -> Result<Column, String> {
    Ok(match name {
        "email" => Column::Email,
        "phone" => Column::Phone,
        "external_id" => Column::ExternalId,
        "language" => Column::Language,
        "timezone" => Column::Timezone,
        "consent" => Column::Consent,
        "" => return Err("it has no name; give it one".to_owned()),
        "id" | "created_at" | "updated_at" => return Err(format!("{name:?} is Chorus's own; rename it")),
        _ if name.len() > 64 || name.contains(|c: char| c.is_control() || c == '.') => {
            return Err(format!("{name:?} cannot be an attribute's name; use letters, digits and _"));
        }
        _ => {
            let kind = attributes.get(name).copied().unwrap_or(AttributeKind::Text);
            Column::Attribute(name.to_owned(), kind)
        }
    })
}

fn contact(columns: &[Column], record: &csv::ByteRecord) -> Result<NewContact, String> {
    if record.as_slice().len() > ROW_BYTES {
        return Err(format!("the row has more than {ROW_BYTES} bytes"));
    }
    if record.len() != columns.len() {
        return Err(format!("the row has {} fields, the header has {}", record.len(), columns.len()));
    }
    let mut contact = NewContact {
        external_id: None,
        email: None,
        phone: None,
        language: None,
        timezone: None,
        consent: None,
        attributes: serde_json::Map::new(),
    };
    for (column, value) in columns.iter().zip(record) {
        let value = std::str::from_utf8(value).map_err(|_| "the row is not UTF-8".to_owned())?.trim();
        if value.contains('\0') {
            return Err("the row has a NUL character".to_owned());
        }
        if !value.is_empty() {
            set(&mut contact, column, value)?;
        }
    }
    if contact.email.is_none() && contact.phone.is_none() && contact.external_id.is_none() {
        return Err("nobody: email, phone and external_id are all empty".to_owned());
    }
    Ok(contact)
}

fn set(contact: &mut NewContact, column: &Column, value: &str) -> Result<(), String> {
    let owned = || Some(value.to_owned());
    match column {
        Column::Email => {
            let parsed = EmailAddress::parse(value).map_err(|error| format!("email {value:?}: {error}"))?;
            contact.email = Some(parsed.as_str().to_owned());
        }
        Column::Phone => {
            let parsed =
                campaign::text::Phone::parse(value).map_err(|error| format!("phone {value:?}: {error}"))?;
            contact.phone = Some(parsed.as_str().to_owned());
        }
        Column::ExternalId => contact.external_id = owned(),
        Column::Language => {
            let parsed = Language::parse(value).map_err(|error| format!("language {value:?}: {error}"))?;
            contact.language = Some(parsed.as_str().to_owned());
        }
        Column::Timezone => {
            jiff::tz::TimeZone::get(value)
                .map_err(|_| format!("timezone {value:?} is not an IANA name such as Asia/Shanghai"))?;
            contact.timezone = owned();
        }
        Column::Consent => contact.consent = Some(consent(value)?),
        Column::Attribute(name, kind) => {
            contact.attributes.insert(name.clone(), attribute(name, *kind, value)?);
        }
    }
    Ok(())
}

fn consent(value: &str) -> Result<Consent, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "y" => Ok(Consent::Yes),
        "no" | "false" | "0" | "n" => Ok(Consent::No),
        _ => Err(format!("consent {value:?}: write yes or no")),
    }
}

fn attribute(name: &str, kind: AttributeKind, value: &str) -> Result<serde_json::Value, String> {
    let unfit = |what: &str| format!("{name} {value:?} is not {what}, as [attributes] in chorus.toml says");
    Ok(match kind {
        AttributeKind::Text => value.into(),
        AttributeKind::Boolean => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => true.into(),
            "false" | "no" | "0" => false.into(),
            _ => return Err(unfit("true or false")),
        },
        AttributeKind::Number => {
            if let Ok(whole) = value.parse::<i64>() {
                whole.into()
            } else {
                let number = value.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
                number.ok_or_else(|| unfit("a number"))?.into()
            }
        }
        AttributeKind::Date => {
            let day = value.get(..10).filter(|day| day.parse::<jiff::civil::Date>().is_ok());
            day.map(|_| value.into()).ok_or_else(|| unfit("a date such as 2027-03-02"))?
        }
    })
}
