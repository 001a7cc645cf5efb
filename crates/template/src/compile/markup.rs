//! Reads the HTML that the CSS inliner writes: regular, quoted and escaped, so that a walk over it is enough.

use std::borrow::Cow;

use message::escape;

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text between tags, as written.
    Text(&'a str),
    /// The inside of `style` or `script`.
    Raw(&'a str),
    /// `<!--…-->`, without its ends.
    Comment(&'a str),
    /// `<!doctype …>` and the like, whole.
    Declaration(&'a str),
    /// `<name …>`.
    Open(Tag<'a>),
    /// `</name>`, the name.
    Close(&'a str),
}

/// An opening tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// Lower case in what we read.
    pub(super) name: &'a str,
    /// Everything between the name and the `>`.
    pub(super) rest: &'a str,
}

/// Walks over HTML.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    rest: &'a str,
    raw: Option<&'a str>,
}

impl<'a> Walk<'a> {
    pub(super) const fn over(html: &'a str) -> Self {
        Self { rest: html, raw: None }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes up to and with `end`; to the end of all if there is none. Gives what is before `end`.
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

impl<'a> Iterator for Walk<'a> {
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

/// Where the `>` of a tag is: quotes may hold others.
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
    /// The attributes, names as written, values unescaped.
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

    /// The value of one attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes()
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether it has no content: `<br>`.
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

/// What escaped HTML says: the entities that serialisers write, and numeric ones.
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
    fn walks_over_everything() {
        let html =
            "<!doctype html><a href=\"x>y\" b='&amp;c' d>t&lt;</a><!-- c --><style>a<b</style><br/>1 < 2";
        let tokens: Vec<_> = Walk::over(html).collect();
        assert_eq!(tokens[0], Token::Declaration("<!doctype html>"));
        let Token::Open(tag) = &tokens[1] else { panic!("{tokens:?}") };
        let attributes = tag.attributes();
        assert_eq!(attributes, [("href", "x>y".into()), ("b", "&c".into()), ("d", "".into())]);
        assert_eq!(tokens[2..5], [Token::Text("t&lt;"), Token::Close("a"), Token::Comment(" c ")]);
        assert_eq!(tokens[6..8], [Token::Raw("a<b"), Token::Close("style")]);
        assert_eq!(tokens[9..], [Token::Text("1 "), Token::Text("< 2")]);
    }

    #[test]
    fn nothing_makes_it_panic_or_stand_still() {
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
            for token in Walk::over(html) {
                if let Token::Open(tag) = token {
                    let _ = tag.attributes();
                }
            }
            let _ = unescape(html);
        }
    }
}
