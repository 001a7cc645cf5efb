//! Words that were rendered, found again in the file that they come from.

use std::ops::Range;

/// Words to be found in a file, with what stands around them.
pub(super) struct Words {
    pub(super) window: String,
    /// The words in it.
    pub(super) inner: Range<usize>,
}

impl From<String> for Words {
    fn from(window: String) -> Self {
        let inner = 0..window.trim_end().len();
        Self { window, inner }
    }
}

impl Words {
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let at = text.find(self.window.trim_end())?;
        Some(at + self.inner.start..at + self.inner.end)
    }
}

/// The words at a place with less and less around them: what stands in a file may be cut by names in braces.
pub(super) fn around(text: &str, range: &Range<usize>) -> Vec<Words> {
    let words = |window: Range<usize>| {
        let inner = range.start - window.start..range.end - window.start;
        text.get(window).map(|window| Words { window: window.to_owned(), inner })
    };
    let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |newline| range.end + newline);
    let mut found: Vec<_> = words(start..end).into_iter().collect();
    for reach in [24, 12, 6] {
        let start = text[..range.start].char_indices().rev().nth(reach - 1).map_or(0, |(at, _)| at);
        let end = text[range.end..].char_indices().nth(reach).map_or(text.len(), |(at, _)| range.end + at);
        found.extend(words(start..range.end));
        found.extend(words(range.start..end));
    }
    found
}

/// The bytes of the file in which a step is written: from its `[[steps]]` to the next.
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
