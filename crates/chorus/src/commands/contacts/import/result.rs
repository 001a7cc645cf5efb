//! The result of an import: counts that add up to the rows, and what was rejected.

use std::fs::File;
use std::path::Path;

use import::{DroppedCell, Row, shown};
use serde::Serialize;
use store::{Consent, ImportedBatch, NewContact, RowEffect};
use terminal::output::{self, Format, counted};

use crate::setup::Env;
use terminal::disk;

/// Maximum number of rejected rows, and of dropped cells, that are listed.
const MAX_LISTED: usize = 100;

/// The result of an import. New, updated, unchanged, repeated and rejected rows are all rows.
#[derive(Debug, Default, Serialize)]
pub(super) struct ImportResult {
    /// The number of rows of the file.
    pub(super) rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    /// Rows about a contact that an earlier row of the file is about.
    repeated: u64,
    pub(super) rejected: u64,
    /// Cells that could not be read and were left out.
    dropped: u64,
    /// Rows whose phone number another contact has, too.
    shared_phones: u64,
    /// Rows that say yes or no to the question for consent.
    answers: u64,
    /// The first rejected rows and dropped cells.
    problems: Vec<Problem>,
    /// The contacts of earlier rows, one bit for each id.
    #[serde(skip)]
    seen: Vec<u64>,
}

/// A rejected row, or a cell that was left out.
#[derive(Debug, Serialize)]
struct Problem {
    line: u64,
    /// The column of a cell that was left out; `None` for a rejected row.
    column: Option<String>,
    problem: String,
}

impl ImportResult {
    /// Counts a row that was read.
    pub(super) fn count_read(&mut self, row: &Row) {
        self.rows += 1;
        match row {
            Row::Contact { line, dropped, .. } => {
                self.dropped += dropped.len() as u64;
                for DroppedCell { column, value, reason } in dropped {
                    self.add(
                        *line,
                        Some(column.clone()),
                        format!("{column} {value:?}: {reason}; it was left out"),
                    );
                }
            }
            Row::Rejected { line, reason, .. } => {
                self.rejected += 1;
                self.add(*line, None, reason.clone());
            }
        }
    }

    fn add(&mut self, line: u64, column: Option<String>, problem: String) {
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem { line, column, problem });
        }
    }

    /// Counts the rows of a batch that was written.
    pub(super) fn count_written(&mut self, people: &[NewContact], imported: &ImportedBatch) {
        self.shared_phones += imported.shared_phones;
        self.answers += people.iter().filter(|person| person.consent.is_some()).count() as u64;
        for (contact, effect) in &imported.rows {
            let number = usize::try_from(contact.0).unwrap_or_default();
            let (word, bit) = (number / 64, 1_u64 << (number % 64));
            if self.seen.len() <= word {
                self.seen.resize(word + 1, 0);
            }
            let is_repeated = self.seen[word] & bit != 0;
            self.seen[word] |= bit;
            let count = match effect {
                _ if is_repeated => &mut self.repeated,
                RowEffect::Created => &mut self.created,
                RowEffect::Updated => &mut self.updated,
                RowEffect::Unchanged => &mut self.unchanged,
            };
            *count += 1;
        }
    }

    /// Returns true if people were imported, and no row says yes or no to the question for consent.
    pub(super) fn grants_nothing(&self) -> bool {
        self.answers == 0 && self.rows > self.rejected
    }

    /// Prints the result. `rejected` is the file with the rejected rows.
    pub(super) fn print(&self, env: &Env, rejected: Option<&Path>) -> anyhow::Result<()> {
        if env.format == Format::Json {
            return output::json(self);
        }
        self.print_problems(rejected);
        output::line(self.sentence())?;
        if self.shared_phones > 0 {
            output::line(format!(
                "{} a phone number that another contact has, too; they stay contacts of their own.",
                counted(self.shared_phones, "row has", "rows have")
            ))?;
        }
        Ok(())
    }

    /// Prints the result of `--dry-run`, with the first contacts.
    pub(super) fn print_dry_run(&self, env: &Env, first: &[NewContact]) -> anyhow::Result<()> {
        if env.format == Format::Json {
            let first: Vec<_> = first.iter().map(contact_json).collect();
            return output::json(&serde_json::json!({ "result": self, "first": first }));
        }
        let row = |contact: &NewContact| {
            let text = |value: &Option<String>| value.as_deref().map_or_else(String::new, shown);
            let answer = match contact.consent {
                Some(Consent::Yes) => "yes",
                Some(Consent::No) => "no",
                None => "unknown",
            };
            let attributes: Vec<_> =
                contact.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
            vec![
                text(&contact.email),
                text(&contact.phone),
                text(&contact.external_id),
                answer.to_owned(),
                shown(&attributes.join(" ")),
            ]
        };
        output::table(&["email", "phone", "external_id", "consent", "attributes"], first.iter().map(row))?;
        self.print_problems(None);
        output::line(format!(
            "\n{}, {} rejected. Nothing was written; without --dry-run it is.",
            counted(self.rows, "row", "rows"),
            self.rejected
        ))
    }

    fn print_problems(&self, rejected: Option<&Path>) {
        for Problem { line, problem, .. } in &self.problems {
            output::note(format!("line {line}: {problem}"));
        }
        let more = (self.rejected + self.dropped).saturating_sub(self.problems.len() as u64);
        if more > 0 {
            let place = if rejected.is_some() { "" } else { "; `--rejected FILE` writes all to a file" };
            output::note(format!("… and {more} more{place}"));
        }
    }

    fn sentence(&self) -> String {
        let Self { created, updated, unchanged, repeated, rejected, .. } = self;
        let dropped = match self.dropped {
            0 => String::new(),
            dropped => format!("; {} left out", counted(dropped, "cell was", "cells were")),
        };
        format!(
            "{}: {created} new, {updated} updated, {unchanged} unchanged, {repeated} repeated, {rejected} rejected{dropped}",
            counted(self.rows, "row", "rows")
        )
    }
}

fn contact_json(contact: &NewContact) -> serde_json::Value {
    serde_json::json!({
        "external_id": contact.external_id,
        "email": contact.email,
        "phone": contact.phone,
        "language": contact.language,
        "timezone": contact.timezone,
        "consent": contact.consent.map(|answer| answer == Consent::Yes),
        "attributes": contact.attributes,
    })
}

/// The file to which rejected rows and dropped cells are written.
pub(super) struct RejectedFile(csv::Writer<File>);

impl RejectedFile {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut file = csv::WriterBuilder::new().flexible(true).from_writer(disk::create(path)?);
        file.write_record(["line", "column", "value", "reason", "row"])?;
        Ok(Self(file))
    }

    pub(super) fn write(&mut self, row: &Row) -> anyhow::Result<()> {
        match row {
            Row::Rejected { line, reason, cells } => {
                let line = line.to_string();
                let start = [line.as_str(), "", "", reason.as_str()].map(str::to_owned);
                let cells = cells.iter().map(|cell| import::escape_formula(cell));
                self.0.write_record(start.into_iter().chain(cells))?;
            }
            Row::Contact { line, dropped, .. } => {
                for DroppedCell { column, value, reason } in dropped {
                    let value = import::escape_formula(value);
                    self.0.write_record([line.to_string().as_str(), column, &value, reason])?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.0.flush()?;
        Ok(())
    }
}
