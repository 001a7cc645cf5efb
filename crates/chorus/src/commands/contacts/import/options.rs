//! The options of `chorus contacts import`.

use std::path::PathBuf;

use campaign::Workspace;
use clap::{Args, ValueEnum};
use import::{Conventions, Country, DateOrder};
use terminal::arguments;
use terminal::disk;
use terminal::output::user_error;

use super::answers::ConsentOptions;

/// The options of `chorus contacts import`.
#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// CSV, JSON Lines or an Excel workbook, also compressed with gzip. It has a column for e-mail
    /// addresses, phone numbers or external ids.
    pub(super) file: PathBuf,
    /// Show what the columns and the first rows become, and write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The meaning of a column: `"Email Address=email"`, `"Level=tier"` for an attribute,
    /// `"Note="` to leave it out. May be given several times.
    #[arg(long, value_name = "COLUMN=NAME", value_parser = arguments::mapping)]
    map: Vec<(String, String)>,
    /// The country of phone numbers without a country code, such as GB.
    #[arg(long, value_name = "CODE")]
    country: Option<Country>,
    /// The order of day and month in dates such as 3/2/2027.
    #[arg(long, value_enum, value_name = "ORDER")]
    dates: Option<Dates>,
    /// The decimal mark of numbers such as 1,234.
    #[arg(long, value_enum, value_name = "MARK")]
    decimal: Option<Decimal>,
    /// The encoding of the file, such as windows-1252 or gb18030. Default: UTF-8, or UTF-16 with a
    /// byte order mark.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// The sheet of a workbook. Default: the first.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Reject a row with a cell that cannot be read, instead of leaving the cell out.
    #[arg(long)]
    strict: bool,
    /// Read cells with line breaks even where their lines look like rows.
    #[arg(long)]
    allow_multiline: bool,
    /// Write rejected rows and cells that were left out to this file, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(super) rejected: Option<PathBuf>,
    #[command(flatten)]
    pub(super) consents: ConsentOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dates {
    /// Day, month, year
    Dmy,
    /// Month, day, year
    Mdy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decimal {
    /// 1.234,5
    Comma,
    /// 1,234.5
    Point,
}

impl ImportOptions {
    /// Returns the habits of the file.
    pub(super) fn conventions(&self, workspace: &Workspace) -> anyhow::Result<Conventions> {
        if self.rejected.as_deref().is_some_and(|path| disk::is_same_file(path, &self.file)) {
            return Err(user_error("--rejected is the imported file itself; name another one"));
        }
        Ok(Conventions {
            attributes: workspace.attributes.clone(),
            map: self.map.clone(),
            country: self.country,
            dates: self.dates.map(|order| match order {
                Dates::Dmy => DateOrder::DayFirst,
                Dates::Mdy => DateOrder::MonthFirst,
            }),
            decimal: self.decimal.map(|mark| match mark {
                Decimal::Comma => ',',
                Decimal::Point => '.',
            }),
            encoding: self.encoding.clone(),
            sheet: self.sheet.clone(),
            is_strict: self.strict,
            allows_multiline: self.allow_multiline,
        })
    }
}
