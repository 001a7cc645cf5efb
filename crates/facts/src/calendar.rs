//! The parser of dates and times of day in English and Chinese.

use crate::normalized_text::{NormalizedText, is_latin};
use crate::number::{Notation, Number, decimal, number};
use crate::value::Value;

/// Parsed values, each with its character range, and the position after all of them. Without values
/// it stands for text that is recognized and skipped, such as "April 2027".
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) values: Vec<(Value, usize, usize)>,
    pub(crate) end: usize,
}

impl Parsed {
    pub(crate) fn skipped(end: usize) -> Self {
        Self { values: Vec::new(), end }
    }

    pub(crate) fn one(value: Value, from: usize, end: usize) -> Self {
        Self { values: vec![(value, from, end)], end }
    }
}

const MONTHS: [(&str, u8); 24] = [
    ("january", 1),
    ("jan", 1),
    ("february", 2),
    ("feb", 2),
    ("march", 3),
    ("mar", 3),
    ("april", 4),
    ("apr", 4),
    ("may", 5),
    ("june", 6),
    ("jun", 6),
    ("july", 7),
    ("jul", 7),
    ("august", 8),
    ("aug", 8),
    ("september", 9),
    ("sept", 9),
    ("sep", 9),
    ("october", 10),
    ("oct", 10),
    ("november", 11),
    ("nov", 11),
    ("december", 12),
    ("dec", 12),
];

/// Parses the month's name at `at`; returns the month and the position after it and its full stop.
fn month(chars: &NormalizedText, at: usize) -> Option<(u8, usize)> {
    if !"jfmasond".contains(chars.at(at)) {
        return None;
    }
    let (month, end) = MONTHS.iter().find_map(|(name, month)| Some((*month, chars.past_word(at, name)?)))?;
    // "may" and "march" are also ordinary words; as months they are capitalized.
    let is_word = matches!(month, 3 | 5) && !chars.is_capital(at);
    (!is_word).then_some((month, end + usize::from(chars.at(end) == '.')))
}

/// Parses a day of a month in digits, such as 1 or 1st; returns the day and the position after it.
fn day(chars: &NormalizedText, at: usize) -> Option<(u8, usize)> {
    let number = decimal(chars, at).filter(|number| matches!(number.notation, Notation::Digits(1 | 2)))?;
    let day = u8::try_from(number.whole(31)?).ok().filter(|day| *day > 0)?;
    let ordinal = ["st", "nd", "rd", "th"].iter().find_map(|end| chars.past_word(number.end, end));
    let end = ordinal.unwrap_or(number.end);
    // 10:00, 10.5 and 10% are not days.
    let other = is_latin(chars.at(end)) || matches!(chars.at(end), ':' | '%' | '°');
    (!other).then_some((day, end))
}

/// Parses a year of four digits, 1900 to 2199, after an optional comma and space.
fn year(chars: &NormalizedText, at: usize) -> Option<(i16, usize)> {
    let at = at + usize::from(chars.at(at) == ',');
    let at = chars.past_space(at);
    let number = decimal(chars, at).filter(|number| number.notation == Notation::Digits(4))?;
    let year = i16::try_from(number.whole(2199)?).ok().filter(|year| *year >= 1900)?;
    let other = is_latin(chars.at(number.end)) || matches!(chars.at(number.end), ':' | '%');
    (!other).then_some((year, number.end))
}

/// Returns the position after the word or sign between the two ends of a range.
pub(crate) fn past_range_word(chars: &NormalizedText, at: usize) -> Option<usize> {
    let at = chars.past_space(at);
    let between = ["-", "~", "to", "until", "至", "到", "and", "&"];
    let end = between.iter().find_map(|word| chars.past_word(at, word))?;
    Some(chars.past_space(end))
}

