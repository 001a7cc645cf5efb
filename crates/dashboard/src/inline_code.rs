//! Rendering of texts in which backticks mark code.

use maud::{Markup, html};

/// Renders a text; parts between backticks become `code` elements.
pub(crate) fn text(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
