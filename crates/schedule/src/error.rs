//! Errors of `cron` and `every`: the mistake, its place in the text, and a fix.

use std::ops::Range;

use crate::field::CronField;

/// A mistake in the text of a `cron` or `every`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct CronError {
    /// The kind of mistake.
    pub kind: CronErrorKind,
    /// The byte range of the mistake in the text; both ends lie on character boundaries.
    pub span: Range<usize>,
    /// An instruction that fixes the mistake, in a marketer's words.
    pub fix: String,
}

/// Kinds of mistakes in a `cron` or `every`. Quoted text is cut to 24 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronErrorKind {
    /// The text is empty.
    #[error("a schedule may not be empty")]
    Empty,
    /// A shorthand such as `@daily`.
    #[error("shorthands such as `{0}` are not used here")]
    Shorthand(String),
    /// A time zone in front of the fields, such as `TZ=Europe/Berlin`.
    #[error("a time zone is not part of cron")]
    TimeZone,
    /// The number of fields is not five.
    #[error("a cron expression has five fields, this one has {0}")]
    FieldCount(usize),
    /// Two commas in a row, or a comma at an end.
    #[error("the list in the {0} field has an empty place")]
    EmptyPlace(CronField),
    /// `?`, `L`, `W` or `#`, which other schedulers support.
    #[error("`{0}` is not part of cron")]
    NotCron(char),
    /// The value is neither a number nor a name that the field has.
    #[error("`{text}` is not a {field}")]
    Unknown {
        /// The field of the expression.
        field: CronField,
        /// The text of the value.
        text: String,
    },
    /// The number is outside the field's range.
    #[error("there is no {field} {text}")]
    OutOfRange {
        /// The field of the expression.
        field: CronField,
        /// The text of the number.
        text: String,
    },
    /// The end of a range comes before its start.
    #[error("the range `{0}` runs backwards")]
    Backwards(String),
    /// A step from a single value, such as `5/10`, which cron implementations read differently.
    #[error("the step in `{0}` has no range to step through")]
    StepWithoutRange(String),
    /// The step is not a whole number from 1 up.
    #[error("`{0}` is not a step")]
    BadStep(String),
    /// The step exceeds the range, such as `*/90` in the minute field.
    #[error("a step of {step} never fits into the {field} field: only the first value would count")]
    LongStep {
        /// The field of the expression.
        field: CronField,
        /// The text of the step.
        step: String,
    },
    /// `*/2` in one day field while the other is restricted, too.
    #[error("`{0}` beside a second day field means different days to different crons")]
    AmbiguousDays(String),
    /// None of the chosen months has the day.
    #[error("this never happens: no chosen month has such a day")]
    Never,
    /// The first word of an `every` is not a known period.
    #[error("`{0}` is not something that a schedule can repeat")]
    UnknownPeriod(String),
    /// `second tuesday` without `month`, which can also mean every other Tuesday.
    #[error("`{0}` can be read in two ways")]
    Ordinal(String),
    /// An interval of weeks has no days of the week.
    #[error("the day of the week is missing")]
    NoWeekday,
    /// The number of weeks is not between 1 and 52.
    #[error("`{0}` is not a number of weeks")]
    BadWeeks(String),
    /// An `every` has no time of day.
    #[error("the time of day is missing")]
    NoTime,
    /// The time of day is not `HH:MM`.
    #[error("`{0}` is not a time of day")]
    BadTime(String),
    /// The minute of the hour is not between 0 and 59.
    #[error("`{0}` is not a minute of the hour")]
    BadMinute(String),
    /// An `every = "month …"` has no day.
    #[error("the day of the month is missing")]
    NoDay,
    /// The day of the month is not valid.
    #[error("`{0}` is not a day of the month")]
    BadDay(String),
    /// A word is left over after the end of the schedule.
    #[error("`{0}` is one thing too many")]
    Extra(String),
}

impl CronError {
    pub(crate) fn new(kind: CronErrorKind, span: Range<usize>, fix: impl Into<String>) -> Self {
        Self { kind, span, fix: fix.into() }
    }
}

/// Returns at most 24 characters of a file's text for an error, with unprintable characters
/// replaced so that they cannot affect a terminal.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String =
        text.chars().take(24).map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(24).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Returns true for control characters, and for characters that hide text or change its direction.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
