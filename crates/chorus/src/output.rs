//! The only place that prints: text for people, JSON for programs, and how a failure is told.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

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

/// The user asked for something that is not there or not right: exit code 1. Anything else is exit code 3.
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
    let theirs = error.chain().any(|cause| cause.is::<Wrong>());
    let told = if theirs { told(error) } else { format!("failed to {error:#}") };
    if logging::is_json() {
        tracing::error!("{told}");
    } else {
        let _ = writeln!(std::io::stderr(), "{told}");
    }
    ExitCode::from(if theirs { 1 } else { 3 })
}

fn told(error: &anyhow::Error) -> String {
    error.chain().find(|cause| cause.is::<Wrong>()).map_or_else(String::new, ToString::to_string)
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

/// A whole number with thin groups: 12 345.
pub(crate) fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// Millionths of a unit as an amount: two decimals, more where they are needed.
pub(crate) fn money(micros: i64, currency: &str) -> String {
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let mut decimals = format!("{:06}", micros % 1_000_000);
    while decimals.len() > 2 && decimals.ends_with('0') {
        decimals.pop();
    }
    let whole = number(i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX));
    format!("{sign}{whole}.{decimals} {currency}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(-1_000), "-1,000");
    }

    #[test]
    fn money_keeps_what_is_needed() {
        assert_eq!(money(1_500_000, "CNY"), "1.50 CNY");
        assert_eq!(money(1_000, "CNY"), "0.001 CNY");
        assert_eq!(money(-12_345_678_900, "EUR"), "-12,345.6789 EUR");
        assert_eq!(money(i64::MIN, ""), "-9,223,372,036,854.775808");
    }
}
