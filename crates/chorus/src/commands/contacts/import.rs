//! `chorus contacts import`: imports a CSV file as a stream. Invalid rows are reported by line,
//! valid ones are imported.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use campaign::workspace::AttributeKind;
use serde::Serialize;
use store::{Millis, Store, UpsertCounts};

use super::row::{BadRow, Column, column, contact};
use crate::disk;
use crate::setup::{App, Env};
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
    /// The first [`MAX_LISTED`] invalid rows.
    problems: Vec<Problem>,
}

/// An invalid row: its line number, from 1, and what is wrong with it.
#[derive(Debug, Serialize)]
struct Problem {
    line: u64,
    problem: String,
}

pub(super) async fn run(env: &Env, app: &App, path: &Path) -> anyhow::Result<ExitCode> {
    let file = disk::open(path)?;
    let bar = (env.format == Format::Text)
        .then(|| progress::bar("importing", estimated_rows(path).unwrap_or(0), Unit::Contacts));
    let now = app.clock.millis();
    let attributes = &app.workspace().attributes;
    let result = import(&app.store, attributes, file, now, |rows| {
        if let Some(bar) = &bar {
            bar.set_position(rows);
        }
    });
    let result = result.await.with_context(|| format!("import {}", path.display()))?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    print_result(env, &result)?;
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
    let mut result = ImportResult::default();
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
            Ok(contact) => batch.push(contact),
            Err(problem) => result.reject(line, &problem),
        }
        if batch.len() == BATCH_SIZE {
            result.add(store.contact_upsert(&batch, now).await?);
            batch.clear();
            store.yield_writer().await;
            progress(rows);
        }
    }
    result.add(store.contact_upsert(&batch, now).await?);
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
