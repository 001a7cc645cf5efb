//! The rows of an Excel workbook (`.xlsx`).

use std::io::{Cursor, Read};

use calamine::{Data, Reader as _, Xlsx, open_workbook_from_rs};
use serde_json::Value;

use crate::contact::Cell;
use crate::error::ImportError;

/// The largest workbook that is read, in bytes.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The largest size of a workbook when unpacked, in MiB.
const MAX_UNPACKED_MIB: u64 = 1024;

/// The rows of a sheet: the number of the line, and its cells.
pub(crate) type SheetRows = Vec<(u64, Vec<Cell>)>;

/// Reads the first sheet, or the one with this name.
pub(crate) fn rows(source: impl Read, sheet: Option<&str>) -> Result<SheetRows, ImportError> {
    let mut bytes = Vec::new();
    source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge(MAX_FILE_BYTES >> 20));
    }
    if unpacked_bytes(&bytes) > MAX_UNPACKED_MIB << 20 {
        return Err(ImportError::TooLarge(MAX_UNPACKED_MIB));
    }
    let bad = |error: &dyn std::fmt::Display| ImportError::Workbook(error.to_string());
    let mut book: Xlsx<_> =
        open_workbook_from_rs(Cursor::new(bytes)).map_err(|error: calamine::XlsxError| bad(&error))?;
    let names = book.sheet_names();
    let name = match sheet {
        None => names.first().cloned().ok_or(ImportError::Empty)?,
        Some(wanted) => names
            .iter()
            .find(|name| name.as_str() == wanted)
            .cloned()
            .ok_or_else(|| ImportError::NoSuchSheet(wanted.to_owned(), names.join(", ")))?,
    };
    let range = book.worksheet_range(&name).map_err(|error| bad(&error))?;
    let first = range.start().map_or(0, |(row, _)| u64::from(row));
    let rows = range
        .rows()
        .enumerate()
        .map(|(index, row)| (first + index as u64 + 1, row.iter().map(cell).collect()));
    Ok(rows.collect())
}

/// Returns the cell of a workbook. Dates, which are numbers there, become ISO 8601.
fn cell(data: &Data) -> Cell {
    match data {
        Data::Int(number) => Cell::Typed(Value::from(*number)),
        Data::Float(number) => Cell::Typed(whole(*number)),
        Data::Bool(value) => Cell::Typed(Value::from(*value)),
        Data::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            let is_midnight = (hour, minute, second) == (0, 0, 0);
            Cell::Text(if is_midnight { date } else { format!("{date}T{hour:02}:{minute:02}:{second:02}") })
        }
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Text(text.clone()),
        Data::Empty | Data::Error(_) => Cell::Text(String::new()),
    }
}

/// Returns a number without decimals as an integer: workbooks know only floating-point numbers.
#[expect(clippy::cast_possible_truncation, reason = "it is a whole number within the range of f64")]
fn whole(number: f64) -> Value {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= LARGEST {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// Returns the sum of the sizes that the archive's directory states for its unpacked files.
fn unpacked_bytes(archive: &[u8]) -> u64 {
    const ENTRY: &[u8] = b"PK\x01\x02";
    let mut sum = 0_u64;
    let mut at = 0;
    while let Some(found) = archive[at..].windows(ENTRY.len()).position(|window| window == ENTRY) {
        let entry = at + found;
        // Of an entry the size is in the bytes 24 to 27 (APPNOTE.TXT of PKWARE, 4.3.12).
        let size = archive.get(entry + 24..entry + 28).and_then(|size| size.try_into().ok());
        sum = sum.saturating_add(size.map_or(0, |size| u64::from(u32::from_le_bytes(size))));
        at = entry + ENTRY.len();
    }
    sum
}
