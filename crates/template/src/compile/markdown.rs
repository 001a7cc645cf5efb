//! The conversion of Markdown to HTML.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::link::{BadTarget, Links};
use super::placeholder::{Placeholder, Placeholders};

/// Rewrites the links in `markdown` for tracking; the addresses of pictures are left.
pub(super) fn with_links(
    markdown: &str,
    links: &mut Links,
    placeholders: &mut Placeholders,
) -> Result<String, BadTarget> {
    links.track_urls(&without_angles(markdown), placeholders, ends_in_picture)
}

/// Converts CommonMark with tables and strike-through to HTML. HTML tags in it are text, and a bare
/// URL becomes a link.
pub(super) fn to_html(markdown: &str, links: &Links, placeholders: &Placeholders) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events = Vec::new();
    let mut in_link = 0_usize;
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        match event {
            Event::Html(tag) | Event::InlineHtml(tag) => events.push(Event::Text(tag)),
            Event::Text(text) if in_link == 0 => bare_links(&text, links, placeholders, &mut events),
            Event::Start(Tag::Link { .. }) => {
                in_link += 1;
                events.push(event);
            }
            Event::End(TagEnd::Link) => {
                in_link = in_link.saturating_sub(1);
                events.push(event);
            }
            other => events.push(other),
        }
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    move_marks_between_paragraphs(&restore_placeholders(&html, placeholders), placeholders)
}

fn bare_links(text: &str, links: &Links, placeholders: &Placeholders, events: &mut Vec<Event<'_>>) {
    let mut plain = String::new();
    for c in text.chars() {
        let Some(Placeholder::Click(position)) = placeholders.get(c) else {
            plain.push(c);
            continue;
        };
        events.push(Event::Text(std::mem::take(&mut plain).into()));
        events.push(Event::Start(Tag::Link {
            link_type: LinkType::Inline,
            dest_url: c.to_string().into(),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        }));
        events.push(Event::Text(links.original_url(*position).into()));
        events.push(Event::End(TagEnd::Link));
    }
    events.push(Event::Text(plain.into()));
}

/// Removes the brackets of `<https://a.example>`, unless they belong to `](<…>)` or are escaped.
fn without_angles(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("<http") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.find(|c: char| c == '>' || c.is_whitespace());
        match end.filter(|end| from[*end..].starts_with('>') && !is_no_bare_url(before)) {
            Some(end) => {
                out.push_str(&from[1..end]);
                rest = &from[end + 1..];
            }
            None => {
                out.push('<');
                rest = &from[1..];
            }
        }
    }
    out + rest
}

/// Returns true if the angle bracket after `before` does not start a bare URL.
fn is_no_bare_url(before: &str) -> bool {
    before.ends_with("](") || before.ends_with('\\')
}

/// Returns true if `before` ends with the start of a picture: `![alt](`.
fn ends_in_picture(before: &str) -> bool {
    let Some(text) = before.strip_suffix('<').unwrap_or(before).strip_suffix("](") else { return false };
    let mut depth = 1_usize;
    for (at, c) in text.char_indices().rev().take(1000) {
        match c {
            ']' => depth += 1,
            '[' => depth -= 1,
            '\n' if text[..at].ends_with('\n') => return false,
            _ => {}
        }
        if depth == 0 {
            return text[..at].ends_with('!');
        }
    }
    false
}

/// Restores placeholders in URLs, which the HTML writer percent-encodes.
fn restore_placeholders(html: &str, placeholders: &Placeholders) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("%F") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let c = rest.get(..12).and_then(percent_char).filter(|c| placeholders.get(*c).is_some());
        match c {
            Some(c) => out.push(c),
            None => out.push_str(&rest[..2]),
        }
        rest = &rest[c.map_or(2, |_| 12)..];
    }
    out + rest
}

fn percent_char(text: &str) -> Option<char> {
    let bytes: Option<Vec<u8>> =
        text.split('%').skip(1).map(|hex| u8::from_str_radix(hex, 16).ok()).collect();
    std::str::from_utf8(&bytes?).ok()?.chars().next()
}

/// Moves block marks that are alone in a paragraph, or on its first line, out of the paragraph.
fn move_marks_between_paragraphs(html: &str, placeholders: &Placeholders) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("<p>") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 3..];
        let marks = inside.find(|c| !placeholders.is_block_mark(c)).unwrap_or(inside.len());
        let after = &inside[marks..];
        if marks > 0 && after.starts_with("</p>") {
            out.push_str(&inside[..marks]);
            rest = &after[4..];
        } else if marks > 0 && after.starts_with('\n') {
            out.push_str(&inside[..marks]);
            out.push_str("<p>");
            rest = &after[1..];
        } else {
            out.push_str("<p>");
            rest = inside;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::placeholder::is_placeholder;
    use crate::expression::Expression;

    fn html(markdown: &str) -> String {
        let (mut links, mut placeholders) = (Links::new("c", "social", "k", "s"), Placeholders::default());
        let text = with_links(markdown, &mut links, &mut placeholders).unwrap();
        to_html(&text, &links, &placeholders)
            .chars()
            .map(|c| if is_placeholder(c) { '@' } else { c })
            .collect()
    }

    #[test]
    fn links_are_tracked_and_pictures_are_not() {
        assert_eq!(html("[a](https://a.example \"t\")"), "<p><a href=\"@\" title=\"t\">a</a></p>\n");
        assert_eq!(html("see <https://a.example/x>."), "<p>see <a href=\"@\">https://a.example/x</a>.</p>\n");
        assert_eq!(html("https://a.example"), "<p><a href=\"@\">https://a.example/</a></p>\n");
        assert_eq!(
            html("[![a [b]](https://a.example/i.png)](https://b.example)"),
            "<p><a href=\"@\"><img src=\"https://a.example/i.png\" alt=\"a [b]\" /></a></p>\n"
        );
        assert_eq!(html("[a][1]\n\n[1]: https://a.example"), "<p><a href=\"@\">a</a></p>\n");
        assert_eq!(html("[a](<https://a.example>)"), "<p><a href=\"@\">a</a></p>\n");
        assert_eq!(html("\\<https://a.example\\>"), "<p>&lt;<a href=\"@\">https://a.example/</a>&gt;</p>\n");
    }

    #[test]
    fn html_tags_are_text() {
        assert_eq!(html("a <b>c</b>"), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
        assert_eq!(html("<script>x</script>"), "&lt;script&gt;x&lt;/script&gt;");
    }

    #[test]
    fn block_marks_are_moved_between_paragraphs() {
        let mut placeholders = Placeholders::default();
        let test = placeholders.insert(Placeholder::If(Expression::Contact(vec!["vip".into()])));
        let end = placeholders.insert(Placeholder::End);
        let links = Links::new("c", "email", "k", "s");
        let made = to_html(&format!("a\n\n{test}\n\nb\n\n{end}\n\n{test}c{end}"), &links, &placeholders);
        let shown = made.replace(test, "(").replace(end, ")");
        assert_eq!(shown, "<p>a</p>\n(\n<p>b</p>\n)\n<p>(c)</p>\n");
        let made = to_html(&format!("{test}\n- a\n\n{end}\n"), &links, &placeholders);
        assert_eq!(made.replace(test, "(").replace(end, ")"), "(\n<ul>\n<li>a</li>\n</ul>\n)\n");
    }
}
