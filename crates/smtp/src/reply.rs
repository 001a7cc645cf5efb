//! Replies of an SMTP server: a three-digit code, an optional enhanced code, and text (RFC 5321
//! §4.2, RFC 3463).

use std::fmt;

/// One reply, of one or several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply code, 200 to 599.
    pub(crate) code: u16,
    /// The text of each line.
    pub(crate) lines: Vec<String>,
}

/// One line of a reply, marked if it is the last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReplyLine {
    pub(crate) code: u16,
    pub(crate) text: String,
    pub(crate) is_last: bool,
}

/// The largest part of a reply's text that is shown, in characters.
const MAX_TEXT_CHARS: usize = 500;

impl ReplyLine {
    /// Parses a line, with or without its line end. `None` if it is not a line of a reply.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (digits, rest) = line.split_at_checked(3)?;
        let code = match digits {
            [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] => std::str::from_utf8(digits).ok()?.parse().ok()?,
            _ => return None,
        };
        let is_last = match rest.first() {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return None,
        };
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Some(Self { code, text, is_last })
    }
}

impl Reply {
    /// Returns the enhanced code as class, subject and detail, if its class is that of the reply
    /// (RFC 2034 §4). It is the first word; IronPort writes `#5.1.0`, and qmail puts `(#5.1.1)` at
    /// the end.
    pub(crate) fn enhanced(&self) -> Option<(u16, u16, u16)> {
        let mut words = self.lines.iter().flat_map(|line| line.split_whitespace());
        let first = words.next()?;
        parse_enhanced(first.trim_start_matches('#').trim_end_matches(':'))
            .or_else(|| {
                words.find_map(|word| {
                    parse_enhanced(word.trim_matches(['(', ')', '.', ',']).strip_prefix('#')?)
                })
            })
            .filter(|code| code.0 == self.code / 100)
    }

    /// Returns the text in lower case, to search for words.
    pub(crate) fn lowercase_text(&self) -> String {
        self.lines.join(" ").to_lowercase()
    }
}

/// Parses an enhanced code such as `5.1.1`.
fn parse_enhanced(word: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = word.split('.').map(|part| {
        (part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok())?
    });
    let code = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(code)
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.lines.join(" ").chars().take(MAX_TEXT_CHARS).collect();
        write!(f, "{} {}", self.code, text.trim())
    }
}

#[cfg(test)]
impl Reply {
    /// Parses a reply as it appears in a log: `550-5.1.1 a` and `550 5.1.1 b`, one line each.
    pub(crate) fn read(text: &str) -> Self {
        let lines: Vec<_> = text.lines().map(|line| ReplyLine::read(line.as_bytes()).unwrap()).collect();
        Self { code: lines[0].code, lines: lines.into_iter().map(|line| line.text).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines() {
        let read = |line: &[u8]| ReplyLine::read(line);
        assert_eq!(read(b"250 ok\r\n"), Some(ReplyLine { code: 250, text: "ok".into(), is_last: true }));
        assert_eq!(read(b"250-a\n"), Some(ReplyLine { code: 250, text: "a".into(), is_last: false }));
        assert_eq!(read(b"354\r\n").map(|line| line.is_last), Some(true));
        assert_eq!(read(b"550 \xff\x07x").map(|line| line.text), Some("\u{fffd} x".into()));
        for bad in [&b""[..], b"25", b"250x", b"150 a", b"650 a", b"2a0 b", b"\xff\xff\xff x"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_enhanced_codes() {
        assert_eq!(Reply::read("550 5.1.1 none").enhanced(), Some((5, 1, 1)));
        assert_eq!(Reply::read("550 5.7.515 none").enhanced(), Some((5, 7, 515)));
        assert_eq!(Reply::read("550 #5.1.0 Address rejected").enhanced(), Some((5, 1, 0)));
        assert_eq!(Reply::read("550 5.1.1: none").enhanced(), Some((5, 1, 1)));
        assert_eq!(Reply::read("550 sorry, no mailbox (#5.1.1)").enhanced(), Some((5, 1, 1)));
        for other in
            ["550 4.1.1 x", "550 5.1 x", "550 5.1.1.1 x", "550 5.1.1111 x", "550", "550 a.b.c", "550 5..1"]
        {
            assert_eq!(Reply::read(other).enhanced(), None, "{other}");
        }
    }
}
