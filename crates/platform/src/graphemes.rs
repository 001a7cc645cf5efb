//! How many characters people see.

use unicode_segmentation::UnicodeSegmentation as _;

/// Extended grapheme clusters (UAX #29).
pub(crate) fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}
