//! Addresses that a channel needs of a contact, in Rust and in SQL.
//!
//! The SQL fragments are about a run `r` and a contact `c`. `runs.address` is `email`, `phone`,
//! `attribute:NAME` or `anyone`, and null for a feed.

use contacts::{AddressKind, ConsentKind, Contact, SuppressionReason, is_json_label};
use database::{InputError, StoreError};
use serde_json::Value;

/// The address that a contact must have to be a recipient of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RecipientAddress {
    /// An e-mail address, from `contacts.email`.
    Email,
    /// A phone number, from `contacts.phone`.
    Phone,
    /// An attribute of the contact, by its name: their address on a network. A text or a number,
    /// not empty. An e-mail suppression leaves the contact out too, except one for a bounce.
    Attribute(String),
    /// None: the channel identifies the contact by itself. An e-mail suppression leaves the contact
    /// out too, except one for a bounce.
    Anyone,
}

/// The prefix of an attribute's name in `runs.address`.
const ATTRIBUTE_PREFIX: &str = "attribute:";

impl RecipientAddress {
    /// Returns the value of `runs.address`.
    pub(crate) fn stored(&self) -> Result<String, StoreError> {
        Ok(match self {
            Self::Email => "email".to_owned(),
            Self::Phone => "phone".to_owned(),
            Self::Anyone => "anyone".to_owned(),
            Self::Attribute(name) if is_json_label(name) => format!("{ATTRIBUTE_PREFIX}{name}"),
            Self::Attribute(name) => {
                return Err(InputError::AttributeName(name.clone()).into());
            }
        })
    }

    /// Returns the kind of address whose consent is asked for.
    #[must_use]
    pub fn consent_kind(&self) -> ConsentKind {
        match self {
            Self::Email => ConsentKind::Email,
            Self::Phone => ConsentKind::Phone,
            Self::Attribute(_) | Self::Anyone => ConsentKind::Other,
        }
    }

    /// Returns the contact's address; empty for [`RecipientAddress::Anyone`], `None` if the contact
    /// has no such address.
    #[must_use]
    pub fn of(&self, contact: &Contact) -> Option<String> {
        match self {
            Self::Email => contact.email.clone(),
            Self::Phone => contact.phone.clone(),
            Self::Anyone => Some(String::new()),
            Self::Attribute(name) => match contact.attributes.get(name)? {
                Value::String(text) => {
                    Some(text.trim_matches(' ')).filter(|it| !it.is_empty()).map(str::to_owned)
                }
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        }
    }

    /// Returns the kind and address of the suppression that would leave a contact out, if it can
    /// have one.
    #[must_use]
    pub fn suppression_key<'a>(&self, contact: &'a Contact) -> Option<(AddressKind, &'a str)> {
        match self {
            Self::Email | Self::Anyone | Self::Attribute(_) => {
                Some((AddressKind::Email, contact.email.as_deref()?))
            }
            Self::Phone => Some((AddressKind::Phone, contact.phone.as_deref()?)),
        }
    }

    /// Returns whether a suppression for this reason leaves a contact out. A contact who refuses
    /// mail gets no messages on other channels either, but a bounced mailbox says nothing about a
    /// chat.
    #[must_use]
    pub fn is_blocked_by(&self, reason: SuppressionReason) -> bool {
        matches!(self, Self::Email | Self::Phone) || reason != SuppressionReason::Bounced
    }
}

/// [`RecipientAddress::of`] in SQL. JSON that begins with one of these letters is neither a text
/// nor a number; the name starts at position 11.
macro_rules! address_of {
    () => {
        "case r.address when 'email' then c.email when 'phone' then c.phone when 'anyone' then ''
           else case when substr(cast(c.attributes -> substr(r.address, 11) as text), 1, 1) in ('t', 'f', 'n', '{', '[')
                     then null
                     else nullif(trim(cast(c.attributes ->> substr(r.address, 11) as text)), '') end end"
    };
}

/// SQL condition: suppression `s` is the one that [`RecipientAddress::suppression_key`] returns,
/// and leaves the contact out.
macro_rules! is_suppressed {
    () => {
        "s.kind = case r.address when 'phone' then 'phone' else 'email' end
         and s.address = case r.address when 'phone' then c.phone else c.email end
         and (s.reason <> 'bounced' or r.address in ('email', 'phone'))"
    };
}

/// The reason of that suppression in SQL, null if there is none. It is a subquery per contact, for
/// a few contacts: with a join or an `exists`, PostgreSQL would read all suppressions as soon as
/// there are a few thousand.
macro_rules! suppressed_because {
    () => {
        concat!("(select s.reason from suppressions s where ", $crate::address::is_suppressed!(), ")")
    };
}

/// The address that is suppressed after a refusal or a full mailbox, of the kind `r.address`; null
/// if there is none.
macro_rules! suppressible_address {
    () => {
        "case r.address when 'email' then c.email when 'phone' then c.phone end"
    };
}
pub(crate) use {address_of, is_suppressed, suppressed_because, suppressible_address};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_named_so_that_no_database_reads_it_as_a_path() {
        assert_eq!(
            RecipientAddress::Attribute("telegram_chat".into()).stored().unwrap(),
            "attribute:telegram_chat"
        );
        assert_eq!(ATTRIBUTE_PREFIX.len() + 1, 11, "where address_of begins to read");
        for name in ["", "$.a", "[0]", "a\"b", "a\0"] {
            let error = RecipientAddress::Attribute(name.into()).stored().unwrap_err().to_string();
            assert!(error.contains("letters"), "{error}");
        }
    }
}
