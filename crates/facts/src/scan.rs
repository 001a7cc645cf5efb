//! The scanner that finds all values of a text with their positions.

use std::ops::Range;

use crate::calendar::{self, Parsed};
use crate::measure::{self, Measure};
use crate::normalized_text::{NormalizedText, is_han, is_latin};
use crate::number::{self, MICROS_PER_ONE, Notation, Number};
use crate::value::{QuantityUnit, Value};

/// A value with its position in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundValue {
    /// The value that the text states.
    pub value: Value,
    /// The range of bytes in the text; both ends lie between characters.
    pub range: Range<usize>,
}

/// Returns the values in `text`, in order. Links and addresses are skipped.
///
/// These are amounts of money, percentages (also 折), calendar dates, times of day, quantities with
/// units, and bare numbers, in English and Chinese notation. Ambiguous dates such as 03/04/2027,
/// and numbers too long for an amount, are left out.
#[must_use]
pub fn values(text: &str) -> Vec<FoundValue> {
    find_values(&NormalizedText::new(text))
}

pub(crate) fn find_values(chars: &NormalizedText) -> Vec<FoundValue> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars.at(at);
        let parsed = past_link(chars, at).map(Parsed::skipped).or_else(|| parse_at(chars, at, c));
        let Some(parsed) = parsed.filter(|parsed| parsed.end > at) else {
            at = past_word(chars, at);
            continue;
        };
        let places = parsed.values.into_iter();
        found.extend(places.map(|(value, from, to)| FoundValue { value, range: chars.bytes(from, to) }));
        at = parsed.end;
    }
    found
}

/// Returns the position after the word or sign at `at`.
fn past_word(chars: &NormalizedText, at: usize) -> usize {
    let mut end = at;
    let is_word = |c: char| is_latin(c) || c.is_ascii_digit();
    // The points of v1.2.3 belong to the word.
    let is_version = |at: usize| {
        chars.at(at) == '.' && chars.before(at).is_ascii_digit() && chars.at(at + 1).is_ascii_digit()
    };
    while is_word(chars.at(end)) || (end > at && is_version(end)) {
        end += 1;
    }
    end.max(at + 1)
}

/// The maximum length of a link's host, in characters.
const MAX_HOST_CHARS: usize = 64;

/// Returns the position after the link or e-mail address at `at`.
fn past_link(chars: &NormalizedText, at: usize) -> Option<usize> {
    let c = chars.at(at);
    if !c.is_ascii_alphanumeric() {
        return None;
    }
    let starts = ["http://", "https://", "mailto:", "tel:", "www."].iter().filter(|_| "hmtw".contains(c));
    let start = starts.filter_map(|start| chars.past(at, start)).next();
    let (mut end, mut dot, mut is_address) = (at, None, false);
    while end - at < MAX_HOST_CHARS {
        match chars.at(end) {
            '.' => dot = Some(end),
            '@' => is_address = true,
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+') => {}
            _ => break,
        }
        end += 1;
    }
    let is_name = |dot: usize| end - dot > 2 && (dot + 1..end).all(|at| chars.at(at).is_ascii_alphabetic());
    let named = dot.is_some_and(is_name);
    let is_link = start.is_some() || (named && (chars.at(end) == '/' || is_address));
    is_link.then(|| {
        let mut end = start.unwrap_or(end).max(end);
        while !matches!(chars.at(end), '\0' | ' ' | '\n' | '"' | '<' | '>' | '(' | ')' | '。' | '】')
            && !is_han(chars.at(end))
        {
            end += 1;
        }
        end
    })
}

fn parse_at(chars: &NormalizedText, at: usize, c: char) -> Option<Parsed> {
    if c.is_ascii_digit() {
        return Some(starting_with_digit(chars, at));
    }
    if let Some((currency, start)) = measure::currency_before(chars, at) {
        return money(chars, at, Measure::Money(currency), start);
    }
    if is_latin(c) {
        return calendar::month_first(chars, at)
            .or_else(|| half_price(chars, at))
            .or_else(|| english_words(chars, at));
    }
    starting_with_chinese(chars, at, c)
}

/// Parses money with the sign first: ¥199, $1.5k, €199-299, ¥199元.
fn money(chars: &NormalizedText, at: usize, measure: Measure, start: usize) -> Option<Parsed> {
    let first = number::decimal(chars, start)?;
    let (first, end) = with_multiplier(chars, first);
    let end = measure::currency_after(chars, end).map_or(end, |(_, end)| end);
    let value = measure.value(first)?;
    let mut parsed = Parsed::one(value, at, end);
    let second =
        calendar::past_range_word(chars, end).filter(|_| !chars.at(chars.past_space(end)).is_alphabetic());
    let second = second.and_then(|from| Some((from, number::decimal(chars, from)?)));
    if let Some((from, second)) = second
        && measure::measure_after(chars, &second).is_none()
        && let Some(value) = measure.value(second.micros)
    {
        parsed.values.push((value, from, second.end));
        parsed.end = second.end;
    }
    Some(parsed)
}

