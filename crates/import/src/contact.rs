//! A row as a contact: which cells become what, which are dropped, and when the row is rejected.

use campaign::AttributeKind;
use serde_json::{Map, Value};

use crate::attribute::{self, Habits};
use crate::bad_value::{BadRow, BadValue};
use crate::cells;
use crate::columns::Column;
use crate::known::Known;
use crate::phone::{self, Country};
use crate::shown::shown;

/// A row of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A contact.
    Contact {
        /// The number of the row's first line, from 1.
        line: u64,
        /// The contact.
        contact: ImportedContact,
        /// The cells that could not be read.
        dropped: Vec<DroppedCell>,
    },
    /// A row that is no contact.
    Rejected {
        /// The number of the row's first line, from 1.
        line: u64,
        /// The reason, with what to do.
        reason: String,
        /// The cells as they stand in the file.
        cells: Vec<String>,
    },
}

/// A contact as the file has it. Fields that the file does not have are `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportedContact {
    /// The sender's own id of the contact.
    pub external_id: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number in E.164 form.
    pub phone: Option<String>,
    /// A language tag.
    pub language: Option<String>,
    /// The IANA name of a time zone.
    pub timezone: Option<String>,
    /// The answer to the question for consent.
    pub consent: Option<bool>,
    /// The place where the contact consented.
    pub consent_source: Option<String>,
    /// The day, or day and time, at which the contact consented, in ISO 8601.
    pub consent_time: Option<String>,
    /// Attributes by name: texts, numbers and booleans.
    pub attributes: Map<String, Value>,
}

/// A cell that could not be read, and is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedCell {
    /// The name of the column.
    pub column: String,
    /// The value, for messages.
    pub value: String,
    /// The reason, with what to do.
    pub reason: String,
}

/// A cell before it is read.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// A text of a table.
    Text(String),
    /// A value of a JSON object or a workbook that has a type.
    Typed(Value),
}

/// The rules by which cells are read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CellRules {
    pub(crate) habits: Habits,
    /// The country of national phone numbers, unless the row names one.
    pub(crate) country: Option<Country>,
    /// True if a cell that cannot be read rejects its row.
    pub(crate) is_strict: bool,
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Typed(Value::String(text)) => text.clone(),
            Self::Typed(value) => value.to_string(),
        }
    }
}

impl CellRules {
    /// Returns the contact of a row, and the cells that could not be read.
    ///
    /// # Errors
    /// The reason why the row is no contact.
    pub(crate) fn contact(
        &self,
        row: &[(&Column, Cell)],
    ) -> Result<(ImportedContact, Vec<DroppedCell>), BadRow> {
        let mut contact = ImportedContact::default();
        let mut dropped = Vec::new();
        let mut first = None;
        let country = row_country(row).or(self.country);
        for (column, cell) in row {
            let text = unescape_formula(cell.text().trim()).to_owned();
            if text.is_empty() || matches!(cell, Cell::Typed(Value::Null)) {
                continue;
            }
            let set = match text.contains('\0') {
                true => Err(BadValue::Nul),
                false => self.set(&mut contact, column, &text, cell, country),
            };
            let Err(reason) = set else { continue };
            let is_email = matches!(column, Column::Known(Known::Email));
            if self.is_strict || is_email && !self.has_other_key(row) {
                return Err(BadRow::cell(column.name(), &text, reason));
            }
            first.get_or_insert_with(|| (column.name().to_owned(), text.clone(), reason.clone()));
            let reason = reason.to_string();
            dropped.push(DroppedCell { column: column.name().to_owned(), value: shown(&text), reason });
        }
        if contact.email.is_none() && contact.phone.is_none() && contact.external_id.is_none() {
            let cell =
                |(column, value, reason): (String, String, BadValue)| BadRow::cell(&column, &value, reason);
            return Err(first.map_or(BadRow::NoKey, cell));
        }
        Ok((contact, dropped))
    }

