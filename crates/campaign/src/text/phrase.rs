//! Search for whole-word phrases in a text.

use std::ops::Range;

/// Returns the byte range of the first occurrence of `phrase` in `text` as whole words, ignoring
/// case and spacing.
#[must_use]
pub fn find_phrase(text: &str, phrase: &str) -> Option<Range<usize>> {
    find_phrases(text, [phrase]).into_iter().next().map(|(_, place)| place)
}

/// Returns the byte range of every occurrence of every phrase in `wanted`, as whole words and
/// ignoring case and spacing, with the index of the phrase. Sorted by phrase, then by place.
#[must_use]
pub fn find_phrases<'p>(text: &str, wanted: impl IntoIterator<Item = &'p str>) -> Vec<(usize, Range<usize>)> {
    let mut wanted = wanted.into_iter().peekable();
    let letters = if wanted.peek().is_some() { fold_case(text) } else { Vec::new() };
    let mut found = Vec::new();
    for (number, phrase) in wanted.enumerate() {
        let phrase: Vec<char> = fold_case(phrase).into_iter().map(|(c, _)| c).collect();
        found.extend(occurrences(&letters, &phrase).into_iter().map(|place| (number, place)));
    }
    found
}

/// Returns the byte ranges of all occurrences of `wanted`, which do not overlap.
fn occurrences(letters: &[(char, Range<usize>)], wanted: &[char]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let Some((first, rest)) = wanted.split_first() else { return found };
    for (at, window) in letters
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| window.first().is_some_and(|(c, _)| c == first))
    {
        let same = window.iter().skip(1).zip(rest).all(|((c, _), wanted)| c == wanted);
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).map(|(c, _)| *c);
        let after = letters.get(at + wanted.len()).map(|(c, _)| *c);
        let is_whole_word =
            !in_one_word(before, Some(first)) && !in_one_word(wanted.last().copied(), after.as_ref());
        let (Some(start), Some(end)) = (window.first(), window.last()) else { continue };
        let place = start.1.start..end.1.end;
        let free = found.last().is_none_or(|other| other.end <= place.start);
        found.extend((same && is_whole_word && free).then_some(place));
    }
    found
}

/// Returns the text's letters in lower case with their byte ranges; runs of white space become one
/// space.
fn fold_case(text: &str) -> Vec<(char, Range<usize>)> {
    let mut letters: Vec<(char, Range<usize>)> = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let place = at..at + c.len_utf8();
        if !c.is_whitespace() {
            letters.extend(c.to_lowercase().map(|c| (c, place.clone())));
        } else if letters.last().is_none_or(|(last, _)| *last != ' ') {
            letters.push((' ', place));
        }
    }
    letters
}

/// Returns true if two letters belong to one word. Chinese and Japanese letters never do, because
/// those languages write words without spaces.
fn in_one_word(left: Option<char>, right: Option<&char>) -> bool {
    let in_word = |c: char| {
        c.is_alphanumeric()
            && !matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    };
    left.is_some_and(in_word) && right.is_some_and(|c| in_word(*c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_phrase_is_found_as_whole_words() {
        assert_eq!(find_phrase("It is GUARANTEED.", "guaranteed"), Some(6..16));
        assert_eq!(find_phrase("the\n  cheapest one", "The cheapest"), Some(0..14));
        assert_eq!(find_phrase("unguaranteed, guaranteeds", "guaranteed"), None);
        assert_eq!(find_phrase("我们是全网最低价", "全网最低"), Some(9..21));
        assert_eq!(find_phrase("100% sure", "100%"), Some(0..4));
        assert_eq!(find_phrase("", "x"), None);
        assert_eq!(find_phrase("x", " "), None);
    }

    proptest! {
        #[test]
        fn every_found_range_is_valid(text in "[{}a.\"'\\\\!é ]{0,40}", wanted in "[aé ]{0,3}") {
            if let Some(place) = find_phrase(&text, &wanted) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
