//! From `[attributes]` as written to the attributes that contacts have.

use std::collections::BTreeMap;

use source::{Entries, Field, SourceFile};

use crate::workspace::AttributeKind;

/// What is built into every contact.
pub(crate) const BUILT_IN: [&str; 6] =
    ["email", "phone", "external_id", "language", "timezone", "created_at"];

/// `[attributes]`.
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
        } else if let Err(fault) = attribute_name(&name.text) {
            source.error(
                "bad-name",
                name.span.clone(),
                fault.to_string(),
                "Call it something like `first_name`.",
            );
        } else if let Some(&kind) = kind.value() {
            declared.insert(name.text.clone(), kind);
        }
    }
    declared
}

/// Why an attribute cannot have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAttributeName {
    /// It is empty.
    #[error("an attribute needs a name")]
    Empty,
    /// It has more than 64 characters.
    #[error("an attribute's name has at most 64 characters")]
    TooLong,
    /// It has other characters than letters, digits, `_` and `-`.
    #[error("an attribute's name is letters, digits, `_` and `-`")]
    BadCharacter,
}

/// Checks that templates and audiences can name an attribute so.
///
/// # Errors
/// [`BadAttributeName`] says what they cannot have in it.
pub(crate) fn attribute_name(text: &str) -> Result<(), BadAttributeName> {
    let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    match text.chars().count() {
        0 => Err(BadAttributeName::Empty),
        65.. => Err(BadAttributeName::TooLong),
        _ if text.chars().all(fits) => Ok(()),
        _ => Err(BadAttributeName::BadCharacter),
    }
}
