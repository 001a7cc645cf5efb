//! All output of the commands: text for people, JSON for programs, and error messages with their
//! exit codes.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use anstream::adapter::strip_str;
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentLineStyle, Table, TableStyle};
use scheduler::WorkerStartError;
use store::{ErrorSide, StoreError};

use crate::logging;

/// The format of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text and tables for people.
    Text,
    /// One JSON value for programs.
    Json,
    /// CSV for spreadsheets: `report` and `contacts export` only.
    Csv,
}

impl Format {
    /// Returns the name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// An error that the user can fix, such as a name that does not exist. The text says what to do.
#[derive(Debug)]
pub struct UserError(pub(crate) String);

impl std::fmt::Display for UserError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UserError {}

/// Returns an error that the user can fix. `message` says what to do.
pub fn user_error(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(UserError(message.into()))
}

/// Prints an error on the error stream, or logs it where the log is JSON, and returns its exit
/// code. A broken pipe counts as success.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let user_error = error.chain().find(|cause| cause.is::<UserError>());
    let text = user_error.map_or_else(|| format!("failed to {}", causes(error)), ToString::to_string);
    if logging::is_json() {
        tracing::error!("{text}");
    } else {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    ExitCode::from(exit_code(error))
}

/// Returns the exit code of an error: 1 if the user has to change the input; 3 for anything else,
/// such as an unavailable database.
fn exit_code(error: &anyhow::Error) -> u8 {
    let is_user_error = |cause: &(dyn Error + 'static)| {
        let side = cause.downcast_ref::<StoreError>().map(StoreError::side);
        cause.is::<UserError>() || side == Some(ErrorSide::Input)
    };
    if error.chain().any(is_user_error) { 1 } else { 3 }
}

/// Returns the texts of an error and its causes, without repetitions. The texts of store and engine
/// errors already include their causes.
pub fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
        if cause.is::<StoreError>() || cause.is::<WorkerStartError>() {
            break;
        }
    }
    text
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints a line on the output stream.
pub fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", text.as_ref())?;
    Ok(())
}

/// Prints a value as indented JSON on the output stream.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Prints a message on the error stream, or logs it where the log is JSON.
pub fn note(text: impl AsRef<str>) {
    if logging::is_json() {
        tracing::info!("{}", text.as_ref());
    } else {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }
}

/// Prints a table. Columns whose heading ends in `#`, which is not printed, are aligned to the
/// right.
pub fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> anyhow::Result<()> {
    let rows: Vec<_> = rows.into_iter().collect();
    table_lines(headings, &rows).iter().try_for_each(line)
}

/// The character between the cells of a laid-out row: the unit separator of ASCII, which has no
/// other use in a cell.
const CELL_SEPARATOR: char = '\u{1f}';

/// Returns the lines of a table: the headings, then a line for each row. Escape sequences in the
/// cells do not count in the widths, and a line break in a cell becomes a space.
fn table_lines(headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let separated = ContentLineStyle::none().junction(CELL_SEPARATOR);
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_lines(separated).content_lines(separated));
    table.set_header(headings.iter().map(|heading| heading.trim_end_matches('#')));
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect::<Vec<_>>()));
    for (index, heading) in headings.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((if index == 0 { 0 } else { 1 }, 1));
            if heading.ends_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut lines = table.lines();
    let header = lines.next().map(|line| line.replace(CELL_SEPARATOR, ""));
    let rows = lines.zip(rows).map(|(line, row)| with_escapes(&line, row));
    header.into_iter().chain(rows).map(|line| line.trim_end().to_owned()).collect()
}

/// Returns a cell as one line without escape sequences.
fn plain(cell: &str) -> String {
    strip_str(cell).to_string().replace(['\r', '\n', CELL_SEPARATOR], " ")
}

/// Puts the escape sequences of the cells back into a laid-out row.
fn with_escapes(line: &str, cells: &[String]) -> String {
    let laid_out = line.split(CELL_SEPARATOR).zip(cells);
    let with_escapes = |(shown, cell): (&str, &String)| match plain(cell) {
        plain if plain != *cell && cell.contains('\u{1b}') => shown.replacen(&plain, cell, 1),
        _ => shown.to_owned(),
    };
    laid_out.map(with_escapes).collect()
}

/// Formats a whole number with thousands separators: `12,345`.
pub fn number(n: i64) -> String {
    let digits = money::grouped(n.unsigned_abs());
    if n < 0 { format!("-{digits}") } else { digits }
}

/// Formats a number of things, such as `1 error` and `12,345 errors`.
pub fn counted(n: impl TryInto<i64>, one: &str, many: &str) -> String {
    let n = n.try_into().unwrap_or(i64::MAX);
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use store::{InputError, Store};

    use super::*;
    use crate::color::{self, Tone};

    #[tokio::test]
    async fn a_database_failure_is_reported_once_with_exit_code_3() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chorus.db");
        std::fs::write(&file, "this is no database, but it is long enough to look like one to SQLite")
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
        assert_eq!(exit_code(&error), 3);
    }

    #[test]
    fn invalid_input_has_exit_code_1_and_causes_are_not_repeated() {
        let error = anyhow::Error::from(StoreError::from(InputError::NoKey)).context("import people.csv");
        assert_eq!(exit_code(&error), 1);
        assert!(causes(&error).starts_with("import people.csv: use what was given: a contact needs"));
        let error = anyhow::anyhow!("no such file").context("read it: no such file");
        assert_eq!((causes(&error).as_str(), exit_code(&error)), ("read it: no such file", 3));
    }

    #[test]
    fn colours_do_not_change_the_widths_of_a_table() {
        let rows = |paint: fn(Tone, &str) -> String| {
            vec![
                vec!["1".to_owned(), paint(Tone::Good, "finished"), "3".to_owned(), "a\nb".to_owned()],
                vec!["12".to_owned(), paint(Tone::Active, "running"), "1,200".to_owned(), "茶".to_owned()],
            ]
        };
        let headings = ["run", "state", "sent#", "why"];
        let plain = table_lines(&headings, &rows(|_, text| text.to_owned()));
        assert_eq!(
            plain,
            ["run  state      sent  why", "1    finished      3  a b", "12   running   1,200  茶",]
        );
        let painted = table_lines(&headings, &rows(color::styled));
        assert!(painted[1].contains("\u{1b}[32mfinished\u{1b}[0m"), "{painted:?}");
        let stripped: Vec<String> = painted.iter().map(|line| strip_str(line).to_string()).collect();
        assert_eq!(stripped, plain);
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(counted(0, "error", "errors"), "0 errors");
        assert_eq!(counted(1_usize, "error", "errors"), "1 error");
        assert_eq!(counted(1_200_u64, "delivery", "deliveries"), "1,200 deliveries");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(-1_000), "-1,000");
    }
}
