//! `every = "tuesday 10:00"`: schedules in words, read into a [`Cron`].

use super::cron::{Cron, Days};
use super::error::{CronError, CronErrorKind as Kind, quote};
use super::field::{Field, Piece, Values};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const TIME: &str = "write hours and minutes on the 24-hour clock, such as `09:00` or `17:30`";
const DAY: &str = "write 1 to 31 or `last`, such as `month 1 09:00` or `month last 09:00`";
const FORMS: &str = "write one of `hour 15`, `day 09:00`, `weekday 08:30`, `weekend 10:00`, \
    `monday, thursday 10:00`, `month 1 09:00`, `month last 09:00`, or use `cron`";

/// Reads a schedule in words, in any case, with commas or `and` between several days:
///
/// | text | when |
/// |---|---|
/// | `hour`, `hour 15` | every hour, at that minute (0 if none is given) |
/// | `day 09:00` | every day |
/// | `weekday 08:30`, `weekend 10:00` | Monday to Friday; Saturday and Sunday |
/// | `tuesday 10:00`, `monday, thursday 10:00` | on those days; three letters are enough |
/// | `month 1 09:00`, `month 1, 15 09:00` | on those days of every month that has them |
/// | `month last 09:00` | on the last day of every month |
///
/// # Errors
/// [`CronError`] says what is wrong, in which bytes, and what to write instead.
pub fn every(text: &str) -> Result<Cron, CronError> {
    let whole = Piece { text, start: 0 };
    let mut words = Words { rest: split(whole), end: text.trim_ascii_end().len() };
    let Some(first) = words.next() else {
        return Err(CronError::new(Kind::Empty, whole.span(), FORMS));
    };
    let cron = |days, hours, minutes| Cron {
        source: text.to_owned(),
        minutes,
        hours,
        days,
        months: Values::span(Field::Month.bounds()),
    };
    if first.text.eq_ignore_ascii_case("hour") {
        let minute = words.minute()?;
        words.finish()?;
        return Ok(cron(Days::Every, Values::span(Field::Hour.bounds()), Values::one(minute)));
    }
    let days = words.days(first)?;
    let (hour, minute) = words.time()?;
    words.finish()?;
    Ok(cron(days, Values::one(hour), Values::one(minute)))
}

/// The words that are still to be read, and where the text ends.
struct Words<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<Piece<'a>>>,
    end: usize,
}

fn split(whole: Piece<'_>) -> std::iter::Peekable<std::vec::IntoIter<Piece<'_>>> {
    let between = |word: &Piece<'_>| !word.text.is_empty() && !word.text.eq_ignore_ascii_case("and");
    let words: Vec<_> = whole.words().flat_map(|word| word.split(',')).filter(between).collect();
    words.into_iter().peekable()
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        self.rest.next()
    }

    fn days(&mut self, first: Piece<'a>) -> Result<Days, CronError> {
        match first.text.to_ascii_lowercase().as_str() {
            "day" => Ok(Days::Every),
            "weekday" => Ok(Days::OfWeek(Values::span((1, 5)))),
            "weekend" => Ok(Days::OfWeek(Values::one(0).union(Values::one(6)))),
            "month" => self.days_of_month(),
            _ => self.days_of_week(first),
        }
    }

    fn days_of_week(&mut self, first: Piece<'a>) -> Result<Days, CronError> {
        let Some(day) = weekday(first.text) else {
            return Err(CronError::new(Kind::UnknownPeriod(quote(first.text)), first.span(), FORMS));
        };
        let mut days = Values::one(day);
        while let Some(day) = self.rest.peek().and_then(|word| weekday(word.text)) {
            days.insert(day);
            self.rest.next();
        }
        Ok(Days::OfWeek(days))
    }

    fn days_of_month(&mut self) -> Result<Days, CronError> {
        if self.rest.next_if(|word| word.text.eq_ignore_ascii_case("last")).is_some() {
            return Ok(Days::Last);
        }
        let mut days = Values::EMPTY;
        while let Some(word) = self.rest.next_if(|word| !word.text.contains(':')) {
            let Some(day) = number(word.text).filter(|day| (1..=31).contains(day)) else {
                return Err(CronError::new(Kind::BadDay(quote(word.text)), word.span(), DAY));
            };
            days.insert(day);
        }
        if days.is_empty() {
            return Err(CronError::new(Kind::NoDay, self.end..self.end, DAY));
        }
        Ok(Days::OfMonth(days))
    }

    fn time(&mut self) -> Result<(i8, i8), CronError> {
        let Some(word) = self.next() else {
            return Err(CronError::new(Kind::NoTime, self.end..self.end, TIME));
        };
        let time = word.text.split_once(':').filter(|(_, minute)| minute.len() == 2);
        let time = time.and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
        time.filter(|&(hour, minute)| hour <= 23 && minute <= 59)
            .ok_or_else(|| CronError::new(Kind::BadTime(quote(word.text)), word.span(), TIME))
    }

    fn minute(&mut self) -> Result<i8, CronError> {
        let Some(word) = self.next() else { return Ok(0) };
        number(word.text).filter(|&minute| minute <= 59).ok_or_else(|| {
            let fix = "write a number from 0 to 59, such as `hour 15`";
            CronError::new(Kind::BadMinute(quote(word.text)), word.span(), fix)
        })
    }

    fn finish(&mut self) -> Result<(), CronError> {
        let Some(word) = self.next() else { return Ok(()) };
        let fix = "take it out; for a second time of day make a second step, or use `cron`";
        Err(CronError::new(Kind::Extra(quote(word.text)), word.span(), fix))
    }
}

/// One or two digits.
fn number(text: &str) -> Option<i8> {
    let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A day of the week by its name or at least three letters of it.
fn weekday(text: &str) -> Option<i8> {
    let text = text.to_ascii_lowercase();
    let at = WEEKDAYS.iter().position(|name| text.len() >= 3 && name.starts_with(&text))?;
    i8::try_from(at).ok()
}
