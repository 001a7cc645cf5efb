//! A file of contacts: what it is, and its rows.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};

use campaign::AttributeKind;
use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;

use crate::attribute::{DateOrder, Habits};
use crate::bad_value::BadRow;
use crate::columns::{Column, ColumnRules, MappedColumn};
use crate::contact::{Cell, CellRules, Row};
use crate::error::ImportError;
use crate::known::Known;
use crate::lines::{Fault, Lines, Record};
use crate::phone::Country;
use crate::{cells, json_lines, workbook};

/// The size of the buffers, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// The habits of a file, as far as the user knows them.
#[derive(Debug, Clone, Default)]
pub struct Conventions {
    /// The kinds of the declared attributes.
    pub attributes: BTreeMap<String, AttributeKind>,
    /// The meaning of columns: the name in the file, and a known column, an attribute, or nothing
    /// to leave the column out.
    pub map: Vec<(String, String)>,
    /// The country of national phone numbers, unless a row has its own.
    pub country: Option<Country>,
    /// The order of day and month.
    pub dates: Option<DateOrder>,
    /// The decimal mark of numbers, `,` or `.`.
    pub decimal: Option<char>,
    /// The encoding, such as `windows-1252`; UTF-8, or what the byte order mark says, if not given.
    pub encoding: Option<String>,
    /// The sheet of a workbook; its first if not given.
    pub sheet: Option<String>,
    /// True if a cell that cannot be read rejects its row.
    pub is_strict: bool,
    /// True if cells may have line breaks even where their lines look like rows.
    pub allows_multiline: bool,
}

type TextReader<'a> = BufReader<Box<dyn Read + 'a>>;

/// The kind of a file, and where its rows come from.
enum Source<'a> {
    Lines(Lines<TextReader<'a>>),
    Json(Lines<TextReader<'a>>),
    Sheet(VecDeque<(u64, Vec<Cell>)>),
}

/// A file of contacts: an iterator over its rows.
pub struct ContactFile<'a> {
    source: Source<'a>,
    columns: ColumnRules,
    cells: CellRules,
    mapping: Vec<MappedColumn>,
    allows_multiline: bool,
}

