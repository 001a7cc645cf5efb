//! Tag lists such as `v=DKIM1; p=…` (RFC 6376 §3.2), which DMARC uses, too (RFC 7489 §6.4).

/// The tags of a list, in order, without the white space around them.
pub struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Parses a list such as `name=value; …`.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let tag = |tag: &'a str| tag.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        Self(text.split(';').filter_map(tag).collect())
    }

    /// Returns the value of a tag.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(tag, _)| *tag == name).map(|(_, value)| *value)
    }

    /// Returns true if the first tag is `name` with `value`, ignoring case.
    pub fn starts_with(&self, name: &str, value: &str) -> bool {
        self.0.first().is_some_and(|(tag, found)| *tag == name && found.eq_ignore_ascii_case(value))
    }

    /// Returns the value of a tag without any white space: Base64 may be folded.
    pub fn without_spaces(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.chars().filter(|c| !c.is_ascii_whitespace()).collect())
    }

    /// Returns true if a tag's value, a list of words separated by colons, contains `word`;
    /// `missing` if there is no such tag.
    pub fn list_contains(&self, name: &str, word: &str, missing: bool) -> bool {
        let mut words = match self.get(name) {
            Some(value) => value.split(':'),
            None => return missing,
        };
        words.any(|found| found.trim().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_with_any_white_space() {
        let tags = Tags::read(" v = DKIM1 ;p=ab\r\n c; t=y : s;; broken; p=later");
        assert!(tags.starts_with("v", "dkim1"));
        assert_eq!((tags.get("p"), tags.without_spaces("p").as_deref()), (Some("ab\r\n c"), Some("abc")));
        assert!(tags.list_contains("t", "Y", false) && tags.list_contains("t", "s", false));
        assert!(!tags.list_contains("t", "x", true));
        assert!(tags.list_contains("h", "sha256", true) && !tags.list_contains("h", "sha256", false));
        assert!(!Tags::read("").starts_with("v", "DKIM1"));
    }
}
