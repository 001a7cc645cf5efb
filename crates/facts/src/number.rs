//! The parser of numbers: `1,299.00`, `1.5万`, `一百二十`, `twenty-one`.

use crate::normalized_text::{NormalizedText, is_latin};

/// The number of millionths in one: values are stored as millionths.
pub const MICROS_PER_ONE: i64 = 1_000_000;

/// A parsed number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    /// The number in millionths.
    pub(crate) micros: i64,
    /// The position after the number.
    pub(crate) end: usize,
    /// The notation in which it is written.
    pub(crate) notation: Notation,
}

/// The notation of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Only digits, this many.
    Digits(usize),
    /// Digits with a point, separators or a multiplier.
    Decimal,
    /// Chinese numerals, this many.
    Han(usize),
    /// English number words, such as `seven` or `twenty-one`.
    Word,
}

impl Number {
    /// Returns the number if it is a whole number from 0 to `max`.
    pub(crate) fn whole(&self, max: i64) -> Option<i64> {
        let whole = (self.micros % MICROS_PER_ONE == 0).then_some(self.micros / MICROS_PER_ONE);
        whole.filter(|whole| (0..=max).contains(whole))
    }

    pub(crate) fn is_digits(&self) -> bool {
        matches!(self.notation, Notation::Digits(_) | Notation::Decimal)
    }
}

/// Parses the number at `at`, in any notation.
pub(crate) fn number(chars: &NormalizedText, at: usize) -> Option<Number> {
    match chars.at(at) {
        '0'..='9' => decimal(chars, at),
        c if is_latin(c) => english_number(chars, at),
        c => han_value(c).and_then(|_| chinese_number(chars, at)),
    }
}

/// Returns the position after a run of digits, points, commas and numerals that is not a number,
/// such as a version or an id.
pub(crate) fn past_digits(chars: &NormalizedText, at: usize) -> usize {
    let mut end = at;
    while chars.at(end).is_ascii_digit()
        || han_value(chars.at(end)).is_some()
        || (matches!(chars.at(end), '.' | ',') && chars.at(end + 1).is_ascii_digit())
    {
        end += 1;
    }
    end
}

/// The maximum number of digits of an amount; longer runs are ids.
const MAX_DIGITS: usize = 12;

/// Parses a number in digits: `1299`, `1,299.00`, `1.299,00`, `12,50`, `1.5万`.
pub(crate) fn decimal(chars: &NormalizedText, at: usize) -> Option<Number> {
    let first = digits(chars, at)?;
    let mut whole = read(chars, at, first)?;
    let mut end = first;
    let mut grouped = None;
    // Groups of three digits after one to three digits: 1,299,000 or, before a decimal comma,
    // 1.299,00.
    for separator in [',', '.'] {
        let (groups, past) = groups(chars, first, separator);
        let decimal_follows = chars.at(past) == ',' && chars.at(past + 1).is_ascii_digit();
        if groups > 0 && first - at <= 3 && (separator == ',' || groups > 1 || decimal_follows) {
            whole = read(chars, at, past)?;
            (end, grouped) = (past, Some(separator));
            break;
        }
    }
    let point = if grouped == Some('.') { ',' } else { '.' };
    let comma = grouped.is_none() && chars.at(end) == ',' && digits(chars, end + 1) == Some(end + 3);
    let mut micros = whole.checked_mul(MICROS_PER_ONE)?;
    let plain = grouped.is_none();
    let mut decimals = false;
    if (chars.at(end) == point || comma) && chars.at(end + 1).is_ascii_digit() {
        let past = digits(chars, end + 1)?;
        micros = micros.checked_add(fraction(chars, end + 1, past)?)?;
        (end, decimals) = (past, true);
    }
    // Another point or comma with digits: a version or a list, not a number.
    if matches!(chars.at(end), '.' | ',') && chars.at(end + 1).is_ascii_digit() && chars.before(end) != ' ' {
        return None;
    }
    let notation = if plain && !decimals { Notation::Digits(end - at) } else { Notation::Decimal };
    with_multiplier(chars, Number { micros, end, notation })
}

fn digits(chars: &NormalizedText, at: usize) -> Option<usize> {
    let mut end = at;
    while chars.at(end).is_ascii_digit() {
        end += 1;
        if end - at > MAX_DIGITS {
            return None;
        }
    }
    (end > at).then_some(end)
}

fn groups(chars: &NormalizedText, from: usize, separator: char) -> (usize, usize) {
    let (mut count, mut end) = (0, from);
    while count < 4 && chars.at(end) == separator && digits(chars, end + 1) == Some(end + 4) {
        (count, end) = (count + 1, end + 4);
    }
    (count, end)
}

