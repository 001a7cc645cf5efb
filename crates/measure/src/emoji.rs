//! Which code points make one emoji for X.
//!
//! "Emoji supported by Twemoji always count as two characters" (docs.x.com/fundamentals/counting-characters);
//! twitter-text 3.1.0 knows those of Emoji 11 and spells them as twemoji-parser 11.0.2 does. What came later counts
//! by its parts, so that nothing is ever taken for shorter than X takes it.

/// The last version of Emoji that counts as a whole.
const KNOWN: u32 = 11;

/// Code points in the longest of them: two people, a heart and a kiss.
const LONGEST: usize = 8;

/// Asks for the picture of a character that is also a letter or sign.
const VARIATION: char = '\u{FE0F}';

/// The size in bytes of the emoji of several code points that `rest` begins with. Those of one code point weigh the
/// same as characters that they weigh as emoji.
pub(super) fn sequence(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if matches!(first, '#' | '*' | '0'..='9') {
        return keycap(rest);
    }
    if !may_begin(first) {
        return None;
    }
    let ends: Vec<usize> = rest.char_indices().take(LONGEST).map(|(at, c)| at + c.len_utf8()).collect();
    ends.into_iter().skip(1).rev().find(|end| is_one(&rest[..*end]))
}

/// `[0-9#*]`, perhaps a variation selector, and the frame.
fn keycap(rest: &str) -> Option<usize> {
    let after = &rest[1..];
    let framed = after.strip_prefix(VARIATION).unwrap_or(after).strip_prefix('\u{20E3}')?;
    Some(rest.len() - framed.len())
}

/// Spares the look-up for what is never an emoji: letters, and the Chinese, Japanese and Korean blocks but for four.
const fn may_begin(c: char) -> bool {
    match c {
        '©' | '®' | '〰' | '〽' | '㊗' | '㊙' => true,
        _ => matches!(c, '\u{203C}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FFFF}'),
    }
}

/// Whether all of it, two code points or more, is one emoji.
fn is_one(text: &str) -> bool {
    let mut chars = text.chars();
    let (first, second, third) = (chars.next(), chars.next(), chars.next());
    match (first, second, third, chars.next()) {
        (Some(first), Some(VARIATION), None, None) if takes_variation(first) => return true,
        (Some(first), Some(VARIATION), Some(skin @ '\u{1F3FB}'..='\u{1F3FF}'), None) => {
            return listed(&String::from_iter([first, skin]));
        }
        _ => {}
    }
    // The eye in the speech bubble is listed without its selectors only, and infinity without its own.
    match text {
        "\u{1F441}\u{200D}\u{1F5E8}" => true,
        "\u{1F441}\u{FE0F}\u{200D}\u{1F5E8}\u{FE0F}" | "\u{267E}\u{FE0F}" => false,
        _ => listed(text),
    }
}

/// Whether it is an emoji of a known version, fully qualified. The man and the woman in a tuxedo were twemoji's before
/// they were Unicode's.
fn listed(text: &str) -> bool {
    emojis::get(text).is_some_and(|emoji| {
        emoji.as_str() == text && (emoji.emoji_version().major() <= KNOWN || text.starts_with('\u{1F935}'))
    })
}

/// Those that are pictures without being asked, and that twemoji lets be asked all the same.
const fn takes_variation(c: char) -> bool {
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
