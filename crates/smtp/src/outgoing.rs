//! A message in the form in which SMTP transmits it: the commands of its envelope and its bytes.

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};
use memchr::memchr2;
use message::{Email, RejectReason, SendOutcome};

use crate::relay::Extensions;

/// A message that is ready to be sent.
pub(crate) struct OutgoingMail<'a> {
    from: Address,
    to: Address,
    raw: &'a [u8],
    is_ascii: bool,
}

impl<'a> OutgoingMail<'a> {
    /// Parses the addresses of the envelope; the message's bytes are borrowed.
    ///
    /// # Errors
    /// The outcome of a message whose addresses cannot be used.
    pub(crate) fn new(email: &'a Email) -> Result<Self, SendOutcome> {
        let address = |text: &str| {
            let is_valid = text.is_ascii() && text.len() <= 254;
            let parsed = if is_valid { text.parse::<Address>().ok() } else { None };
            parsed.ok_or_else(|| rejected(RejectReason::BadAddress, "the address cannot be written to"))
        };
        let from = address(&email.envelope_from)
            .map_err(|_| rejected(RejectReason::Rejected, "the sender's address cannot be used"))?;
        let to = address(&email.envelope_to)?;
        Ok(Self { from, to, raw: &email.raw, is_ascii: email.raw.is_ascii() })
    }

    /// Returns the size of the message in bytes.
    pub(crate) fn size(&self) -> usize {
        self.raw.len()
    }

    /// Checks the message against the server's extensions, and against `refused`, the size of the
    /// smallest message that the server refused.
    ///
    /// # Errors
    /// The outcome of a message that the server does not accept.
    pub(crate) fn check_limits(&self, extensions: &Extensions, refused: usize) -> Result<(), SendOutcome> {
        let size = self.size();
        let too_big = |reason: String| {
            rejected(RejectReason::TooBig, &format!("the message has {size} bytes, {reason}"))
        };
        if let Some(max) = extensions.size.filter(|max| *max > 0 && size > *max) {
            return Err(too_big(format!("the server takes {max}")));
        }
        if size >= refused {
            return Err(too_big(format!("the server refused one of {refused} as too big")));
        }
        if !self.is_ascii && !extensions.eight_bit {
            return Err(rejected(RejectReason::Rejected, "the server takes only messages in ASCII"));
        }
        Ok(())
    }

    /// Returns the commands MAIL, RCPT and DATA, each with its line end.
    pub(crate) fn commands(&self, extensions: &Extensions) -> [String; 3] {
        let mut parameters = Vec::new();
        if extensions.size.is_some() {
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

    /// Returns the message's bytes with the final dot, and capacity for `more` bytes after it.
    pub(crate) fn body(&self, more: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len() + 64 + more);
        encode_data(self.raw, &mut out);
        out
    }
}

/// Encodes a message for DATA (RFC 5321 §4.5.2): doubles a dot at the start of a line, ends every
/// line by CR LF and nothing else, and adds the final dot.
fn encode_data(raw: &[u8], out: &mut Vec<u8>) {
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

/// Returns the outcome of a refused message.
pub(crate) fn rejected(reason: RejectReason, answer: &str) -> SendOutcome {
    SendOutcome::Rejected { reason, answer: answer.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffs_dots_and_ends_lines() {
        let encoded = |raw: &str| {
            let mut out = Vec::new();
            encode_data(raw.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(encoded("a\r\n.b\r\n..\r\n"), "a\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(encoded(".a"), "..a\r\n.\r\n");
        assert_eq!(encoded("a\n.\nb\r.\rc"), "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n");
        assert_eq!(encoded("a\r\r\n.\r\n"), "a\r\n\r\n..\r\n.\r\n");
        assert_eq!(encoded("\n\n.\n"), "\r\n\r\n..\r\n.\r\n");
        assert_eq!(encoded("a\r"), "a\r\n.\r\n");
        assert_eq!(encoded(""), ".\r\n");
    }
}
