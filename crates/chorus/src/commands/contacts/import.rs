//! `chorus contacts import`: a CSV file, streamed; bad rows are told by line, good ones are kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use campaign::workspace::AttributeKind;
use serde::Serialize;
use store::{Millis, Store, Upserted};

use super::row::{BadRow, Column, column, contact};
use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};

/// Rows written in one transaction.
const BATCH: usize = 1_000;
/// The most columns, and the most bad rows that are told one by one.
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
    now: Millis,
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
            Err(problem) => imported.reject(line, &problem),
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

    fn reject(&mut self, line: u64, problem: &BadRow) {
        self.rejected += 1;
        if self.problems.len() < TOLD {
            self.problems.push(Problem { line, problem: problem.to_string() });
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
