//! Whether a fact is said: in the same words, or with the same values and names.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::letters::is_han;
use crate::reading::Reading;
use crate::value::{Unit, Value};

/// A fact taken apart.
#[derive(Debug)]
pub struct Fact<'a> {
    /// The name that messages give it.
    pub name: &'a str,
    /// Its text, taken apart.
    pub reading: Reading<'a>,
    /// Its values, at most 48.
    pub values: Vec<Value>,
    /// The words besides its values that carry a meaning, in the singular.
    pub words: BTreeSet<String>,
    /// Whether it says so much that only its own words say it.
    long: bool,
}

/// The most values, and the most words, that are looked for one by one.
const MOST: usize = 48;

/// Words that two ways of saying the same may not have in common.
const EMPTY: &str = " a an the of for with to at in on by before until till and or is are it its your our only just per \
    from as you we get save saving discount 打 立 减 優 优 惠 直 降 省 的 了 前 内 仅 只 需 要 即 可 起 为 至 于 在 和 与 是 就 都 ";

/// Words that turn what is said around.
const NOT: [&str; 10] = ["no", "not", "never", "without", "don't", "不", "没", "無", "无", "非"];

/// The words between two others that still belong to what they say, besides three for each of its own.
const BETWEEN: usize = 12;

impl<'a> Fact<'a> {
    /// Takes the text of a fact apart.
    #[must_use]
    pub fn new(name: &'a str, reading: Reading<'a>) -> Self {
        let long = reading.values.len() > MOST || reading.tokens.len() > 8 * MOST;
        let values: Vec<_> = reading.values.iter().take(MOST).map(|found| found.value).collect();
        let taken: Vec<_> =
            reading.values.iter().take(MOST).map(|found| reading.tokens_of(&found.range)).collect();
        let tokens = reading.tokens.iter().take(8 * MOST).enumerate();
        let free = tokens.filter(|(at, _)| !taken.iter().any(|tokens| tokens.contains(at)));
        let words = free.map(|(_, token)| singular(reading.word(token)).to_owned());
        let words = words.filter(|word| !is_empty(word)).take(MOST).collect();
        Self { name, values, words, reading, long }
    }

    /// Where `text` says it, as tokens.
    pub fn place_in(&self, text: &Reading<'_>) -> Option<Range<usize>> {
        self.unchanged_in(text).or_else(|| self.by_value_in(text))
    }

    /// Where its own words stand, not as a part of another value: 98 元 is not said by 1.98 元 or 198 元.
    fn unchanged_in(&self, text: &Reading<'_>) -> Option<Range<usize>> {
        text.places_of(&self.reading).find(|place| {
            let bytes = text.bytes_of(place);
            let from = text.values.partition_point(|found| found.range.end <= bytes.start);
            let touched = text.values.iter().skip(from).take_while(|found| found.range.start < bytes.end);
            !is_turned(text, place)
                && touched
                    .into_iter()
                    .all(|found| bytes.start <= found.range.start && found.range.end <= bytes.end)
        })
    }

