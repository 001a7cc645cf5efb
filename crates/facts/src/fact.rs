//! The search for a fact in a text: verbatim, or by the same values and words.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::normalized_text::is_han;
use crate::tokenized_text::TokenizedText;
use crate::value::{QuantityUnit, Value};

/// A tokenized fact with its values and words.
#[derive(Debug)]
pub struct Fact<'a> {
    /// The name of the fact, which findings show.
    pub name: &'a str,
    /// The tokenized text of the fact.
    pub tokenized: TokenizedText<'a>,
    /// The values of the fact, at most 48.
    pub values: Vec<Value>,
    /// The words of the fact besides its values and stop words, in the singular; at most 48.
    pub words: BTreeSet<String>,
    /// True if the fact is so long that it is only searched for verbatim.
    long: bool,
}

/// The maximum number of values, and of words, that are searched for individually.
const MAX_PARTS: usize = 48;

/// Words that two phrasings of the same fact need not share.
const STOP_WORDS: &str = " a an the of for with to at in on by before until till and or is are it its your our only just per \
    from as you we get save saving discount 打 立 减 優 优 惠 直 降 省 的 了 前 内 仅 只 需 要 即 可 起 为 至 于 在 和 与 是 就 都 ";

/// Words that negate a statement.
const NEGATIONS: [&str; 10] = ["no", "not", "never", "without", "don't", "不", "没", "無", "无", "非"];

/// The number of other tokens that a statement of a fact may contain, besides three for each token
/// of the fact.
const MAX_GAP: usize = 12;

impl<'a> Fact<'a> {
    /// Builds a fact from its tokenized text.
    #[must_use]
    pub fn new(name: &'a str, tokenized: TokenizedText<'a>) -> Self {
        let long = tokenized.values.len() > MAX_PARTS || tokenized.tokens.len() > 8 * MAX_PARTS;
        let values: Vec<_> = tokenized.values.iter().take(MAX_PARTS).map(|found| found.value).collect();
        let taken: Vec<_> =
            tokenized.values.iter().take(MAX_PARTS).map(|found| tokenized.tokens_of(&found.range)).collect();
        let tokens = tokenized.tokens.iter().take(8 * MAX_PARTS).enumerate();
        let free = tokens.filter(|(at, _)| !taken.iter().any(|tokens| tokens.contains(at)));
        let words = free.map(|(_, token)| singular(tokenized.word(token)).to_owned());
        let words = words.filter(|word| !is_stop_word(word)).take(MAX_PARTS).collect();
        Self { name, values, words, tokenized, long }
    }

    /// Returns the range of tokens of `text` that states the fact.
    pub fn find_in(&self, text: &TokenizedText<'_>) -> Option<Range<usize>> {
        self.find_verbatim(text).or_else(|| self.find_by_values(text))
    }

    /// Returns the place of the fact's text, not inside another value: 98 元 is not found in 1.98 元
    /// or 198 元.
    fn find_verbatim(&self, text: &TokenizedText<'_>) -> Option<Range<usize>> {
        text.occurrences_of(&self.tokenized).find(|place| {
            let bytes = text.bytes_of(place);
            let from = text.values.partition_point(|found| found.range.end <= bytes.start);
            let touched = text.values.iter().skip(from).take_while(|found| found.range.start < bytes.end);
            !is_negated(text, place)
                && touched
                    .into_iter()
                    .all(|found| bytes.start <= found.range.start && found.range.end <= bytes.end)
        })
    }

    /// Returns the shortest range of tokens that contains all values and words of the fact, in any
    /// order.
    fn find_by_values(&self, text: &TokenizedText<'_>) -> Option<Range<usize>> {
        let wanted = self.values.len() + self.words.len();
        // A single word without a value only counts verbatim.
        if self.long || wanted == 0 || (self.values.is_empty() && wanted < 2) {
            return None;
        }
        let occurrences = self.occurrences(text);
        let mut best: Option<Range<usize>> = None;
        let mut held = vec![0_usize; wanted];
        let (mut missing, mut tail) = (wanted, 0);
        for occurrence in &occurrences {
            if let Some(count) = held.get_mut(occurrence.wanted) {
                missing -= usize::from(*count == 0);
                *count += 1;
            }
            while missing == 0 {
                let Some(first) = occurrences.get(tail) else { break };
                let place = first.tokens.start..occurrence.tokens.end;
                if best.as_ref().is_none_or(|best| place.len() < best.len())
                    && self.is_one_statement(text, &place)
                {
                    best = Some(place);
                }
                if let Some(count) = held.get_mut(first.wanted) {
                    *count -= 1;
                    missing += usize::from(*count == 0);
                }
                tail += 1;
            }
        }
        best
    }

