//! Text normalized for comparison: half width, lower case, one kind of quote, dash and space, each
//! character with its position.

use std::ops::Range;

/// One character of a normalized text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormalizedChar {
    /// The character in lower case and half width.
    pub(crate) c: char,
    /// True if the text has a capital letter here.
    pub(crate) capital: bool,
    /// True for white space that contains a line break.
    ends_line: bool,
    /// The first byte of the character in the text.
    pub(crate) start: usize,
    /// The byte after the character in the text.
    pub(crate) end: usize,
}

/// The normalized characters of a text. A run of white space is one space, or one `\n` at the end
/// of a paragraph; invisible characters and the marks of Markdown's emphasis are left out.
#[derive(Debug)]
pub(crate) struct NormalizedText(Vec<NormalizedChar>);

impl NormalizedText {
    pub(crate) fn new(text: &str) -> Self {
        let mut chars: Vec<NormalizedChar> = Vec::with_capacity(text.len());
        let mut breaks = 0;
        for (start, written) in text.char_indices() {
            let c = folded(written);
            let end = start + written.len_utf8();
            if is_invisible(c) {
                continue;
            }
            if !c.is_whitespace() {
                breaks = 0;
                let capital = c.is_uppercase();
                chars.extend(c.to_lowercase().map(|c| NormalizedChar {
                    c,
                    capital,
                    ends_line: false,
                    start,
                    end,
                }));
                continue;
            }
            breaks += usize::from(c == '\n');
            let space = NormalizedChar {
                c: if breaks > 1 { '\n' } else { ' ' },
                capital: false,
                ends_line: breaks > 0,
                start,
                end,
            };
            match chars.last_mut() {
                Some(last) if matches!(last.c, ' ' | '\n') => {
                    (last.c, last.ends_line) = (space.c, space.ends_line);
                }
                _ => chars.push(space),
            }
        }
        Self(chars)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the character at `at`; NUL beyond the end.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> char {
        self.0.get(at).map_or('\0', |char| char.c)
    }

    pub(crate) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or('\0', |at| self.at(at))
    }

    pub(crate) fn is_capital(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|char| char.capital)
    }

    /// Returns true if a line ends in the white space at `at`.
    pub(crate) fn ends_line(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|char| char.ends_line)
    }

    /// Returns the position after at most one space at `at`.
    pub(crate) fn past_space(&self, at: usize) -> usize {
        at + usize::from(self.at(at) == ' ')
    }

    /// Returns the position after `word` if the text at `at` begins with it.
    #[inline]
    pub(crate) fn past(&self, at: usize, word: &str) -> Option<usize> {
        let mut next = at;
        for c in word.chars() {
            if self.at(next) != c {
                return None;
            }
            next += 1;
        }
        Some(next)
    }

    /// Returns the position after `word` if it is a whole word at `at`. Chinese words need no
    /// boundary at their end.
    pub(crate) fn past_word(&self, at: usize, word: &str) -> Option<usize> {
        let next = self.past(at, word)?;
        let open = is_latin(self.before(next)) && is_latin(self.at(next));
        (!open).then_some(next)
    }

    /// Returns the byte range of the characters from `from` up to, but not including, `to`.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.0.get(from).map_or(0, |char| char.start);
        let end = to.checked_sub(1).and_then(|last| self.0.get(last)).map_or(start, |char| char.end);
        start..end.max(start)
    }
}

/// Returns true for a letter of a script that separates words by spaces.
pub(crate) fn is_latin(c: char) -> bool {
    c.is_alphabetic() && !is_han(c)
}

/// Returns true for a character of a script that is written without spaces: Chinese characters and
/// Japanese kana.
pub fn is_han(c: char) -> bool {
    matches!(c, '〇' | '\u{2e80}'..='\u{2fff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn folded(c: char) -> char {
    match c {
        // Full-width forms have the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '￥' => '¥',
        '￡' => '£',
        '‘' | '’' | '′' | 'ʼ' => '\'',
        '“' | '”' | '「' | '」' | '『' | '』' | '《' | '》' | '«' | '»' | '″' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '−' | '─' => '-',
        '〜' | '∼' => '~',
        '、' => ',',
        '﹩' => '$',
        '﹪' => '%',
        _ => c,
    }
}

/// Returns true for invisible characters, and for `*` and backtick, which a renderer may leave
/// behind.
fn is_invisible(c: char) -> bool {
    matches!(c, '*' | '`' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}
