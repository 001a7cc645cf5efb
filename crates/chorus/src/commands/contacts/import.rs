//! `chorus contacts import`: imports a CSV file as a stream. Invalid rows are reported by line,
//! valid ones are imported.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use campaign::OptIn;
use campaign::workspace::AttributeKind;
use clap::{Args, ValueEnum};
use serde::Serialize;
use store::{Basis, Consent, Evidence, Millis, Store, UpsertCounts};

use super::row::{BadRow, Column, column, contact};
use crate::lookup::find_purpose;
use crate::setup::{App, Env};
use crate::time::When;
use crate::{arguments, disk};
use terminal::output::{self, Format, user_error};
use terminal::progress::{self, Unit};

/// Number of rows that are written in one transaction.
const BATCH_SIZE: usize = 1_000;
/// Maximum number of columns.
const MAX_COLUMNS: usize = 256;
/// Maximum number of invalid rows that are listed.
const MAX_LISTED: usize = 100;

/// The result of an import.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ImportResult {
    created: u64,
    updated: u64,
    rejected: u64,
    /// True if the import could enter consents: from a column, or because an option said so.
    has_consents: bool,
    /// The first [`MAX_LISTED`] invalid rows.
    problems: Vec<Problem>,
}

/// An invalid row: its line number, from 1, and what is wrong with it.
#[derive(Debug, Serialize)]
struct Problem {
    line: u64,
    problem: String,
}

/// The options about the consents that an import enters.
#[derive(Debug, Args)]
pub(super) struct ConsentOptions {
    /// The legal basis of the consents in the file; `none` enters none. In a file without a column
    /// `consent` everybody agreed.
    #[arg(long, value_enum, value_name = "BASIS")]
    consent: Option<ImportBasis>,
    /// The place where they agreed, such as a form or a shop.
    #[arg(long, value_name = "TEXT", requires = "consent")]
    consent_source: Option<String>,
    /// The time at which they agreed: 2027-03-02, 2027-03-02T10:00 or -7d. Default: now.
    #[arg(long, value_name = "TIME", requires = "consent", allow_hyphen_values = true)]
    consent_time: Option<When>,
    /// The purpose that they agreed to, as in `[purposes]` of chorus.toml. Default: the only
    /// marketing purpose.
    #[arg(long, value_parser = arguments::id)]
    purpose: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImportBasis {
    /// A freely given, informed yes
    Consent,
    /// Told at a purchase, with a way to refuse
    SoftOptIn,
    /// Needed for what they ordered
    Contract,
    /// No consent is entered
    None,
}

/// The consents that an import enters.
pub(super) struct Answers {
    /// The evidence of all of them.
    pub(super) evidence: Evidence,
    /// The answer of contacts in a file without a column `consent`.
    pub(super) without_column: Option<Consent>,
}

impl ConsentOptions {
    fn answers(&self, app: &App, path: &Path) -> anyhow::Result<Answers> {
        let purpose = find_purpose(app.workspace(), self.purpose.as_deref())?;
        let basis = match self.consent {
            None => Basis::Unproven,
            Some(ImportBasis::None) => Basis::None,
            Some(ImportBasis::Consent) => Basis::Consent,
            Some(ImportBasis::SoftOptIn) => Basis::SoftOptIn,
            Some(ImportBasis::Contract) => Basis::Contract,
        };
        let is_proven = !matches!(basis, Basis::Unproven | Basis::None);
        if is_proven && self.consent_source.is_none() {
            return Err(user_error(
                "say where they agreed, such as `--consent-source \"form on example.com\"`: a consent without evidence \
                 cannot be shown to an authority",
            ));
        }
        let zone = &app.workspace().brand.timezone;
        let given_at = self.consent_time.as_ref().map(|at| at.resolve(zone, app.clock.now())).transpose()?;
        if given_at.is_some_and(|at| at > app.clock.now()) {
            return Err(user_error("--consent-time is in the future; write the time at which they agreed"));
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Answers {
            evidence: Evidence {
                purpose: purpose.id.to_string(),
                needs_confirmation: purpose.opt_in == OptIn::Double,
                basis,
                source: Some(self.consent_source.clone().unwrap_or_else(|| format!("the file {file}"))),
                given_at: given_at.map(Millis::from),
                ..Evidence::default()
            },
            without_column: is_proven.then_some(Consent::Yes),
        })
    }
}

pub(super) async fn run(
    env: &Env,
    app: &App,
    path: &Path,
    options: &ConsentOptions,
) -> anyhow::Result<ExitCode> {
    let answers = options.answers(app, path)?;
    let file = disk::open(path)?;
    let bar = (env.format == Format::Text)
        .then(|| progress::bar("importing", estimated_rows(path).unwrap_or(0), Unit::Contacts));
    let now = app.clock.millis();
    let attributes = &app.workspace().attributes;
    let result = import(&app.store, attributes, file, &answers, now, |rows| {
        if let Some(bar) = &bar {
            bar.set_position(rows);
        }
    });
    let result = result.await.with_context(|| format!("import {}", path.display()))?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    print_result(env, &result)?;
    if !result.has_consents && options.consent.is_none() {
        output::note(
            "Nobody's consent was entered: the file has no column `consent`. Messages that need one are not sent to \
             people without it. If they agreed, say so, and where: `--consent consent --consent-source \"…\"`; if not, \
             say `--consent none`.",
        );
    }
    Ok(if result.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Returns the number of lines after the header, which is that of the rows if no field has a line
/// break; `None` for a pipe or a device, which cannot be read twice.
fn estimated_rows(path: &Path) -> Option<u64> {
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let mut source = BufReader::with_capacity(1 << 20, File::open(path).ok()?);
    let mut lines = 0;
    loop {
        let piece = source.fill_buf().ok()?;
        if piece.is_empty() {
            return Some(u64::saturating_sub(lines, 1));
        }
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = piece.len();
        source.consume(length);
    }
}

fn print_result(env: &Env, result: &ImportResult) -> anyhow::Result<()> {
    if env.format == Format::Json {
        return output::json(result);
    }
    for problem in &result.problems {
        output::note(format!("line {}: {}", problem.line, problem.problem));
    }
    let more = result.rejected - result.problems.len() as u64;
    if more > 0 {
        output::note(format!("… and {more} more"));
    }
    let ImportResult { created, updated, rejected, .. } = result;
    output::line(format!("{created} new, {updated} updated, {rejected} rejected"))
}

/// Imports CSV from `source` in batches. `progress` is called with the number of rows read so far.
pub(crate) async fn import(
    store: &Store,
    attributes: &BTreeMap<String, AttributeKind>,
    source: impl Read,
    answers: &Answers,
    now: Millis,
    progress: impl Fn(u64),
) -> anyhow::Result<ImportResult> {
    let mut source = BufReader::new(source);
    let separator = separator(&mut source)?;
    // With this terminator a carriage return before the line feed is white space. By default the
    // reader counts the lines of such files wrongly.
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(separator).flexible(true).terminator(csv::Terminator::Any(b'\n'));
    let mut reader = reader.from_reader(source);
    let columns = columns(reader.byte_headers()?, attributes)?;
    let has_column = columns.contains(&Column::Consent);
    let has_consents = has_column || answers.without_column.is_some();
    let mut result = ImportResult { has_consents, ..ImportResult::default() };
    let mut batch = Vec::with_capacity(BATCH_SIZE);
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record)? {
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        rows += 1;
        let line = record.position().map_or(0, csv::Position::line);
        match contact(&columns, &record) {
            Ok(mut contact) => {
                if !has_column {
                    contact.consent = answers.without_column;
                }
                let enters_grants = answers.evidence.basis != Basis::None;
                contact.consent = contact.consent.filter(|answer| enters_grants || *answer == Consent::No);
                batch.push(contact);
            }
            Err(problem) => result.reject(line, &problem),
        }
        if batch.len() == BATCH_SIZE {
            result.add(store.contact_import(&batch, &answers.evidence, now).await?);
            batch.clear();
            store.yield_writer().await;
            progress(rows);
        }
    }
    result.add(store.contact_import(&batch, &answers.evidence, now).await?);
    Ok(result)
}

impl ImportResult {
    fn add(&mut self, upserted: UpsertCounts) {
        self.created += upserted.created;
        self.updated += upserted.updated;
    }

    fn reject(&mut self, line: u64, problem: &BadRow) {
        self.rejected += 1;
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem { line, problem: problem.to_string() });
        }
    }
}

