//! The choice of a contact's language among those that a step is available in.

/// Returns the primary language of a BCP 47 tag, without country and script: `zh` of `zh-CN`.
#[must_use]
pub fn primary_language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// Returns the index of the language that matches `tag`: the same tag, else the primary language
/// alone, else the first tag with the same primary language. Ignores case, and treats `_` as `-`.
/// `None` if no tag has the same primary language.
pub(crate) fn find_match<'a>(
    languages: &(impl Iterator<Item = &'a str> + Clone),
    tag: &str,
) -> Option<usize> {
    let tag = tag.replace('_', "-");
    let primary = primary_language(&tag);
    let exact = |wanted: &str| languages.clone().position(|known| known.eq_ignore_ascii_case(wanted));
    let alike = || languages.clone().position(|known| primary_language(known).eq_ignore_ascii_case(primary));
    exact(&tag).or_else(|| exact(primary)).or_else(alike)
}

/// Returns the index of the language for a contact: the one that matches their own tag, else the
/// one that matches `default`, else the first. `None` only if there are no languages.
pub(crate) fn choose_for_contact<'a>(
    languages: &(impl Iterator<Item = &'a str> + Clone),
    own: Option<&str>,
    default: &str,
) -> Option<usize> {
    own.and_then(|tag| find_match(languages, tag))
        .or_else(|| find_match(languages, default))
        .or_else(|| languages.clone().next().map(|_| 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(own: Option<&str>, default: &str) -> Option<&'static str> {
        let languages = ["en", "pt-BR", "zh-CN", "zh-TW"];
        choose_for_contact(&languages.into_iter(), own, default).map(|at| languages[at])
    }

    #[test]
    fn a_contact_gets_their_own_language_or_the_default() {
        for (own, language) in [
            ("zh-TW", "zh-TW"),
            ("ZH_tw", "zh-TW"),
            ("zh", "zh-CN"),
            ("zh-HK", "zh-CN"),
            ("en-GB", "en"),
            ("pt-PT", "pt-BR"),
            ("fr", "pt-BR"),
        ] {
            assert_eq!(chosen(Some(own), "pt"), Some(language), "{own}");
        }
        assert_eq!(chosen(None, "zh-tw"), Some("zh-TW"));
        assert_eq!(chosen(None, "fr"), Some("en"));
        assert_eq!(choose_for_contact(&[].into_iter(), Some("en"), "en"), None);
    }
}
