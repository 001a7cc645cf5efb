//! Lists of tags, as in `v=DKIM1; p=…` (RFC 6376 §3.2), which DMARC writes too (RFC 7489 §6.4).

/// The tags of a list, in order, without the white space around them.
pub struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads `name=value; …`.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let tag = |tag: &'a str| tag.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        Self(text.split(';').filter_map(tag).collect())
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The value of a tag that must come first, in whatever case.
    pub fn starts_with(&self, name: &str, value: &str) -> bool {
        self.0.first().is_some_and(|(known, own)| *known == name && own.eq_ignore_ascii_case(value))
    }

    /// The value of a tag without any white space in it: Base64 may be folded.
    pub fn bare(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.chars().filter(|c| !c.is_ascii_whitespace()).collect())
    }

    /// Whether a tag's value, a list of words between colons, has a word; `missing` where there is
    /// no such tag.
    pub fn lists(&self, name: &str, word: &str, missing: bool) -> bool {
        let mut words = match self.get(name) {
            Some(value) => value.split(':'),
            None => return missing,
        };
        words.any(|own| own.trim().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_people_write_them() {
        let tags = Tags::read(" v = DKIM1 ;p=ab\r\n c; t=y : s;; broken; p=later");
        assert!(tags.starts_with("v", "dkim1"));
        assert_eq!((tags.get("p"), tags.bare("p").as_deref()), (Some("ab\r\n c"), Some("abc")));
        assert!(tags.lists("t", "Y", false) && tags.lists("t", "s", false) && !tags.lists("t", "x", true));
        assert!(tags.lists("h", "sha256", true) && !tags.lists("h", "sha256", false));
        assert!(!Tags::read("").starts_with("v", "DKIM1"));
    }
}
