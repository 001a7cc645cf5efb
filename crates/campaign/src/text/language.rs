//! Languages as BCP 47 tags, and the choice of the best one for a reader.

use std::fmt;

/// A BCP 47 tag such as `en` or `zh-CN`, in its usual case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Language(String);

/// A text, cut to 64 characters, that is not a language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language tag; write one such as `en` or `zh-CN`")]
pub struct BadLanguage(String);

impl Language {
    /// Parses a tag in any case, with `-` or `_`, and brings it into its usual case (RFC 5646
    /// §2.1.1): `ZH_hant_tw` becomes `zh-Hant-TW`. At most 35 characters (RFC 5646 §4.4.1).
    ///
    /// # Errors
    /// [`BadLanguage`] if the tag is not well formed.
    pub fn parse(text: &str) -> Result<Self, BadLanguage> {
        let bad = || BadLanguage(text.chars().take(64).collect());
        let text = text.trim();
        if text.len() > 35 {
            return Err(bad());
        }
        let subtags: Option<Vec<_>> =
            text.split(['-', '_']).enumerate().map(|(i, subtag)| usual_case(i, subtag)).collect();
        subtags.map(|subtags| Self(subtags.join("-"))).ok_or_else(bad)
    }

    /// Returns the tag in its usual case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the language without script and region: `zh` of `zh-Hant-TW`.
    #[must_use]
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Returns true if a text in `self` suits a reader of `wanted`: if `self` is the same tag or a
    /// shorter form of it, as `zh` is of `zh-TW` (RFC 4647 §3.3.1).
    #[must_use]
    pub fn matches(&self, wanted: &Self) -> bool {
        wanted.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// Returns the best of `available` for a reader of `self`: the longest that
    /// [matches](Self::matches) (RFC 4647 §3.4 lookup: `zh-Hant-TW`, `zh-Hant`, `zh`), otherwise,
    /// for a bare `zh`, the first that begins with it. `None` means that the default language is to
    /// be used.
    #[must_use]
    pub fn best_match<'a>(&self, available: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let available: Vec<_> = available.into_iter().collect();
        let exact = available.iter().filter(|tag| tag.matches(self)).max_by_key(|tag| tag.0.len());
        exact.or_else(|| available.iter().find(|tag| self.matches(tag))).copied()
    }
}

/// Returns the subtag at `position` in its usual case. The first has 2 to 8 letters, the others 1
/// to 8 letters or digits; `None` if `subtag` has not.
fn usual_case(position: usize, subtag: &str) -> Option<String> {
    let letters = subtag.bytes().all(|b| b.is_ascii_alphabetic());
    let fits = subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    match (position, subtag.len()) {
        (0, 2..=8) if letters => Some(subtag.to_ascii_lowercase()),
        (0, _) => None,
        (_, 2) if letters => Some(subtag.to_ascii_uppercase()),
        (_, 4) if letters => Some(subtag[..1].to_ascii_uppercase() + &subtag[1..].to_ascii_lowercase()),
        (_, 1..=8) if fits => Some(subtag.to_ascii_lowercase()),
        _ => None,
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Language {
        Language::parse(text).unwrap()
    }

    #[test]
    fn takes_its_usual_case() {
        // The examples of RFC 5646 §2.1.1, and other spellings in use.
        for (text, usual) in [
            ("MN-cYRL-mn", "mn-Cyrl-MN"),
            ("zh_cn", "zh-CN"),
            ("EN", "en"),
            ("es-419", "es-419"),
            ("de-CH-1901", "de-CH-1901"),
        ] {
            assert_eq!(tag(text).as_str(), usual);
        }
    }

    #[test]
    fn refuses_invalid_tags() {
        for text in
            ["", "e", "english-", "12", "zh--CN", "中文", "en US", "en-abcdefghi", &"en-aaaa".repeat(6)]
        {
            assert!(Language::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn falls_back_from_the_region_to_the_language() {
        assert!(tag("zh").matches(&tag("zh-TW")));
        assert!(!tag("zh-CN").matches(&tag("zh-TW")));
        assert!(!tag("zh").matches(&tag("zha")));
        let available = [tag("zh"), tag("zh-Hant"), tag("de-AT")];
        assert_eq!(tag("zh-Hant-TW").best_match(&available), Some(&tag("zh-Hant")));
        assert_eq!(tag("zh-TW").best_match(&available), Some(&tag("zh")));
        assert_eq!(tag("de").best_match(&available), Some(&tag("de-AT")));
        assert_eq!(tag("de-CH").best_match(&available), None);
        assert_eq!(tag("fr").best_match(&available), None);
    }
}