impl<'a> ContactFile<'a> {
    /// Reads the header of a file: CSV, JSON Lines or a workbook, also compressed with gzip.
    ///
    /// # Errors
    /// [`ImportError`]: the file cannot be read, or a column is not clear.
    pub fn open(file: impl Read + 'a, conventions: &Conventions) -> Result<Self, ImportError> {
        let columns =
            ColumnRules { attributes: conventions.attributes.clone(), map: conventions.map.clone() };
        let habits = Habits { dates: conventions.dates, decimal: conventions.decimal };
        let cells = CellRules { habits, country: conventions.country, is_strict: conventions.is_strict };
        let mut reader: TextReader<'a> = buffered(Box::new(file));
        if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            reader = buffered(Box::new(MultiGzDecoder::new(reader)));
        }
        let mut opened = if reader.fill_buf()?.starts_with(b"PK\x03\x04") {
            let rows = workbook::rows(reader, conventions.sheet.as_deref())?;
            let source = Source::Sheet(rows.into());
            Self { source, columns, cells, mapping: Vec::new(), allows_multiline: true }
        } else {
            let mut text = decoded(reader, conventions.encoding.as_deref())?;
            let is_json = text.fill_buf()?.trim_ascii_start().first() == Some(&b'{');
            let lines = Lines::new(text)?;
            let source = if is_json { Source::Json(lines) } else { Source::Lines(lines) };
            Self {
                source,
                columns,
                cells,
                mapping: Vec::new(),
                allows_multiline: conventions.allows_multiline,
            }
        };
        opened.read_header()?;
        Ok(opened)
    }

    /// Returns the columns of the file with their meaning; none for JSON Lines, whose rows may have
    /// different keys.
    #[must_use]
    pub fn mapping(&self) -> &[MappedColumn] {
        &self.mapping
    }

    fn read_header(&mut self) -> Result<(), ImportError> {
        let names: Vec<String> = match &mut self.source {
            Source::Json(_) => return Ok(()),
            Source::Sheet(rows) => {
                let is_filled = |row: &(u64, Vec<Cell>)| row.1.iter().any(|cell| !text(cell).is_empty());
                let first = rows.iter().position(is_filled).ok_or(ImportError::Empty)?;
                let header = rows.drain(..=first).next_back().map(|(_, cells)| cells).unwrap_or_default();
                header.iter().map(text).collect()
            }
            Source::Lines(lines) => {
                let header = loop {
                    let record = lines.next_record(|_| false)?.ok_or(ImportError::Empty)?;
                    if record.fault == Some(Fault::TooLong) {
                        return Err(ImportError::HeaderTooLong);
                    }
                    if !record.bytes.trim_ascii().is_empty() {
                        break record;
                    }
                };
                let cells = lines.cells(&header.bytes);
                let cells = cells.ok_or(ImportError::TooManyColumns(usize::MAX))?;
                cells
                    .into_iter()
                    .map(|cell| String::from_utf8(cell).map_err(|_| ImportError::NotUtf8))
                    .collect::<Result<_, _>>()?
            }
        };
        let names = without_trailing_blanks(names);
        self.mapping = self.columns.header(&names)?;
        Ok(())
    }

    /// Returns the row of a record of a table.
    fn table_row(&self, record: &Record, cells: Option<Vec<Vec<u8>>>) -> Row {
        let line = record.line;
        let lossy = |bytes: &[u8]| vec![String::from_utf8_lossy(bytes).into_owned()];
        if let Some(fault) = record.fault {
            return Row::Rejected { line, reason: fault.to_string(), cells: lossy(&record.bytes) };
        }
        let Some(cells) = cells else {
            return Row::Rejected {
                line,
                reason: "it has more than 256 cells".to_owned(),
                cells: lossy(&record.bytes),
            };
        };
        let texts: Result<Vec<_>, _> = cells.iter().map(|cell| String::from_utf8(cell.clone())).collect();
        let Ok(texts) = texts else {
            let reason = "it is not UTF-8; if the whole file is like that, say its encoding, such as `--encoding windows-1252`";
            let cells = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
            return Row::Rejected { line, reason: reason.to_owned(), cells };
        };
        self.row_of_cells(line, &texts.into_iter().map(Cell::Text).collect::<Vec<_>>())
    }

    /// Returns the row of the cells of a table. Missing cells at the end are empty.
    fn row_of_cells(&self, line: u64, cells: &[Cell]) -> Row {
        let texts = || cells.iter().map(text).collect::<Vec<_>>();
        let extra = cells.get(self.mapping.len()..).unwrap_or_default();
        if extra.iter().any(|cell| !text(cell).is_empty()) {
            let (found, columns) = (cells.len(), self.mapping.len());
            let reason = format!(
                "it has {found} cells, and the header has {columns}; put texts with separators in quotes"
            );
            return Row::Rejected { line, reason, cells: texts() };
        }
        let row: Vec<_> =
            self.mapping.iter().zip(cells).map(|(mapped, cell)| (&mapped.column, cell.clone())).collect();
        match self.cells.contact(&row) {
            Ok((contact, dropped)) => Row::Contact { line, contact, dropped },
            Err(reason) => Row::Rejected { line, reason: reason.to_string(), cells: texts() },
        }
    }

    fn json_row(&self, record: &Record) -> Row {
        let line = record.line;
        let shown = || vec![String::from_utf8_lossy(&record.bytes).into_owned()];
        let read = || -> Result<_, BadRow> {
            if let Some(fault) = record.fault {
                return Err(fault.into());
            }
            let text = std::str::from_utf8(&record.bytes).map_err(|_| BadRow::NotUtf8)?;
            let cells = json_lines::cells(text)?;
            let mut row: Vec<(Column, Cell)> = Vec::with_capacity(cells.len());
            for (index, (key, cell)) in cells.into_iter().enumerate() {
                let column = self.columns.column(&key, index + 1)?;
                if row.iter().any(|(other, _)| *other == column && column != Column::Ignored) {
                    return Err(BadRow::TwoKeys(column.name().to_owned()));
                }
                row.push((column, cell));
            }
            let row: Vec<_> = row.iter().map(|(column, cell)| (column, cell.clone())).collect();
            self.cells.contact(&row)
        };
        match read() {
            Ok((contact, dropped)) => Row::Contact { line, contact, dropped },
            Err(reason) => Row::Rejected { line, reason: reason.to_string(), cells: shown() },
        }
    }
}