/// Applies a following k, m or w, as in $5k and $1.2m; returns the amount in millionths and the
/// position after it.
fn with_multiplier(chars: &NormalizedText, number: Number) -> (i64, usize) {
    for (word, by) in [("k", 1_000), ("m", 1_000_000), ("w", 10_000)] {
        if let (Some(end), Some(micros)) = (chars.past_word(number.end, word), number.micros.checked_mul(by))
        {
            return (micros, end);
        }
    }
    (number.micros, number.end)
}

/// Parses a value that begins with a digit.
fn starting_with_digit(chars: &NormalizedText, at: usize) -> Parsed {
    let dated = calendar::numeric_date(chars, at).or_else(|| calendar::day_first(chars, at));
    if let Some(parsed) = dated {
        return parsed;
    }
    let Some(number) = number::decimal(chars, at) else {
        return Parsed::skipped(number::past_digits(chars, at));
    };
    let timed = calendar::chinese_date(chars, at, &number)
        .or_else(|| calendar::clock(chars, at, &number))
        .or_else(|| calendar::chinese_clock(chars, at, &number, None));
    timed.or_else(|| measured(chars, at, &number)).unwrap_or_else(|| bare_number(chars, at, &number))
}

/// Parses a number with its currency or unit, or both ends of a range of such numbers.
fn measured(chars: &NormalizedText, at: usize, number: &Number) -> Option<Parsed> {
    if let Some((measure, end)) = measure::measure_after(chars, number) {
        return Some(Parsed::one(measure.value(number.micros)?, at, end));
    }
    let from = calendar::past_range_word(chars, number.end)?;
    let second = number::decimal(chars, from)?;
    let (measure, end) = measure::measure_after(chars, &second)?;
    let values =
        vec![(measure.value(number.micros)?, at, number.end), (measure.value(second.micros)?, from, end)];
    Some(Parsed { values, end })
}

/// Returns a number without a unit as a count of pieces. Digits joined to letters, or with a
/// leading zero, are ids and skipped.
fn bare_number(chars: &NormalizedText, at: usize, number: &Number) -> Parsed {
    if is_latin(chars.at(number.end)) {
        return Parsed::skipped(past_word(chars, number.end));
    }
    // A leading zero belongs to a code or a telephone number.
    let coded = chars.at(at) == '0' && matches!(number.notation, Notation::Digits(2..));
    if coded {
        return Parsed::skipped(number.end);
    }
    Parsed::one(Value::Quantity { micros: number.micros, unit: QuantityUnit::Piece }, at, number.end)
}

fn half_price(chars: &NormalizedText, at: usize) -> Option<Parsed> {
    let words = ["half price", "half-price", "half off"];
    let end = words.iter().find_map(|word| chars.past_word(at, word))?;
    Some(Parsed::one(Value::Percent { micros: 50 * MICROS_PER_ONE, off: true }, at, end))
}

/// Parses a number in English words, with or without a unit.
fn english_words(chars: &NormalizedText, at: usize) -> Option<Parsed> {
    let number = number::number(chars, at)?;
    measured(chars, at, &number).or_else(|| Some(bare_number(chars, at, &number)))
}

/// Parses a value that begins with a Chinese character.
fn starting_with_chinese(chars: &NormalizedText, at: usize, c: char) -> Option<Parsed> {
    if let Some((pm, start)) = calendar::chinese_half_of_day(chars, at) {
        let hour = number::number(chars, start)?;
        let exact = |parsed: Parsed| match parsed.values.first() {
            Some((Value::Time { hour, minute, .. }, _, end)) if *hour <= 12 => {
                let hour = if pm && *hour < 12 { hour + 12 } else { *hour };
                Parsed::one(Value::Time { hour, minute: *minute, exact: true }, at, *end)
            }
            _ => parsed,
        };
        let clock = calendar::clock(chars, start, &hour).map(exact);
        return calendar::chinese_clock(chars, at, &hour, Some(pm)).or(clock);
    }
    if let Some(start) = chars.past(at, "百分之") {
        let number = number::number(chars, start)?;
        let off = matches!(chars.before(at), '减' | '減' | '降' | '省');
        return Some(Parsed::one(Value::Percent { micros: number.micros, off }, at, number.end));
    }
    if let Some(end) = ["半价", "半價", "对折", "對折"].iter().find_map(|word| chars.past(at, word)) {
        return Some(Parsed::one(Value::Percent { micros: 50 * MICROS_PER_ONE, off: true }, at, end));
    }
    let number = number::chinese_number(chars, at)?;
    // 千元 and 几百元 are approximate: about a thousand, some hundreds.
    if number.notation == Notation::Han(1) && number.micros >= 100 * MICROS_PER_ONE {
        return Some(Parsed::skipped(number.end));
    }
    let timed = calendar::chinese_date(chars, at, &number)
        .or_else(|| calendar::chinese_clock(chars, at, &number, None));
    // A numeral alone is part of a word: 一定, 三明治.
    let nothing = || Parsed::skipped(number.end);
    let counted = timed.or_else(|| {
        measure::measure_after(chars, &number).and_then(|(measure, end)| {
            let idiom = matches!(c, '一')
                && "次年".contains(chars.before(end))
                && matches!(measure, Measure::Quantity(..))
                && chars.before(at) == '第';
            (!idiom).then_some(())?;
            Some(Parsed::one(measure.value(number.micros)?, at, end))
        })
    });
    Some(counted.unwrap_or_else(nothing))
}
