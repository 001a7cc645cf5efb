//! A text as it is compared: one width, one case, one kind of quote, dash and space, each letter with its place.

use std::ops::Range;

/// One letter as compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter {
    /// Lower case, half width.
    pub(crate) c: char,
    /// Whether it was written as a capital.
    pub(crate) capital: bool,
    /// Whether it is a space in which a line ends.
    line: bool,
    /// First byte in the text.
    pub(crate) start: usize,
    /// The byte after it.
    pub(crate) end: usize,
}

/// The letters of a text. A run of white space is one space, or one `\n` where a paragraph ends; what nobody sees
/// and the marks of Markdown's emphasis are left out.
#[derive(Debug)]
pub(crate) struct Letters(Vec<Letter>);

impl Letters {
    pub(crate) fn new(text: &str) -> Self {
        let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
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
                letters.extend(c.to_lowercase().map(|c| Letter { c, capital, line: false, start, end }));
                continue;
            }
            breaks += usize::from(c == '\n');
            let space = Letter {
                c: if breaks > 1 { '\n' } else { ' ' },
                capital: false,
                line: breaks > 0,
                start,
                end,
            };
            match letters.last_mut() {
                Some(last) if matches!(last.c, ' ' | '\n') => (last.c, last.line) = (space.c, space.line),
                _ => letters.push(space),
            }
        }
        Self(letters)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The letter at `at`; NUL beyond the end.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> char {
        self.0.get(at).map_or('\0', |letter| letter.c)
    }

    pub(crate) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or('\0', |at| self.at(at))
    }

    pub(crate) fn is_capital(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|letter| letter.capital)
    }

    /// Whether a line ends in the space at `at`.
    pub(crate) fn ends_line(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|letter| letter.line)
    }

    /// The position after at most one space at `at`.
    pub(crate) fn past_space(&self, at: usize) -> usize {
        at + usize::from(self.at(at) == ' ')
    }

    /// The position after `word` if it stands at `at`, whatever follows.
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

    /// The position after `word` if it stands at `at` as a whole word; Chinese words need no end.
    pub(crate) fn past_word(&self, at: usize, word: &str) -> Option<usize> {
        let next = self.past(at, word)?;
        let open = is_latin(self.before(next)) && is_latin(self.at(next));
        (!open).then_some(next)
    }

    /// The bytes of the text from letter `from` up to letter `to`.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.0.get(from).map_or(0, |letter| letter.start);
        let end = to.checked_sub(1).and_then(|last| self.0.get(last)).map_or(start, |letter| letter.end);
        start..end.max(start)
    }
}

/// A letter of the words that are written with spaces between them.
pub(crate) fn is_latin(c: char) -> bool {
    c.is_alphabetic() && !is_han(c)
}

/// A letter of the scripts that are written without spaces.
pub fn is_han(c: char) -> bool {
    matches!(c, '〇' | '\u{2e80}'..='\u{2fff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn folded(c: char) -> char {
    match c {
        // Full-width forms stand in the order of ASCII.
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

/// Letters without a shape of their own, and `*` and backtick, which a renderer may leave behind.
fn is_invisible(c: char) -> bool {
    matches!(c, '*' | '`' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}