    /// Returns true if the row has an external id, so that it is a contact without its address,
    /// too.
    fn has_other_key(&self, row: &[(&Column, Cell)]) -> bool {
        row.iter().any(|(column, cell)| {
            matches!(column, Column::Known(Known::ExternalId)) && !cell.text().trim().is_empty()
        })
    }

    fn set(
        &self,
        contact: &mut ImportedContact,
        column: &Column,
        text: &str,
        cell: &Cell,
        country: Option<Country>,
    ) -> Result<(), BadValue> {
        match column {
            Column::Ignored => {}
            Column::Attribute(name, kind) => {
                let value = match cell {
                    Cell::Typed(value) => typed(*kind, value, text, self.habits)?,
                    Cell::Text(_) => attribute::parse(*kind, text, self.habits)?,
                };
                contact.attributes.insert(name.clone(), value);
            }
            Column::Known(known) => match known {
                Known::Email => return set_email(contact, text),
                Known::Phone => contact.phone = Some(phone::parse(text, country)?.as_str().to_owned()),
                Known::ExternalId => contact.external_id = Some(text.to_owned()),
                Known::Language => contact.language = Some(cells::language(text)?),
                Known::Timezone => contact.timezone = Some(cells::time_zone(text)?),
                Known::Consent => contact.consent = Some(cells::consent(text)?),
                Known::ConsentSource => contact.consent_source = Some(text.to_owned()),
                Known::ConsentTime => contact.consent_time = Some(attribute::date(text, self.habits.dates)?),
            },
        }
        Ok(())
    }
}

/// Sets the address, and the attribute `name` if the row has none.
fn set_email(contact: &mut ImportedContact, text: &str) -> Result<(), BadValue> {
    let mailbox = cells::email(text)?;
    contact.email = Some(mailbox.address);
    if let Some(name) = mailbox.name {
        contact.attributes.entry("name").or_insert(name.into());
    }
    match mailbox.has_more {
        true => Err(BadValue::SeveralAddresses),
        false => Ok(()),
    }
}

/// Returns the value of an attribute that has a type in the file. An undeclared one, which counts
/// as text, keeps its type.
fn typed(kind: AttributeKind, value: &Value, text: &str, habits: Habits) -> Result<Value, BadValue> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(BadValue::Nested),
        Value::Bool(_) if matches!(kind, AttributeKind::Text | AttributeKind::Boolean) => Ok(value.clone()),
        Value::Number(_) if matches!(kind, AttributeKind::Text | AttributeKind::Number) => Ok(value.clone()),
        _ => attribute::parse(kind, text, habits),
    }
}

/// Returns the country that the row's column `country` names.
fn row_country(row: &[(&Column, Cell)]) -> Option<Country> {
    let is_country = |column: &Column| matches!(column, Column::Attribute(name, _) if name == "country");
    let (_, cell) = row.iter().find(|(column, _)| is_country(column))?;
    phone::country(cell.text().trim())
}

/// Returns a text without the apostrophe that an export puts before a text which a spreadsheet
/// would take for a formula, and before a text that begins with apostrophes and such a character.
fn unescape_formula(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('\'') else { return text };
    if rest.trim_start_matches('\'').starts_with(is_formula_start) { rest } else { text }
}

/// Returns a text that spreadsheets do not evaluate as a formula (OWASP, CSV injection). An import
/// returns it to what it was.
#[must_use]
pub fn escape_formula(text: &str) -> String {
    let is_risky = text.trim_start_matches('\'').starts_with(is_formula_start);
    if is_risky { format!("'{text}") } else { text.to_owned() }
}

fn is_formula_start(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_escaped() {
        assert_eq!(escape_formula("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(escape_formula("＝1+1"), "'＝1+1");
        assert_eq!(escape_formula("'-Ana"), "''-Ana");
        assert_eq!(escape_formula("'s Hertogenbosch"), "'s Hertogenbosch");
        assert_eq!(escape_formula("Zhang"), "Zhang");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "['=+@a-]{0,6}.{0,4}") {
            let escaped = escape_formula(&text);
            prop_assert_eq!(unescape_formula(&escaped), text.as_str());
        }
    }
}
