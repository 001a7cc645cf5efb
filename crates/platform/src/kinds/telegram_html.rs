//! Telegram's HTML: its few tags, and errors with byte offsets
//! (core.telegram.org/bots/api#html-style).

use fake_server::text::{is_web, unescaped};

/// The reason for which Telegram cannot parse a text, in Telegram's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("Unclosed start tag at byte offset {0}")]
    Unclosed(usize),
    #[error("Can't find end tag corresponding to start tag \"{0}\"")]
    NoEndTag(String),
    #[error("Unsupported start tag \"{name}\" at byte offset {at}")]
    Unsupported { name: String, at: usize },
    #[error("Tag \"span\" must have class \"tg-spoiler\" at byte offset {0}")]
    Span(usize),
    #[error("Unexpected end tag at byte offset {0}")]
    UnexpectedEnd(usize),
    #[error("Unmatched end tag at byte offset {at}, expected \"</{expected}>\", found \"</{found}>\"")]
    Unmatched { at: usize, expected: String, found: String },
}

/// Returns the visible text and the URLs of its links.
pub(crate) fn parse(html: &str) -> Result<(String, Vec<String>), ParseError> {
    let (mut text, mut links, mut open) = (String::new(), Vec::new(), Vec::<String>::new());
    let mut at = 0;
    while let Some(next) = html[at..].find('<').map(|next| at + next) {
        text.push_str(&unescaped(&html[at..next]));
        let length = html[next..].find('>').ok_or(ParseError::Unclosed(next))?;
        let tag = &html[next + 1..next + length];
        if let Some(name) = tag.strip_prefix('/') {
            close(&mut open, name.trim(), next)?;
        } else {
            let name = start(tag, next)?;
            if name == "a" {
                links.extend(href(tag).filter(|href| is_web(href)));
            }
            open.push(name);
        }
        at = next + length + 1;
    }
    text.push_str(&unescaped(&html[at..]));
    match open.pop() {
        None => Ok((text.trim().to_owned(), links)),
        Some(name) => Err(ParseError::NoEndTag(name)),
    }
}

/// Returns the name of a supported start tag.
fn start(tag: &str, at: usize) -> Result<String, ParseError> {
    const SUPPORTED_TAGS: [&str; 16] = [
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "a",
        "code",
        "pre",
        "blockquote",
        "tg-spoiler",
        "tg-emoji",
        "span",
    ];
    let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if tag.starts_with(char::is_whitespace) || name.is_empty() {
        return Err(ParseError::Unsupported { name: String::new(), at });
    }
    if !SUPPORTED_TAGS.contains(&name.as_str()) {
        return Err(ParseError::Unsupported { name, at });
    }
    if name == "span" && !tag.contains("class=\"tg-spoiler\"") {
        return Err(ParseError::Span(at));
    }
    Ok(name)
}

fn close(open: &mut Vec<String>, name: &str, at: usize) -> Result<(), ParseError> {
    let expected = open.pop().ok_or(ParseError::UnexpectedEnd(at))?;
    // An empty end tag closes whatever is open.
    if name.is_empty() || name.eq_ignore_ascii_case(&expected) {
        return Ok(());
    }
    Err(ParseError::Unmatched { at, expected, found: name.to_owned() })
}

fn href(tag: &str) -> Option<String> {
    let (_, value) = tag.split_once("href=")?;
    let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    value[1..].split(quote).next().map(unescaped)
}
