//! The conversion of MJML to HTML with mrml, which is kept from damaging special characters and
//! blocks.

use super::placeholder::{Placeholders, is_placeholder};

/// An error in MJML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadMjml {
    pub(super) message: String,
    /// The line of text in which the error is, if it is known.
    pub(super) near: Option<String>,
    pub(super) help: &'static str,
}

/// The maximum depth of nested elements, in HTML or MJML.
const MAX_DEPTH: usize = 256;

/// Converts MJML to HTML. Block marks must be in comments already: see [`protect_blocks`].
pub(super) fn to_html(mjml: &str) -> Result<String, BadMjml> {
    let bad = |message: &str, help| Err(BadMjml { message: message.to_owned(), near: None, help });
    if mjml.contains("<mj-include") {
        return bad("mj-include is not supported", "use {{> partials/name}}");
    }
    let encoding = CharEncoding::new(mjml);
    let encoded = encoding.encode(mjml);
    let parsed = mrml::parse(&encoded).map_err(|error| describe(&error, &encoded, &encoding))?;
    match parsed.element.render(&mrml::prelude::render::RenderOptions::default()) {
        Ok(html) => Ok(encoding.decode(&html)),
        Err(error) => {
            bad(&format!("the MJML cannot be made into HTML: {error}"), "check sizes and colours in it")
        }
    }
}

fn describe(error: &mrml::prelude::parser::Error, text: &str, encoding: &CharEncoding) -> BadMjml {
    use mrml::prelude::parser::Error;
    let (what, position, help) = match error {
        Error::UnexpectedElement { position, .. } => {
            ("this element is not known, or may not stand here", Some(position), "see the MJML documentation")
        }
        Error::UnexpectedToken { position, .. } => {
            ("this may not stand here", Some(position), "close what is open")
        }
        Error::MissingAttribute { position, .. } => ("an attribute is missing", Some(position), "add it"),
        Error::InvalidAttribute { position, .. } => {
            ("this attribute cannot be read", Some(position), "quote it")
        }
        Error::InvalidFormat { position, .. } => ("this cannot be read", Some(position), "correct it"),
        Error::EndOfStream { .. } => ("it ends too early", None, "close every element"),
        Error::NoRootNode => ("there is no <mjml> element", None, "start with <mjml><mj-body>"),
        _ => ("it is not well-formed", None, "close every element and quote every attribute"),
    };
    let near = position.and_then(|span| {
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
        text[start..].lines().next()
    });
    let near = near.map(|line| encoding.decode(line));
    BadMjml { message: format!("the MJML cannot be read: {what}"), near, help }
}

/// An encoding of characters that mrml would damage. It writes attributes with Rust's debug
/// escaping: `\` is doubled, and many characters, such as the joiners of emoji, become `\u{…}`.
/// These pass through mrml as ASCII letters and digits.
struct CharEncoding {
    start: String,
}

impl CharEncoding {
    fn new(text: &str) -> Self {
        let free = |start: &String| !text.contains(start.as_str());
        let start = (0..).map(|n| format!("zq{n}x")).find(free).unwrap_or_default();
        Self { start }
    }

    fn encode(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let kept =
                c == '"' || c == '\'' || c.is_ascii_whitespace() || c != '\\' && c.escape_debug().len() == 1;
            if kept && !is_placeholder(c) {
                out.push(c);
            } else {
                out.push_str(&format!("{}{:x}z", self.start, u32::from(c)));
            }
        }
        out
    }

    fn decode(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(self.start.as_str());
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (hex, rest) = part.split_once('z').unwrap_or(("", part));
            out.extend(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
            out.push_str(rest);
        }
        out
    }
}

/// Puts block marks between elements into comments, so that no parser moves them, and replaces
/// white space inside tags by spaces. Returns the depth as an error if elements are nested too
/// deeply.
pub(super) fn protect_blocks(text: &str, placeholders: &Placeholders) -> Result<String, usize> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let (mut depth, mut raw_element) = (0_usize, None);
    while let Some(c) = rest.chars().next() {
        if let Some(name) = raw_element.filter(|_| !rest.starts_with("</")) {
            let end = find_close(rest, name);
            push_raw_text(&rest[..end], name, &mut out);
            (rest, raw_element) = (&rest[end..], None);
        } else if rest.starts_with("<!--") {
            let end = rest.find("-->").map_or(rest.len(), |end| end + 3);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if c == '<' && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            let end = push_tag(rest, &mut out);
            let tag = &rest[..end];
            depth = deeper(depth, tag);
            if depth > MAX_DEPTH {
                return Err(depth);
            }
            raw_element = RAW_TEXT_ELEMENTS.into_iter().find(|name| opens(tag, name));
            rest = &rest[end..];
        } else {
            if placeholders.is_block_mark(c) {
                out.push_str("<!--");
                out.push(c);
                out.push_str("-->");
            } else {
                out.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(out)
}

/// Elements whose content is raw text to every parser, so that it cannot hold comments.
const RAW_TEXT_ELEMENTS: [&str; 7] =
    ["title", "mj-title", "mj-preview", "style", "mj-style", "script", "textarea"];

fn opens(tag: &str, name: &str) -> bool {
    let after =
        tag.strip_prefix('<').and_then(|tag| tag.get(..name.len()).map(|start| (start, &tag[name.len()..])));
    let whole = |after: &str| after.starts_with([' ', '>', '\n', '\t', '\r']);
    after.is_some_and(|(start, after)| start.eq_ignore_ascii_case(name) && whole(after))
        && !tag.ends_with("/>")
}

fn find_close(text: &str, name: &str) -> usize {
    text.match_indices("</")
        .find(|(at, _)| text.get(at + 2..at + 2 + name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)))
        .map_or(text.len(), |(at, _)| at)
}

/// Appends the content of a raw-text element. A title also becomes an attribute, so its quotes and
/// line breaks are replaced.
fn push_raw_text(text: &str, name: &str, out: &mut String) {
    if name.ends_with("title") {
        out.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "&quot;"));
    } else {
        out.push_str(text);
    }
}

