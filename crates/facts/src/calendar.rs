//! Days and times as people write them, in English and Chinese.

use crate::letters::{Letters, is_latin};
use crate::number::{Number, Script, decimal, number};
use crate::value::Value;

/// Values with the letters where each stands, and the position after all of them. Nothing but a position is
/// something that is read and compares with nothing, such as "April 2027".
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) values: Vec<(Value, usize, usize)>,
    pub(crate) end: usize,
}

impl Taken {
    pub(crate) fn nothing(end: usize) -> Self {
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

/// The month named at `at`, with the position after it and its full stop.
fn month(letters: &Letters, at: usize) -> Option<(u8, usize)> {
    if !"jfmasond".contains(letters.at(at)) {
        return None;
    }
    let (month, end) =
        MONTHS.iter().find_map(|(name, month)| Some((*month, letters.past_word(at, name)?)))?;
    // "may" and "march" are words of their own; as months they are capitals.
    let is_word = matches!(month, 3 | 5) && !letters.is_capital(at);
    (!is_word).then_some((month, end + usize::from(letters.at(end) == '.')))
}

/// A day of a month in digits, with the position after it and its ending: 1, 1st.
fn day(letters: &Letters, at: usize) -> Option<(u8, usize)> {
    let number = decimal(letters, at).filter(|number| matches!(number.script, Script::Digits(1 | 2)))?;
    let day = u8::try_from(number.whole(31)?).ok().filter(|day| *day > 0)?;
    let ordinal = ["st", "nd", "rd", "th"].iter().find_map(|end| letters.past_word(number.end, end));
    let end = ordinal.unwrap_or(number.end);
    // 10:00, 10.5 and 10% are no days.
    let other = is_latin(letters.at(end)) || matches!(letters.at(end), ':' | '%' | '°');
    (!other).then_some((day, end))
}

/// A year of four digits after an optional comma and space.
fn year(letters: &Letters, at: usize) -> Option<(i16, usize)> {
    let at = at + usize::from(letters.at(at) == ',');
    let at = letters.past_space(at);
    let number = decimal(letters, at).filter(|number| number.script == Script::Digits(4))?;
    let year = i16::try_from(number.whole(2199)?).ok().filter(|year| *year >= 1900)?;
    let other = is_latin(letters.at(number.end)) || matches!(letters.at(number.end), ':' | '%');
    (!other).then_some((year, number.end))
}

/// The position after what stands between the two ends of a range.
pub(crate) fn past_until(letters: &Letters, at: usize) -> Option<usize> {
    let at = letters.past_space(at);
    let between = ["-", "~", "to", "until", "至", "到", "and", "&"];
    let end = between.iter().find_map(|word| letters.past_word(at, word))?;
    Some(letters.past_space(end))
}

/// A date that begins with a month's name: "April 30", "Apr. 11-14, 2027".
pub(crate) fn month_first(letters: &Letters, at: usize) -> Option<Taken> {
    let (month, past) = month(letters, at)?;
    let start = letters.past_space(past);
    let Some((first, end)) = day(letters, start) else {
        return year(letters, past).map(|(_, end)| Taken::nothing(end));
    };
    let second = past_until(letters, end).and_then(|at| Some((at, day(letters, at)?)));
    // "April 30 and 5 May": what follows is a date of its own.
    let second = second.filter(|(at, _)| !is_day_first(letters, *at));
    let last = second.map_or(end, |(_, (_, end))| end);
    let (year, last) = year(letters, last).map_or((None, last), |(year, end)| (Some(year), end));
    Some(match second {
        None => Taken::one(Value::Date { year, month, day: first }, at, last),
        Some((from, (second, _))) => Taken {
            values: vec![
                (Value::Date { year, month, day: first }, at, end),
                (Value::Date { year, month, day: second }, from, last),
            ],
            end: last,
        },
    })
}

fn is_day_first(letters: &Letters, at: usize) -> bool {
    day_first(letters, at).is_some()
}

/// A date that begins with the day: "30 April 2027", "the 30th of April", "11-14 April".
pub(crate) fn day_first(letters: &Letters, at: usize) -> Option<Taken> {
    let (first, end) = day(letters, at)?;
    if let Some((month, year, last)) = of_month(letters, end) {
        return Some(Taken::one(Value::Date { year, month, day: first }, at, last));
    }
    let from = past_until(letters, end)?;
    let (second, past) = day(letters, from)?;
    let (month, year, last) = of_month(letters, past)?;
    Some(Taken {
        values: vec![
            (Value::Date { year, month, day: first }, at, end),
            (Value::Date { year, month, day: second }, from, last),
        ],
        end: last,
    })
}

/// "April 2027" after a day.
fn of_month(letters: &Letters, at: usize) -> Option<(u8, Option<i16>, usize)> {
    let at = letters.past_space(at);
    let at = letters.past_word(at, "of").map_or(at, |end| letters.past_space(end));
    let at = at + usize::from(letters.at(at) == '-');
    let (month, end) = month(letters, at)?;
    let joined = usize::from(letters.at(end) == '-' && letters.at(end + 1).is_ascii_digit());
    let year = year(letters, end + joined);
    // The full stop of a sentence is no part of the month.
    let stop = usize::from(year.is_none() && letters.before(end) == '.');
    Some(year.map_or((month, None, end - stop), |(year, end)| (month, Some(year), end)))
}

/// 2027-04-30, 2027/4/30, 2027.4.30, and 30/04/2027 where only one reading is a date. One that has two readings is
/// passed over.
pub(crate) fn in_figures(letters: &Letters, at: usize) -> Option<Taken> {
    let mut parts = [(0_i64, 0_usize); 3];
    let mut next = at;
    let mut sign = '\0';
    for (index, part) in parts.iter_mut().enumerate() {
        let end = (next..next + 5).find(|at| !letters.at(*at).is_ascii_digit()).filter(|end| *end > next)?;
        *part = ((next..end).fold(0, |sum, at| sum * 10 + digit(letters, at)), end - next);
        next = end;
        if index < 2 {
            let c = letters.at(end);
            if !matches!(c, '-' | '/' | '.') || (index == 1 && c != sign) {
                return None;
            }
            (sign, next) = (c, end + 1);
        }
    }
    let glued = |c: char| c.is_alphanumeric() && !crate::letters::is_han(c) || matches!(c, '-' | '/');
    // 2027-04-30T10:00 is a day with its time.
    let timed = letters.at(next) == 't' && letters.at(next + 1).is_ascii_digit();
    if glued(letters.before(at)) || (glued(letters.at(next)) && !timed) {
        return None;
    }
    let value = match parts {
        [(year, 4), (month, 1 | 2), (day, 1 | 2)] => date(year, month, day),
        [(a, 1 | 2), (b, 1 | 2), (year, 4)] if (1..=31).contains(&a) && (1..=31).contains(&b) => {
            // With points the day stands first everywhere.
            if a == b || a > 12 || sign == '.' {
                date(year, b, a)
            } else if b > 12 {
                date(year, a, b)
            } else {
                return Some(Taken::nothing(next));
            }
        }
        _ => None,
    }?;
    Some(Taken::one(value, at, next))
}

fn digit(letters: &Letters, at: usize) -> i64 {
    i64::from(letters.at(at).to_digit(10).unwrap_or(0))
}

fn date(year: i64, month: i64, day: i64) -> Option<Value> {
    let year = i16::try_from(year).ok().filter(|year| (1900..2200).contains(year))?;
    let month = u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    let day = u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
    Some(Value::Date { year: Some(year), month, day })
}

/// 2027年4月30日, 4月11-14日, 四月三十号.
pub(crate) fn in_chinese(letters: &Letters, at: usize, first: &Number) -> Option<Taken> {
    let sign = letters.past_space(first.end);
    if letters.at(sign) == '年' {
        let year = i16::try_from(first.whole(2199)?).ok().filter(|year| *year >= 1900)?;
        let next = letters.past_space(sign + 1);
        let dated = number(letters, next).and_then(|month| in_month(letters, at, &month, Some(year)));
        return dated.or_else(|| Some(Taken::nothing(sign + 1)));
    }
    in_month(letters, at, first, None)
}

fn in_month(letters: &Letters, at: usize, month: &Number, year: Option<i16>) -> Option<Taken> {
    let sign = letters.past_space(month.end);
    if letters.at(sign) != '月' {
        return None;
    }
    let month = u8::try_from(month.whole(12)?).ok().filter(|month| *month > 0)?;
    let start = letters.past_space(sign + 1);
    let Some((day, mut past)) = han_day(letters, start) else {
        return Some(Taken::nothing(sign + 1));
    };
    let marked = past_mark(letters, past);
    past = marked.unwrap_or(past);
    let until = past_until(letters, past).and_then(|from| Some((from, han_day(letters, from)?)));
    let until = until.and_then(|(from, (day, end))| Some((from, day, past_mark(letters, end)?)));
    let first = Value::Date { year, month, day };
    if let Some((from, day, last)) = until {
        let second = Value::Date { year, month, day };
        return Some(Taken { values: vec![(first, at, past), (second, from, last)], end: last });
    }
    marked.map(|_| Taken::one(first, at, past)).or_else(|| Some(Taken::nothing(sign + 1)))
}

fn han_day(letters: &Letters, at: usize) -> Option<(u8, usize)> {
    let day = number(letters, at).filter(|day| !matches!(day.script, Script::Word | Script::Decimal))?;
    Some((u8::try_from(day.whole(31)?).ok().filter(|day| *day > 0)?, day.end))
}

fn past_mark(letters: &Letters, at: usize) -> Option<usize> {
    let at = letters.past_space(at);
    matches!(letters.at(at), '日' | '号' | '號').then_some(at + 1)
}

/// 10:00, 10:00 pm, 10 am, 10 o'clock.
pub(crate) fn clock(letters: &Letters, at: usize, number: &Number) -> Option<Taken> {
    let Script::Digits(1 | 2) = number.script else { return None };
    let hour = u8::try_from(number.whole(24)?).ok()?;
    let (minute, mut end) = minutes(letters, number.end).unwrap_or((0, number.end));
    let colon = end > number.end;
    let half = half_of_day(letters, letters.past_space(end));
    let o_clock = letters.past_word(letters.past_space(end), "o'clock");
    if let Some((_, past)) = half {
        end = past;
    } else if let Some(past) = o_clock {
        end = past;
    } else if !colon {
        return None;
    }
    let hour = half.map_or(Some(hour), |(pm, _)| on_half(hour, pm))?;
    Some(Taken::one(Value::Time { hour, minute, exact: half.is_some() || hour > 12 || hour == 0 }, at, end))
}

fn minutes(letters: &Letters, at: usize) -> Option<(u8, usize)> {
    let (tens, ones) = (letters.at(at + 1).to_digit(10)?, letters.at(at + 2).to_digit(10)?);
    let minute = u8::try_from(tens * 10 + ones).ok().filter(|minute| *minute < 60)?;
    let glued = letters.at(at) != ':' || letters.at(at + 3).is_ascii_digit();
    (!glued).then_some((minute, at + 3))
}

/// Whether the second half of the day is named at `at`, with the position after it.
fn half_of_day(letters: &Letters, at: usize) -> Option<(bool, usize)> {
    let names = [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)];
    names.iter().find_map(|(name, pm)| Some((*pm, letters.past_word(at, name)?)))
}

fn on_half(hour: u8, pm: bool) -> Option<u8> {
    match (hour, pm) {
        (13.., _) => Some(hour),
        (12, false) => Some(0),
        (0 | 12, true) => Some(12),
        (_, true) => Some(hour + 12),
        (_, false) => Some(hour),
    }
}

/// 上午10点, 下午三点半, 10点30分; `from` is where the half of the day or the hour begins.
pub(crate) fn dian(letters: &Letters, from: usize, hour: &Number, pm: Option<bool>) -> Option<Taken> {
    let sign = letters.past_space(hour.end);
    if !matches!(letters.at(sign), '点' | '點' | '时' | '時') {
        return None;
    }
    // 3点建议 is three points of advice; 时 alone is also "when".
    let next = letters.at(sign + 1);
    if "击評评赞讚心数數建意".contains(next) || (matches!(letters.at(sign), '时' | '時') && pm.is_none())
    {
        return None;
    }
    // 一点 alone is "a little".
    if pm.is_none() && hour.script == Script::Han(1) && hour.whole(1) == Some(1) {
        return None;
    }
    let hour = u8::try_from(hour.whole(24)?).ok()?;
    let hour = pm.map_or(Some(hour), |pm| on_half(hour, pm))?;
    let mut end = sign + 1;
    let mut minute = 0;
    if next == '半' {
        (minute, end) = (30, sign + 2);
    } else if let Some(number) = number(letters, sign + 1)
        && let Some(whole) = number.whole(59).and_then(|whole| u8::try_from(whole).ok())
        && letters.at(number.end) == '分'
    {
        (minute, end) = (whole, number.end + 1);
    }
    Some(Taken::one(Value::Time { hour, minute, exact: pm.is_some() || hour > 12 || hour == 0 }, from, end))
}

/// The half of the day named before an hour, with the position of the hour.
pub(crate) fn half_before(letters: &Letters, at: usize) -> Option<(bool, usize)> {
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
    let (pm, end) = HALVES.iter().find_map(|(name, pm)| Some((*pm, letters.past(at, name)?)))?;
    Some((pm, letters.past_space(end)))
}
