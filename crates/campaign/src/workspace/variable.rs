//! `${NAME}` variables: values from the environment, allowed only in secrets.

use std::collections::BTreeSet;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use source::{Located, SourceFile};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::secret::Secret;

/// Returns the byte range and name of every `${NAME}` in `text`.
pub(crate) fn variables(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("${")).map(|at| from + at) {
        let inner = text.get(start + 2..).unwrap_or_default();
        from = start + 2;
        if let Some((name, _)) = inner.split_once('}').filter(|(name, _)| is_name(name)) {
            from += name.len() + 1;
            found.push((start..from, name));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns the secret with its variables replaced by their values. A variable that is not set is a
/// warning, because only a machine that sends needs it.
pub(crate) fn fill_secret(
    source: &SourceFile,
    value: &Located<String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Secret {
    let mut filled = String::new();
    let mut missing = BTreeSet::new();
    let mut from = 0;
    for (place, name) in variables(value) {
        filled.push_str(&value[from..place.start]);
        let rest = &value[place.end..];
        match env(name).filter(|value| !value.is_empty()) {
            Some(text) if is_userinfo(&filled, rest) => filled.push_str(&percent_encode(&text)),
            Some(text) => filled.push_str(&text),
            None => {
                missing.insert(name);
            }
        }
        from = place.end;
    }
    filled.push_str(&value[from..]);
    for name in &missing {
        let message = format!("the environment variable {name} is not set");
        let help = format!("Set {name} before this channel or database is used.");
        source.warning("missing-variable", value.span.clone(), message, help);
    }
    missing.first().map_or_else(|| Secret::new(filled), |name| Secret::missing(*name))
}

/// Returns true if a value between `before` and `rest` is the user or password of an address, which
/// an `@` or `/` in the value would end.
fn is_userinfo(before: &str, rest: &str) -> bool {
    let authority = before.rsplit_once("://").is_some_and(|(_, after)| !after.contains(['/', '@']));
    let until_at = rest.split(['/', '?', '#']).next().is_some_and(|part| part.contains('@'));
    authority && until_at
}

/// The characters to encode: all but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes all but the unreserved characters.
fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Reports every `${NAME}` outside a secret. `is_secret` decides by the path of keys to the value.
pub(crate) fn refuse_outside_secrets(
    source: &SourceFile,
    document: &DeTable<'_>,
    is_secret: &dyn Fn(&[&str]) -> bool,
) {
    refuse_in_table(source, document, is_secret, &mut Vec::new());
}

fn refuse_in_table<'d>(
    source: &SourceFile,
    table: &'d DeTable<'_>,
    is_secret: &dyn Fn(&[&str]) -> bool,
    path: &mut Vec<&'d str>,
) {
    for (key, value) in table {
        path.push(key.get_ref());
        refuse_in_value(source, value, is_secret, path);
        path.pop();
    }
}

fn refuse_in_value<'d>(
    source: &SourceFile,
    value: &'d Spanned<DeValue<'_>>,
    is_secret: &dyn Fn(&[&str]) -> bool,
    path: &mut Vec<&'d str>,
) {
    match value.get_ref() {
        DeValue::Table(table) => refuse_in_table(source, table, is_secret, path),
        DeValue::Array(array) => {
            array.iter().for_each(|element| refuse_in_value(source, element, is_secret, path));
        }
        DeValue::String(text) if !is_secret(path) => {
            let located = Located { value: text.clone().into_owned(), span: value.span() };
            for (place, name) in variables(text) {
                let message = format!("`${{{name}}}` cannot stand here");
                let help = "Variables are for passwords and addresses in [database] and [channels] only; write the value itself.";
                source.error("variable-not-allowed", source.span_within(&located, place), message, help);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Secret {
        let source = SourceFile::new("chorus.toml", String::new());
        let env = |name: &str| match name {
            "PASS" => Some("p@ss/w%".to_owned()),
            "URL" => Some("https://x.example/T0/B0".to_owned()),
            _ => None,
        };
        fill_secret(&source, &Located { value: text.to_owned(), span: 0..0 }, &env)
    }

    #[test]
    fn finds_every_name_with_its_place() {
        assert_eq!(variables("a${B}c${_D1}"), [(1..5, "B"), (6..12, "_D1")]);
        assert_eq!(variables("${} ${1A} ${A B} $A ${A"), []);
        assert_eq!(variables("${${A}"), [(2..6, "A")]);
    }

    #[test]
    fn a_password_cannot_change_the_address_around_it() {
        assert_eq!(filled("smtp://u:${PASS}@h").expose(), Ok("smtp://u:p%40ss%2Fw%25@h"));
        assert_eq!(filled("${URL}").expose(), Ok("https://x.example/T0/B0"));
        assert_eq!(filled("https://h/${PASS}?to=a@b").expose(), Ok("https://h/p@ss/w%?to=a@b"));
        assert_eq!(filled("plain").expose(), Ok("plain"));
    }

    #[test]
    fn an_unset_variable_is_named() {
        assert_eq!(filled("smtp://u:${NOPE}@h").expose().unwrap_err().0, "NOPE");
    }
}
