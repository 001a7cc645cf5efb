//! Mailboxes: a display name with an e-mail address, as senders are written.

use std::fmt;

use super::{BadAddress, EmailAddress};

/// A name with an address: `Harbour Coffee <news@harbour.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, if one is given; it holds no control characters.
    pub name: Option<String>,
    /// The e-mail address of the mailbox.
    pub address: EmailAddress,
}

/// The reason why a text is not a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMailbox {
    /// The text holds a line break, a NUL or another control character.
    #[error("it holds a control character such as a line break")]
    Control,
    /// A `<` has no `>` at the end of the text, or the other way round.
    #[error("write it as `Name <name@harbour.example>`")]
    Brackets,
    /// The name has this many characters, more than the 200 that are allowed.
    #[error("the name has {0} characters; 200 are allowed")]
    NameTooLong(usize),
    /// The address is no valid e-mail address.
    #[error(transparent)]
    Address(#[from] BadAddress),
}

impl Mailbox {
    /// Parses `Name <a@b.example>`, with or without quotes around the name, or a bare
    /// `a@b.example`.
    ///
    /// # Errors
    /// [`BadMailbox`] if the text is neither form.
    pub fn parse(text: &str) -> Result<Self, BadMailbox> {
        if text.chars().any(char::is_control) {
            return Err(BadMailbox::Control);
        }
        let text = text.trim();
        let Some((name, rest)) = text.rsplit_once('<') else {
            return Ok(Self { name: None, address: EmailAddress::parse(text)? });
        };
        let address = rest.strip_suffix('>').ok_or(BadMailbox::Brackets)?;
        let name = without_quotes(name.trim());
        if name.contains(['<', '>']) {
            return Err(BadMailbox::Brackets);
        }
        let length = name.chars().count();
        if length > 200 {
            return Err(BadMailbox::NameTooLong(length));
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, address: EmailAddress::parse(address)? })
    }
}

fn without_quotes(name: &str) -> &str {
    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name).trim()
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_name_and_an_address() {
        let full = Mailbox::parse(" Harbour Coffee <News@harbour.example> ").unwrap();
        assert_eq!(full.to_string(), "Harbour Coffee <news@harbour.example>");
        let quoted = Mailbox::parse("\"Coffee, Harbour\" <news@harbour.example>").unwrap();
        assert_eq!(quoted.name.as_deref(), Some("Coffee, Harbour"));
        assert_eq!(Mailbox::parse("news@harbour.example").unwrap().name, None);
        assert_eq!(Mailbox::parse("<news@harbour.example>").unwrap().name, None);
        assert_eq!(
            Mailbox::parse("海港咖啡 <news@harbour.example>").unwrap().name.as_deref(),
            Some("海港咖啡")
        );
    }

    #[test]
    fn refuses_injected_headers() {
        for text in ["A\r\nBcc: x@y.example <a@b.example>", "A\0 <a@b.example>", "a@b.example\n"] {
            assert_eq!(Mailbox::parse(text), Err(BadMailbox::Control));
        }
    }

    #[test]
    fn needs_both_brackets_once() {
        assert_eq!(Mailbox::parse("A <a@b.example"), Err(BadMailbox::Brackets));
        assert_eq!(Mailbox::parse("A <x> <a@b.example>"), Err(BadMailbox::Brackets));
        assert!(Mailbox::parse("A a@b.example>").is_err());
        assert_eq!(
            Mailbox::parse(&format!("{} <a@b.example>", "n".repeat(201))),
            Err(BadMailbox::NameTooLong(201))
        );
    }
}