/// Returns the whole number made of the digits in a range; other characters are ignored.
fn read(chars: &NormalizedText, from: usize, to: usize) -> Option<i64> {
    (from..to)
        .filter_map(|at| chars.at(at).to_digit(10))
        .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit)))
}

fn fraction(chars: &NormalizedText, from: usize, to: usize) -> Option<i64> {
    let mut micros = 0;
    let mut weight = MICROS_PER_ONE / 10;
    for digit in (from..to).filter_map(|at| chars.at(at).to_digit(10)) {
        if weight == 0 && digit > 0 {
            return None;
        }
        micros += i64::from(digit) * weight;
        weight /= 10;
    }
    Some(micros)
}

/// Applies a following 万, 亿, `thousand` and the like; `None` if the result overflows.
fn with_multiplier(chars: &NormalizedText, number: Number) -> Option<Number> {
    const BY: [(&str, i64); 9] = [
        ("万亿", 1_000_000_000_000),
        ("万", 10_000),
        ("萬", 10_000),
        ("亿", 100_000_000),
        ("億", 100_000_000),
        ("千", 1_000),
        ("百", 100),
        ("thousand", 1_000),
        ("million", 1_000_000),
    ];
    let at = chars.past_space(number.end);
    for (word, by) in BY {
        // 千克 is a unit, 百分 begins a percentage.
        let Some(end) = chars.past_word(at, word) else { continue };
        if matches!(chars.at(end), '克' | '米' | '分' | '瓦') && matches!(word, "千" | "百") {
            continue;
        }
        let micros = number.micros.checked_mul(by)?;
        return Some(Number { micros, end, notation: Notation::Decimal });
    }
    Some(number)
}

/// Returns the value of a Chinese numeral: a digit, or a multiplier from 10 on.
fn han_value(c: char) -> Option<i64> {
    Some(match c {
        '零' | '〇' => 0,
        '一' | '壹' => 1,
        '二' | '两' | '兩' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        '十' | '拾' => 10,
        '百' | '佰' => 100,
        '千' | '仟' => 1_000,
        '万' | '萬' => 10_000,
        '亿' | '億' => 100_000_000,
        _ => return None,
    })
}

/// Parses a number in Chinese numerals: `一百二十`, `二〇二七`, `九八`.
pub(crate) fn chinese_number(chars: &NormalizedText, at: usize) -> Option<Number> {
    let mut values = Vec::new();
    let mut end = at;
    while let Some(value) = han_value(chars.at(end)) {
        if values.len() >= MAX_DIGITS {
            return None;
        }
        values.push(value);
        end += 1;
    }
    let whole =
        if values.iter().all(|value| *value < 10) { positional(&values) } else { multiplicative(&values)? };
    let micros = whole.checked_mul(MICROS_PER_ONE)?;
    (!values.is_empty()).then_some(Number { micros, end, notation: Notation::Han(values.len()) })
}

fn positional(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, value| sum * 10 + value)
}

/// Evaluates numerals with multipliers: sections of ten thousand, each of thousands, hundreds, tens
/// and ones.
fn multiplicative(values: &[i64]) -> Option<i64> {
    let (mut total, mut section, mut digit) = (0_i64, 0_i64, None);
    for &value in values {
        match value {
            10_000.. => {
                total =
                    total.checked_add((section + digit.take().unwrap_or(0)).max(1).checked_mul(value)?)?;
                section = 0;
            }
            10.. => section += digit.take().unwrap_or(1) * value,
            _ => digit = Some(value),
        }
    }
    total.checked_add(section + digit.unwrap_or(0))
}

const WORDS: [(&str, i64); 29] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("a hundred", 100),
];

/// Parses an English number below a hundred, or `hundred`: `seven`, `twenty-one`.
fn english_number(chars: &NormalizedText, at: usize) -> Option<Number> {
    let (end, value) = one_word(chars, at)?;
    let joint = matches!(chars.at(end), '-' | ' ') && (20..100).contains(&value);
    let rest = if joint { one_word(chars, end + 1).filter(|(_, ones)| *ones < 10) } else { None };
    let (end, value) = rest.map_or((end, value), |(end, ones)| (end, value + ones));
    Some(Number { micros: value * MICROS_PER_ONE, end, notation: Notation::Word })
}

fn one_word(chars: &NormalizedText, at: usize) -> Option<(usize, i64)> {
    if !"otfsenha".contains(chars.at(at)) {
        return None;
    }
    WORDS.iter().find_map(|(word, value)| Some((chars.past_word(at, word)?, *value)))
}
