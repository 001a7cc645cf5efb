//! What a text refers to in `{{…}}`, each with its place.

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

    proptest! {
        #[test]
        fn every_place_can_be_cut_out(text in "[{}a.\"'\\\\!é ]{0,40}") {
            for mention in mentions(&text) {
                prop_assert_eq!(&text[mention.place.clone()], mention.path);
            }
        }
    }
}
