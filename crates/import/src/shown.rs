//! Values of a file in messages: on one line, without control characters, and short.

/// The number of characters of a value that are shown.
const MAX_CHARS: usize = 60;

/// Returns a value from outside for a message: at most 60 characters, with characters that control
/// a terminal or the direction of text replaced by `�`.
#[must_use]
pub fn shown(value: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut text: String =
        value.chars().take(MAX_CHARS).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    if value.chars().nth(MAX_CHARS).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_long_values_are_cut() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(shown(&"茶".repeat(61)), "茶".repeat(60) + "…");
    }
}