/// Appends the tag at the start of `text`, with double quotes around attributes and without line
/// breaks. Returns its length.
fn push_tag(text: &str, out: &mut String) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => {
                out.push('>');
                return at + 1;
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                out.push('"');
            }
            (Some(open), c) if open == c => {
                quote = None;
                out.push('"');
            }
            (Some(_), '"') => out.push_str("&quot;"),
            (_, '\n' | '\r' | '\t') => out.push(' '),
            _ => out.push(c),
        }
    }
    text.len()
}

fn deeper(depth: usize, tag: &str) -> usize {
    let name: String = tag[1..].chars().take_while(char::is_ascii_alphanumeric).collect();
    let void = ["br", "img", "hr", "meta", "link", "input", "col", "area", "base", "wbr", "source"];
    if tag.starts_with("</") {
        depth.saturating_sub(1)
    } else if tag.ends_with("/>") || void.contains(&name.to_ascii_lowercase().as_str()) {
        depth
    } else {
        depth + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::placeholder::Placeholder;
    use crate::expression::Expression;

    #[test]
    fn special_characters_in_attributes_are_preserved() {
        let text = "a\\b \u{1F469}\u{200D}\u{1F33E} \u{F0000} \u{ad}春\u{301}";
        let mjml = format!(
            "<mjml><mj-head><mj-title>{text}</mj-title></mj-head><mj-body><mj-section><mj-column>\
             <mj-image src=\"https://a.example/i.png\" alt=\"{text}\"/></mj-column></mj-section></mj-body></mjml>"
        );
        let html = to_html(&mjml).unwrap();
        assert!(html.contains(&format!("alt=\"{text}\"")), "{html}");
        assert!(html.contains(&format!("<title>{text}</title>")), "{html}");
        assert!(html.contains(&format!("aria-label=\"{text}\"")), "{html}");
    }

    #[test]
    fn errors_are_described_and_located() {
        let bad = to_html("<mjml><mj-head>\n<mj-sction>x</mj-sction></mj-head></mjml>");
        assert!(bad.unwrap_err().near.unwrap().contains("mj-sction"));
        assert!(to_html("<mjml><mj-body><mj-section></mj-body>").is_err());
        assert!(to_html("").is_err());
        assert!(to_html("<mjml><mj-body><mj-include path=\"/etc/passwd\"/></mj-body></mjml>").is_err());
    }

    #[test]
    fn block_marks_between_elements_are_put_into_comments() {
        let mut placeholders = Placeholders::default();
        let mark = placeholders.insert(Placeholder::If(Expression::Contact(vec![])));
        let value = placeholders.insert(Placeholder::Value(Expression::Contact(vec![]), None));
        let text =
            format!("<t a='{mark}\n\"{value}'>{mark}{value}<!-- {mark} --><title>{mark}\"</title>{mark}");
        let expected = format!(
            "<t a=\"{mark} &quot;{value}\"><!--{mark}-->{value}<!-- {mark} --><title>{mark}&quot;</title><!--{mark}-->"
        );
        assert_eq!(protect_blocks(&text, &placeholders).unwrap(), expected);
        assert!(protect_blocks(&"<div>".repeat(300), &placeholders).is_err());
        assert!(protect_blocks(&"<br>".repeat(300), &placeholders).is_ok());
    }

    #[test]
    fn malformed_mjml_does_not_panic() {
        let placeholders = Placeholders::default();
        for text in
            ["<", "<a", "</", "<title>", "<title", "<!--", "<é", "<a é='", "<style></sty", "</title>é"]
        {
            let protected = protect_blocks(text, &placeholders).unwrap();
            let _ = to_html(&protected);
        }
    }
}
