//! The title and the button of a post. The title is a first paragraph that is only bold, or a
//! heading; the button is a last paragraph that is only a link. Networks with separate fields for
//! them get them there.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A post split into title, text and button; the text is Markdown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Card<'a> {
    pub(super) title: Option<String>,
    pub(super) text: &'a str,
    /// The label and the URL of the button.
    pub(super) action: Option<(String, String)>,
}

/// Splits a post into title, text and button.
pub(super) fn card(markdown: &str) -> Card<'_> {
    let mut start = 0;
    let mut end = markdown.len();
    let (title, action) = match (first(markdown), last(markdown)) {
        // A single paragraph is the text, even if it could be the title or the button.
        (Some((_, to)), Some((_, from))) if to > from => (None, None),
        (first, last) => (first, last),
    };
    let title = title.map(|(title, to)| {
        start = to;
        title
    });
    let action = action.map(|(action, from)| {
        end = from;
        action
    });
    Card { title, text: markdown.get(start..end.max(start)).unwrap_or_default().trim(), action }
}

/// Returns the title and the position of its end.
fn first(markdown: &str) -> Option<(String, usize)> {
    let mut events = Parser::new_ext(markdown, Options::empty()).into_offset_iter();
    let (opening, place) = events.next()?;
    let heading = match opening {
        Event::Start(Tag::Heading { .. }) => true,
        Event::Start(Tag::Paragraph) => false,
        _ => return None,
    };
    let mut title = String::new();
    let mut depth = usize::from(heading);
    for (event, _) in events {
        match event {
            Event::Start(Tag::Strong) => depth += 1,
            Event::End(TagEnd::Strong) => depth -= 1,
            Event::Text(text) | Event::Code(text) if depth > 0 => title.push_str(&text),
            Event::End(TagEnd::Heading(_) | TagEnd::Paragraph) => break,
            Event::Start(Tag::Emphasis) | Event::End(TagEnd::Emphasis) if depth > 0 => {}
            _ => return None,
        }
    }
    (!title.trim().is_empty()).then(|| (title.trim().to_owned(), place.end))
}

/// Returns the label and URL of the button, and the position of its start.
fn last(markdown: &str) -> Option<((String, String), usize)> {
    let mut blocks = Vec::new();
    let mut depth = 0_usize;
    for (event, place) in Parser::new_ext(markdown, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(_) => {
                if depth == 0 {
                    blocks.push((place, Vec::new()));
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some((_, events)) = blocks.last_mut() {
            events.push(event);
        }
    }
    let (place, events) = blocks.pop()?;
    let mut events = events.into_iter();
    let (Some(Event::Start(Tag::Paragraph)), Some(Event::Start(Tag::Link { dest_url, .. }))) =
        (events.next(), events.next())
    else {
        return None;
    };
    let mut label = String::new();
    loop {
        match events.next()? {
            Event::Text(text) | Event::Code(text) => label.push_str(&text),
            Event::End(TagEnd::Link) => break,
            Event::Start(_) | Event::End(_) => {}
            _ => return None,
        }
    }
    let alone = matches!((events.next(), events.next()), (Some(Event::End(TagEnd::Paragraph)), None));
    let good = alone && !label.trim().is_empty() && !dest_url.is_empty();
    good.then(|| ((label.trim().to_owned(), dest_url.to_string()), place.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_buttons_are_recognized() {
        for (markdown, title, text, action) in [
            ("**T**\n\nbody\n\n[go](https://a)", Some("T"), "body", Some(("go", "https://a"))),
            ("# T\n\nbody", Some("T"), "body", None),
            ("body\n\n[go](x) now", None, "body\n\n[go](x) now", None),
            ("**T** and more\n\nbody", None, "**T** and more\n\nbody", None),
            ("[go](x)", None, "", Some(("go", "x"))),
            ("**[go](x)**", None, "**[go](x)**", None),
            ("**T**", Some("T"), "", None),
            ("", None, "", None),
            ("- a\n- b\n\n[go](x)", None, "- a\n- b", Some(("go", "x"))),
            ("a\n\n- [go](x)", None, "a\n\n- [go](x)", None),
        ] {
            let expected = Card {
                title: title.map(str::to_owned),
                text,
                action: action.map(|(label, to): (&str, &str)| (label.to_owned(), to.to_owned())),
            };
            assert_eq!(card(markdown), expected, "{markdown:?}");
        }
    }
}
