//! Texts in which backticks mark code.

use maud::{Markup, html};

/// A text in which `backticks` mark what is typed or stands in a file.
pub(crate) fn text(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
