//! Reading a text from its first letter to its last: the values it says, with their places.

use std::ops::Range;

use crate::calendar::{self, Taken};
use crate::letters::{Letters, is_han, is_latin};
use crate::measure::{self, Measure};
use crate::number::{self, Number, ONE, Script};
use crate::value::{Unit, Value};

/// A value where it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is said.
    pub value: Value,
    /// The bytes of the text; both ends are between characters.
    pub range: Range<usize>,
}

/// The values that `text` says, in its order. What stands in links and addresses says nothing.
///
/// Money, shares (折 too), calendar dates, times, quantities with units, and bare numbers, as English and Chinese
/// write them. What could be read in two ways, such as 03/04/2027, and what is too long to be an amount is left out.
#[must_use]
pub fn values(text: &str) -> Vec<Found> {
    found(&Letters::new(text))
}

pub(crate) fn found(letters: &Letters) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let c = letters.at(at);
        let taken = past_link(letters, at).map(Taken::nothing).or_else(|| here(letters, at, c));
        let Some(taken) = taken.filter(|taken| taken.end > at) else {
            at = past_word(letters, at);
            continue;
        };
        let places = taken.values.into_iter();
        found.extend(places.map(|(value, from, to)| Found { value, range: letters.bytes(from, to) }));
        at = taken.end;
    }
    found
}

/// The position after the word or sign at `at`.
fn past_word(letters: &Letters, at: usize) -> usize {
    let mut end = at;
    let is_word = |c: char| is_latin(c) || c.is_ascii_digit();
    // The points of v1.2.3 belong to it.
    let is_version = |at: usize| {
        letters.at(at) == '.' && letters.before(at).is_ascii_digit() && letters.at(at + 1).is_ascii_digit()
    };
    while is_word(letters.at(end)) || (end > at && is_version(end)) {
        end += 1;
    }
    end.max(at + 1)
}

/// As far as a link's host is looked for.
const HOST: usize = 64;

/// The position after the link or address at `at`.
fn past_link(letters: &Letters, at: usize) -> Option<usize> {
    let c = letters.at(at);
    if !c.is_ascii_alphanumeric() {
        return None;
    }
    let starts = ["http://", "https://", "mailto:", "tel:", "www."].iter().filter(|_| "hmtw".contains(c));
    let start = starts.filter_map(|start| letters.past(at, start)).next();
    let (mut end, mut dot, mut is_address) = (at, None, false);
    while end - at < HOST {
        match letters.at(end) {
            '.' => dot = Some(end),
            '@' => is_address = true,
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+') => {}
            _ => break,
        }
        end += 1;
    }
    let is_name = |dot: usize| end - dot > 2 && (dot + 1..end).all(|at| letters.at(at).is_ascii_alphabetic());
    let named = dot.is_some_and(is_name);
    let is_link = start.is_some() || (named && (letters.at(end) == '/' || is_address));
    is_link.then(|| {
        let mut end = start.unwrap_or(end).max(end);
        while !matches!(letters.at(end), '\0' | ' ' | '\n' | '"' | '<' | '>' | '(' | ')' | '。' | '】')
            && !is_han(letters.at(end))
        {
            end += 1;
        }
        end
    })
}

fn here(letters: &Letters, at: usize, c: char) -> Option<Taken> {
    if c.is_ascii_digit() {
        return Some(figures(letters, at));
    }
    if let Some((coin, start)) = measure::coin_before(letters, at) {
        return money(letters, at, Measure::Money(coin), start);
    }
    if is_latin(c) {
        return calendar::month_first(letters, at)
            .or_else(|| half_price(letters, at))
            .or_else(|| words(letters, at));
    }
    chinese(letters, at, c)
}

/// Money whose sign stands first: ¥199, $1.5k, €199-299, ¥199元.
fn money(letters: &Letters, at: usize, measure: Measure, start: usize) -> Option<Taken> {
    let first = number::decimal(letters, start)?;
    let (first, end) = with_multiplier(letters, first);
    let end = measure::coin_after(letters, end).map_or(end, |(_, end)| end);
    let value = measure.value(first)?;
    let mut taken = Taken::one(value, at, end);
    let second =
        calendar::past_until(letters, end).filter(|_| !letters.at(letters.past_space(end)).is_alphabetic());
    let second = second.and_then(|from| Some((from, number::decimal(letters, from)?)));
    if let Some((from, second)) = second
        && measure::after(letters, &second).is_none()
        && let Some(value) = measure.value(second.micros)
    {
        taken.values.push((value, from, second.end));
        taken.end = second.end;
    }
    Some(taken)
}

