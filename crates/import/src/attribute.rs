//! The values of attributes, by kind, as people in different countries write them.

use campaign::AttributeKind;
use jiff::civil::Date;
use serde_json::Value;

use crate::bad_value::BadValue;

/// The order of day and month in dates such as `3/2/2027`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// The habits of a file's numbers and dates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    pub(crate) dates: Option<DateOrder>,
    /// The decimal mark; `None` if the file has to show it.
    pub(crate) decimal: Option<char>,
}

/// Parses the value of an attribute.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn parse(kind: AttributeKind, cell: &str, habits: Habits) -> Result<Value, BadValue> {
    match kind {
        AttributeKind::Text => Ok(Value::from(cell)),
        AttributeKind::Boolean => boolean(cell).map(Value::from).ok_or(BadValue::NoAnswer),
        AttributeKind::Number => number(cell, habits.decimal),
        AttributeKind::Date => date(cell, habits.dates).map(Value::from),
    }
}

/// Returns the truth value of a word in English, German, French, Spanish or Chinese.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "x" | "on" | "ja" | "j" | "wahr" | "oui" | "vrai" | "sí" | "si"
        | "verdadero" | "是" | "对" | "真" => Some(true),
        "false" | "no" | "n" | "0" | "off" | "nein" | "falsch" | "non" | "faux" | "falso" | "否" | "不"
        | "假" => Some(false),
        _ => None,
    }
}

/// Parses a number with a decimal mark and groups of three digits.
fn number(cell: &str, decimal: Option<char>) -> Result<Value, BadValue> {
    let text: String =
        cell.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}')).collect();
    let last = |mark: char| text.rfind(mark);
    let decimal = match (decimal, last(','), last('.')) {
        (Some(mark), _, _) => mark,
        (None, Some(comma), Some(point)) => {
            if comma > point {
                ','
            } else {
                '.'
            }
        }
        (None, Some(_), None) => match text.split(',').skip(1).map(str::len).collect::<Vec<_>>()[..] {
            [3] => {
                return Err(BadValue::AmbiguousNumber(cell.to_owned()));
            }
            [_] => ',',
            _ => '.',
        },
        (None, None, _) if text.matches('.').count() > 1 => ',',
        (None, None, _) => '.',
    };
    let group = if decimal == ',' { '.' } else { ',' };
    let (whole, fraction) = text.split_once(decimal).unwrap_or((&text, ""));
    let mut groups = whole.split(group);
    let is_first = groups.next().is_some_and(|first| !first.is_empty());
    let is_grouped = is_first && groups.all(|part| part.len() == 3) && !fraction.contains([',', '.']);
    let plain = format!("{}.{}", whole.replace(group, ""), if fraction.is_empty() { "0" } else { fraction });
    let is_plain = plain.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit());
    let error = || BadValue::NoNumber;
    if !is_grouped || !is_plain {
        return Err(error());
    }
    if fraction.is_empty()
        && let Ok(number) = whole.replace(group, "").trim_start_matches('+').parse::<i64>()
    {
        return Ok(number.into());
    }
    let number = plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    number.map(Value::Number).ok_or_else(error)
}

/// Parses a date, and returns it as `2027-03-02`. A time after an ISO date stays.
pub(crate) fn date(cell: &str, order: Option<DateOrder>) -> Result<String, BadValue> {
    if cell.get(..10).is_some_and(|day| day.parse::<Date>().is_ok()) {
        return Ok(cell.to_owned());
    }
    let error = || BadValue::NoDate;
    let day = cell.split([' ', 'T']).next().unwrap_or(cell);
    let parts: Vec<&str> = day.trim_end_matches('日').split(['.', '/', '-', '年', '月']).collect();
    let numbers: Option<Vec<i16>> = parts.iter().map(|part| part.trim().parse().ok()).collect();
    let Some([a, b, c]) = numbers.as_deref() else { return Err(error()) };
    let (year, month, day) = match (parts[0].len(), parts[2].len()) {
        (4, _) => (*a, *b, *c),
        (_, 4) if day.contains('.') || *a > 12 => (*c, *b, *a),
        (_, 4) if *b > 12 => (*c, *a, *b),
        (_, 4) => match order {
            Some(DateOrder::DayFirst) => (*c, *b, *a),
            Some(DateOrder::MonthFirst) => (*c, *a, *b),
            None => {
                return Err(BadValue::AmbiguousDate(cell.to_owned()));
            }
        },
        _ => return Err(error()),
    };
    let (month, day) = (i8::try_from(month).ok(), i8::try_from(day).ok());
    let date = month.zip(day).and_then(|(month, day)| Date::new(year, month, day).ok());
    date.map(|date| date.to_string()).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_where_they_are_clear() {
        let read = |cell, decimal| number(cell, decimal).ok();
        for (cell, value) in [
            ("12", json!(12)),
            ("-3.5", json!(-3.5)),
            ("1.234", json!(1.234)),
            ("1,5", json!(1.5)),
            ("1,234,567", json!(1_234_567)),
            ("1.234.567", json!(1_234_567)),
            ("1,234.50", json!(1234.5)),
            ("1.234,50", json!(1234.5)),
            ("1 234,50", json!(1234.5)),
            ("1'234.5", json!(1234.5)),
        ] {
            assert_eq!(read(cell, None), Some(value), "{cell}");
        }
        assert_eq!(read("1,234", Some(',')), Some(json!(1.234)));
        assert_eq!(read("1,234", Some('.')), Some(json!(1234)));
        for cell in ["1,234", "12,34,5", "NaN", "inf", "1e5", "5 %", "", ".", ",5", "1..2"] {
            assert_eq!(read(cell, None), None, "{cell}");
        }
    }

    #[test]
    fn dates_are_read_where_they_are_clear() {
        for cell in ["2027-03-02", "2027/03/02", "2027.3.2", "2027年3月2日", "02.03.2027", "2.3.2027"] {
            assert_eq!(date(cell, None).as_deref(), Ok("2027-03-02"), "{cell}");
        }
        assert_eq!(date("3/25/2027", None).as_deref(), Ok("2027-03-25"));
        assert_eq!(date("25/3/2027", None).as_deref(), Ok("2027-03-25"));
        assert!(date("3/2/2027", None).unwrap_err().to_string().contains("--dates dmy"));
        assert_eq!(date("3/2/2027", Some(DateOrder::MonthFirst)).as_deref(), Ok("2027-03-02"));
        assert_eq!(date("3/2/2027", Some(DateOrder::DayFirst)).as_deref(), Ok("2027-02-03"));
        assert_eq!(date("2027-03-02T10:00", None).as_deref(), Ok("2027-03-02T10:00"));
        for cell in ["31.02.2027", "soon", "2/3", "46083", "", "99999-1-1"] {
            assert!(date(cell, None).is_err(), "{cell}");
        }
    }

    #[test]
    fn booleans_are_words_of_several_languages() {
        for (cell, value) in [("Y", true), ("Ja", true), ("non", false), ("是", true), ("0", false)] {
            assert_eq!(boolean(cell), Some(value), "{cell}");
        }
        assert_eq!(boolean("maybe"), None);
    }
}
