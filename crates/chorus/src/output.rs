//! The only place that prints: text for people, JSON for programs, and how a failure is told.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use scheduler::StartError;
use store::{Fault, StoreError};

use crate::logging;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
    /// For spreadsheets: `report` only.
    Csv,
}

/// The user asked for something that is not there or not right.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// An error that is the user's to mend, with what to do.
pub(crate) fn wrong(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Wrong(message.into()))
}

/// Tells a failure, and says which exit code it has.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let wrong = error.chain().find(|cause| cause.is::<Wrong>());
    let text = wrong.map_or_else(|| format!("failed to {}", causes(error)), ToString::to_string);
    if logging::is_json() {
        tracing::error!("{text}");
    } else {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    ExitCode::from(code(error))
}

/// 1 where the user has to change what they asked for; 3 for anything else, such as a database that is away.
fn code(error: &anyhow::Error) -> u8 {
    let is_theirs = |cause: &(dyn Error + 'static)| {
        let fault = cause.downcast_ref::<StoreError>().map(StoreError::fault);
        cause.is::<Wrong>() || fault == Some(Fault::Input)
    };
    if error.chain().any(is_theirs) { 1 } else { 3 }
}

/// An error with its causes, each once. The errors of the store and of the engine have their causes in their own text.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&said);
        }
        if cause.is::<StoreError>() || cause.is::<StartError>() {
            break;
        }
    }
    text
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints text and a line end.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", text.as_ref())?;
    Ok(())
}

/// Prints one JSON value.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Tells something beside the output, on the error stream.
pub(crate) fn note(text: impl AsRef<str>) {
    if logging::is_json() {
        tracing::info!("{}", text.as_ref());
    } else {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }
}

/// A table: the first column on the left, columns named with a trailing `#` on the right.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings.iter().map(|heading| heading.trim_end_matches('#')));
    table.add_rows(rows);
    for (index, heading) in headings.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((if index == 0 { 0 } else { 1 }, 1));
            if heading.ends_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    for row in table.lines() {
        line(row.trim_end())?;
    }
    Ok(())
}

/// Whether people look at the output.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// A progress bar on the error stream, when that is a terminal. `what` is a verb: `importing`.
pub(crate) fn progress(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what);
    let style = "{msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// A whole number in groups of three: `12,345`.
pub(crate) fn number(n: i64) -> String {
    let digits = money::grouped(n.unsigned_abs());
    if n < 0 { format!("-{digits}") } else { digits }
}

#[cfg(test)]
mod tests {
    use store::{InputError, Store};

    use super::*;

    #[tokio::test]
    async fn a_database_that_fails_is_told_once_and_ends_with_3() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chorus.db");
        std::fs::write(&file, "this is no database, but it is long enough to look like one to somebody")
            .unwrap();
        let error = Store::open(&format!("sqlite:{}", file.display())).await.unwrap_err();
        let error = anyhow::Error::from(error).context("start");
        assert_eq!(
            causes(&error),
            format!(
                "start: use the database {}: the file is not a SQLite database; set another [database] url in \
                 chorus.toml",
                file.display()
            )
        );
        assert_eq!(code(&error), 3);
    }

    #[test]
    fn what_cannot_be_stored_ends_with_1_and_a_cause_that_is_said_is_not_said_again() {
        let error = anyhow::Error::from(StoreError::from(InputError::NoKey)).context("import people.csv");
        assert_eq!(code(&error), 1);
        assert!(causes(&error).starts_with("import people.csv: use what was given: a contact needs"));
        let error = anyhow::anyhow!("no such file").context("read it: no such file");
        assert_eq!((causes(&error).as_str(), code(&error)), ("read it: no such file", 3));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(-1_000), "-1,000");
    }
}
