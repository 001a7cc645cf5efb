//! The parser of one cron field: `*`, values, names, ranges, steps, and lists of them.

use crate::error::{CronError, CronErrorKind as Kind, quote};
use crate::field::CronField;
use crate::spanned_text::SpannedText;
use crate::values::Values;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// The names of the days of the week, starting with Sunday.
pub(crate) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl CronField {
    /// Parses the text of this field into the set of its values.
    pub(crate) fn parse(self, piece: SpannedText<'_>) -> Result<Values, CronError> {
        if let Some((at, bad)) = piece.text.char_indices().find(|(_, c)| matches!(c, '?' | '#')) {
            let (before, after) = piece.text.split_at(at);
            let start = before.rfind(',').map_or(0, |comma| comma + 1);
            let end = after.find(',').map_or(piece.text.len(), |comma| at + comma);
            return Err(self.not_cron(piece.part(start..end), bad));
        }
        piece.split(',').try_fold(Values::EMPTY, |all, item| Ok(all.union(self.item(item)?)))
    }

    /// Parses one element of the list: a value or a range, with or without a step.
    fn item(self, item: SpannedText<'_>) -> Result<Values, CronError> {
        if item.text.is_empty() {
            let fix = "take out the comma, or write a value beside it";
            return Err(CronError::new(Kind::EmptyPlace(self), item.span(), fix));
        }
        let Some(slash) = item.text.find('/') else {
            let (low, high) = self.range(item)?;
            return Ok(self.stepped(low, high, 1));
        };
        let body = item.part(0..slash);
        let (low, high) = self.range(body)?;
        if body.text != "*" && !body.text.contains('-') {
            let fix = format!("write `{low}-{}{}`", self.bounds().1, quote(&item.text[slash..]));
            return Err(CronError::new(
                Kind::StepWithoutRange(quote(item.text)),
                item.span(),
                quote_fix(fix),
            ));
        }
        let step = self.step(item.part(slash + 1..item.text.len()), low, high)?;
        Ok(self.stepped(low, high, step))
    }

    /// Parses `*`, a value or `low-high` into the two ends of a range.
    fn range(self, piece: SpannedText<'_>) -> Result<(i8, i8), CronError> {
        if piece.text == "*" {
            return Ok(self.bounds());
        }
        let Some(dash) = piece.text.find('-').filter(|&at| at > 0) else {
            let value = self.value(piece)?;
            return Ok((value, value));
        };
        let low = self.value(piece.part(0..dash))?;
        let mut high = self.value(piece.part(dash + 1..piece.text.len()))?;
        if self == Self::DayOfWeek && high == 0 && low > 0 {
            high = 7; // `FRI-SUN`: a week that ends on Sunday.
        }
        if low > high {
            let (least, greatest) = self.bounds();
            let (before, after) = (span_of(low.min(greatest), greatest), span_of(least, high));
            let fix = format!("write `{before},{after}`");
            return Err(CronError::new(Kind::Backwards(quote(piece.text)), piece.span(), fix));
        }
        Ok((low, high))
    }

    /// Parses a number or a name.
    fn value(self, piece: SpannedText<'_>) -> Result<i8, CronError> {
        if let Some(value) = self.named(piece.text) {
            return Ok(value);
        }
        if piece.text.is_empty() || !piece.text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.unknown(piece));
        }
        let (least, greatest) = self.bounds();
        let max = if self == Self::DayOfWeek { 7 } else { greatest };
        match piece.text.parse::<i8>() {
            Ok(value) if (least..=max).contains(&value) => Ok(value),
            _ => {
                let fix = format!("use a number from {least} to {max}");
                let kind = Kind::OutOfRange { field: self, text: quote(piece.text) };
                Err(CronError::new(kind, piece.span(), fix))
            }
        }
    }

    fn named(self, text: &str) -> Option<i8> {
        let place = |names: &[&str]| names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let at = match self {
            Self::Month => place(&MONTHS)? + 1,
            Self::DayOfWeek => place(&WEEKDAYS)?,
            _ => return None,
        };
        i8::try_from(at).ok()
    }

    fn step(self, piece: SpannedText<'_>, low: i8, high: i8) -> Result<i8, CronError> {
        let digits = !piece.text.is_empty() && piece.text.bytes().all(|b| b.is_ascii_digit());
        let step = if digits { piece.text.parse::<i8>().unwrap_or(i8::MAX) } else { 0 };
        if step == 0 {
            let fix = "write a whole number from 1 up after the `/`, such as `*/5`";
            return Err(CronError::new(Kind::BadStep(quote(piece.text)), piece.span(), fix));
        }
        if step > 1 && step > high - low {
            let fix =
                format!("write `{low}` for that value alone, or a step of at most {}", (high - low).max(1));
            return Err(CronError::new(
                Kind::LongStep { field: self, step: quote(piece.text) },
                piece.span(),
                fix,
            ));
        }
        Ok(step)
    }

    fn stepped(self, low: i8, high: i8, step: i8) -> Values {
        let mut values = Values::EMPTY;
        let mut value = low;
        while value <= high {
            values.insert(if self == Self::DayOfWeek { value % 7 } else { value });
            value += step; // At most 59 + 59.
        }
        values
    }

    fn unknown(self, piece: SpannedText<'_>) -> CronError {
        if let Some(letter) = extension(self, piece.text) {
            return self.not_cron(piece, letter);
        }
        let abbreviation = piece.text.get(..3).filter(|short| self.named(short).is_some());
        let fix = match (abbreviation, self) {
            _ if piece.text == "*" => "write the first and the last value of the range".to_owned(),
            (Some(short), _) => format!("write `{}`", short.to_ascii_uppercase()),
            (None, Self::Month) => "use 1 to 12, or JAN, FEB, MAR …".to_owned(),
            (None, Self::DayOfWeek) => "use 0 to 7 (0 and 7 are Sunday), or MON, TUE, WED …".to_owned(),
            (None, _) => format!("use `*` or a number from {} to {}", self.bounds().0, self.bounds().1),
        };
        CronError::new(Kind::Unknown { field: self, text: quote(piece.text) }, piece.span(), fix)
    }

    fn not_cron(self, piece: SpannedText<'_>, letter: char) -> CronError {
        let fix = match (letter, self) {
            ('?', _) => "write `*`".to_owned(),
            ('L', Self::DayOfMonth) => {
                "for the last day of the month write `every = \"month last 09:00\"`".to_owned()
            }
            ('W', _) => "for Monday to Friday write `MON-FRI` in the last field".to_owned(),
            (_, Self::DayOfWeek) => weekday_of_month(piece.text),
            _ => "write the days of the month, or the days of the week".to_owned(),
        };
        CronError::new(Kind::NotCron(letter), piece.span(), fix)
    }
}

