//! The characters that X and Mastodon allow in a URL after its domain.

/// The URL rules of one network.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Schemes with which a URL may begin.
    pub(super) schemes: &'static [&'static str],
    /// True if a URL may begin with its domain.
    pub(super) bare: bool,
    in_path: fn(char) -> bool,
    ends_path: fn(char) -> bool,
    in_query: fn(char) -> bool,
    ends_query: fn(char) -> bool,
}

/// The rules of X: `extractUrl` of twitter-text 3.1.0 and the patterns it is made of.
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
    in_query: is_query_char,
    ends_query,
};

/// The rules of Mastodon (`config/initializers/twitter_regex.rb`): paths of any script and more
/// schemes; its validator finds no URL without a scheme.
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
    in_query: |c| c == '^' || is_query_char(c) || is_iri_char(c),
    ends_query: |c| ends_query(c) || is_iri_char(c),
};

impl Grammar {
    /// Returns the length in bytes of the path at the start of `rest`: a slash, and the text up to
    /// the last character that may end a path.
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

    /// Returns the length in bytes of the query at the start of `rest`: a question mark, and the
    /// text up to the last character that may end a query.
    pub(super) fn query(&self, rest: &str) -> usize {
        if !rest.starts_with('?') {
            return 0;
        }
        let inside = rest[1..].char_indices().take_while(|(_, c)| (self.in_query)(*c));
        inside.filter(|(_, c)| (self.ends_query)(*c)).last().map_or(0, |(at, c)| 1 + at + c.len_utf8())
    }

    /// Returns the length in bytes of a balanced pair of parentheses at the start of `rest`, not
    /// empty and with at most one pair nested in it (`/Primer_(film)`).
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

    /// Returns the length in bytes of the path characters at the start of `rest`.
    fn run(&self, rest: &str) -> usize {
        rest.find(|c| !(self.in_path)(c)).unwrap_or(rest.len())
    }
}

/// Matches digits, and letters of the Latin and Cyrillic scripts.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{400}'..='\u{4FF}') || is_latin_accent(c)
}

/// Matches `latinAccentChars` of twitter-text.
pub(crate) const fn is_latin_accent(c: char) -> bool {
    matches!(
        c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{24F}' | '\u{253}' | '\u{254}' | '\u{256}'
            | '\u{257}' | '\u{259}' | '\u{25B}' | '\u{263}' | '\u{268}' | '\u{26F}' | '\u{272}' | '\u{289}'
            | '\u{28B}' | '\u{2BB}' | '\u{300}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}'
    )
}

/// Matches `validUrlQueryChars` of twitter-text.
fn is_query_char(c: char) -> bool {
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

/// Matches `validUrlQueryEndingChars` of twitter-text.
fn ends_query(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '&' | '=' | '#' | '/')
}

/// Matches `UCHARS`: the characters that an IRI allows besides ASCII (RFC 3987 §2.2, `ucschar` and
/// `iprivate`).
const fn is_iri_char(c: char) -> bool {
    match c as u32 {
        0..0xA0 | 0xFDD0..0xFDF0 | 0xFFF0..0x1_0000 | 0xE_0000..0xE_1000 => false,
        code => code & 0xFFFF < 0xFFFE,
    }
}