/// Parses a date that begins with a month's name: "April 30", "Apr. 11-14, 2027".
pub(crate) fn month_first(chars: &NormalizedText, at: usize) -> Option<Parsed> {
    let (month, past) = month(chars, at)?;
    let start = chars.past_space(past);
    let Some((first, end)) = day(chars, start) else {
        return year(chars, past).map(|(_, end)| Parsed::skipped(end));
    };
    let second = past_range_word(chars, end).and_then(|at| Some((at, day(chars, at)?)));
    // "April 30 and 5 May": a separate date follows.
    let second = second.filter(|(at, _)| !is_day_first(chars, *at));
    let last = second.map_or(end, |(_, (_, end))| end);
    let (year, last) = year(chars, last).map_or((None, last), |(year, end)| (Some(year), end));
    Some(match second {
        None => Parsed::one(Value::Date { year, month, day: first }, at, last),
        Some((from, (second, _))) => Parsed {
            values: vec![
                (Value::Date { year, month, day: first }, at, end),
                (Value::Date { year, month, day: second }, from, last),
            ],
            end: last,
        },
    })
}

fn is_day_first(chars: &NormalizedText, at: usize) -> bool {
    day_first(chars, at).is_some()
}

/// Parses a date that begins with the day: "30 April 2027", "the 30th of April", "11-14 April".
pub(crate) fn day_first(chars: &NormalizedText, at: usize) -> Option<Parsed> {
    let (first, end) = day(chars, at)?;
    if let Some((month, year, last)) = month_and_year(chars, end) {
        return Some(Parsed::one(Value::Date { year, month, day: first }, at, last));
    }
    let from = past_range_word(chars, end)?;
    let (second, past) = day(chars, from)?;
    let (month, year, last) = month_and_year(chars, past)?;
    Some(Parsed {
        values: vec![
            (Value::Date { year, month, day: first }, at, end),
            (Value::Date { year, month, day: second }, from, last),
        ],
        end: last,
    })
}

/// Parses "April 2027" after a day; returns month, year and the position after them.
fn month_and_year(chars: &NormalizedText, at: usize) -> Option<(u8, Option<i16>, usize)> {
    let at = chars.past_space(at);
    let at = chars.past_word(at, "of").map_or(at, |end| chars.past_space(end));
    let at = at + usize::from(chars.at(at) == '-');
    let (month, end) = month(chars, at)?;
    let joined = usize::from(chars.at(end) == '-' && chars.at(end + 1).is_ascii_digit());
    let year = year(chars, end + joined);
    // The full stop of a sentence is not part of the month.
    let stop = usize::from(year.is_none() && chars.before(end) == '.');
    Some(year.map_or((month, None, end - stop), |(year, end)| (month, Some(year), end)))
}

/// Parses 2027-04-30, 2027/4/30, 2027.4.30, and 30/04/2027 if only one order of day and month is
/// possible. Ambiguous dates are skipped.
pub(crate) fn numeric_date(chars: &NormalizedText, at: usize) -> Option<Parsed> {
    let mut parts = [(0_i64, 0_usize); 3];
    let mut next = at;
    let mut sign = '\0';
    for (index, part) in parts.iter_mut().enumerate() {
        let end = (next..next + 5).find(|at| !chars.at(*at).is_ascii_digit()).filter(|end| *end > next)?;
        *part = ((next..end).fold(0, |sum, at| sum * 10 + digit(chars, at)), end - next);
        next = end;
        if index < 2 {
            let c = chars.at(end);
            if !matches!(c, '-' | '/' | '.') || (index == 1 && c != sign) {
                return None;
            }
            (sign, next) = (c, end + 1);
        }
    }
    let glued = |c: char| c.is_alphanumeric() && !crate::normalized_text::is_han(c) || matches!(c, '-' | '/');
    // 2027-04-30T10:00 is a date with a time.
    let timed = chars.at(next) == 't' && chars.at(next + 1).is_ascii_digit();
    if glued(chars.before(at)) || (glued(chars.at(next)) && !timed) {
        return None;
    }
    let value = match parts {
        [(year, 4), (month, 1 | 2), (day, 1 | 2)] => date(year, month, day),
        [(a, 1 | 2), (b, 1 | 2), (year, 4)] if (1..=31).contains(&a) && (1..=31).contains(&b) => {
            // With points the day always comes first.
            if a == b || a > 12 || sign == '.' {
                date(year, b, a)
            } else if b > 12 {
                date(year, a, b)
            } else {
                return Some(Parsed::skipped(next));
            }
        }
        _ => None,
    }?;
    Some(Parsed::one(value, at, next))
}

