//! Conversion of the rows of a CSV file to contacts, by the columns of its header.

use std::collections::BTreeMap;

use campaign::text::{BadAddress, BadLanguage, BadPhone, Phone};
use campaign::workspace::AttributeKind;
use campaign::{EmailAddress, Language};
use serde_json::{Map, Value};
use store::{Consent, NewContact};

/// Maximum length of a row, in bytes.
const MAX_ROW_BYTES: usize = 64 * 1024;

/// The meaning of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Email,
    Phone,
    ExternalId,
    Language,
    Timezone,
    Consent,
    Attribute(String, AttributeKind),
}

/// The reason why a name in the header is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadColumn {
    #[error("it has no name; give it one")]
    Unnamed,
    #[error("{0:?} is reserved by Chorus; rename it")]
    Reserved(String),
    #[error("{0:?} cannot be an attribute's name; use letters, digits and _")]
    Name(String),
}

/// The reason why a row is not a valid contact.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRow {
    #[error("the row has more than {MAX_ROW_BYTES} bytes")]
    TooLong,
    #[error("the row has {fields} fields, the header has {columns}")]
    Fields { fields: usize, columns: usize },
    #[error("the row is not UTF-8")]
    NotUtf8,
    #[error("the row has a NUL character")]
    Nul,
    #[error("email, phone and external_id are all empty")]
    NoKey,
    #[error("email {0:?}: {1}")]
    Email(String, #[source] BadAddress),
    #[error("phone {0:?}: {1}")]
    Phone(String, #[source] BadPhone),
    #[error("language {0:?}: {1}")]
    Language(String, #[source] BadLanguage),
    #[error("timezone {0:?} is not an IANA name such as Asia/Shanghai")]
    Timezone(String),
    #[error("consent {0:?}: write yes or no")]
    Consent(String),
    #[error("{name} {value:?} is not {kind}, as [attributes] in chorus.toml says")]
    Attribute { name: String, value: String, kind: &'static str },
}

/// Returns the column for a name in the header. The kind of an attribute is taken from
/// `attributes`, else it is text.
pub(super) fn column(name: &str, attributes: &BTreeMap<String, AttributeKind>) -> Result<Column, BadColumn> {
    Ok(match name {
        "email" => Column::Email,
        "phone" => Column::Phone,
        "external_id" => Column::ExternalId,
        "language" => Column::Language,
        "timezone" => Column::Timezone,
        "consent" => Column::Consent,
        "" => return Err(BadColumn::Unnamed),
        "id" | "created_at" | "updated_at" => return Err(BadColumn::Reserved(name.to_owned())),
        _ if name.len() > 64 || name.contains(|c: char| c.is_control() || c == '.') => {
            return Err(BadColumn::Name(name.to_owned()));
        }
        _ => {
            let kind = attributes.get(name).copied().unwrap_or(AttributeKind::Text);
            Column::Attribute(name.to_owned(), kind)
        }
    })
}

/// Returns the contact of a row.
pub(super) fn contact(columns: &[Column], record: &csv::ByteRecord) -> Result<NewContact, BadRow> {
    if record.as_slice().len() > MAX_ROW_BYTES {
        return Err(BadRow::TooLong);
    }
    if record.len() != columns.len() {
        return Err(BadRow::Fields { fields: record.len(), columns: columns.len() });
    }
    let mut contact = NewContact {
        external_id: None,
        email: None,
        phone: None,
        language: None,
        timezone: None,
        consent: None,
        attributes: Map::new(),
    };
    for (column, value) in columns.iter().zip(record) {
        let value = std::str::from_utf8(value).map_err(|_| BadRow::NotUtf8)?.trim();
        if value.contains('\0') {
            return Err(BadRow::Nul);
        }
        if !value.is_empty() {
            set(&mut contact, column, value)?;
        }
    }
    if contact.email.is_none() && contact.phone.is_none() && contact.external_id.is_none() {
        return Err(BadRow::NoKey);
    }
    Ok(contact)
}

fn set(contact: &mut NewContact, column: &Column, value: &str) -> Result<(), BadRow> {
    let owned = || value.to_owned();
    match column {
        Column::Email => {
            let parsed = EmailAddress::parse(value).map_err(|error| BadRow::Email(owned(), error))?;
            contact.email = Some(parsed.as_str().to_owned());
        }
        Column::Phone => {
            let parsed = Phone::parse(value).map_err(|error| BadRow::Phone(owned(), error))?;
            contact.phone = Some(parsed.as_str().to_owned());
        }
        Column::ExternalId => contact.external_id = Some(owned()),
        Column::Language => {
            let parsed = Language::parse(value).map_err(|error| BadRow::Language(owned(), error))?;
            contact.language = Some(parsed.as_str().to_owned());
        }
        Column::Timezone => {
            jiff::tz::TimeZone::get(value).map_err(|_| BadRow::Timezone(owned()))?;
            contact.timezone = Some(owned());
        }
        Column::Consent => contact.consent = Some(consent(value)?),
        Column::Attribute(name, kind) => {
            contact.attributes.insert(name.clone(), attribute(name, *kind, value)?);
        }
    }
    Ok(())
}

fn consent(value: &str) -> Result<Consent, BadRow> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "y" => Ok(Consent::Yes),
        "no" | "false" | "0" | "n" => Ok(Consent::No),
        _ => Err(BadRow::Consent(value.to_owned())),
    }
}

fn attribute(name: &str, kind: AttributeKind, value: &str) -> Result<Value, BadRow> {
    let mismatch = |kind| BadRow::Attribute { name: name.to_owned(), value: value.to_owned(), kind };
    Ok(match kind {
        AttributeKind::Text => value.into(),
        AttributeKind::Boolean => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => true.into(),
            "false" | "no" | "0" => false.into(),
            _ => return Err(mismatch("true or false")),
        },
        AttributeKind::Number => {
            if let Ok(whole) = value.parse::<i64>() {
                whole.into()
            } else {
                let number = value.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
                number.ok_or_else(|| mismatch("a number"))?.into()
            }
        }
        AttributeKind::Date => {
            let day = value.get(..10).filter(|day| day.parse::<jiff::civil::Date>().is_ok());
            day.map(|_| value.into()).ok_or_else(|| mismatch("a date such as 2027-03-02"))?
        }
    })
}
