//! Which address of a contact a channel needs, and how a statement finds it.
//!
//! The texts below are about a run `r` and a contact `c`. `runs.address` is `email`, `phone`, `attribute:NAME` or
//! `anyone`, and null for a feed.

use contacts::{AddressKind, Contact, SuppressionReason, is_plain};
use database::{InputError, StoreError};
use serde_json::Value;

/// What a contact must have to get what a channel says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `contacts.email`
    Email,
    /// `contacts.phone`
    Phone,
    /// An attribute of the contact, by its name: where he is found on a network. A text or a number, not empty. An
    /// e-mail suppression leaves a person out all the same, unless it is only that mail bounced.
    Attribute(String),
    /// Nothing: the channel says who it is about by itself. An e-mail suppression leaves a person out all the same.
    Anyone,
}

/// Before the name of an attribute.
const ATTRIBUTE: &str = "attribute:";

impl Address {
    /// As `runs.address` keeps it.
    pub(crate) fn stored(&self) -> Result<String, StoreError> {
        Ok(match self {
            Self::Email => "email".to_owned(),
            Self::Phone => "phone".to_owned(),
            Self::Anyone => "anyone".to_owned(),
            Self::Attribute(name) if is_plain(name) => format!("{ATTRIBUTE}{name}"),
            Self::Attribute(name) => {
                return Err(InputError::AttributeName(name.clone()).into());
            }
        })
    }

    /// Where a contact is reached; empty for [`Address::Anyone`], `None` when the contact has no such address.
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

    /// Which suppression leaves a contact out: of this kind and address, if there is any.
    #[must_use]
    pub fn suppressed_by<'a>(&self, contact: &'a Contact) -> Option<(AddressKind, &'a str)> {
        match self {
            Self::Email | Self::Anyone | Self::Attribute(_) => {
                Some((AddressKind::Email, contact.email.as_deref()?))
            }
            Self::Phone => Some((AddressKind::Phone, contact.phone.as_deref()?)),
        }
    }

    /// Whether a suppression for this reason leaves somebody out: who does not want mail wants no message on another
    /// way either, but a mailbox that is gone says nothing about a chat.
    #[must_use]
    pub fn heeds(&self, reason: SuppressionReason) -> bool {
        matches!(self, Self::Email | Self::Phone) || reason != SuppressionReason::Bounced
    }
}

/// [`Address::of`] in SQL. What begins with any of these is no text and no number; 11 is where the name begins.
macro_rules! address_of {
    () => {
        "case r.address when 'email' then c.email when 'phone' then c.phone when 'anyone' then ''
           else case when substr(cast(c.attributes -> substr(r.address, 11) as text), 1, 1) in ('t', 'f', 'n', '{', '[')
                     then null
                     else nullif(trim(cast(c.attributes ->> substr(r.address, 11) as text)), '') end end"
    };
}

/// Whether suppression `s` is the one that [`Address::suppressed_by`] names.
macro_rules! is_suppressed {
    () => {
        "s.kind = case r.address when 'phone' then 'phone' else 'email' end
         and s.address = case r.address when 'phone' then c.phone else c.email end
         and (s.reason <> 'bounced' or r.address in ('email', 'phone'))"
    };
}

/// The reason of that suppression, null when there is none: looked up for each of a few contacts. PostgreSQL would
/// read all suppressions for a join, or for an `exists`, as soon as they are few thousands.
macro_rules! suppressed_because {
    () => {
        concat!("(select s.reason from suppressions s where ", $crate::address::is_suppressed!(), ")")
    };
}

/// The address that a refusal or a full mailbox is held against, of the kind `r.address`; null when there is none.
macro_rules! held_against {
    () => {
        "case r.address when 'email' then c.email when 'phone' then c.phone end"
    };
}
pub(crate) use {address_of, held_against, is_suppressed, suppressed_because};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_named_so_that_no_database_reads_it_as_a_path() {
        assert_eq!(Address::Attribute("telegram_chat".into()).stored().unwrap(), "attribute:telegram_chat");
        assert_eq!(ATTRIBUTE.len() + 1, 11, "where address_of begins to read");
        for name in ["", "$.a", "[0]", "a\"b", "a\0"] {
            let error = Address::Attribute(name.into()).stored().unwrap_err().to_string();
            assert!(error.contains("letters"), "{error}");
        }
    }
}
