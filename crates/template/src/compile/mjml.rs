//! MJML to HTML, by mrml, with what it would damage kept from it.

use super::hole::{Holes, is_hole};

/// What is wrong with MJML: in words, and where in the text, if known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadMjml {
    pub(super) message: String,
    /// The text around the place.
    pub(super) near: Option<String>,
    pub(super) help: &'static str,
}

/// The most elements in one another, of HTML or MJML.
const MAX_DEPTH: usize = 256;

/// Makes HTML of `mjml`, in which marks of blocks are comments already (see [`fence`]).
pub(super) fn to_html(mjml: &str) -> Result<String, BadMjml> {
    let bad = |message: &str, help| Err(BadMjml { message: message.to_owned(), near: None, help });
    if mjml.contains("<mj-include") {
        return bad("mj-include is not supported", "use {{> partials/name}}");
    }
    let shield = Shield::new(mjml);
    let shielded = shield.raise(mjml);
    let parsed = mrml::parse(&shielded).map_err(|error| described(&error, &shielded, &shield))?;
    match parsed.element.render(&mrml::prelude::render::RenderOptions::default()) {
        Ok(html) => Ok(shield.lower(&html)),
        Err(error) => {
            bad(&format!("the MJML cannot be made into HTML: {error}"), "check sizes and colours in it")
        }
    }
}

fn described(error: &mrml::prelude::parser::Error, text: &str, shield: &Shield) -> BadMjml {
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
    let near = near.map(|line| shield.lower(line));
    BadMjml { message: format!("the MJML cannot be read: {what}"), near, help }
}

/// mrml writes attributes as Rust writes strings in its own source: `\` doubled, and many a character, among
/// them the joiners of emoji, as `\u{…}`. Those go through it as plain letters.
struct Shield {
    start: String,
}

impl Shield {
    fn new(text: &str) -> Self {
        let free = |start: &String| !text.contains(start.as_str());
        let start = (0..).map(|n| format!("zq{n}x")).find(free).unwrap_or_default();
        Self { start }
    }

    fn raise(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let kept =
                c == '"' || c == '\'' || c.is_ascii_whitespace() || c != '\\' && c.escape_debug().len() == 1;
            if kept && !is_hole(c) {
                out.push(c);
            } else {
                out.push_str(&format!("{}{:x}z", self.start, u32::from(c)));
            }
        }
        out
    }

    fn lower(&self, text: &str) -> String {
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

/// Text in which marks of blocks that stand between elements are comments, so that no parser moves them, and
/// white space inside tags is spaces. `Err` is the depth, if elements are too deep in one another.
pub(super) fn fence(text: &str, holes: &Holes) -> Result<String, usize> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let (mut depth, mut bare) = (0_usize, None);
    while let Some(c) = rest.chars().next() {
        if let Some(name) = bare.filter(|_| !rest.starts_with("</")) {
            let end = find_close(rest, name);
            push_bare(&rest[..end], name, &mut out);
            (rest, bare) = (&rest[end..], None);
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
            bare = BARE.into_iter().find(|name| opens(tag, name));
            rest = &rest[end..];
        } else {
            if holes.is_mark(c) {
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

/// Elements whose content is text to every parser: comments are none in them.
const BARE: [&str; 7] = ["title", "mj-title", "mj-preview", "style", "mj-style", "script", "textarea"];

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

/// A title also becomes an attribute, so quotes and newlines in it must not stay.
fn push_bare(text: &str, name: &str, out: &mut String) {
    if name.ends_with("title") {
        out.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "&quot;"));
    } else {
        out.push_str(text);
    }
}

/// Pushes the tag that `text` starts with; its attributes in double quotes, on one line. Gives its length.
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
    use crate::compile::hole::Hole;
    use crate::expression::Expression;

    #[test]
    fn attributes_come_through_whole() {
        let said = "a\\b \u{1F469}\u{200D}\u{1F33E} \u{F0000} \u{ad}春\u{301}";
        let mjml = format!(
            "<mjml><mj-head><mj-title>{said}</mj-title></mj-head><mj-body><mj-section><mj-column>\
             <mj-image src=\"https://a.example/i.png\" alt=\"{said}\"/></mj-column></mj-section></mj-body></mjml>"
        );
        let html = to_html(&mjml).unwrap();
        assert!(html.contains(&format!("alt=\"{said}\"")), "{html}");
        assert!(html.contains(&format!("<title>{said}</title>")), "{html}");
        assert!(html.contains(&format!("aria-label=\"{said}\"")), "{html}");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let bad = to_html("<mjml><mj-head>\n<mj-sction>x</mj-sction></mj-head></mjml>");
        assert!(bad.unwrap_err().near.unwrap().contains("mj-sction"));
        assert!(to_html("<mjml><mj-body><mj-section></mj-body>").is_err());
        assert!(to_html("").is_err());
        assert!(to_html("<mjml><mj-body><mj-include path=\"/etc/passwd\"/></mj-body></mjml>").is_err());
    }

    #[test]
    fn fences_blocks_where_they_could_be_moved() {
        let mut holes = Holes::default();
        let mark = holes.put(Hole::If(Expression::Contact(vec![])));
        let value = holes.put(Hole::Value(Expression::Contact(vec![]), None));
        let text =
            format!("<t a='{mark}\n\"{value}'>{mark}{value}<!-- {mark} --><title>{mark}\"</title>{mark}");
        let expected = format!(
            "<t a=\"{mark} &quot;{value}\"><!--{mark}-->{value}<!-- {mark} --><title>{mark}&quot;</title><!--{mark}-->"
        );
        assert_eq!(fence(&text, &holes).unwrap(), expected);
        assert!(fence(&"<div>".repeat(300), &holes).is_err());
        assert!(fence(&"<br>".repeat(300), &holes).is_ok());
    }

    #[test]
    fn nothing_makes_it_panic() {
        let holes = Holes::default();
        for text in
            ["<", "<a", "</", "<title>", "<title", "<!--", "<é", "<a é='", "<style></sty", "</title>é"]
        {
            let fenced = fence(text, &holes).unwrap();
            let _ = to_html(&fenced);
        }
    }
}
