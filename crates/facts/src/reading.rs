//! A text taken apart once: its words with their places, its sentences, its values.

use std::ops::Range;

use crate::letters::{Letters, is_han};
use crate::scan::{self, Found};

/// A word, a Chinese sign, a number or a sign that means something.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Where it begins in [`Reading::words`].
    at: usize,
    len: usize,
    /// The bytes of the text.
    start: usize,
    end: usize,
    /// The sentence it stands in.
    pub sentence: usize,
}

/// A text taken apart.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Every token between spaces, with a space before the first.
    words: String,
    /// Words, signs and numbers in their order.
    pub tokens: Vec<Token>,
    /// What it says as values, in its order.
    pub values: Vec<Found>,
}

impl<'a> Reading<'a> {
    /// Takes a text apart.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let letters = Letters::new(text);
        let (words, tokens) = tokens(&letters);
        Self { text, words, tokens, values: scan::found(&letters) }
    }

    /// A token as words are compared: in lower case, without commas in numbers.
    #[must_use]
    pub fn word(&self, token: &Token) -> &str {
        self.words.get(token.at..token.at + token.len).unwrap_or_default()
    }

    /// The first token that ends after byte `at`.
    #[must_use]
    pub fn token_at(&self, at: usize) -> usize {
        self.tokens.partition_point(|token| token.end <= at)
    }

    /// The tokens that a range of bytes touches.
    #[must_use]
    pub fn tokens_of(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.token_at(range.start);
        let past = self.tokens.partition_point(|token| token.start < range.end);
        first..past.max(first)
    }

    /// The bytes from the first to the last of these tokens.
    #[must_use]
    pub fn bytes_of(&self, tokens: &Range<usize>) -> Range<usize> {
        let start = self.tokens.get(tokens.start).map_or(0, |token| token.start);
        let last = tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |token| token.end).max(start)
    }

    /// Every place where the words of `other` stand in their order, as tokens. At most a hundred.
    pub fn places_of<'r>(&'r self, other: &'r Reading<'_>) -> impl Iterator<Item = Range<usize>> + 'r {
        let count = other.tokens.len();
        let places = self.words.match_indices(other.words.as_str()).take(100);
        places.filter(move |_| count > 0).map(move |(at, _)| {
            let first = self.tokens.partition_point(|token| token.at <= at);
            first..first + count
        })
    }

    /// The text at a range of bytes.
    #[must_use]
    pub fn cut(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

fn tokens(letters: &Letters) -> (String, Vec<Token>) {
    let mut words = String::with_capacity(letters.len() + 1);
    words.push(' ');
    let mut tokens = Vec::new();
    let (mut at, mut sentence) = (0, 0);
    while at < letters.len() {
        let end = past(letters, at);
        if end > at {
            let start = words.len();
            words.extend((at..end).map(|at| letters.at(at)).filter(|c| *c != ','));
            let bytes = letters.bytes(at, end);
            tokens.push(Token {
                at: start,
                len: words.len() - start,
                start: bytes.start,
                end: bytes.end,
                sentence,
            });
            words.push(' ');
        } else {
            sentence += usize::from(ends_sentence(letters, at));
        }
        at = end.max(at + 1);
    }
    (words, tokens)
}

/// The position after the token at `at`; `at` itself if there is none.
fn past(letters: &Letters, at: usize) -> usize {
    let c = letters.at(at);
    let mut end = at;
    if c.is_ascii_digit() {
        let joined = |at: usize| matches!(letters.at(at), '.' | ',') && letters.at(at + 1).is_ascii_digit();
        while letters.at(end).is_ascii_digit() || joined(end) {
            end += 1;
        }
    } else if is_han(c) || "%¥€£$₩₹°℃#@&+".contains(c) {
        end += 1;
    } else {
        while letters.at(end).is_alphanumeric()
            && !is_han(letters.at(end))
            && !letters.at(end).is_ascii_digit()
        {
            end += 1;
        }
    }
    end
}

fn ends_sentence(letters: &Letters, at: usize) -> bool {
    match letters.at(at) {
        '。' | '!' | '?' | '\n' | '…' => true,
        '.' => {
            let next = letters.past_space(at + 1);
            next > at + 1 && (letters.is_capital(next) || is_han(letters.at(next)))
        }
        _ => false,
    }
}
