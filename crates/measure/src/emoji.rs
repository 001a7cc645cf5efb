//! Recognition of the sequences of code points that X counts as one emoji.
//!
//! "Emoji supported by Twemoji always count as two characters"
//! (docs.x.com/fundamentals/counting-characters); twitter-text 3.1.0 supports the emoji of Emoji
//! 11, spelled as twemoji-parser 11.0.2 spells them. Newer emoji count by their parts, so that no
//! text is measured as shorter than X measures it.

/// The newest version of Emoji whose sequences count as one emoji.
const MAX_EMOJI_VERSION: u32 = 11;

/// The number of code points in the longest sequence: two people, a heart and a kiss.
const MAX_CODE_POINTS: usize = 8;

/// The selector that requests the emoji form of a character that is also a letter or sign.
const VARIATION_SELECTOR: char = '\u{FE0F}';

/// Returns the length in bytes of the emoji of several code points at the start of `rest`. Emoji of
/// one code point need no detection: as characters they weigh the same.
pub(super) fn sequence(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if matches!(first, '#' | '*' | '0'..='9') {
        return keycap(rest);
    }
    if !may_begin(first) {
        return None;
    }
    let ends = rest.char_indices().take(MAX_CODE_POINTS).map(|(at, c)| at + c.len_utf8());
    let ends: Vec<usize> = ends.collect();
    ends.into_iter().skip(1).rev().find(|end| is_single_emoji(&rest[..*end]))
}

/// Matches a keycap: `[0-9#*]`, an optional variation selector, and the enclosing frame.
fn keycap(rest: &str) -> Option<usize> {
    let after = &rest[1..];
    let framed = after.strip_prefix(VARIATION_SELECTOR).unwrap_or(after).strip_prefix('\u{20E3}')?;
    Some(rest.len() - framed.len())
}

/// Returns false for characters that never begin an emoji, which saves the lookup: letters, and the
/// Chinese, Japanese and Korean blocks but for four characters.
const fn may_begin(c: char) -> bool {
    match c {
        '©' | '®' | '〰' | '〽' | '㊗' | '㊙' => true,
        _ => matches!(c, '\u{203C}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FFFF}'),
    }
}

/// Returns true if the whole text, of two code points or more, is one emoji.
fn is_single_emoji(text: &str) -> bool {
    let mut chars = text.chars();
    let (first, second, third) = (chars.next(), chars.next(), chars.next());
    match (first, second, third, chars.next()) {
        (Some(first), Some(VARIATION_SELECTOR), None, None) if accepts_selector(first) => return true,
        (Some(first), Some(VARIATION_SELECTOR), Some(skin @ '\u{1F3FB}'..='\u{1F3FF}'), None) => {
            return is_supported_emoji(&String::from_iter([first, skin]));
        }
        _ => {}
    }
    // The eye in the speech bubble is is_supported_emoji without its selectors only, and infinity
    // without its own.
    match text {
        "\u{1F441}\u{200D}\u{1F5E8}" => true,
        "\u{1F441}\u{FE0F}\u{200D}\u{1F5E8}\u{FE0F}" | "\u{267E}\u{FE0F}" => false,
        _ => is_supported_emoji(text),
    }
}

/// Returns true for a fully qualified emoji of a supported version. Twemoji had the man and the
/// woman in a tuxedo before Unicode did.
fn is_supported_emoji(text: &str) -> bool {
    emojis::get(text).is_some_and(|emoji| {
        emoji.as_str() == text
            && (emoji.emoji_version().major() <= MAX_EMOJI_VERSION || text.starts_with('\u{1F935}'))
    })
}

/// Matches the characters that are emoji by default and that twemoji still accepts with a selector.
const fn accepts_selector(c: char) -> bool {
    matches!(
        c,
        '⌚' | '⌛' | '◽' | '◾' | '☔' | '☕' | '♈'
            ..='♓'
                | '♿'
                | '⚓'
                | '⚡'
                | '⚪'
                | '⚫'
                | '⚽'
                | '⚾'
                | '⛄'
                | '⛅'
                | '⛔'
                | '⛪'
                | '⛲'
                | '⛳'
                | '⛵'
                | '⛺'
                | '⛽'
                | '❗'
                | '⬛'
                | '⬜'
                | '⭐'
                | '⭕'
                | '🀄'
                | '🈚'
                | '🈯'
    )
}