impl Iterator for ContactFile<'_> {
    type Item = Result<Row, ImportError>;

    /// Returns the next row. Empty rows are skipped.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let read = match self.source {
                Source::Lines(_) => self.next_table_row(),
                Source::Json(_) => self.next_json_row(),
                Source::Sheet(_) => Ok(self.next_sheet_row()),
            };
            match read {
                Ok(Next::Row(row)) => return Some(Ok(*row)),
                Ok(Next::Empty) => {}
                Ok(Next::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What comes next in a file.
enum Next {
    Row(Box<Row>),
    /// A row without a value, which is skipped.
    Empty,
    End,
}

impl ContactFile<'_> {
    fn next_table_row(&mut self) -> Result<Next, ImportError> {
        let Self { source: Source::Lines(lines), mapping, allows_multiline, .. } = self else {
            return Ok(Next::End);
        };
        let Some(record) = lines.next_record(|cells| !*allows_multiline && is_row(mapping, cells))? else {
            return Ok(Next::End);
        };
        let cells = lines.cells(&record.bytes);
        let is_blank = |cells: &Vec<Vec<u8>>| cells.iter().all(|cell| cell.trim_ascii().is_empty());
        if record.fault.is_none() && cells.as_ref().is_some_and(is_blank) {
            return Ok(Next::Empty);
        }
        Ok(Next::Row(Box::new(self.table_row(&record, cells))))
    }

    fn next_json_row(&mut self) -> Result<Next, ImportError> {
        let Source::Json(lines) = &mut self.source else { return Ok(Next::End) };
        let Some(record) = lines.next_line_record()? else { return Ok(Next::End) };
        if record.bytes.trim_ascii().is_empty() {
            return Ok(Next::Empty);
        }
        Ok(Next::Row(Box::new(self.json_row(&record))))
    }

    fn next_sheet_row(&mut self) -> Next {
        let Source::Sheet(rows) = &mut self.source else { return Next::End };
        let Some((line, cells)) = rows.pop_front() else { return Next::End };
        if cells.iter().all(|cell| text(cell).is_empty()) {
            return Next::Empty;
        }
        Next::Row(Box::new(self.row_of_cells(line, &cells)))
    }
}

/// Returns true if a line within a cell looks like a row of its own: it has as many cells as the
/// header, and an e-mail address where the header has it.
fn is_row(mapping: &[MappedColumn], row: &[Vec<u8>]) -> bool {
    let at = mapping.iter().position(|mapped| mapped.column == Column::Known(Known::Email));
    let address = at.and_then(|at| row.get(at)).and_then(|cell| std::str::from_utf8(cell).ok());
    row.len() == mapping.len() && address.is_some_and(|cell| cells::email(cell.trim()).is_ok())
}

fn buffered<'a>(reader: Box<dyn Read + 'a>) -> TextReader<'a> {
    BufReader::with_capacity(BUFFER_BYTES, reader)
}

/// Returns the text of a file in UTF-8, without its byte order mark, which decides the encoding
/// where there is one.
fn decoded<'a>(reader: TextReader<'a>, encoding: Option<&str>) -> Result<TextReader<'a>, ImportError> {
    let encoding = encoding.map(|name| {
        Encoding::for_label(name.as_bytes()).ok_or_else(|| ImportError::NoSuchEncoding(name.to_owned()))
    });
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.encoding(encoding.transpose()?).utf8_passthru(true).strip_bom(true).bom_override(true);
    Ok(buffered(Box::new(builder.build(reader))))
}

/// Returns the text of a cell without outer spaces, for messages and to see whether it is empty.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.trim().to_owned(),
        Cell::Typed(serde_json::Value::Null) => String::new(),
        Cell::Typed(value) => value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned()),
    }
}

/// Returns the names of a header without the empty ones at its end, which spreadsheets write.
fn without_trailing_blanks(mut names: Vec<String>) -> Vec<String> {
    while names.last().is_some_and(|name| name.trim().is_empty()) {
        names.pop();
    }
    names
}
