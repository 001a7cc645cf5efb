//! Phrases found in a text, each with its place.

use std::ops::Range;

/// Where `phrase` stands in `text` as words of its own, whatever its case and spacing.
#[must_use]
pub fn phrase(text: &str, phrase: &str) -> Option<Range<usize>> {
    phrases(text, [phrase]).into_iter().next().map(|(_, place)| place)
}

/// Every place where one of `wanted` stands so, with its number among them, phrase by phrase.
#[must_use]
pub fn phrases<'p>(text: &str, wanted: impl IntoIterator<Item = &'p str>) -> Vec<(usize, Range<usize>)> {
    let mut wanted = wanted.into_iter().peekable();
    let letters = if wanted.peek().is_some() { folded(text) } else { Vec::new() };
    let mut found = Vec::new();
    for (number, phrase) in wanted.enumerate() {
        let phrase: Vec<char> = folded(phrase).into_iter().map(|(c, _)| c).collect();
        found.extend(places(&letters, &phrase).into_iter().map(|place| (number, place)));
    }
    found
}

/// Where `wanted` stands among letters, one place after the other.
fn places(letters: &[(char, Range<usize>)], wanted: &[char]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    let Some((first, rest)) = wanted.split_first() else { return places };
    for (at, window) in letters
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| window.first().is_some_and(|(c, _)| c == first))
    {
        let same = window.iter().skip(1).zip(rest).all(|((c, _), wanted)| c == wanted);
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).map(|(c, _)| *c);
        let after = letters.get(at + wanted.len()).map(|(c, _)| *c);
        let alone = !joined(before, Some(first)) && !joined(wanted.last().copied(), after.as_ref());
        let (Some(start), Some(end)) = (window.first(), window.last()) else { continue };
        let place = start.1.start..end.1.end;
        let free = places.last().is_none_or(|other| other.end <= place.start);
        places.extend((same && alone && free).then_some(place));
    }
    places
}

/// Lower-case letters with their places, runs of white space as one space.
fn folded(text: &str) -> Vec<(char, Range<usize>)> {
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

/// Whether two letters belong to one word. Chinese and Japanese words stand without spaces.
fn joined(left: Option<char>, right: Option<&char>) -> bool {
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
    fn a_phrase_is_found_as_words_of_its_own() {
        assert_eq!(phrase("It is GUARANTEED.", "guaranteed"), Some(6..16));
        assert_eq!(phrase("the\n  cheapest one", "The cheapest"), Some(0..14));
        assert_eq!(phrase("unguaranteed, guaranteeds", "guaranteed"), None);
        assert_eq!(phrase("我们是全网最低价", "全网最低"), Some(9..21));
        assert_eq!(phrase("100% sure", "100%"), Some(0..4));
        assert_eq!(phrase("", "x"), None);
        assert_eq!(phrase("x", " "), None);
    }

    proptest! {
        #[test]
        fn every_place_can_be_cut_out(text in "[{}a.\"'\\\\!é ]{0,40}", wanted in "[aé ]{0,3}") {
            if let Some(place) = phrase(&text, &wanted) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
