//! Reads `[attributes]` into the declared attributes of contacts.

use std::collections::BTreeMap;

use source::{Entries, Field, SourceFile};

use crate::workspace::AttributeKind;

/// Names of the attributes that every contact has.
pub(crate) const BUILT_IN: [&str; 6] =
    ["email", "phone", "external_id", "language", "timezone", "created_at"];

/// Reads `[attributes]` and reports names that cannot be declared.
pub(crate) fn attributes(
    source: &SourceFile,
    field: &Field<Entries<AttributeKind>>,
) -> BTreeMap<String, AttributeKind> {
    let mut declared = BTreeMap::new();
    for (name, kind) in field.value().into_iter().flat_map(|entries| &entries.0) {
        if BUILT_IN.contains(&name.text.as_str()) {
            let message = format!("`{}` is built in", name.text);
            source.error(
                "built-in-attribute",
                name.span.clone(),
                message,
                "Every contact has it: leave this line out.",
            );
        } else if let Err(error) = attribute_name(&name.text) {
            source.error(
                "bad-name",
                name.span.clone(),
                error.to_string(),
                "Call it something like `first_name`.",
            );
        } else if let Some(&kind) = kind.value() {
            declared.insert(name.text.clone(), kind);
        }
    }
    declared
}

/// The reason why an attribute cannot have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAttributeName {
    /// The name is empty.
    #[error("an attribute needs a name")]
    Empty,
    /// The name has more than 64 characters.
    #[error("an attribute's name has at most 64 characters")]
    TooLong,
    /// The name has characters other than letters, digits, `_` and `-`.
    #[error("an attribute's name is letters, digits, `_` and `-`")]
    BadCharacter,
}

/// Checks that templates and audiences can refer to an attribute by this name.
///
/// # Errors
/// [`BadAttributeName`] if they cannot.
pub(crate) fn attribute_name(text: &str) -> Result<(), BadAttributeName> {
    let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    match text.chars().count() {
        0 => Err(BadAttributeName::Empty),
        65.. => Err(BadAttributeName::TooLong),
        _ if text.chars().all(fits) => Ok(()),
        _ => Err(BadAttributeName::BadCharacter),
    }
}
