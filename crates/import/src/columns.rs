//! The meaning of each column: a known one, an attribute, or nothing.

use std::collections::BTreeMap;

use campaign::AttributeKind;

use crate::aliases;
use crate::error::ImportError;
use crate::known::{Known, MAX_COLUMNS, MAX_NAME_CHARS};
use crate::shown::shown;

/// Names of columns that belong to the database and are never imported.
const OWN: [&str; 2] = ["created_at", "updated_at"];

/// The meaning of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// A column with a meaning of its own.
    Known(Known),
    /// An attribute of this name and kind.
    Attribute(String, AttributeKind),
    /// A column that is left out.
    Ignored,
}

impl Column {
    /// Returns the name of what the column becomes; empty if it is left out.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Attribute(name, _) => name,
            Self::Ignored => "",
        }
    }
}

/// A column of the file with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// The name in the file.
    pub header: String,
    /// The meaning.
    pub column: Column,
}

/// The rules by which names become columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnRules {
    /// The kinds of the declared attributes.
    pub(crate) attributes: BTreeMap<String, AttributeKind>,
    /// What the user says about names: the name in the file, and the column, attribute or nothing.
    pub(crate) map: Vec<(String, String)>,
}

impl ColumnRules {
    /// Returns the meaning of each name of a header.
    pub(crate) fn header(&self, names: &[String]) -> Result<Vec<MappedColumn>, ImportError> {
        if names.len() > MAX_COLUMNS {
            return Err(ImportError::TooManyColumns(names.len()));
        }
        let listed = || names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
        let has = |wanted: &str| names.iter().any(|name| is_same(name, wanted));
        if let Some((unknown, _)) = self.map.iter().find(|(name, _)| !has(name)) {
            return Err(ImportError::NoSuchColumn(unknown.clone(), listed()));
        }
        let mut mapped: Vec<MappedColumn> = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let column = self.column(name, index + 1)?;
            let twin = mapped.iter().find(|other| other.column == column && column != Column::Ignored);
            if let Some(twin) = twin {
                return Err(ImportError::Twice {
                    first: shown(&twin.header),
                    second: shown(name),
                    field: column.name().to_owned(),
                });
            }
            mapped.push(MappedColumn { header: name.clone(), column });
        }
        let is_key = |mapped: &MappedColumn| {
            matches!(mapped.column, Column::Known(Known::Email | Known::Phone | Known::ExternalId))
        };
        if !mapped.iter().any(is_key) {
            return Err(ImportError::NoKey(listed()));
        }
        Ok(mapped)
    }

    /// Returns the meaning of one name. `number` is that of the column, from 1.
    pub(crate) fn column(&self, name: &str, number: usize) -> Result<Column, ImportError> {
        let name = name.trim();
        if let Some((_, target)) = self.map.iter().find(|(from, _)| is_same(from, name)) {
            return self.target(name, target.trim());
        }
        if name.is_empty() {
            return Err(ImportError::Unnamed(number));
        }
        if OWN.contains(&name) {
            return Ok(Column::Ignored);
        }
        let normal = aliases::normal(name);
        let is_canonical = Known::ALL.iter().any(|known| aliases::normal(known.as_str()) == normal);
        if let (Some(kind), false) = (self.attributes.get(name), is_canonical) {
            return Ok(Column::Attribute(name.to_owned(), *kind));
        }
        if let Some(known) = aliases::known(&normal) {
            return Ok(Column::Known(known));
        }
        if let Some(attribute) = aliases::attribute(&normal) {
            return Ok(self.attribute(attribute));
        }
        let attribute = self.attribute_name(name)?;
        let near = |known: &&Known| strsim::osa_distance(&aliases::normal(known.as_str()), &normal) == 1;
        if let Some(known) = Known::ALL.iter().find(near) {
            return Err(ImportError::Nearly { name: shown(name), field: known.as_str(), attribute });
        }
        if normal == "id" {
            let (field, attribute) = (Known::ExternalId.as_str(), "other_id".to_owned());
            return Err(ImportError::Nearly { name: shown(name), field, attribute });
        }
        Ok(self.attribute(&attribute))
    }

    /// Returns the column that `--map` names; nothing if `target` is empty.
    fn target(&self, name: &str, target: &str) -> Result<Column, ImportError> {
        if target.is_empty() {
            return Ok(Column::Ignored);
        }
        if let Some(known) = Known::ALL.into_iter().find(|known| known.as_str() == target) {
            return Ok(Column::Known(known));
        }
        let is_name = target.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if !is_name
            || target.chars().count() > MAX_NAME_CHARS
            || matches!(target, "id" | "created_at" | "updated_at")
        {
            return Err(ImportError::BadName(shown(name)));
        }
        Ok(self.attribute(target))
    }

    fn attribute(&self, name: &str) -> Column {
        let kind = self.attributes.get(name).copied().unwrap_or(AttributeKind::Text);
        Column::Attribute(name.to_owned(), kind)
    }

    /// Returns the name that a column's attribute gets: the declared one that differs only in case
    /// and punctuation, else its letters, digits, `_` and `-`, the rest replaced by `_`.
    fn attribute_name(&self, name: &str) -> Result<String, ImportError> {
        let normal = aliases::normal(name);
        let declared = self.attributes.keys().find(|declared| aliases::normal(declared) == normal);
        if let (Some(declared), false) = (declared, normal.is_empty()) {
            return Ok(declared.clone());
        }
        let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let words: Vec<_> = name.split(|c: char| !fits(c)).filter(|word| !word.is_empty()).collect();
        let joined = words.join("_");
        if joined.is_empty() || joined.chars().count() > MAX_NAME_CHARS {
            return Err(ImportError::BadName(shown(name)));
        }
        Ok(joined)
    }
}

/// Returns true if two names differ at most in case and outer spaces.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