fn digit(chars: &NormalizedText, at: usize) -> i64 {
    i64::from(chars.at(at).to_digit(10).unwrap_or(0))
}

fn date(year: i64, month: i64, day: i64) -> Option<Value> {
    let year = i16::try_from(year).ok().filter(|year| (1900..2200).contains(year))?;
    let month = u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    let day = u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
    Some(Value::Date { year: Some(year), month, day })
}

/// Parses a Chinese date: 2027年4月30日, 4月11-14日, 四月三十号.
pub(crate) fn chinese_date(chars: &NormalizedText, at: usize, first: &Number) -> Option<Parsed> {
    let sign = chars.past_space(first.end);
    if chars.at(sign) == '年' {
        let year = i16::try_from(first.whole(2199)?).ok().filter(|year| *year >= 1900)?;
        let next = chars.past_space(sign + 1);
        let dated = number(chars, next).and_then(|month| in_month(chars, at, &month, Some(year)));
        return dated.or_else(|| Some(Parsed::skipped(sign + 1)));
    }
    in_month(chars, at, first, None)
}

fn in_month(chars: &NormalizedText, at: usize, month: &Number, year: Option<i16>) -> Option<Parsed> {
    let sign = chars.past_space(month.end);
    if chars.at(sign) != '月' {
        return None;
    }
    let month = u8::try_from(month.whole(12)?).ok().filter(|month| *month > 0)?;
    let start = chars.past_space(sign + 1);
    let Some((day, mut past)) = han_day(chars, start) else {
        return Some(Parsed::skipped(sign + 1));
    };
    let marked = past_day_sign(chars, past);
    past = marked.unwrap_or(past);
    let until = past_range_word(chars, past).and_then(|from| Some((from, han_day(chars, from)?)));
    let until = until.and_then(|(from, (day, end))| Some((from, day, past_day_sign(chars, end)?)));
    let first = Value::Date { year, month, day };
    if let Some((from, day, last)) = until {
        let second = Value::Date { year, month, day };
        return Some(Parsed { values: vec![(first, at, past), (second, from, last)], end: last });
    }
    marked.map(|_| Parsed::one(first, at, past)).or_else(|| Some(Parsed::skipped(sign + 1)))
}

fn han_day(chars: &NormalizedText, at: usize) -> Option<(u8, usize)> {
    let day = number(chars, at).filter(|day| !matches!(day.notation, Notation::Word | Notation::Decimal))?;
    Some((u8::try_from(day.whole(31)?).ok().filter(|day| *day > 0)?, day.end))
}

fn past_day_sign(chars: &NormalizedText, at: usize) -> Option<usize> {
    let at = chars.past_space(at);
    matches!(chars.at(at), '日' | '号' | '號').then_some(at + 1)
}

/// Parses a time of day: 10:00, 10:00 pm, 10 am, 10 o'clock.
pub(crate) fn clock(chars: &NormalizedText, at: usize, number: &Number) -> Option<Parsed> {
    let Notation::Digits(1 | 2) = number.notation else { return None };
    let hour = u8::try_from(number.whole(24)?).ok()?;
    let (minute, mut end) = minutes(chars, number.end).unwrap_or((0, number.end));
    let colon = end > number.end;
    let half = half_of_day(chars, chars.past_space(end));
    let o_clock = chars.past_word(chars.past_space(end), "o'clock");
    if let Some((_, past)) = half {
        end = past;
    } else if let Some(past) = o_clock {
        end = past;
    } else if !colon {
        return None;
    }
    let hour = half.map_or(Some(hour), |(pm, _)| hour_of_day(hour, pm))?;
    Some(Parsed::one(Value::Time { hour, minute, exact: half.is_some() || hour > 12 || hour == 0 }, at, end))
}

