//! Numbers as people write them: `1,299.00`, `1.5万`, `一百二十`, `twenty-one`.

use crate::letters::{Letters, is_latin};

/// Millionths in one.
pub const ONE: i64 = 1_000_000;

/// A number that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    /// Millionths.
    pub(crate) micros: i64,
    /// The position after it.
    pub(crate) end: usize,
    /// How it is written.
    pub(crate) script: Script,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// So many digits and nothing else.
    Digits(usize),
    /// Digits with a point, separators or a multiplier.
    Decimal,
    /// Chinese numerals, so many.
    Han(usize),
    /// An English word.
    Word,
}

impl Number {
    /// The whole number, if it is one between 0 and `most`.
    pub(crate) fn whole(&self, most: i64) -> Option<i64> {
        (self.micros % ONE == 0).then_some(self.micros / ONE).filter(|whole| (0..=most).contains(whole))
    }

    pub(crate) fn is_digits(&self) -> bool {
        matches!(self.script, Script::Digits(_) | Script::Decimal)
    }
}

/// The number at `at` in any script.
pub(crate) fn number(letters: &Letters, at: usize) -> Option<Number> {
    match letters.at(at) {
        '0'..='9' => decimal(letters, at),
        c if is_latin(c) => word(letters, at),
        c => han_value(c).and_then(|_| han(letters, at)),
    }
}

/// The position after a run of digits, points, commas and numerals that is no number: a version, an id.
pub(crate) fn past_digits(letters: &Letters, at: usize) -> usize {
    let mut end = at;
    while letters.at(end).is_ascii_digit()
        || han_value(letters.at(end)).is_some()
        || (matches!(letters.at(end), '.' | ',') && letters.at(end + 1).is_ascii_digit())
    {
        end += 1;
    }
    end
}

/// The longest run of digits that is an amount; longer ones are ids.
const LONGEST: usize = 12;

/// `1299`, `1,299.00`, `1.299,00`, `12,50`, `1.5万`.
pub(crate) fn decimal(letters: &Letters, at: usize) -> Option<Number> {
    let first = digits(letters, at)?;
    let mut whole = read(letters, at, first)?;
    let mut end = first;
    let mut grouped = None;
    // Groups of three after a first of one to three: 1,299,000 or, before a decimal comma, 1.299,00.
    for separator in [',', '.'] {
        let (groups, past) = groups(letters, first, separator);
        let decimal_follows = letters.at(past) == ',' && letters.at(past + 1).is_ascii_digit();
        if groups > 0 && first - at <= 3 && (separator == ',' || groups > 1 || decimal_follows) {
            whole = read(letters, at, past)?;
            (end, grouped) = (past, Some(separator));
            break;
        }
    }
    let point = if grouped == Some('.') { ',' } else { '.' };
    let comma = grouped.is_none() && letters.at(end) == ',' && digits(letters, end + 1) == Some(end + 3);
    let mut micros = whole.checked_mul(ONE)?;
    let plain = grouped.is_none();
    let mut decimals = false;
    if (letters.at(end) == point || comma) && letters.at(end + 1).is_ascii_digit() {
        let past = digits(letters, end + 1)?;
        micros = micros.checked_add(fraction(letters, end + 1, past)?)?;
        (end, decimals) = (past, true);
    }
    // Another point or comma with digits: a version or a list, not one number.
    if matches!(letters.at(end), '.' | ',')
        && letters.at(end + 1).is_ascii_digit()
        && letters.before(end) != ' '
    {
        return None;
    }
    let script = if plain && !decimals { Script::Digits(end - at) } else { Script::Decimal };
    multiplied(letters, Number { micros, end, script })
}

fn digits(letters: &Letters, at: usize) -> Option<usize> {
    let mut end = at;
    while letters.at(end).is_ascii_digit() {
        end += 1;
        if end - at > LONGEST {
            return None;
        }
    }
    (end > at).then_some(end)
}

fn groups(letters: &Letters, from: usize, separator: char) -> (usize, usize) {
    let (mut count, mut end) = (0, from);
    while count < 4 && letters.at(end) == separator && digits(letters, end + 1) == Some(end + 4) {
        (count, end) = (count + 1, end + 4);
    }
    (count, end)
}

/// The whole number of the digits in a range, whatever stands between them.
fn read(letters: &Letters, from: usize, to: usize) -> Option<i64> {
    (from..to)
        .filter_map(|at| letters.at(at).to_digit(10))
        .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit)))
}

fn fraction(letters: &Letters, from: usize, to: usize) -> Option<i64> {
    let mut micros = 0;
    let mut weight = ONE / 10;
    for digit in (from..to).filter_map(|at| letters.at(at).to_digit(10)) {
        if weight == 0 && digit > 0 {
            return None;
        }
        micros += i64::from(digit) * weight;
        weight /= 10;
    }
    Some(micros)
}

/// Takes in 万, 亿, `thousand` and the like; `None` if that is too much.
fn multiplied(letters: &Letters, number: Number) -> Option<Number> {
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
    let at = letters.past_space(number.end);
    for (word, by) in BY {
        // 千克 is a unit, 百分 a share.
        let Some(end) = letters.past_word(at, word) else { continue };
        if matches!(letters.at(end), '克' | '米' | '分' | '瓦') && matches!(word, "千" | "百") {
            continue;
        }
        let micros = number.micros.checked_mul(by)?;
        return Some(Number { micros, end, script: Script::Decimal });
    }
    Some(number)
}

/// What a Chinese numeral counts, or multiplies by.
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

/// `一百二十`, `二〇二七`, `九八`.
pub(crate) fn han(letters: &Letters, at: usize) -> Option<Number> {
    let mut values = Vec::new();
    let mut end = at;
    while let Some(value) = han_value(letters.at(end)) {
        if values.len() >= LONGEST {
            return None;
        }
        values.push(value);
        end += 1;
    }
    let whole = if values.iter().all(|value| *value < 10) { positional(&values) } else { counted(&values)? };
    let micros = whole.checked_mul(ONE)?;
    (!values.is_empty()).then_some(Number { micros, end, script: Script::Han(values.len()) })
}

fn positional(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, value| sum * 10 + value)
}

/// Sections of ten thousand, each of thousands, hundreds, tens and ones.
fn counted(values: &[i64]) -> Option<i64> {
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

/// `seven`, `twenty-one`.
fn word(letters: &Letters, at: usize) -> Option<Number> {
    let (end, value) = one_word(letters, at)?;
    let joint = matches!(letters.at(end), '-' | ' ') && (20..100).contains(&value);
    let rest = if joint { one_word(letters, end + 1).filter(|(_, ones)| *ones < 10) } else { None };
    let (end, value) = rest.map_or((end, value), |(end, ones)| (end, value + ones));
    Some(Number { micros: value * ONE, end, script: Script::Word })
}

fn one_word(letters: &Letters, at: usize) -> Option<(usize, i64)> {
    if !"otfsenha".contains(letters.at(at)) {
        return None;
    }
    WORDS.iter().find_map(|(word, value)| Some((letters.past_word(at, word)?, *value)))
}
