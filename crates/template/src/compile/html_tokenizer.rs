//! A tokenizer for the HTML that the CSS inliner writes, which is regular, quoted and escaped.

use std::borrow::Cow;

use message::escape;

/// A token of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text between tags, still escaped.
    Text(&'a str),
    /// The content of a `style` or `script` element.
    Raw(&'a str),
    /// The content of a comment, without `<!--` and `-->`.
    Comment(&'a str),
    /// A whole declaration, such as `<!doctype html>`.
    Declaration(&'a str),
    /// An opening tag: `<name …>`.
    Open(Tag<'a>),
    /// The name of a closing tag: `</name>`.
    Close(&'a str),
}

/// An opening tag with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The name of the element, in lowercase.
    pub(super) name: &'a str,
    /// The text between the name and the `>`.
    pub(super) rest: &'a str,
}

/// An iterator over the tokens of an HTML text.
#[derive(Debug)]
pub(super) struct Tokenizer<'a> {
    rest: &'a str,
    raw: Option<&'a str>,
}

impl<'a> Tokenizer<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html, raw: None }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes everything up to and including `end`, or all of the rest. Returns the part before
    /// `end`.
    fn take_past(&mut self, end: &str) -> &'a str {
        let found = self.rest.find(end);
        let inside = self.take(found.unwrap_or(self.rest.len()));
        self.take(found.map_or(0, |_| end.len()));
        inside
    }

    fn raw(&mut self, name: &str) -> &'a str {
        let close = format!("</{name}");
        let end = self.rest.find(&close).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn open(&mut self) -> Token<'a> {
        let inside = &self.rest[1..];
        let name = inside.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(inside.len());
        let end = tag_end(inside);
        let tag = Tag { name: &inside[..name.min(end)], rest: &inside[name.min(end)..end] };
        self.take((end + 2).min(self.rest.len()));
        if matches!(tag.name, "style" | "script") {
            self.raw = Some(tag.name);
        }
        Token::Open(tag)
    }
}

impl<'a> Iterator for Tokenizer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some(name) = self.raw.take() {
            return Some(Token::Raw(self.raw(name)));
        }
        if self.rest.starts_with("<!--") {
            self.take(4);
            return Some(Token::Comment(self.take_past("-->")));
        }
        if self.rest.starts_with("<!") {
            let end = self.rest.find('>').map_or(self.rest.len(), |end| end + 1);
            return Some(Token::Declaration(self.take(end)));
        }
        if self.rest.starts_with("</") {
            self.take(2);
            return Some(Token::Close(self.take_past(">").trim()));
        }
        if self.rest.starts_with('<') && self.rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some(self.open());
        }
        let after =
            self.rest.char_indices().skip(1).find(|(_, c)| *c == '<').map_or(self.rest.len(), |(at, _)| at);
        Some(Token::Text(self.take(after)))
    }
}

/// Returns the position of the `>` that ends a tag; a quoted value may hold others.
fn tag_end(inside: &str) -> usize {
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return at,
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    inside.len()
}

impl<'a> Tag<'a> {
    /// Returns the attributes with unchanged names and unescaped values.
    pub(super) fn attributes(&self) -> Vec<(&'a str, Cow<'a, str>)> {
        let mut list = Vec::new();
        let mut rest = self.rest;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() {
                return list;
            }
            let end =
                rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len()).max(1);
            let end = if rest.is_char_boundary(end) { end } else { rest.len() };
            let (name, after) = rest.split_at(end);
            let value = after.trim_start().strip_prefix('=').map(str::trim_start);
            let (value, after) = value.map_or(("", after), split_value);
            list.push((name, unescape(value)));
            rest = after;
        }
    }

    /// Returns the value of one attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes()
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns true if the element has no content, such as `<br>`.
    pub(super) fn is_void(&self) -> bool {
        matches!(
            self.name,
            "area"
                | "base"
                | "br"
                | "col"
                | "embed"
                | "hr"
                | "img"
                | "input"
                | "link"
                | "meta"
                | "source"
                | "wbr"
        )
    }
}

fn split_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// Decodes the entities that serializers write, and numeric ones.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest[1..].split_once(';').map(|(name, _)| name).filter(|name| name.len() <= 8);
        match entity.and_then(|name| escape::entity(name).map(|c| (c, name.len() + 2))) {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_token_is_recognized() {
        let html =
            "<!doctype html><a href=\"x>y\" b='&amp;c' d>t&lt;</a><!-- c --><style>a<b</style><br/>1 < 2";
        let tokens: Vec<_> = Tokenizer::new(html).collect();
        assert_eq!(tokens[0], Token::Declaration("<!doctype html>"));
        let Token::Open(tag) = &tokens[1] else { panic!("{tokens:?}") };
        let attributes = tag.attributes();
        assert_eq!(attributes, [("href", "x>y".into()), ("b", "&c".into()), ("d", "".into())]);
        assert_eq!(tokens[2..5], [Token::Text("t&lt;"), Token::Close("a"), Token::Comment(" c ")]);
        assert_eq!(tokens[6..8], [Token::Raw("a<b"), Token::Close("style")]);
        assert_eq!(tokens[9..], [Token::Text("1 "), Token::Text("< 2")]);
    }

    #[test]
    fn malformed_html_neither_panics_nor_loops() {
        for html in [
            "<",
            "<a",
            "</",
            "<!--",
            "<a b=",
            "<a b='",
            "<a =",
            "<é",
            "a<é>",
            "<a é=è/é>",
            "<style>",
            "&#x;&;&",
        ] {
            for token in Tokenizer::new(html) {
                if let Token::Open(tag) = token {
                    let _ = tag.attributes();
                }
            }
            let _ = unescape(html);
        }
    }
}
