//! Language-independent parts of descriptions: ranges of values, times of day, the units of a
//! delay.

use crate::values::Values;

/// The maximum number of dates that are listed; of the others only the count is given.
const MAX_LISTED_DATES: usize = 3;

/// Returns the step of values that start at 0 and divide `whole` evenly: 15 for 0, 15, 30, 45 of
/// 60.
pub(super) fn even_step(values: Values, whole: i8) -> Option<i8> {
    let step = values.at_or_after(1).unwrap_or(whole);
    let even = whole % step == 0 && values.iter().eq((0..whole).step_by(usize::try_from(step).ok()?));
    even.then_some(step)
}

/// Returns true if the values are consecutive.
pub(super) fn is_consecutive(values: Values) -> bool {
    values.iter().zip(values.iter().skip(1)).all(|(one, next)| next == one + 1)
}

/// Returns the runs of consecutive values, each as its first and its last.
pub(super) fn spans(values: Values) -> Vec<(i8, i8)> {
    let mut spans: Vec<(i8, i8)> = Vec::new();
    for value in values.iter() {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => spans.push((value, value)),
        }
    }
    spans
}

/// Returns the names of the values: three or more consecutive ones as a range, the others one by
/// one.
pub(super) fn name_spans(
    values: Values,
    name: impl Fn(i8) -> String,
    span: impl Fn(String, String) -> String,
) -> Vec<String> {
    let mut names = Vec::new();
    for (first, last) in spans(values) {
        match last - first {
            0 => names.push(name(first)),
            1 => names.extend([name(first), name(last)]),
            _ => names.push(span(name(first), name(last))),
        }
    }
    names
}

pub(super) fn name_at(names: &[&str], at: i8) -> String {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default().to_owned()
}

pub(super) fn times(hours: Values, minutes: Values) -> Vec<String> {
    hours.iter().flat_map(|hour| minutes.iter().map(move |minute| clock(hour, minute))).collect()
}

pub(super) fn clock(hour: i8, minute: i8) -> String {
    format!("{hour:02}:{minute:02}")
}

/// The pattern of a cron's times of day, for phrasing.
pub(super) enum TimeOfDay {
    EveryMinute,
    EveryMinutes(i8),
    OnTheHour,
    /// Every hour at certain minutes.
    Hourly,
    At(Vec<String>),
    /// Every n hours from a time of day.
    EveryHours(i8, String),
    /// Every hour from one time of day to another.
    HourlyBetween(String, String),
    /// At certain minutes of certain hours.
    Minutes,
}

impl TimeOfDay {
    pub(super) fn of(hours: Values, minutes: Values) -> Self {
        match even_step(minutes, 60) {
            Some(1) => return Self::EveryMinute,
            Some(step) if step < 60 => return Self::EveryMinutes(step),
            _ => {}
        }
        let only = minutes.iter().next().filter(|_| minutes.len() == 1);
        let every_hour = hours.len() == 24;
        match only {
            Some(0) if every_hour => return Self::OnTheHour,
            _ if every_hour => return Self::Hourly,
            _ if hours.len() * minutes.len() <= 6 => return Self::At(times(hours, minutes)),
            _ => {}
        }
        let Some(minute) = only else { return Self::Minutes };
        match (even_step(hours, 24), hours.iter().next(), hours.iter().last()) {
            (Some(step), ..) => Self::EveryHours(step, clock(0, minute)),
            (None, Some(first), Some(last)) if is_consecutive(hours) => {
                Self::HourlyBetween(clock(first, minute), clock(last, minute))
            }
            _ => Self::At(times(hours, minutes)),
        }
    }

    /// Returns true if the times repeat at a regular interval within a day.
    pub(super) const fn repeats(&self) -> bool {
        !matches!(self, Self::At(_) | Self::Minutes)
    }
}

/// Returns the dates to list, and the number of the others.
pub(super) fn first_dates(walls: &[jiff::civil::DateTime]) -> (&[jiff::civil::DateTime], usize) {
    let (dates, rest) = walls.split_at(walls.len().min(MAX_LISTED_DATES));
    (dates, rest.len())
}

/// Returns the non-zero units of a delay: each count with the index of its unit among day, hour,
/// minute and second.
pub(super) fn delay_parts(delay: std::time::Duration) -> impl Iterator<Item = (u64, usize)> {
    let seconds = delay.as_secs();
    let parts = [seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
    parts.into_iter().zip(0..).filter(|(count, _)| *count > 0)
}
