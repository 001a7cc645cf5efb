//! The parser of POSIX five-field cron expressions. Their times are enumerated in `calendar`.

use std::fmt;

use jiff::civil::Date;

use crate::error::{CronError, CronErrorKind as Kind, quote};
use crate::field::CronField;
use crate::spanned_text::SpannedText;
use crate::values::Values;

/// A POSIX five-field cron expression: minute, hour, day of month, month, day of week, in
/// wall-clock time.
///
/// Where POSIX does not define something or differs from common practice, the rules of Vixie cron
/// apply: lists and ranges may contain names, steps exist, and the month always applies, also to
/// days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    pub(crate) source: String,
    pub(crate) minutes: Values,
    pub(crate) hours: Values,
    pub(crate) days: Days,
    pub(crate) months: Values,
    /// The interval of weeks, if not every week fires.
    pub(crate) weeks: Option<Weeks>,
}

/// An interval of weeks, such as every other week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Weeks {
    /// The distance between two weeks that fire, in weeks: at least 1.
    pub(crate) every: i8,
    /// The first day of the first week that fires; no week fires while it is `None`.
    pub(crate) from: Option<Date>,
}

/// The days of its months on which a [`Cron`] fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Days {
    /// On every day.
    Every,
    /// On these days of the month.
    OfMonth(Values),
    /// On these days of the week; Sunday is 0.
    OfWeek(Values),
    /// On days of the month or days of the week: the rule of POSIX if both fields are restricted.
    Either(Values, Values),
    /// On the last day of the month.
    Last,
    /// On weekdays by their position in the month, such as the second Tuesday.
    Nth {
        /// The positions in the month, 1 to 5.
        nth: Values,
        /// True if the last such day of the month fires, too.
        last: bool,
        /// The days of the week; Sunday is 0.
        weekdays: Values,
        /// True if all these days of the week are counted as one sequence: the first of Monday to
        /// Friday is the first working day of the month.
        together: bool,
    },
}

impl Cron {
    /// Parses `minute hour day-of-month month day-of-week`.
    ///
    /// A field is `*`, a value, a range `1-5`, either of the latter two with a step (`*/5`,
    /// `10-50/10`), or a list of these. Months and days of the week may be three-letter names in
    /// any case; 0 and 7 are Sunday. When neither day field is `*`, a day that matches either of
    /// them counts ([POSIX
    /// crontab](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html)).
    ///
    /// # Errors
    /// [`CronError`] with the byte range and a fix: for anything that is not of that form, for
    /// expressions that never fire (30 February), and for `*/2` in a day field while the other one
    /// is restricted, too, which some crons read as "both" and some as "either".
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let whole = SpannedText { text, start: 0 };
        let [minute, hour, day, month, weekday] = split_fields(whole)?;
        let cron = Self {
            source: text.to_owned(),
            minutes: CronField::Minute.parse(minute)?,
            hours: CronField::Hour.parse(hour)?,
            months: CronField::Month.parse(month)?,
            days: days(day, weekday)?,
            weeks: None,
        };
        if cron.never_fires() {
            let fix =
                "choose a day that the month has; for the last day write `every = \"month last 09:00\"`";
            return Err(CronError::new(Kind::Never, day.start..month.span().end, fix));
        }
        Ok(cron)
    }

    /// Returns true if the expression fires at an interval of weeks: it then needs [the
    /// day](Self::counted_from) from which weeks are counted.
    #[must_use]
    pub const fn counts_weeks(&self) -> bool {
        self.weeks.is_some()
    }

    /// Returns the expression with its weeks counted from `day`; without an interval of weeks
    /// nothing changes.
    #[must_use]
    pub fn counted_from(mut self, day: Date) -> Self {
        if let Some(weeks) = &mut self.weeks {
            weeks.from = Some(day);
        }
        self
    }

    /// Returns true if none of the months has any of the days of the month.
    fn never_fires(&self) -> bool {
        let Days::OfMonth(days) = self.days else { return false };
        // 2000 was a leap year: 29 February happens.
        let has = |month, day| Date::new(2000, month, day).is_ok();
        !self.months.iter().any(|month| days.iter().any(|day| has(month, day)))
    }
}

impl fmt::Display for Cron {
    /// Writes the text that was parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn split_fields(whole: SpannedText<'_>) -> Result<[SpannedText<'_>; 5], CronError> {
    let words: Vec<_> = whole.words().take(9).collect();
    if let Some(first) = words.first().filter(|word| word.text.starts_with('@')) {
        return Err(CronError::new(
            Kind::Shorthand(quote(first.text)),
            first.span(),
            expand_shorthand(first.text),
        ));
    }
    if let Some((first, zone)) = words.first().and_then(|word| time_zone(word.text).map(|zone| (word, zone)))
    {
        let fix = format!("take it out, and write `timezone = \"{}\"` beside `cron`", quote(zone));
        return Err(CronError::new(Kind::TimeZone, first.span(), fix));
    }
    if words.is_empty() {
        let fix = "write minute, hour, day of month, month and day of week, such as `0 10 * * TUE`";
        return Err(CronError::new(Kind::Empty, whole.span(), fix));
    }
    words.as_slice().try_into().map_err(|_| {
        let count = whole.text.split_ascii_whitespace().count();
        let fix = if count < CronField::ALL.len() {
            "write all of minute, hour, day of month, month and day of week, with `*` for any"
        } else {
            "take out the seconds in front or the year at the end: minute, hour, day of month, month, day of week"
        };
        let start = words.first().map_or(0, |word| word.start);
        CronError::new(Kind::FieldCount(count), start..whole.text.trim_ascii_end().len(), fix)
    })
}

/// Returns the zone of `TZ=Europe/Berlin`, which other schedulers read in front of the fields.
fn time_zone(word: &str) -> Option<&str> {
    word.strip_prefix("TZ=").or_else(|| word.strip_prefix("CRON_TZ="))
}

fn expand_shorthand(shorthand: &str) -> String {
    let fields = match shorthand.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * SUN",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => return "write five fields, such as `0 10 * * TUE`, or a time with `at`".to_owned(),
    };
    format!("write `{fields}`")
}

fn days(day: SpannedText<'_>, weekday: SpannedText<'_>) -> Result<Days, CronError> {
    let of_month = CronField::DayOfMonth.parse(day)?;
    let of_week = CronField::DayOfWeek.parse(weekday)?;
    Ok(match (day.text == "*", weekday.text == "*") {
        (true, true) => Days::Every,
        (false, true) => Days::OfMonth(of_month),
        (true, false) => Days::OfWeek(of_week),
        (false, false) => {
            if let Some(starred) = [day, weekday].into_iter().find(|field| field.text.contains('*')) {
                return Err(ambiguous(starred, starred.start == day.start));
            }
            Days::Either(of_month, of_week)
        }
    })
}

/// Returns the error for two restricted day fields of which one contains `*`. POSIX joins them by
/// "or"; Vixie cron, and most after it, by "and" if one of them starts with `*`. A mailing on the
/// wrong days cannot be undone, so neither reading is guessed.
fn ambiguous(field: SpannedText<'_>, of_month: bool) -> CronError {
    let span = if of_month { "1-31" } else { "0-6" };
    let written_out = field.text.replace('*', span);
    let fix =
        format!("write `{}` if either field shall be enough, or `*` in one of them", quote(&written_out));
    CronError::new(Kind::AmbiguousDays(quote(field.text)), field.span(), fix)
}