/// Returns the fix for `5L` (the last Friday of the month) or `MON#2` (the second Monday).
fn weekday_of_month(text: &str) -> String {
    let (day, place) = text.split_once('#').unwrap_or((text.trim_end_matches(['L', 'l']), "last"));
    let day = weekday_name(day).unwrap_or("monday");
    let place = match place {
        "1" => "first",
        "2" => "second",
        "3" => "third",
        "4" => "fourth",
        "5" => "fifth",
        _ => "last",
    };
    format!("in place of `cron` write `every = \"month {place} {day} 09:00\"`")
}

/// Returns the English name of a weekday that is given as in cron.
fn weekday_name(text: &str) -> Option<&'static str> {
    const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let text = text.to_ascii_lowercase();
    match text.parse::<usize>() {
        Ok(number) => DAYS.get(number % 7).copied().filter(|_| number <= 7),
        Err(_) => DAYS.into_iter().find(|day| text.len() == 3 && day.starts_with(&text)),
    }
}

/// Returns `L` or `W` if the text uses one of these extensions of other schedulers in a day field.
fn extension(field: CronField, text: &str) -> Option<char> {
    if !matches!(field, CronField::DayOfMonth | CronField::DayOfWeek) {
        return None;
    }
    let letter = text.trim_matches(|c: char| c.is_ascii_digit());
    match letter {
        "L" | "l" | "LW" => Some('L'),
        "W" | "w" => Some('W'),
        _ => None,
    }
}

fn span_of(low: i8, high: i8) -> String {
    if low == high { low.to_string() } else { format!("{low}-{high}") }
}

fn quote_fix(fix: String) -> String {
    if fix.len() > 40 { "write a range before the `/`, such as `0-30/10`".to_owned() } else { fix }
}
