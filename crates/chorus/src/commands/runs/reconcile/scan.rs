//! Scanning of files of any size for Message-IDs of Chorus: 32 hexadecimal digits before an `@`.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};

/// The Message-IDs found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundMessageIds {
    /// Message-IDs of sent messages: in a Postfix log those with `status=sent`, elsewhere all.
    pub(super) went_out: HashSet<u128>,
    /// Number of messages in a Postfix relay's queue: their last status is `status=deferred`.
    pub(super) waiting: usize,
}

/// Length in bytes above which a line is read in pieces. Postfix writes at most 2,000 bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The state of scanning a file.
#[derive(Debug, Default)]
pub(super) struct MessageIdScanner {
    /// All Message-IDs in the file.
    all: HashSet<u128>,
    digits: HexDigits,
    postfix: PostfixLog,
}

/// The run of hexadecimal digits before the current byte.
#[derive(Debug, Default)]
struct HexDigits {
    count: u32,
    value: u128,
}

/// The state of each queue id of a Postfix log: `cleanup` logs its Message-ID, a delivery agent its
/// status, `qmgr` its removal (<https://www.postfix.org/OVERVIEW.html>).
#[derive(Debug, Default)]
struct PostfixLog {
    queued: HashMap<Vec<u8>, (u128, Status)>,
    sent: HashSet<u128>,
    has_status: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    None,
    Deferred,
}

impl MessageIdScanner {
    /// Scans a whole file. `progress` is called with the number of bytes of each piece.
    pub(super) fn read(file: impl Read, progress: impl Fn(u64)) -> io::Result<FoundMessageIds> {
        let mut scan = Self::default();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut piece = Vec::new();
        let mut is_start = true;
        loop {
            piece.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut piece)?;
            if read == 0 {
                return Ok(scan.found());
            }
            scan.ids(&piece);
            if is_start {
                scan.postfix.line(&piece);
            }
            is_start = piece.ends_with(b"\n");
            progress(read as u64);
        }
    }

    fn ids(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.all.extend(self.digits.next(*byte));
        }
    }

    fn found(self) -> FoundMessageIds {
        let Self { all, postfix, .. } = self;
        if !postfix.has_status {
            return FoundMessageIds { went_out: all, waiting: 0 };
        }
        let waiting = postfix.queued.values().filter(|(_, status)| *status == Status::Deferred).count();
        FoundMessageIds { went_out: postfix.sent, waiting }
    }
}

impl HexDigits {
    /// Adds the next byte. Returns the Message-ID that ends with it, if there is one.
    fn next(&mut self, byte: u8) -> Option<u128> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            self.count = self.count.saturating_add(1);
            self.value = self.value << 4 | u128::from(digit);
            return None;
        }
        let found = (byte == b'@' && self.count == 32).then_some(self.value);
        *self = Self::default();
        found
    }
}

impl PostfixLog {
    fn line(&mut self, line: &[u8]) {
        let Some((queue_id, rest)) = entry(line) else { return };
        if let Some(text) = rest.strip_prefix(b"message-id=") {
            let mut digits = HexDigits::default();
            if let Some(id) = text.iter().find_map(|byte| digits.next(*byte)) {
                self.queued.insert(queue_id.to_owned(), (id, Status::None));
            }
        } else if rest.starts_with(b"to=<") {
            let Some(status) = status(rest) else { return };
            self.has_status = true;
            match status {
                b"sent" => {
                    if let Some((id, _)) = self.queued.remove(queue_id) {
                        self.sent.insert(id);
                    }
                }
                b"deferred" => {
                    self.queued.entry(queue_id.to_owned()).and_modify(|(_, last)| *last = Status::Deferred);
                }
                _ => {
                    self.queued.remove(queue_id);
                }
            }
        } else if rest.starts_with(b"removed") {
            // Postfix may reuse a queue id.
            self.queued.remove(queue_id);
        }
    }
}

/// Splits a line `Nov 30 10:00:00 host postfix/smtp[12]: 4Wq1: to=<…>, …` into the queue id and the
/// text after it.
fn entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = find_bytes(line, b"]: ")? + 3;
    let rest = line.get(after..)?;
    let end = find_bytes(rest, b": ")?;
    let (queue_id, rest) = rest.split_at(end);
    let is_id = !queue_id.is_empty() && queue_id.iter().all(u8::is_ascii_alphanumeric);
    is_id.then(|| (queue_id, &rest[2..]))
}

/// Returns the word after `status=`.
fn status(rest: &[u8]) -> Option<&[u8]> {
    let word = &rest[find_bytes(rest, b", status=")? + 9..];
    Some(&word[..word.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(word.len())])
}

fn find_bytes(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> FoundMessageIds {
        MessageIdScanner::read(text.as_bytes(), |_| {}).unwrap()
    }

    fn id(n: u8) -> String {
        format!("{n:032x}")
    }

    fn went_out(text: &str) -> Vec<u128> {
        let mut ids: Vec<_> = scan(text).went_out.into_iter().collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn message_ids_are_found_in_any_text() {
        let text = format!(
            "Message-ID: <{}@mx.example>\nmessage-id={}@x (and {}@y)\n{}\n{}0@z {}@z",
            id(1),
            id(2),
            id(0xab).to_uppercase(),
            id(4),
            id(5),
            &id(6)[1..]
        );
        assert_eq!(went_out(&text), [1, 2, 0xab]);
    }

    #[test]
    fn a_line_of_any_length_is_read_in_pieces() {
        let text = format!("{}<{}@mx.example>", "x".repeat(65_520), id(7));
        assert_eq!(went_out(&text), [7]);
    }

    #[test]
    fn only_sent_messages_of_a_postfix_log_count() {
        let log = format!(
            "Nov 30 10:00:00 mx postfix/cleanup[9]: 4A: message-id=<{}@mx.example>\n\
             Nov 30 10:00:00 mx postfix/cleanup[9]: 4B: message-id=<{}@mx.example>\n\
             Nov 30 10:00:00 mx postfix/cleanup[9]: 4C: message-id=<{}@mx.example>\n\
             Nov 30 10:00:01 mx postfix/smtp[8]: 4A: to=<a@x>, relay=x[1.2.3.4]:25, dsn=2.0.0, status=sent (250 ok)\n\
             Nov 30 10:00:01 mx postfix/qmgr[7]: 4A: removed\n\
             Nov 30 10:00:01 mx postfix/smtp[8]: 4B: to=<b@x>, relay=none, dsn=4.4.1, status=deferred (timed out)\n\
             Nov 30 10:00:01 mx postfix/smtp[8]: 4C: to=<c@x>, relay=x, dsn=5.1.1, status=bounced (no such user)\n\
             Nov 30 10:00:01 mx postfix/qmgr[7]: 4C: removed\n",
            id(1),
            id(2),
            id(3)
        );
        let found = scan(&log);
        assert_eq!((found.went_out, found.waiting), (HashSet::from([1]), 1));
        let later =
            "Nov 30 11:00:01 mx postfix/smtp[8]: 4B: to=<b@x>, relay=x, dsn=2.0.0, status=sent (250 ok)\n";
        let found = scan(&format!("{log}{later}"));
        assert_eq!((found.went_out, found.waiting), (HashSet::from([1, 2]), 0));
    }

    #[test]
    fn all_messages_of_a_postfix_log_without_statuses_count() {
        let log = format!("Nov 30 10:00:00 mx postfix/cleanup[9]: 4A: message-id=<{}@mx.example>\n", id(1));
        assert_eq!(went_out(&log), [1]);
    }
}
