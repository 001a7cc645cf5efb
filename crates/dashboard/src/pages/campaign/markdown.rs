//! Rendering of a message's Markdown body without active content.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};

/// Renders `text`. HTML in it is shown as text, pictures as their description, and only http, https
/// and mailto links work.
pub(super) fn draw(text: &str) -> Markup {
    let events = Parser::new(text).filter_map(harmless);
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    PreEscaped(out)
}

fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if leads_somewhere(&dest_url) { dest_url } else { CowStr::Borrowed("#message") };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        other => other,
    })
}

fn leads_somewhere(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    ["http://", "https://", "mailto:"].iter().any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_rendered() {
        assert_eq!(
            draw("**Honey** & plum\n\n### Slowly").0,
            "<p><strong>Honey</strong> &amp; plum</p>\n<h3>Slowly</h3>\n"
        );
    }

    #[test]
    fn active_content_is_removed() {
        let hostile = "<script>alert(1)</script>\n\n<img src=x onerror=y>[a](javascript:alert(1)) \
                       ![b](https://tracker.example/x.png) [c](https://harbour.example) `\"><b>`";
        let html = draw(hostile).0;
        for bad in ["<script", "<img", "javascript:", "tracker.example", "<b>"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        assert!(html.contains("<a href=\"https://harbour.example\">"), "{html}");
    }
}
