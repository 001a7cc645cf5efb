//! The search for rendered words in the file that they come from.

use std::ops::Range;

/// Rendered words with some text around them, to be found in a file.
pub(super) struct Excerpt {
    /// The words and the text around them.
    pub(super) text: String,
    /// The range of the words in `text`, in bytes.
    pub(super) focus: Range<usize>,
}

impl From<String> for Excerpt {
    fn from(text: String) -> Self {
        let focus = 0..text.trim_end().len();
        Self { text, focus }
    }
}

impl Excerpt {
    /// Returns the range of the words at the excerpt's first occurrence in `text`, in bytes.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let at = text.find(self.text.trim_end())?;
        Some(at + self.focus.start..at + self.focus.end)
    }
}

/// Returns excerpts of the words at `range`, with less and less text around them: in the file, the
/// text nearby may hold `{{…}}` tags.
pub(super) fn excerpts_around(text: &str, range: &Range<usize>) -> Vec<Excerpt> {
    let excerpt = |window: Range<usize>| {
        let focus = range.start - window.start..range.end - window.start;
        text.get(window).map(|text| Excerpt { text: text.to_owned(), focus })
    };
    let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |newline| range.end + newline);
    let mut found: Vec<_> = excerpt(start..end).into_iter().collect();
    for length in [24, 12, 6] {
        let start = text[..range.start].char_indices().rev().nth(length - 1).map_or(0, |(at, _)| at);
        let end = text[range.end..].char_indices().nth(length).map_or(text.len(), |(at, _)| range.end + at);
        found.extend(excerpt(start..range.end));
        found.extend(excerpt(range.start..end));
    }
    found
}

/// Returns the range of bytes of a step in its campaign's file, from its `[[steps]]` to the next.
pub(super) fn step_table(text: &str, id: &str) -> Option<Range<usize>> {
    let starts: Vec<_> = text.match_indices("[[steps]]").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).find(|range| {
        text[range.clone()].lines().any(|line| {
            line.split_once('=').is_some_and(|(key, value)| {
                key.trim() == "id"
                    && value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']) == id
            })
        })
    })
}
