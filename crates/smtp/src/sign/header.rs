//! The header fields of a message, and the field that carries a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::canonical;

/// The fields of a message's header, with their line ends and folds, in order.
pub(super) struct Fields<'a>(Vec<&'a [u8]>);

impl<'a> Fields<'a> {
    /// Splits a message into its header fields and its body, at the first empty line.
    pub(super) fn read(raw: &'a [u8]) -> (Self, &'a [u8]) {
        let mut fields = Vec::new();
        let mut start = 0;
        let mut at = 0;
        while let Some(length) = line_length(raw.get(at..).unwrap_or_default()) {
            let is_fold = matches!(raw.get(at), Some(b' ' | b'\t'));
            if at > start && !is_fold {
                fields.extend(raw.get(start..at));
                start = at;
            }
            at += length;
            if length == 2 && !is_fold {
                return (Self(fields), raw.get(at..).unwrap_or_default());
            }
        }
        fields.extend(raw.get(start..).filter(|last| !last.is_empty()));
        (Self(fields), &[])
    }

    /// Returns the names that a signature covers: each of `oversigned` once more than it occurs,
    /// and each of `signed` as often as it occurs.
    pub(super) fn names(&self, oversigned: &[&'static str], signed: &[&'static str]) -> Vec<&'static str> {
        let times = |name: &&'static str, more| {
            std::iter::repeat_n(*name, self.0.iter().filter(|field| has_name(field, name)).count() + more)
        };
        oversigned
            .iter()
            .flat_map(|name| times(name, 1))
            .chain(signed.iter().flat_map(|name| times(name, 0)))
            .collect()
    }

    /// Returns the relaxed form of the named fields, each with its line end. Of several fields of a
    /// name the last comes first; a name without further fields adds nothing (RFC 6376 §5.4.2, §3.5
    /// `h=`).
    pub(super) fn canonical(&self, names: &[&str]) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        for (at, name) in names.iter().enumerate() {
            let before = names.iter().take(at).filter(|other| *other == name).count();
            let mut named = self.0.iter().rev().filter(|field| has_name(field, name));
            if let Some(field) = named.nth(before) {
                canonical::field(field, &mut out);
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }

    /// Returns the time in the message's `Date`.
    pub(super) fn date(&self) -> Option<Timestamp> {
        let field = self.0.iter().find(|field| has_name(field, "Date"))?;
        let text = std::str::from_utf8(field.get("Date:".len()..)?).ok()?;
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
    }
}

/// Returns the signature fields, from the top.
pub(super) fn signatures<'a>(fields: &Fields<'a>) -> Vec<&'a [u8]> {
    fields.0.iter().filter(|field| has_name(field, "DKIM-Signature")).copied().collect()
}

/// Returns the length in bytes of the line at the start of `text`, with its end; `None` if no line
/// end follows.
fn line_length(text: &[u8]) -> Option<usize> {
    text.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 2)
}

fn has_name(field: &[u8], name: &str) -> bool {
    let colon = field.iter().position(|byte| *byte == b':').unwrap_or(0);
    field.get(..colon).is_some_and(|found| found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()))
}

/// The content of a signature field, apart from the signature.
pub(super) struct SignatureFields<'a> {
    pub(super) domain: &'a str,
    /// The time of the signature; left out for a message without a date.
    pub(super) time: Option<Timestamp>,
    pub(super) names: &'a [&'a str],
    pub(super) body_hash: &'a [u8],
}

/// The column before which a line is folded.
const FOLD_COLUMN: usize = 77;

impl SignatureFields<'_> {
    /// Returns the field as it is signed: without the signature and without a line end.
    pub(super) fn unsigned(&self, algorithm: &str, selector: &str) -> String {
        let mut field = FoldedField::new("DKIM-Signature: v=1;");
        field.word(&format!(" a={algorithm};"));
        field.word(" c=relaxed/relaxed;");
        field.word(&format!(" d={};", self.domain));
        field.word(&format!(" s={selector};"));
        if let Some(time) = self.time {
            field.word(&format!(" t={};", time.as_second()));
        }
        for (at, name) in self.names.iter().enumerate() {
            let (before, after) =
                (if at == 0 { " h=" } else { "" }, if at + 1 == self.names.len() { ";" } else { ":" });
            field.word(&format!("{before}{name}{after}"));
        }
        field.word(&format!(" bh={};", STANDARD.encode(self.body_hash)));
        field.line(" b=");
        field.text
    }
}

/// Returns the field with its signature and its line end.
pub(super) fn with_signature(unsigned: String, signature: &[u8]) -> String {
    let mut field = FoldedField { column: " b=".len(), text: unsigned };
    let encoded = STANDARD.encode(signature);
    let mut rest = encoded.as_str();
    while let Some((piece, more)) = rest.split_at_checked((FOLD_COLUMN - field.column).min(rest.len())) {
        field.text.push_str(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
        field.line(" ");
    }
    field.text.push_str("\r\n");
    field.text
}

/// A header field under construction, folded line by line.
struct FoldedField {
    text: String,
    column: usize,
}

impl FoldedField {
    fn new(start: &str) -> Self {
        Self { text: start.to_owned(), column: start.len() }
    }

    /// Adds a word, which is never split.
    fn word(&mut self, word: &str) {
        if self.column + word.len() > FOLD_COLUMN {
            let gap = if word.starts_with(' ') { "" } else { " " };
            self.line(gap);
        }
        self.text.push_str(word);
        self.column += word.len();
    }

    /// Begins a new line, which starts with a space.
    fn line(&mut self, start: &str) {
        self.text.push_str("\r\n");
        self.text.push_str(start);
        self.column = start.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"From: a@b.example\r\nX: 1\r\nto : c@d.example,\r\n\te@f.example\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nX: 2\r\n\r\nBody\r\n";

    #[test]
    fn a_message_is_split_at_its_first_empty_line() {
        let (fields, body) = Fields::read(MESSAGE);
        assert_eq!((fields.0.len(), body), (5, b"Body\r\n".as_slice()));
        assert_eq!(fields.0[2], b"to : c@d.example,\r\n\te@f.example\r\n");
        assert_eq!(fields.date().unwrap().as_second(), 880_127_706);
        for (raw, count, body) in
            [("", 0, ""), ("\r\n\r\nx", 0, "\r\nx"), ("A: b", 1, ""), ("A: b\r\n \r\n\r\n", 1, "")]
        {
            let (fields, rest) = Fields::read(raw.as_bytes());
            assert_eq!((fields.0.len(), rest), (count, body.as_bytes()), "{raw:?}");
        }
    }

    #[test]
    fn the_last_of_several_fields_comes_first_and_absent_fields_add_nothing() {
        let (fields, _) = Fields::read(MESSAGE);
        let names = fields.names(&["From", "Cc"], &["X", "Y"]);
        assert_eq!(names, ["From", "From", "Cc", "X", "X"]);
        assert_eq!(fields.canonical(&names), b"from:a@b.example\r\nx:2\r\nx:1\r\n");
    }

    #[test]
    fn the_field_is_folded_and_ends_with_the_signature() {
        let signature_fields = SignatureFields {
            domain: "harbour.example",
            time: Some(Timestamp::UNIX_EPOCH),
            names: &["From", "From", "Reply-To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"],
            body_hash: &[0; 32],
        };
        let unsigned = signature_fields.unsigned("rsa-sha256", "chorus2026");
        insta::assert_snapshot!(with_signature(unsigned, &[255; 256]));
    }
}
