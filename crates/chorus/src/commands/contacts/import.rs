//! `chorus contacts import`: imports a file of contacts as a stream. Rows that are no contacts are
//! reported by line, and the others are imported.

mod answers;
mod options;
mod result;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use campaign::AttributeKind;
use import::{Column, ContactFile, Conventions, Known, MappedColumn, Row};
use store::{Basis, Consent, Millis, NewContact, Store};
use terminal::output::{self, Format, user_error};
use terminal::progress::{self, Unit};

pub(super) use self::answers::Answers;
pub(super) use self::options::ImportOptions;
use self::result::{ImportResult, RejectedFile};
use crate::setup::{App, Env};
use terminal::disk;

/// Number of rows that are written in one transaction.
const BATCH_SIZE: usize = 1_000;
/// Number of rows that `--dry-run` shows.
const SHOWN_ROWS: usize = 5;

pub(super) async fn run(env: &Env, app: &App, options: &ImportOptions) -> anyhow::Result<ExitCode> {
    let path = &options.file;
    let mut answers = options.consents.answers(app, path)?;
    let conventions = options.conventions(app.workspace())?;
    let source = disk::open(path)?;
    let file = ContactFile::open(source, &conventions)
        .map_err(|error| user_error(format!("{}: {error}", path.display())))?;
    let is_answer = |mapped: &MappedColumn| mapped.column == Column::Known(Known::Consent);
    if file.mapping().iter().any(is_answer) {
        // Where the file asks each person, a missing answer is not a yes.
        answers.for_everybody = None;
    }
    if env.format == Format::Text {
        print_mapping(&file)?;
    }
    if options.dry_run {
        return dry_run(env, file, &answers);
    }
    let bar = (env.format == Format::Text)
        .then(|| progress::bar("importing", estimated_rows(path).unwrap_or(0), Unit::Contacts));
    let rejected = options.rejected.as_deref().map(RejectedFile::create).transpose()?;
    let importer = Importer { store: &app.store, answers: &answers, now: app.clock.millis(), rejected };
    let result = importer.import(file, |rows| {
        if let Some(bar) = &bar {
            bar.set_position(rows);
        }
    });
    let result = result.await.with_context(|| format!("import {}", path.display()))?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result.print(env, options.rejected.as_deref())?;
    if result.grants_nothing() && options.consents.are_open() {
        output::note(answers::NOTHING_ENTERED);
    }
    Ok(if result.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Prints what each column of the file becomes.
fn print_mapping(file: &ContactFile<'_>) -> anyhow::Result<()> {
    let is_renamed = file.mapping().iter().any(|mapped| mapped.header.trim() != mapped.column.name());
    if !is_renamed {
        return Ok(());
    }
    let row = |mapped: &MappedColumn| {
        let becomes = match &mapped.column {
            Column::Ignored => "left out".to_owned(),
            Column::Known(known) => known.as_str().to_owned(),
            Column::Attribute(name, kind) => format!("attribute {name} ({})", kind_name(*kind)),
        };
        vec![import::shown(mapped.header.trim()), becomes]
    };
    output::table(&["column", "becomes"], file.mapping().iter().map(row))?;
    output::line("")
}

const fn kind_name(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Text => "text",
        AttributeKind::Number => "number",
        AttributeKind::Boolean => "yes or no",
        AttributeKind::Date => "date",
    }
}

/// Reads the whole file, and shows its first rows and the counts, without writing anything.
fn dry_run(env: &Env, file: ContactFile<'_>, answers: &Answers) -> anyhow::Result<ExitCode> {
    let mut result = ImportResult::default();
    let mut shown = Vec::new();
    for row in file {
        let row = row.map_err(|error| user_error(error.to_string()))?;
        if let Row::Contact { contact, .. } = &row
            && shown.len() < SHOWN_ROWS
        {
            shown.push(new_contact(contact.clone(), answers));
        }
        result.count_read(&row);
    }
    result.print_dry_run(env, &shown)?;
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

/// The import of one file.
struct Importer<'a> {
    store: &'a Store,
    answers: &'a Answers,
    now: Millis,
    rejected: Option<RejectedFile>,
}

impl Importer<'_> {
    /// Imports the rows in batches. `progress` is called with the number of rows read so far.
    async fn import(mut self, file: ContactFile<'_>, progress: impl Fn(u64)) -> anyhow::Result<ImportResult> {
        let mut result = ImportResult::default();
        let mut batch = Vec::with_capacity(BATCH_SIZE);
        for row in file {
            let row = row.map_err(|error| user_error(error.to_string()))?;
            result.count_read(&row);
            if let Some(rejected) = &mut self.rejected {
                rejected.write(&row)?;
            }
            if let Row::Contact { contact, .. } = row {
                batch.push(new_contact(contact, self.answers));
            }
            if batch.len() == BATCH_SIZE {
                self.write(&mut batch, &mut result).await?;
                self.store.yield_writer().await;
                progress(result.rows);
            }
        }
        self.write(&mut batch, &mut result).await?;
        if let Some(rejected) = self.rejected {
            rejected.finish()?;
        }
        Ok(result)
    }

    async fn write(&self, batch: &mut Vec<NewContact>, result: &mut ImportResult) -> anyhow::Result<()> {
        let imported = self.store.contact_import(batch, &self.answers.evidence, self.now).await?;
        result.count_written(batch, &imported);
        batch.clear();
        Ok(())
    }
}

/// Returns the contact to be written, with the answer that the file or the options give.
fn new_contact(contact: import::ImportedContact, answers: &Answers) -> NewContact {
    let answer = contact.consent.map(|yes| if yes { Consent::Yes } else { Consent::No });
    let answer = answer.or(answers.for_everybody);
    let enters_grants = answers.evidence.basis != Basis::None;
    NewContact {
        external_id: contact.external_id,
        email: contact.email,
        phone: contact.phone,
        language: contact.language,
        timezone: contact.timezone,
        consent: answer.filter(|answer| enters_grants || *answer == Consent::No),
        consent_source: contact.consent_source,
        consent_at: contact.consent_time.as_deref().and_then(answers::instant),
        attributes: contact.attributes,
    }
}

/// Imports contacts from a file in memory, for the demo.
pub(super) async fn import_from(app: &App, source: impl Read, answers: &Answers) -> anyhow::Result<()> {
    let conventions =
        Conventions { attributes: app.workspace().attributes.clone(), ..Conventions::default() };
    let file = ContactFile::open(source, &conventions)?;
    let now = app.clock.millis();
    let importer = Importer { store: &app.store, answers, now, rejected: None };
    importer.import(file, |_| ()).await.map(|_| ())
}
