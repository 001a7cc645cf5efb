//! Masks secrets in the text of `chorus.toml`, so that findings can show its lines.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::workspace::variable::variables;

/// Keys that never hold a secret in any table. `url` is not among them.
const KEYS_WITHOUT_SECRETS: [&str; 29] = [
    "account",
    "base_url",
    "room",
    "template_id",
    "keyword",
    "kind",
    "from",
    "reply_to",
    "rate",
    "per",
    "per_message",
    "currency",
    "connections",
    "daily_cap",
    "group_by",
    "start",
    "growth",
    "domains",
    "name",
    "address",
    "timezone",
    "language",
    "never_say",
    "markets",
    "listen",
    "admin_listen",
    "public_url",
    "domain",
    "selector",
];

/// Top-level tables that hold no secrets.
const TABLES_WITHOUT_SECRETS: [&str; 4] = ["brand", "server", "attributes", "purposes"];

/// Replaces every secret in `text` by as many stars as it has bytes, so that byte offsets do not
/// change. `${NAME}` and the paths of a SQLite database or of a key are no secrets. In doubt a
/// value counts as a secret: that of a misspelt key `secret`, too.
pub(crate) fn mask(text: String) -> String {
    let (document, errors) = DeTable::parse_recoverable(&text);
    let mut hidden = Vec::new();
    for (key, value) in document.get_ref() {
        if !TABLES_WITHOUT_SECRETS.contains(&key.get_ref().as_ref()) {
            add_secrets(key.get_ref(), value, &mut hidden);
        }
    }
    hidden.extend(credentials(&text));
    if !errors.is_empty() {
        hidden.extend(suspicious_lines(&text));
    }
    drop(document);
    replace_with_stars(text, hidden)
}

fn add_secrets(key: &str, value: &Spanned<DeValue<'_>>, hidden: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => {
            table.iter().for_each(|(key, value)| add_secrets(key.get_ref(), value, hidden));
        }
        DeValue::Array(array) => array.iter().for_each(|value| add_secrets(key, value, hidden)),
        _ if KEYS_WITHOUT_SECRETS.contains(&key) => {}
        DeValue::String(text) if text.starts_with("sqlite:") => {}
        DeValue::String(text) if key == "key" && is_key_file(text) => {}
        _ => hidden.push(value.span()),
    }
}

/// Returns true for a path such as `keys/dkim.pem`, which is no key itself.
fn is_key_file(text: &str) -> bool {
    text.ends_with(".pem") && text.len() <= 100 && !text.contains(['\n', ' ', '$'])
}

/// Returns the byte range of `user:password` in every `scheme://user:password@host`.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "\"'/".contains(c);
    text.match_indices("://")
        .filter_map(|(at, mark)| {
            let start = at + mark.len();
            let authority = text.get(start..)?.split(ends).next()?;
            authority.rfind('@').map(|length| start..start + length)
        })
        .collect()
}

/// Returns the byte ranges that may be secrets in a text that is not TOML: everything after the `=`
/// of a key that could hold a secret, and lines that could continue one.
fn suspicious_lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut hidden = Vec::new();
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let has_no_secret = match trimmed.split_once('=') {
            _ if trimmed.starts_with(['#', '[']) => true,
            Some((key, _)) => KEYS_WITHOUT_SECRETS.contains(&key.trim()),
            None => false,
        };
        if !has_no_secret {
            hidden.push(start + line.find('=').map_or(0, |at| at + 1)..start + line.len());
        }
        start += line.len();
    }
    hidden
}

fn replace_with_stars(text: String, hidden: Vec<Range<usize>>) -> String {
    let names: Vec<_> = variables(&text).into_iter().map(|(place, _)| place).collect();
    let mut bytes = text.into_bytes();
    for at in hidden.into_iter().flatten() {
        let is_name = names.iter().any(|place| place.contains(&at));
        if let Some(byte) = bytes.get_mut(at).filter(|byte| !is_name && !b"\"' \t\r\n".contains(byte)) {
            *byte = b'*';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_everything_but_secrets() {
        let text = "[brand]\nname = \"B\"\nurl = \"https://b.example\"\n[channels.mail]\nkind = \"smtp\"\n\
            url = \"smtps://news:hunter2@h\"\nsceret = \"hunter2\"\n[channels.x]\nsecret = \"${S}\"\nurl = 12345\n\
            [database]\nurl = \"sqlite:data/a.db\"\n";
        insta::assert_snapshot!(mask(text.to_owned()));
    }

    #[test]
    fn a_broken_file_shows_no_secret_either() {
        let text =
            "[channels.mail\nkind = \"smtp\"\nsecret = \"hunter2\nhunter2\nurl = \"smtp://a:hunter2@h\n";
        insta::assert_snapshot!(mask(text.to_owned()));
    }

    proptest! {
        #[test]
        fn byte_offsets_do_not_change(text in "[a-z=\"\\[\\]\\.:/@$\\{\\}é\n]{0,80}") {
            let masked = mask(text.clone());
            prop_assert_eq!(masked.len(), text.len());
            let lines = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
            prop_assert_eq!(lines(&masked), lines(&text));
        }
    }
}
