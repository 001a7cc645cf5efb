//! The choice of a language for a contact, among those that a step is in.

/// Returns the language of a BCP 47 tag without its country or script: `zh` of `zh-CN`.
#[must_use]
pub fn primary_language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// Returns the position of the language that `tag` means: the same tag, else the language without country or script,
/// else the first that is the same language elsewhere. Case makes no difference, nor `_` for `-`. `None` if none is
/// the same language.
pub(crate) fn meant<'a>(languages: &(impl Iterator<Item = &'a str> + Clone), tag: &str) -> Option<usize> {
    let tag = tag.replace('_', "-");
    let primary = primary_language(&tag);
    let exact = |wanted: &str| languages.clone().position(|known| known.eq_ignore_ascii_case(wanted));
    let alike = || languages.clone().position(|known| primary_language(known).eq_ignore_ascii_case(primary));
    exact(&tag).or_else(|| exact(primary)).or_else(alike)
}

/// Returns the position of the language that a contact gets: the one that their own tag means, else the one that
/// `default` means, else the first. `None` only if there are no languages.
pub(crate) fn for_contact<'a>(
    languages: &(impl Iterator<Item = &'a str> + Clone),
    own: Option<&str>,
    default: &str,
) -> Option<usize> {
    own.and_then(|tag| meant(languages, tag))
        .or_else(|| meant(languages, default))
        .or_else(|| languages.clone().next().map(|_| 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(own: Option<&str>, default: &str) -> Option<&'static str> {
        let languages = ["en", "pt-BR", "zh-CN", "zh-TW"];
        for_contact(&languages.into_iter(), own, default).map(|at| languages[at])
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
        assert_eq!(for_contact(&[].into_iter(), Some("en"), "en"), None);
    }
}