/// Takes in the k and m of $5k and $1.2m.
fn with_multiplier(letters: &Letters, number: Number) -> (i64, usize) {
    for (word, by) in [("k", 1_000), ("m", 1_000_000), ("w", 10_000)] {
        if let (Some(end), Some(micros)) =
            (letters.past_word(number.end, word), number.micros.checked_mul(by))
        {
            return (micros, end);
        }
    }
    (number.micros, number.end)
}

/// What begins with a digit.
fn figures(letters: &Letters, at: usize) -> Taken {
    let dated = calendar::in_figures(letters, at).or_else(|| calendar::day_first(letters, at));
    if let Some(taken) = dated {
        return taken;
    }
    let Some(number) = number::decimal(letters, at) else {
        return Taken::nothing(number::past_digits(letters, at));
    };
    let timed = calendar::in_chinese(letters, at, &number)
        .or_else(|| calendar::clock(letters, at, &number))
        .or_else(|| calendar::dian(letters, at, &number, None));
    timed.or_else(|| measured(letters, at, &number)).unwrap_or_else(|| bare(letters, at, &number))
}

/// A number with what it counts, or both ends of a range of it.
fn measured(letters: &Letters, at: usize, number: &Number) -> Option<Taken> {
    if let Some((measure, end)) = measure::after(letters, number) {
        return Some(Taken::one(measure.value(number.micros)?, at, end));
    }
    let from = calendar::past_until(letters, number.end)?;
    let second = number::decimal(letters, from)?;
    let (measure, end) = measure::after(letters, &second)?;
    let values =
        vec![(measure.value(number.micros)?, at, number.end), (measure.value(second.micros)?, from, end)];
    Some(Taken { values, end })
}

/// A number that counts whatever follows. What is glued to letters or written as a code is an id.
fn bare(letters: &Letters, at: usize, number: &Number) -> Taken {
    if is_latin(letters.at(number.end)) {
        return Taken::nothing(past_word(letters, number.end));
    }
    // A leading zero is a part of a code or of a telephone number.
    let coded = letters.at(at) == '0' && matches!(number.script, Script::Digits(2..));
    if coded {
        return Taken::nothing(number.end);
    }
    Taken::one(Value::Quantity { micros: number.micros, unit: Unit::Piece }, at, number.end)
}

fn half_price(letters: &Letters, at: usize) -> Option<Taken> {
    let words = ["half price", "half-price", "half off"];
    let end = words.iter().find_map(|word| letters.past_word(at, word))?;
    Some(Taken::one(Value::Percent { micros: 50 * ONE, off: true }, at, end))
}

/// Numbers in English words, with a unit or without.
fn words(letters: &Letters, at: usize) -> Option<Taken> {
    let number = number::number(letters, at)?;
    measured(letters, at, &number).or_else(|| Some(bare(letters, at, &number)))
}

/// What begins with a Chinese sign.
fn chinese(letters: &Letters, at: usize, c: char) -> Option<Taken> {
    if let Some((pm, start)) = calendar::half_before(letters, at) {
        let hour = number::number(letters, start)?;
        let exact = |taken: Taken| match taken.values.first() {
            Some((Value::Time { hour, minute, .. }, _, end)) if *hour <= 12 => {
                let hour = if pm && *hour < 12 { hour + 12 } else { *hour };
                Taken::one(Value::Time { hour, minute: *minute, exact: true }, at, *end)
            }
            _ => taken,
        };
        let clock = calendar::clock(letters, start, &hour).map(exact);
        return calendar::dian(letters, at, &hour, Some(pm)).or(clock);
    }
    if let Some(start) = letters.past(at, "百分之") {
        let number = number::number(letters, start)?;
        let off = matches!(letters.before(at), '减' | '減' | '降' | '省');
        return Some(Taken::one(Value::Percent { micros: number.micros, off }, at, number.end));
    }
    if let Some(end) = ["半价", "半價", "对折", "對折"].iter().find_map(|word| letters.past(at, word))
    {
        return Some(Taken::one(Value::Percent { micros: 50 * ONE, off: true }, at, end));
    }
    let number = number::han(letters, at)?;
    // 千元, 几百元: about a thousand, some hundreds.
    if number.script == Script::Han(1) && number.micros >= 100 * ONE {
        return Some(Taken::nothing(number.end));
    }
    let timed =
        calendar::in_chinese(letters, at, &number).or_else(|| calendar::dian(letters, at, &number, None));
    // A numeral alone is a part of some word: 一定, 三明治.
    let nothing = || Taken::nothing(number.end);
    let counted = timed.or_else(|| {
        measure::after(letters, &number).and_then(|(measure, end)| {
            let idiom = matches!(c, '一')
                && "次年".contains(letters.before(end))
                && matches!(measure, Measure::Of(..))
                && letters.before(at) == '第';
            (!idiom).then_some(())?;
            Some(Taken::one(measure.value(number.micros)?, at, end))
        })
    });
    Some(counted.unwrap_or_else(nothing))
}
