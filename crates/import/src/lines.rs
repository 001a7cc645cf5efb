//! The records of a text with separated cells, line by line, with quotes over several lines.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::known::MAX_COLUMNS;

/// The longest row, in bytes.
pub(crate) const MAX_ROW_BYTES: usize = 64 * 1024;

/// A line of the file.
struct Line {
    number: u64,
    bytes: Vec<u8>,
    /// True if it has more than [`MAX_ROW_BYTES`], of which only these are kept.
    is_cut: bool,
}

/// A record: one line, or several if a quoted cell has line breaks.
pub(crate) struct Record {
    /// The number of its first line, from 1.
    pub(crate) line: u64,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// The reason why it is no row, if there is one.
    pub(crate) fault: Option<Fault>,
}

/// The reason why a record is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it is longer than 64 KiB")]
    TooLong,
    #[error("a quote opens here and does not close within 64 KiB; the rows after it are read one by one")]
    Unclosed,
    #[error(
        "a cell has line breaks, and its lines look like rows, which are read one by one: a quote is probably too many; \
         correct it, or say `--allow-multiline`"
    )]
    RowsInCell,
}

/// Reads records from UTF-8 text, or from bytes in an encoding that contains ASCII.
pub(crate) struct Lines<R> {
    reader: R,
    number: u64,
    /// Lines that are read once more, because the quote before them does not close.
    again: VecDeque<Line>,
    /// The byte between cells.
    separator: u8,
}

impl<R: BufRead> Lines<R> {
    /// Starts to read. The first line may be `sep=;`; otherwise the separator is the most frequent
    /// of comma, semicolon, tab and `|` in the first line.
    pub(crate) fn new(reader: R) -> io::Result<Self> {
        let mut lines = Self { reader, number: 0, again: VecDeque::new(), separator: b',' };
        let Some(first) = lines.next_line()? else { return Ok(lines) };
        let text = first.bytes.strip_prefix(b"sep=").unwrap_or_default();
        if let [separator] = text {
            lines.separator = *separator;
            return Ok(lines);
        }
        let count = |wanted: u8| first.bytes.iter().filter(|byte| **byte == wanted).count();
        // Of several equally frequent ones the last counts: commas are usual within cells.
        let separator = [b'|', b'\t', b';', b','].into_iter().rev().max_by_key(|byte| count(*byte));
        lines.separator = separator.filter(|byte| count(*byte) > 0).unwrap_or(b',');
        lines.again.push_back(first);
        Ok(lines)
    }

    /// Returns the next record; `None` at the end of the file. `is_row` says whether the cells of a
    /// line within a cell look like a row of their own.
    pub(crate) fn next_record(&mut self, is_row: impl Fn(&[Vec<u8>]) -> bool) -> io::Result<Option<Record>> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        let mut record = Record { line: first.number, bytes: first.bytes, fault: None };
        if first.is_cut {
            record.fault = Some(Fault::TooLong);
            return Ok(Some(record));
        }
        let length = record.bytes.len();
        let mut is_open = self.leaves_quote_open(&record.bytes, false);
        let mut later = Vec::new();
        while is_open {
            let next = self.next_line()?;
            let fits = next
                .as_ref()
                .is_some_and(|next| !next.is_cut && record.bytes.len() + next.bytes.len() < MAX_ROW_BYTES);
            let Some(next) = next.filter(|_| fits) else {
                // The quote was a stray one: its line is no row, and the lines after it are.
                self.take_back(&mut record, length, later, Fault::Unclosed);
                return Ok(Some(record));
            };
            record.bytes.push(b'\n');
            record.bytes.extend_from_slice(&next.bytes);
            is_open = self.leaves_quote_open(&next.bytes, true);
            later.push(next);
        }
        if later.iter().filter_map(|line| self.cells(&line.bytes)).any(|cells| is_row(&cells)) {
            self.take_back(&mut record, length, later, Fault::RowsInCell);
        }
        Ok(Some(record))
    }

    /// Makes a record its first line alone, which is no row, and its other lines ones to be read.
    fn take_back(&mut self, record: &mut Record, length: usize, later: Vec<Line>, fault: Fault) {
        record.bytes.truncate(length);
        record.fault = Some(fault);
        later.into_iter().rev().for_each(|line| self.again.push_front(line));
    }

    /// Returns the next line as a record: quotes have no meaning between lines.
    pub(crate) fn next_line_record(&mut self) -> io::Result<Option<Record>> {
        let line = self.next_line()?;
        Ok(line.map(|line| Record {
            line: line.number,
            bytes: line.bytes,
            fault: line.is_cut.then_some(Fault::TooLong),
        }))
    }

    /// Returns true if a quoted cell is open at the end of the line; `is_open` says so for its
    /// start.
    fn leaves_quote_open(&self, line: &[u8], mut is_open: bool) -> bool {
        let mut is_start = !is_open;
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if is_open {
                if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
                    is_open = false;
                }
            } else if byte == b'"' && is_start {
                (is_open, is_start) = (true, false);
            } else {
                is_start = byte == self.separator;
            }
        }
        is_open
    }

    /// Splits a record into its cells, without their quotes; `None` if there are too many.
    pub(crate) fn cells(&self, record: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut reader = csv_core::ReaderBuilder::new().delimiter(self.separator).build();
        let mut output = vec![0; record.len() + 1];
        let mut ends = vec![0; MAX_COLUMNS + 2];
        let (result, _, written, count) = reader.read_record(record, &mut output, &mut ends);
        // The end of the input ends the last cell.
        let (result, _, _, last) = match result {
            csv_core::ReadRecordResult::InputEmpty => {
                reader.read_record(&[], &mut output[written..], &mut ends[count..])
            }
            other => (other, 0, 0, 0),
        };
        match result {
            csv_core::ReadRecordResult::Record => {}
            csv_core::ReadRecordResult::OutputEndsFull => return None,
            _ => return Some(Vec::new()),
        }
        let count = count + last;
        let mut start = 0;
        let cells = ends[..count].iter().map(|end| {
            let cell = output[start..*end].to_vec();
            start = *end;
            cell
        });
        Some(cells.collect())
    }

    /// Returns the next line without its end: LF, CR or both.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let mut length = 0;
        let mut has_end = false;
        while !has_end {
            let piece = self.reader.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            has_end = end.is_some();
            let text = &piece[..end.unwrap_or(piece.len())];
            let room = MAX_ROW_BYTES.saturating_sub(bytes.len());
            bytes.extend_from_slice(&text[..text.len().min(room)]);
            length += text.len();
            let is_cr = end.is_some_and(|end| piece[end] == b'\r');
            let used = text.len() + usize::from(has_end);
            self.reader.consume(used);
            if is_cr && self.reader.fill_buf()?.first() == Some(&b'\n') {
                self.reader.consume(1);
            }
        }
        if length == 0 && !has_end {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Line { number: self.number, bytes, is_cut: length > MAX_ROW_BYTES }))
    }
}
