//! What is wrong with a `cron` or `every`, where in the text, and what to write instead.

use std::ops::Range;

use crate::field::Field;

/// A `cron` or `every` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct CronError {
    /// What is wrong.
    pub kind: CronErrorKind,
    /// The bytes of the text that it is about; they lie on character boundaries.
    pub span: Range<usize>,
    /// What to do, in a marketer's words.
    pub fix: String,
}

/// What can be wrong. Quoted text is cut short when long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronErrorKind {
    /// Nothing there.
    #[error("a schedule may not be empty")]
    Empty,
    /// `@daily` and its like.
    #[error("shorthands such as `{0}` are not used here")]
    Shorthand(String),
    /// Not five fields.
    #[error("a cron expression has five fields, this one has {0}")]
    FieldCount(usize),
    /// Two commas in a row, or one at an end.
    #[error("the list in the {0} field has an empty place")]
    EmptyPlace(Field),
    /// `?`, `L`, `W` or `#`, which other schedulers know.
    #[error("`{0}` is not part of cron")]
    NotCron(char),
    /// Neither a number nor a name that the field knows.
    #[error("`{text}` is not a {field}")]
    Unknown {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// A number that the field does not have.
    #[error("there is no {field} {text}")]
    OutOfRange {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// A range whose end comes before its start.
    #[error("the range `{0}` runs backwards")]
    Backwards(String),
    /// `5/10`: a step that starts at one value, which crons read differently.
    #[error("the step in `{0}` has no range to step through")]
    StepWithoutRange(String),
    /// A step that is not a whole number from 1 up.
    #[error("`{0}` is not a step")]
    BadStep(String),
    /// A step that jumps over the whole range, such as `*/90` minutes.
    #[error("a step of {step} never fits into the {field} field: only the first value would count")]
    LongStep {
        /// The field.
        field: Field,
        /// The step.
        step: String,
    },
    /// `*/2` in one day field while the other is restricted too.
    #[error("`{0}` beside a second day field means different days to different crons")]
    AmbiguousDays(String),
    /// No such day in any of the months.
    #[error("this never happens: no chosen month has such a day")]
    Never,
    /// An `every` that starts with no known word.
    #[error("`{0}` is not something that a schedule can repeat")]
    UnknownPeriod(String),
    /// `second tuesday`, which some read as every other one.
    #[error("`{0}` can be read in two ways")]
    Ordinal(String),
    /// Weeks without their days.
    #[error("the day of the week is missing")]
    NoWeekday,
    /// A number of weeks that is none.
    #[error("`{0}` is not a number of weeks")]
    BadWeeks(String),
    /// An `every` without its time of day.
    #[error("the time of day is missing")]
    NoTime,
    /// A time of day that cannot be read.
    #[error("`{0}` is not a time of day")]
    BadTime(String),
    /// A minute of the hour that cannot be read.
    #[error("`{0}` is not a minute of the hour")]
    BadMinute(String),
    /// An `every = "month …"` without a day.
    #[error("the day of the month is missing")]
    NoDay,
    /// A day of the month that cannot be read.
    #[error("`{0}` is not a day of the month")]
    BadDay(String),
    /// More words than a schedule has.
    #[error("`{0}` is one thing too many")]
    Extra(String),
}

impl CronError {
    pub(crate) fn new(kind: CronErrorKind, span: Range<usize>, fix: impl Into<String>) -> Self {
        Self { kind, span, fix: fix.into() }
    }
}

/// Quotes at most 24 characters of what a file says, with nothing that could upset a terminal.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(24).map(|c| if upsets(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(24).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Controls, and what hides text or turns its direction.
fn upsets(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