    /// The shortest stretch in which all its values and words stand, in any order.
    fn by_value_in(&self, text: &Reading<'_>) -> Option<Range<usize>> {
        let wanted = self.values.len() + self.words.len();
        // One word without a value is said unchanged or not at all.
        if self.long || wanted == 0 || (self.values.is_empty() && wanted < 2) {
            return None;
        }
        let steps = self.steps(text);
        let mut best: Option<Range<usize>> = None;
        let mut held = vec![0_usize; wanted];
        let (mut missing, mut tail) = (wanted, 0);
        for step in &steps {
            if let Some(count) = held.get_mut(step.wanted) {
                missing -= usize::from(*count == 0);
                *count += 1;
            }
            while missing == 0 {
                let Some(first) = steps.get(tail) else { break };
                let place = first.tokens.start..step.tokens.end;
                if best.as_ref().is_none_or(|best| place.len() < best.len())
                    && self.is_one_saying(text, &place)
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

    /// Every token of the text that is one of the wanted values or words, in order.
    fn steps(&self, text: &Reading<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        for found in &text.values {
            let same = self.values.iter().enumerate().filter(|(_, value)| value.agrees(&found.value));
            let tokens = text.tokens_of(&found.range);
            steps.extend(same.map(|(wanted, _)| Step { tokens: tokens.clone(), wanted }));
        }
        if !self.words.is_empty() {
            for (at, token) in text.tokens.iter().enumerate() {
                let word = singular(text.word(token));
                if let Some(wanted) = self.words.iter().position(|own| own == word) {
                    steps.push(Step { tokens: at..at + 1, wanted: self.values.len() + wanted });
                }
            }
            steps.sort_by_key(|step| step.tokens.start);
        }
        steps
    }

    /// Whether a stretch can be one saying: short, in one sentence where words matter, and not turned around.
    fn is_one_saying(&self, text: &Reading<'_>, place: &Range<usize>) -> bool {
        let tokens = text.tokens.get(place.clone()).unwrap_or_default();
        let one_sentence =
            tokens.first().map(|token| token.sentence) == tokens.last().map(|token| token.sentence);
        let turned = tokens.iter().map(|token| text.word(token)).any(|word| {
            NOT.contains(&word) && !self.reading.tokens.iter().any(|own| self.reading.word(own) == word)
        });
        !is_turned(text, place)
            && tokens.len() <= 3 * self.reading.tokens.len() + BETWEEN
            && (one_sentence || self.words.is_empty())
            && !turned
    }

    /// Whether `value`, which stands beside `context` of this fact, answers the question that the fact answers.
    pub fn is_asked(&self, value: &Value, context: usize) -> bool {
        let alone = self.values.len() == 1 && self.words.is_empty();
        self.values.iter().any(|own| {
            let needs_context = match own {
                Value::Money { .. } | Value::Percent { .. } | Value::Date { .. } => false,
                Value::Quantity { unit: Unit::Piece, .. } => true,
                Value::Time { .. } | Value::Quantity { .. } => !alone,
            };
            own.is_alike(value) && !own.agrees(value) && (context >= NEAR || !needs_context)
        })
    }

    /// How much of the fact stands around `value`, within twenty tokens of its sentence: two for a word of the
    /// fact, one for a Chinese sign, four for another value of it that answers another question.
    pub fn context(&self, text: &Reading<'_>, tokens: &Range<usize>, value: &Value) -> usize {
        let sentence = text.tokens.get(tokens.start).map(|token| token.sentence);
        let around = tokens.start.saturating_sub(20)..(tokens.end + 20).min(text.tokens.len());
        let near = text.tokens.get(around.clone()).unwrap_or_default();
        let near = near.iter().filter(|token| Some(token.sentence) == sentence).map(|token| text.word(token));
        let words = near.filter(|word| self.words.contains(singular(word)));
        let words: usize = words.map(|word| if word.starts_with(is_han) { 1 } else { 2 }).sum();
        let bytes = text.bytes_of(&around);
        let from = text.values.partition_point(|found| found.range.end <= bytes.start);
        let values = text.values.iter().skip(from).take_while(|found| found.range.start < bytes.end);
        let other = |own: &Value, found: &Value| own.agrees(found) && !own.is_alike(value);
        let agreeing = values.filter(|found| self.values.iter().any(|own| other(own, &found.value))).count();
        words + 4 * agreeing
    }
}

/// So much of a fact must stand around a number before it is taken for the fact's: a word, or two Chinese signs.
pub const NEAR: usize = 2;

/// One wanted thing where it stands.
struct Step {
    tokens: Range<usize>,
    wanted: usize,
}

/// Whether the word before a place turns it around: "no free cup".
fn is_turned(text: &Reading<'_>, place: &Range<usize>) -> bool {
    let before =
        place.start.checked_sub(1).and_then(|at| text.tokens.get(at).zip(text.tokens.get(place.start)));
    before
        .is_some_and(|(before, first)| before.sentence == first.sentence && NOT.contains(&text.word(before)))
}

fn is_empty(word: &str) -> bool {
    EMPTY.split(' ').any(|empty| empty == word)
}

/// An English word without the ending of its plural.
fn singular(word: &str) -> &str {
    let plural = word.len() > 3 && word.is_ascii() && !word.ends_with("ss");
    word.strip_suffix('s').filter(|_| plural).unwrap_or(word)
}