/// Skips a byte order mark, and returns the separator that is more frequent in the header: comma or
/// semicolon.
fn separator(source: &mut impl BufRead) -> anyhow::Result<u8> {
    if source.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    let start = source.fill_buf()?;
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.iter().filter(|byte| **byte == wanted).count();
    Ok(if count(b';') > count(b',') { b';' } else { b',' })
}

fn columns(
    header: &csv::ByteRecord,
    attributes: &BTreeMap<String, AttributeKind>,
) -> anyhow::Result<Vec<Column>> {
    if header.len() > MAX_COLUMNS {
        return Err(user_error(format!(
            "the header has {} columns; at most {MAX_COLUMNS} are allowed",
            header.len()
        )));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let name = std::str::from_utf8(name)
            .map_err(|_| user_error("the header is not UTF-8; save the file as UTF-8"))?;
        let column = column(name.trim(), attributes)
            .map_err(|problem| user_error(format!("column {} of the header: {problem}", index + 1)))?;
        if columns.contains(&column) {
            return Err(user_error(format!(
                "the header has two columns {:?}; rename or drop one",
                name.trim()
            )));
        }
        columns.push(column);
    }
    let keys = [Column::Email, Column::Phone, Column::ExternalId];
    if !keys.iter().any(|key| columns.contains(key)) {
        return Err(user_error("the header has none of the columns email, phone and external_id; add one"));
    }
    Ok(columns)
}
