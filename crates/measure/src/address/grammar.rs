//! What may stand in an address after its domain.

/// The rules of one network.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// What an address may begin with.
    pub(super) schemes: &'static [&'static str],
    /// Whether it may begin with its domain.
    pub(super) bare: bool,
    in_path: fn(char) -> bool,
    ends_path: fn(char) -> bool,
    in_query: fn(char) -> bool,
    ends_query: fn(char) -> bool,
}

/// twitter-text 3.1.0: `extractUrl` and what it is made of.
pub(crate) const X: Grammar = Grammar {
    schemes: &["https://", "http://"],
    bare: true,
    in_path: |c| {
        matches!(
            c,
            '!' | '*'
                | '\''
                | ';'
                | ':'
                | '='
                | '+'
                | ','
                | '.'
                | '$'
                | '/'
                | '%'
                | '#'
                | '['
                | ']'
                | '-'
                | '–'
                | '_'
                | '~'
                | '@'
                | '|'
                | '&'
        ) || is_letter(c)
    },
    ends_path: |c| matches!(c, '+' | '-' | '=' | '_' | '#' | '/') || is_letter(c),
    in_query: is_query,
    ends_query,
};

/// Mastodon's `config/initializers/twitter_regex.rb`: paths of any script, more schemes; its validator finds nothing
/// without a scheme.
pub(crate) const MASTODON: Grammar = Grammar {
    schemes: &[
        "https://",
        "http://",
        "dat://",
        "dweb://",
        "ipfs://",
        "ipns://",
        "ssb://",
        "gopher://",
        "gemini://",
    ],
    bare: false,
    in_path: |c| !c.is_whitespace() && !matches!(c, '<' | '>' | '(' | ')' | '?'),
    ends_path: |c| {
        !c.is_whitespace()
            && !matches!(
                c,
                '(' | ')'
                    | '?'
                    | '!'
                    | '*'
                    | '"'
                    | '\''
                    | '「'
                    | '」'
                    | '<'
                    | '>'
                    | ';'
                    | ':'
                    | '='
                    | ','
                    | '.'
                    | '$'
                    | '%'
                    | '['
                    | ']'
                    | '~'
                    | '&'
                    | '|'
                    | '@'
            )
    },
    in_query: |c| c == '^' || is_query(c) || is_beyond(c),
    ends_query: |c| ends_query(c) || is_beyond(c),
};

impl Grammar {
    /// How many bytes of `rest` are a path: a slash, and what follows up to the last character that may end one.
    pub(super) fn path(&self, rest: &str) -> usize {
        if !rest.starts_with('/') {
            return 0;
        }
        let (mut at, mut end) = (1, 1);
        while let Some(c) = rest[at..].chars().next() {
            if (self.in_path)(c) {
                at += c.len_utf8();
                if (self.ends_path)(c) {
                    end = at;
                }
            } else if let Some(size) = self.parentheses(&rest[at..]) {
                at += size;
                end = at;
            } else {
                break;
            }
        }
        end
    }

    /// How many bytes of `rest` are a query: a question mark, and what follows up to the last character that may end
    /// one.
    pub(super) fn query(&self, rest: &str) -> usize {
        if !rest.starts_with('?') {
            return 0;
        }
        let inside = rest[1..].char_indices().take_while(|(_, c)| (self.in_query)(*c));
        inside.filter(|(_, c)| (self.ends_query)(*c)).last().map_or(0, |(at, c)| 1 + at + c.len_utf8())
    }

    /// How many bytes of `rest` are parentheses that close, with something inside and at most one pair within
    /// (`/Primer_(film)`).
    fn parentheses(&self, rest: &str) -> Option<usize> {
        let outer = rest.strip_prefix('(')?;
        let first = self.run(outer);
        if first > 0 && outer[first..].starts_with(')') {
            return Some(first + 2);
        }
        let inner = outer[first..].strip_prefix('(')?;
        let second = self.run(inner);
        let third = inner[second..].strip_prefix(')').filter(|_| second > 0)?;
        let last = self.run(third);
        third[last..].strip_prefix(')').map(|after| rest.len() - after.len())
    }

    /// How many bytes of `rest` may stand in a path.
    fn run(&self, rest: &str) -> usize {
        rest.find(|c| !(self.in_path)(c)).unwrap_or(rest.len())
    }
}

/// Digits, and letters of the Latin and Cyrillic scripts.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{400}'..='\u{4FF}') || is_latin_accent(c)
}

/// `latinAccentChars`.
pub(crate) const fn is_latin_accent(c: char) -> bool {
    matches!(
        c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{24F}' | '\u{253}' | '\u{254}' | '\u{256}'
            | '\u{257}' | '\u{259}' | '\u{25B}' | '\u{263}' | '\u{268}' | '\u{26F}' | '\u{272}' | '\u{289}'
            | '\u{28B}' | '\u{2BB}' | '\u{300}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}'
    )
}

/// `validUrlQueryChars`.
fn is_query(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '!' | '?'
                | '*'
                | '\''
                | '@'
                | '('
                | ')'
                | ';'
                | ':'
                | '&'
                | '='
                | '+'
                | '$'
                | '/'
                | '%'
                | '#'
                | '['
                | ']'
                | '-'
                | '_'
                | '.'
                | ','
                | '~'
                | '|'
        )
}

/// `validUrlQueryEndingChars`.
fn ends_query(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '&' | '=' | '#' | '/')
}

/// `UCHARS`: what an IRI allows besides ASCII (RFC 3987 §2.2, `ucschar` and `iprivate`).
const fn is_beyond(c: char) -> bool {
    match c as u32 {
        0..0xA0 | 0xFDD0..0xFDF0 | 0xFFF0..0x1_0000 | 0xE_0000..0xE_1000 => false,
        code => code & 0xFFFF < 0xFFFE,
    }
}
