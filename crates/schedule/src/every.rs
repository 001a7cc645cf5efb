//! The parser of `every = "tuesday 10:00"`: schedules in words, which become a [`Cron`].

use crate::cron::{Cron, Days, Weeks};
use crate::error::{CronError, CronErrorKind as Kind, quote};
use crate::field::CronField;
use crate::spanned_text::SpannedText;
use crate::values::Values;

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const TIME_FIX: &str = "write hours and minutes on the 24-hour clock, such as `09:00` or `17:30`";
const DAY_FIX: &str =
    "write 1 to 31, `last`, or `second tuesday`, such as `month 1 09:00` or `month last friday 17:00`";
const FORMS_FIX: &str = "write one of `hour 15`, `day 09:00`, `weekday 08:30`, `weekend 10:00`, \
    `monday, thursday 10:00`, `2 weeks tuesday 10:00`, `month 1 09:00`, `month second tuesday 10:00`, \
    `month last 09:00`, or use `cron`";
const WEEKS_FIX: &str = "write 1 to 52 weeks and their days, such as `2 weeks tuesday 10:00`";
/// The ordinals of days in a month, as words and as numerals.
const ORDINALS: [(&str, &str); 5] =
    [("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th"), ("fifth", "5th")];
/// Words that are ignored.
const FILLERS: [&str; 4] = ["and", "at", "on", "the"];
/// The maximum interval, in weeks.
const MAX_WEEK_INTERVAL: i8 = 52;

/// Parses a schedule in words, in upper or lower case, with commas or `and` between several days:
///
/// | text | when |
/// |---|---|
/// | `hour`, `hour 15` | every hour, at that minute (0 if none is given) |
/// | `day 09:00` | every day |
/// | `weekday 08:30`, `weekend 10:00` | Monday to Friday; Saturday and Sunday |
/// | `tuesday 10:00`, `monday, thursday 10:00` | on those days; three letters are enough |
/// | `month 1 09:00`, `month 1, 15 09:00` | on those days of every month that has them |
/// | `month last 09:00` | on the last day of every month |
/// | `month second tuesday 10:00`, `month last friday 17:00` | on that weekday of every month that has it |
/// | `month last weekday 17:00` | on the last day of every month that is neither Saturday nor Sunday |
/// | `2 weeks tuesday 10:00` | on Tuesdays, every other week, counted from the start of the campaign |
///
/// `and`, `at`, `on` and `the` are ignored.
///
/// # Errors
/// [`CronError`] with the byte range and a fix, for anything else.
pub fn every(text: &str) -> Result<Cron, CronError> {
    let whole = SpannedText { text, start: 0 };
    let mut parser = EveryParser { rest: split(whole), end: text.trim_ascii_end().len() };
    let Some(first) = parser.next() else {
        return Err(CronError::new(Kind::Empty, whole.span(), FORMS_FIX));
    };
    let cron = |days, hours, minutes| Cron {
        source: text.to_owned(),
        minutes,
        hours,
        days,
        months: Values::span(CronField::Month.bounds()),
        weeks: None,
    };
    if first.text.eq_ignore_ascii_case("hour") {
        let minute = parser.minute()?;
        parser.expect_end()?;
        return Ok(cron(Days::Every, Values::span(CronField::Hour.bounds()), Values::one(minute)));
    }
    let weeks = parser.weeks(first)?;
    let days = match weeks {
        Some(_) => parser.days_of_weeks()?,
        None => parser.days(first)?,
    };
    let (hour, minute) = parser.time()?;
    parser.expect_end()?;
    let weeks = weeks.filter(|every| *every > 1).map(|every| Weeks { every, from: None });
    Ok(Cron { weeks, ..cron(days, Values::one(hour), Values::one(minute)) })
}

/// The words that are not yet parsed, and the byte position at which the text ends.
struct EveryParser<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<SpannedText<'a>>>,
    end: usize,
}