    /// Returns the places of the fact's values and words in the text, in order.
    fn occurrences(&self, text: &TokenizedText<'_>) -> Vec<Occurrence> {
        let mut occurrences = Vec::new();
        for found in &text.values {
            let same = self.values.iter().enumerate().filter(|(_, value)| value.agrees(&found.value));
            let tokens = text.tokens_of(&found.range);
            occurrences.extend(same.map(|(wanted, _)| Occurrence { tokens: tokens.clone(), wanted }));
        }
        if !self.words.is_empty() {
            for (at, token) in text.tokens.iter().enumerate() {
                let word = singular(text.word(token));
                if let Some(wanted) = self.words.iter().position(|own| own == word) {
                    occurrences.push(Occurrence { tokens: at..at + 1, wanted: self.values.len() + wanted });
                }
            }
            occurrences.sort_by_key(|occurrence| occurrence.tokens.start);
        }
        occurrences
    }

    /// Returns true if a range can be one statement of the fact: short, in one sentence if the fact
    /// has words, and not negated.
    fn is_one_statement(&self, text: &TokenizedText<'_>, place: &Range<usize>) -> bool {
        let tokens = text.tokens.get(place.clone()).unwrap_or_default();
        let one_sentence =
            tokens.first().map(|token| token.sentence) == tokens.last().map(|token| token.sentence);
        let negated = tokens.iter().map(|token| text.word(token)).any(|word| {
            NEGATIONS.contains(&word)
                && !self.tokenized.tokens.iter().any(|own| self.tokenized.word(own) == word)
        });
        !is_negated(text, place)
            && tokens.len() <= 3 * self.tokenized.tokens.len() + MAX_GAP
            && (one_sentence || self.words.is_empty())
            && !negated
    }

    /// Returns true if `value` contradicts the fact: it is comparable with a value of the fact and
    /// different. Times and quantities need at least [`MIN_CONTEXT`] of `context`, unless the fact
    /// is that value alone; counts of pieces always do.
    pub fn is_contradicted_by(&self, value: &Value, context: usize) -> bool {
        let alone = self.values.len() == 1 && self.words.is_empty();
        self.values.iter().any(|own| {
            let needs_context = match own {
                Value::Money { .. } | Value::Percent { .. } | Value::Date { .. } => false,
                Value::Quantity { unit: QuantityUnit::Piece, .. } => true,
                Value::Time { .. } | Value::Quantity { .. } => !alone,
            };
            own.is_comparable(value) && !own.agrees(value) && (context >= MIN_CONTEXT || !needs_context)
        })
    }

    /// Returns a score of how much of the fact surrounds `value`, within twenty tokens of its
    /// sentence: two for each word of the fact, one for each Chinese character, four for each other
    /// value of the fact that is not comparable with `value`.
    pub fn context(&self, text: &TokenizedText<'_>, tokens: &Range<usize>, value: &Value) -> usize {
        let sentence = text.tokens.get(tokens.start).map(|token| token.sentence);
        let around = tokens.start.saturating_sub(20)..(tokens.end + 20).min(text.tokens.len());
        let near = text.tokens.get(around.clone()).unwrap_or_default();
        let near = near.iter().filter(|token| Some(token.sentence) == sentence).map(|token| text.word(token));
        let words = near.filter(|word| self.words.contains(singular(word)));
        let words: usize = words.map(|word| if word.starts_with(is_han) { 1 } else { 2 }).sum();
        let bytes = text.bytes_of(&around);
        let from = text.values.partition_point(|found| found.range.end <= bytes.start);
        let values = text.values.iter().skip(from).take_while(|found| found.range.start < bytes.end);
        let other = |own: &Value, found: &Value| own.agrees(found) && !own.is_comparable(value);
        let agreeing = values.filter(|found| self.values.iter().any(|own| other(own, &found.value))).count();
        words + 4 * agreeing
    }
}

/// The minimum context score at which a number is attributed to a fact: one word, or two Chinese
/// characters.
pub const MIN_CONTEXT: usize = 2;

/// The place of one of the fact's values or words in a text.
struct Occurrence {
    tokens: Range<usize>,
    wanted: usize,
}

/// Returns true if the word before a place negates it: "no free cup".
fn is_negated(text: &TokenizedText<'_>, place: &Range<usize>) -> bool {
    let before =
        place.start.checked_sub(1).and_then(|at| text.tokens.get(at).zip(text.tokens.get(place.start)));
    before.is_some_and(|(before, first)| {
        before.sentence == first.sentence && NEGATIONS.contains(&text.word(before))
    })
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.split(' ').any(|empty| empty == word)
}

/// Returns an English word without its plural ending.
fn singular(word: &str) -> &str {
    let plural = word.len() > 3 && word.is_ascii() && !word.ends_with("ss");
    word.strip_suffix('s').filter(|_| plural).unwrap_or(word)
}
