//! What a text refers to in `{{…}}`, and phrases found in it, each with its place.

use std::ops::Range;

/// One path in a `{{…}}`, such as `facts.offer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention<'a> {
    /// The path as written.
    pub(crate) path: &'a str,
    /// Its bytes in the text.
    pub(crate) place: Range<usize>,
}

impl<'a> Mention<'a> {
    /// The fact it names: `offer` of `facts.offer` or `message.facts.offer`.
    pub(crate) fn fact(&self) -> Option<&'a str> {
        let path = self.path.strip_prefix("message.").unwrap_or(self.path);
        path.strip_prefix("facts.").map(first)
    }

    /// The part of the message it names: `subject` of `message.subject`.
    pub(crate) fn field(&self) -> Option<&'a str> {
        self.path.strip_prefix("message.").map(first).filter(|field| *field != "facts")
    }
}

fn first(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// Every path in the `{{…}}` of `text`. Comments, escaped `\{{` and texts in quotes are passed over.
pub(crate) fn mentions(text: &str) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
        let inner = open + 2;
        let rest = text.get(inner..).unwrap_or_default();
        let length = rest.find("}}").unwrap_or(rest.len());
        let escaped = text.get(..open).is_some_and(|before| before.ends_with('\\'));
        if !escaped && !rest.starts_with('!') {
            paths(text, inner..inner + length, &mut found);
        }
        from = inner + length;
    }
    found
}

/// The paths among what stands in one `{{…}}`.
fn paths<'a>(text: &'a str, tag: Range<usize>, found: &mut Vec<Mention<'a>>) {
    let in_path = |c: char| c.is_alphanumeric() || "_.-@".contains(c);
    let mut quote = None;
    let mut start = None;
    for (at, c) in text.get(tag.clone()).unwrap_or_default().char_indices().map(|(at, c)| (tag.start + at, c))
    {
        if quote.is_some() {
            quote = quote.filter(|&open| open != c);
        } else if in_path(c) {
            start = start.or(Some(at));
        } else {
            keep(text, start.take(), at, found);
            quote = Some(c).filter(|c| matches!(c, '"' | '\''));
        }
    }
    keep(text, start, tag.end, found);
}

fn keep<'a>(text: &'a str, start: Option<usize>, end: usize, found: &mut Vec<Mention<'a>>) {
    if let Some(path) = start.and_then(|start| text.get(start..end)) {
        found.push(Mention { path, place: end - path.len()..end });
    }
}

/// Where `phrase` stands in `text` as words of its own, whatever its case and spacing.
pub(crate) fn phrase(text: &str, phrase: &str) -> Option<Range<usize>> {
    phrases(text, [phrase]).into_iter().next().map(|(_, place)| place)
}

/// Every place where one of `wanted` stands so, with its number among them, phrase by phrase.
pub(crate) fn phrases<'p>(
    text: &str,
    wanted: impl IntoIterator<Item = &'p str>,
) -> Vec<(usize, Range<usize>)> {
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

    fn paths_of(text: &str) -> Vec<&str> {
        mentions(text).into_iter().map(|mention| mention.path).collect()
    }

    #[test]
    fn paths_are_found_in_every_kind_of_tag() {
        assert_eq!(
            paths_of("a {{facts.offer}} b {{{ message.subject }}} c"),
            ["facts.offer", "message.subject"]
        );
        assert_eq!(
            paths_of("{{#if contact.first_name}}, {{~contact.first_name~}}{{/if}}"),
            ["if", "contact.first_name", "contact.first_name", "if"]
        );
        assert_eq!(paths_of("{{upper facts.a \"facts.b\" x='facts.c'}}"), ["upper", "facts.a", "x"]);
        assert_eq!(paths_of("{{! facts.a }} \\{{facts.b}} {{facts.c"), ["facts.c"]);
    }

    #[test]
    fn facts_and_fields_are_told_apart() {
        let text = "{{facts.a.b}}{{message.facts.c}}{{message.subject}}{{contact.facts}}";
        let found = mentions(text);
        assert_eq!(found.iter().map(Mention::fact).collect::<Vec<_>>(), [Some("a"), Some("c"), None, None]);
        assert_eq!(found.iter().map(Mention::field).collect::<Vec<_>>(), [None, None, Some("subject"), None]);
        assert_eq!(&text[found[1].place.clone()], "message.facts.c");
    }

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
            for mention in mentions(&text) {
                prop_assert_eq!(&text[mention.place.clone()], mention.path);
            }
            if let Some(place) = phrase(&text, &wanted) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