fn split(whole: SpannedText<'_>) -> std::iter::Peekable<std::vec::IntoIter<SpannedText<'_>>> {
    let is_filler = |text: &str| FILLERS.iter().any(|filler| text.eq_ignore_ascii_case(filler));
    let between = |word: &SpannedText<'_>| !word.text.is_empty() && !is_filler(word.text);
    let words: Vec<_> = whole.words().flat_map(|word| word.split(',')).filter(between).collect();
    words.into_iter().peekable()
}

impl<'a> EveryParser<'a> {
    fn next(&mut self) -> Option<SpannedText<'a>> {
        self.rest.next()
    }

    /// Parses the interval in weeks: 1 for `week`, 2 for `2 weeks`, `None` for anything else.
    fn weeks(&mut self, first: SpannedText<'a>) -> Result<Option<i8>, CronError> {
        if is(first.text, "week") {
            return Ok(Some(1));
        }
        let Some(every) = self.rest.peek().filter(|word| is(word.text, "week")).map(|_| number(first.text))
        else {
            return Ok(None);
        };
        self.rest.next();
        every
            .filter(|every| (1..=MAX_WEEK_INTERVAL).contains(every))
            .map(Some)
            .ok_or_else(|| CronError::new(Kind::BadWeeks(quote(first.text)), first.span(), WEEKS_FIX))
    }

    fn days_of_weeks(&mut self) -> Result<Days, CronError> {
        let Some(word) = self.rest.next_if(|word| !word.text.contains(':')) else {
            return Err(CronError::new(Kind::NoWeekday, self.end..self.end, WEEKS_FIX));
        };
        match set_of_weekdays(word.text) {
            Some(days) => Ok(Days::OfWeek(days)),
            None => self.days_of_week(word, WEEKS_FIX).map(Days::OfWeek),
        }
    }

    fn days(&mut self, first: SpannedText<'a>) -> Result<Days, CronError> {
        if let Some(days) = set_of_weekdays(first.text) {
            return Ok(Days::OfWeek(days));
        }
        if is(first.text, "day") {
            return Ok(Days::Every);
        }
        if is(first.text, "month") {
            return self.days_of_month();
        }
        match ordinal(first.text) {
            None => self.days_of_week(first, FORMS_FIX).map(Days::OfWeek),
            Some(None) => {
                let fix =
                    "write `month last friday 17:00`, or `month last 09:00` for the last day of the month";
                Err(CronError::new(Kind::UnknownPeriod(quote(first.text)), first.span(), fix))
            }
            // "Every second Tuesday" can mean every other Tuesday, or the second Tuesday of a
            // month.
            Some(Some(_)) => {
                let fix = "write `month second tuesday 10:00` for one of every month, or `2 weeks tuesday 10:00` for every other one";
                Err(CronError::new(Kind::Ordinal(quote(first.text)), first.span(), fix))
            }
        }
    }

    fn days_of_week(&mut self, first: SpannedText<'a>, fix: &str) -> Result<Values, CronError> {
        let Some(day) = weekday(first.text) else {
            return Err(CronError::new(Kind::UnknownPeriod(quote(first.text)), first.span(), fix));
        };
        let mut days = Values::one(day);
        while let Some(day) = self.rest.peek().and_then(|word| weekday(word.text)) {
            days.insert(day);
            self.rest.next();
        }
        Ok(days)
    }

    fn days_of_month(&mut self) -> Result<Days, CronError> {
        let (mut nth, mut last) = (Values::EMPTY, false);
        while let Some(which) = self.rest.peek().and_then(|word| ordinal(word.text)) {
            match which {
                Some(count) => nth.insert(count),
                None => last = true,
            }
            self.rest.next();
        }
        if last || !nth.is_empty() {
            return self.nth_days(nth, last);
        }
        let mut days = Values::EMPTY;
        while let Some(word) = self.rest.next_if(|word| !word.text.contains(':')) {
            let Some(day) = number(word.text).filter(|day| (1..=31).contains(day)) else {
                return Err(CronError::new(Kind::BadDay(quote(word.text)), word.span(), DAY_FIX));
            };
            days.insert(day);
        }
        if days.is_empty() {
            return Err(CronError::new(Kind::NoDay, self.end..self.end, DAY_FIX));
        }
        Ok(Days::OfMonth(days))
    }

    /// Parses the days after an ordinal: `tuesday` after `second`, nothing or `day` after `last`.
    fn nth_days(&mut self, nth: Values, last: bool) -> Result<Days, CronError> {
        let named_day = self.rest.next_if(|word| is(word.text, "day")).is_some();
        if nth.is_empty() && (named_day || self.rest.peek().is_none_or(|word| word.text.contains(':'))) {
            return Ok(Days::Last);
        }
        let Some(word) = self.rest.next_if(|word| !named_day && !word.text.contains(':')) else {
            return Err(CronError::new(Kind::NoDay, self.end..self.end, DAY_FIX));
        };
        if let Some(weekdays) = set_of_weekdays(word.text) {
            return Ok(Days::Nth { nth, last, weekdays, together: true });
        }
        if weekday(word.text).is_none() {
            return Err(CronError::new(Kind::BadDay(quote(word.text)), word.span(), DAY_FIX));
        }
        let weekdays = self.days_of_week(word, DAY_FIX)?;
        Ok(Days::Nth { nth, last, weekdays, together: false })
    }

    fn time(&mut self) -> Result<(i8, i8), CronError> {
        let Some(word) = self.next() else {
            return Err(CronError::new(Kind::NoTime, self.end..self.end, TIME_FIX));
        };
        let time = word.text.split_once(':').filter(|(_, minute)| minute.len() == 2);
        let time = time.and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
        time.filter(|&(hour, minute)| hour <= 23 && minute <= 59)
            .ok_or_else(|| CronError::new(Kind::BadTime(quote(word.text)), word.span(), TIME_FIX))
    }

    fn minute(&mut self) -> Result<i8, CronError> {
        let Some(word) = self.next() else { return Ok(0) };
        number(word.text).filter(|&minute| minute <= 59).ok_or_else(|| {
            let fix = "write a number from 0 to 59, such as `hour 15`";
            CronError::new(Kind::BadMinute(quote(word.text)), word.span(), fix)
        })
    }

    fn expect_end(&mut self) -> Result<(), CronError> {
        let Some(word) = self.next() else { return Ok(()) };
        let fix = "take it out; for a second time of day make a second step, or use `cron`";
        Err(CronError::new(Kind::Extra(quote(word.text)), word.span(), fix))
    }
}

