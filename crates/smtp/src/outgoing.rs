//! A message as it goes over the wire: its envelope's commands and its bytes.

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};
use memchr::memchr2;
use message::{Email, RejectReason, SendOutcome};

use crate::relay::Extensions;

/// A message ready to go.
pub(crate) struct OutgoingMail<'a> {
    from: Address,
    to: Address,
    raw: &'a [u8],
    is_ascii: bool,
}

impl<'a> OutgoingMail<'a> {
    /// Reads the addresses. The bytes stay where they are.
    pub(crate) fn new(email: &'a Email) -> Result<Self, SendOutcome> {
        let address = |text: &str| {
            let fits = text.is_ascii() && text.len() <= 254;
            let parsed = if fits { text.parse::<Address>().ok() } else { None };
            parsed.ok_or_else(|| rejected(RejectReason::BadAddress, "the address cannot be written to"))
        };
        let from = address(&email.envelope_from)
            .map_err(|_| rejected(RejectReason::Rejected, "the sender's address cannot be used"))?;
        let to = address(&email.envelope_to)?;
        Ok(Self { from, to, raw: &email.raw, is_ascii: email.raw.is_ascii() })
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> usize {
        self.raw.len()
    }

    /// Whether the server takes such a message, as far as it announced or showed by refusing one of
    /// `refused` bytes; if not, what becomes of it.
    pub(crate) fn fits(&self, can: &Extensions, refused: usize) -> Result<(), SendOutcome> {
        let size = self.size();
        let too_big =
            |why: String| rejected(RejectReason::TooBig, &format!("the message has {size} bytes, {why}"));
        if let Some(most) = can.size.filter(|most| *most > 0 && size > *most) {
            return Err(too_big(format!("the server takes {most}")));
        }
        if size >= refused {
            return Err(too_big(format!("the server refused one of {refused} as too big")));
        }
        if !self.is_ascii && !can.eight_bit {
            return Err(rejected(RejectReason::Rejected, "the server takes only messages in ASCII"));
        }
        Ok(())
    }

    /// MAIL, RCPT and DATA, each with its line end.
    pub(crate) fn commands(&self, can: &Extensions) -> [String; 3] {
        let mut parameters = Vec::new();
        if can.size.is_some() {
            parameters.push(MailParameter::Size(self.raw.len()));
        }
        if !self.is_ascii {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        [
            Mail::new(Some(self.from.clone()), parameters).to_string(),
            Rcpt::new(self.to.clone(), Vec::new()).to_string(),
            Data.to_string(),
        ]
    }

    /// The bytes with their final dot, and room for `more` after it.
    pub(crate) fn body(&self, more: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len() + 64 + more);
        stuff(self.raw, &mut out);
        out
    }
}

/// The message as it goes over the wire (RFC 5321 §4.5.2): a dot at the start of a line doubled,
/// every line ended by CR LF and nothing else, the final dot.
fn stuff(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    let mut at_start = true;
    while !rest.is_empty() {
        let end = memchr2(b'\r', b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        if at_start && line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        at_start = end.is_some();
        if at_start {
            out.extend_from_slice(b"\r\n");
        }
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    if !at_start {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
}

/// Returns the outcome of a message that was refused.
pub(crate) fn rejected(reason: RejectReason, answer: &str) -> SendOutcome {
    SendOutcome::Rejected { reason, answer: answer.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffs_dots_and_ends_lines() {
        let wire = |raw: &str| {
            let mut out = Vec::new();
            stuff(raw.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(wire("a\r\n.b\r\n..\r\n"), "a\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(wire(".a"), "..a\r\n.\r\n");
        assert_eq!(wire("a\n.\nb\r.\rc"), "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n");
        assert_eq!(wire("a\r\r\n.\r\n"), "a\r\n\r\n..\r\n.\r\n");
        assert_eq!(wire("\n\n.\n"), "\r\n\r\n..\r\n.\r\n");
        assert_eq!(wire("a\r"), "a\r\n.\r\n");
        assert_eq!(wire(""), ".\r\n");
    }
}