fn minutes(chars: &NormalizedText, at: usize) -> Option<(u8, usize)> {
    let (tens, ones) = (chars.at(at + 1).to_digit(10)?, chars.at(at + 2).to_digit(10)?);
    let minute = u8::try_from(tens * 10 + ones).ok().filter(|minute| *minute < 60)?;
    let glued = chars.at(at) != ':' || chars.at(at + 3).is_ascii_digit();
    (!glued).then_some((minute, at + 3))
}

/// Parses "am" or "pm"; returns true for the second half of the day, and the position after it.
fn half_of_day(chars: &NormalizedText, at: usize) -> Option<(bool, usize)> {
    let names = [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)];
    names.iter().find_map(|(name, pm)| Some((*pm, chars.past_word(at, name)?)))
}

fn hour_of_day(hour: u8, pm: bool) -> Option<u8> {
    match (hour, pm) {
        (13.., _) => Some(hour),
        (12, false) => Some(0),
        (0 | 12, true) => Some(12),
        (_, true) => Some(hour + 12),
        (_, false) => Some(hour),
    }
}

/// Parses a Chinese time of day: 上午10点, 下午三点半, 10点30分. `from` is the position of the half of the
/// day, or of the hour.
pub(crate) fn chinese_clock(
    chars: &NormalizedText,
    from: usize,
    hour: &Number,
    pm: Option<bool>,
) -> Option<Parsed> {
    let sign = chars.past_space(hour.end);
    if !matches!(chars.at(sign), '点' | '點' | '时' | '時') {
        return None;
    }
    // 3点建议 means three pieces of advice; 时 alone also means "when".
    let next = chars.at(sign + 1);
    if "击評评赞讚心数數建意".contains(next) || (matches!(chars.at(sign), '时' | '時') && pm.is_none())
    {
        return None;
    }
    // 一点 alone means "a little".
    if pm.is_none() && hour.notation == Notation::Han(1) && hour.whole(1) == Some(1) {
        return None;
    }
    let hour = u8::try_from(hour.whole(24)?).ok()?;
    let hour = pm.map_or(Some(hour), |pm| hour_of_day(hour, pm))?;
    let mut end = sign + 1;
    let mut minute = 0;
    if next == '半' {
        (minute, end) = (30, sign + 2);
    } else if let Some(number) = number(chars, sign + 1)
        && let Some(whole) = number.whole(59).and_then(|whole| u8::try_from(whole).ok())
        && chars.at(number.end) == '分'
    {
        (minute, end) = (whole, number.end + 1);
    }
    Some(Parsed::one(Value::Time { hour, minute, exact: pm.is_some() || hour > 12 || hour == 0 }, from, end))
}

/// Parses a Chinese half of the day before an hour; returns true for the second half, and the
/// position of the hour.
pub(crate) fn chinese_half_of_day(chars: &NormalizedText, at: usize) -> Option<(bool, usize)> {
    const HALVES: [(&str, bool); 12] = [
        ("上午", false),
        ("早上", false),
        ("早晨", false),
        ("清晨", false),
        ("凌晨", false),
        ("中午", true),
        ("下午", true),
        ("傍晚", true),
        ("晚上", true),
        ("晚间", true),
        ("今晚", true),
        ("当晚", true),
    ];
    let (pm, end) = HALVES.iter().find_map(|(name, pm)| Some((*pm, chars.past(at, name)?)))?;
    Some((pm, chars.past_space(end)))
}