/// Parses a number of one or two digits.
fn number(text: &str) -> Option<i8> {
    let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Returns true if `text` is `word` or its plural, in upper or lower case.
fn is(text: &str, word: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.strip_suffix('s').unwrap_or(&text) == word
}

/// Returns Monday to Friday for `weekday`, Saturday and Sunday for `weekend`.
fn set_of_weekdays(text: &str) -> Option<Values> {
    if is(text, "weekday") {
        Some(Values::span((1, 5)))
    } else if is(text, "weekend") {
        Some(Values::one(0).union(Values::one(6)))
    } else {
        None
    }
}

/// Parses an ordinal of days in a month: 1 to 5, or an inner `None` for `last`.
fn ordinal(text: &str) -> Option<Option<i8>> {
    if text.eq_ignore_ascii_case("last") {
        return Some(None);
    }
    let same = |word: &str| text.eq_ignore_ascii_case(word);
    let at = ORDINALS.iter().position(|(name, short)| same(name) || same(short))?;
    i8::try_from(at + 1).ok().map(Some)
}

/// Parses a day of the week: its name, its plural, or at least three letters of it. Sunday is 0.
fn weekday(text: &str) -> Option<i8> {
    let text = text.to_ascii_lowercase();
    let text = text.strip_suffix("days").map_or(text.clone(), |day| format!("{day}day"));
    let at = WEEKDAYS.iter().position(|name| text.len() >= 3 && name.starts_with(text.as_str()))?;
    i8::try_from(at).ok()
}
