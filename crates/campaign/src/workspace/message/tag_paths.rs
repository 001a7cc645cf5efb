//! Finds the paths in the `{{…}}` tags of a text.

use std::ops::Range;

/// One path in a `{{…}}` tag, such as `facts.offer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagPath<'a> {
    /// The path as written in the text.
    pub(crate) text: &'a str,
    /// Byte range of the path in the text.
    pub(crate) span: Range<usize>,
}

impl<'a> TagPath<'a> {
    /// Returns the fact it names: `offer` of `facts.offer` or `message.facts.offer`.
    pub(crate) fn fact(&self) -> Option<&'a str> {
        let path = self.text.strip_prefix("message.").unwrap_or(self.text);
        path.strip_prefix("facts.").map(first)
    }

    /// Returns the part of the message it names: `subject` of `message.subject`.
    pub(crate) fn field(&self) -> Option<&'a str> {
        self.text.strip_prefix("message.").map(first).filter(|field| *field != "facts")
    }
}

fn first(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// Returns every path in the `{{…}}` tags of `text`. Comments, escaped `\{{` and texts in quotes
/// are skipped.
pub(crate) fn tag_paths(text: &str) -> Vec<TagPath<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
        let inner = open + 2;
        let rest = text.get(inner..).unwrap_or_default();
        let length = rest.find("}}").unwrap_or(rest.len());
        let escaped = text.get(..open).is_some_and(|before| before.ends_with('\\'));
        if !escaped && !rest.starts_with('!') {
            paths_in_tag(text, inner..inner + length, &mut found);
        }
        from = inner + length;
    }
    found
}

/// Adds the paths in one `{{…}}` tag to `found`.
fn paths_in_tag<'a>(text: &'a str, tag: Range<usize>, found: &mut Vec<TagPath<'a>>) {
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
            add_path(text, start.take(), at, found);
            quote = Some(c).filter(|c| matches!(c, '"' | '\''));
        }
    }
    add_path(text, start, tag.end, found);
}

fn add_path<'a>(text: &'a str, start: Option<usize>, end: usize, found: &mut Vec<TagPath<'a>>) {
    if let Some(path) = start.and_then(|start| text.get(start..end)) {
        found.push(TagPath { text: path, span: end - path.len()..end });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths_of(text: &str) -> Vec<&str> {
        tag_paths(text).into_iter().map(|path| path.text).collect()
    }

    #[test]
    fn finds_paths_in_every_kind_of_tag() {
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
    fn facts_and_fields_are_distinguished() {
        let text = "{{facts.a.b}}{{message.facts.c}}{{message.subject}}{{contact.facts}}";
        let found = tag_paths(text);
        assert_eq!(found.iter().map(TagPath::fact).collect::<Vec<_>>(), [Some("a"), Some("c"), None, None]);
        assert_eq!(found.iter().map(TagPath::field).collect::<Vec<_>>(), [None, None, Some("subject"), None]);
        assert_eq!(&text[found[1].span.clone()], "message.facts.c");
    }

    proptest! {
        #[test]
        fn every_span_holds_its_path(text in "[{}a.\"'\\\\!é ]{0,40}") {
            for path in tag_paths(&text) {
                prop_assert_eq!(&text[path.span.clone()], path.text);
            }
        }
    }
}
