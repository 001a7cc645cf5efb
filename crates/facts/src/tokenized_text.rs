//! Tokenized text: its words with their positions, its sentences, its values.

use std::ops::Range;

use crate::normalized_text::{NormalizedText, is_han};
use crate::scan::{self, FoundValue};

/// A word, a Chinese character, a number, or a sign such as `%` or `¥`.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// The byte position in [`TokenizedText::words`].
    at: usize,
    len: usize,
    /// The first byte of the token in the text.
    start: usize,
    end: usize,
    /// The index of its sentence in the text.
    pub sentence: usize,
}

/// A text with its tokens and values.
#[derive(Debug)]
pub struct TokenizedText<'a> {
    /// The original text.
    pub text: &'a str,
    /// All tokens, separated by spaces, with a space before the first.
    words: String,
    /// The tokens of the text, in order.
    pub tokens: Vec<Token>,
    /// The values in the text, in order.
    pub values: Vec<FoundValue>,
}

impl<'a> TokenizedText<'a> {
    /// Tokenizes a text and finds its values.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let chars = NormalizedText::new(text);
        let (words, tokens) = tokens(&chars);
        Self { text, words, tokens, values: scan::find_values(&chars) }
    }

    /// Returns a token in the form in which words are compared: in lower case, without commas in
    /// numbers.
    #[must_use]
    pub fn word(&self, token: &Token) -> &str {
        self.words.get(token.at..token.at + token.len).unwrap_or_default()
    }

    /// Returns the index of the first token that ends after byte `at`.
    #[must_use]
    pub fn token_at(&self, at: usize) -> usize {
        self.tokens.partition_point(|token| token.end <= at)
    }

    /// Returns the range of tokens that overlap a range of bytes.
    #[must_use]
    pub fn tokens_of(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.token_at(range.start);
        let past = self.tokens.partition_point(|token| token.start < range.end);
        first..past.max(first)
    }

    /// Returns the range of bytes from the first to the last of these tokens.
    #[must_use]
    pub fn bytes_of(&self, tokens: &Range<usize>) -> Range<usize> {
        let start = self.tokens.get(tokens.start).map_or(0, |token| token.start);
        let last = tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |token| token.end).max(start)
    }

    /// Returns the places at which all words of `other` occur in their order, as ranges of tokens;
    /// at most a hundred.
    pub fn occurrences_of<'r>(
        &'r self,
        other: &'r TokenizedText<'_>,
    ) -> impl Iterator<Item = Range<usize>> + 'r {
        let count = other.tokens.len();
        let places = self.words.match_indices(other.words.as_str()).take(100);
        places.filter(move |_| count > 0).map(move |(at, _)| {
            let first = self.tokens.partition_point(|token| token.at <= at);
            first..first + count
        })
    }

    /// Returns the text at a range of bytes; empty if the range is invalid.
    #[must_use]
    pub fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

fn tokens(chars: &NormalizedText) -> (String, Vec<Token>) {
    let mut words = String::with_capacity(chars.len() + 1);
    words.push(' ');
    let mut tokens = Vec::new();
    let (mut at, mut sentence) = (0, 0);
    while at < chars.len() {
        let end = past(chars, at);
        if end > at {
            let start = words.len();
            words.extend((at..end).map(|at| chars.at(at)).filter(|c| *c != ','));
            let bytes = chars.bytes(at, end);
            tokens.push(Token {
                at: start,
                len: words.len() - start,
                start: bytes.start,
                end: bytes.end,
                sentence,
            });
            words.push(' ');
        } else {
            sentence += usize::from(ends_sentence(chars, at));
        }
        at = end.max(at + 1);
    }
    (words, tokens)
}

/// Returns the position after the token at `at`; `at` itself if there is none.
fn past(chars: &NormalizedText, at: usize) -> usize {
    let c = chars.at(at);
    let mut end = at;
    if c.is_ascii_digit() {
        let joined = |at: usize| matches!(chars.at(at), '.' | ',') && chars.at(at + 1).is_ascii_digit();
        while chars.at(end).is_ascii_digit() || joined(end) {
            end += 1;
        }
    } else if is_han(c) || "%¥€£$₩₹°℃#@&+".contains(c) {
        end += 1;
    } else {
        while chars.at(end).is_alphanumeric() && !is_han(chars.at(end)) && !chars.at(end).is_ascii_digit() {
            end += 1;
        }
    }
    end
}

fn ends_sentence(chars: &NormalizedText, at: usize) -> bool {
    match chars.at(at) {
        '。' | '!' | '?' | '\n' | '…' => true,
        '.' => {
            let next = chars.past_space(at + 1);
            next > at + 1 && (chars.is_capital(next) || is_han(chars.at(next)))
        }
        _ => false,
    }
}
