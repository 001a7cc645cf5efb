//! The description of a schedule in English.

use std::time::Duration;

use jiff::civil::DateTime;

use super::parts::{TimeOfDay, clock, first_dates, is_consecutive, name_at, name_spans};
use crate::cron::{Cron, Days};
use crate::field::CronField;
use crate::values::Values;
use crate::{Condition, Reaction, Schedule, ScheduleZone, Trigger};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn describe(schedule: &Schedule) -> String {
    match &schedule.trigger {
        Trigger::Cron(cron) => format!("{}, {}", recurrence(cron), zone_text(&schedule.zone)),
        Trigger::At(wall) => format!("once, on {}, {}", moment(*wall), zone_text(&schedule.zone)),
        Trigger::Dates(walls) => format!("{}, {}", on_dates(walls), zone_text(&schedule.zone)),
        Trigger::ByHand => "by hand, with `chorus send`".to_owned(),
        Trigger::After { step, delay, condition } => {
            let only =
                condition.map(|condition| format!(", {}", condition_text(condition))).unwrap_or_default();
            match delay.as_secs() {
                0 => format!("right after `{step}`{only}"),
                _ => format!("{} after `{step}`{only}", delay_text(*delay)),
            }
        }
    }
}

fn zone_text(zone: &ScheduleZone) -> String {
    match zone {
        ScheduleZone::Contact { .. } => "each contact's time".to_owned(),
        ScheduleZone::Fixed(zone) => match (zone.iana_name(), zone.to_fixed_offset()) {
            (Some("UTC"), _) => "UTC".to_owned(),
            (Some(name), _) => format!("{name} time"),
            (None, Ok(offset)) => format!("UTC{offset}"),
            (None, Err(_)) => "local time".to_owned(),
        },
    }
}

fn moment(wall: DateTime) -> String {
    let seconds = if wall.second() == 0 { "" } else { ":%S" };
    wall.strftime(&format!("%A %-d %B %Y at %H:%M{seconds}")).to_string()
}

fn on_dates(walls: &[DateTime]) -> String {
    let (dates, more) = first_dates(walls);
    let dates: Vec<_> = dates.iter().map(|wall| moment(*wall)).collect();
    match more {
        0 => format!("on {}", listed(&dates)),
        1 => format!("on {} and one more date", dates.join(", ")),
        more => format!("on {} and {more} more dates", dates.join(", ")),
    }
}

fn condition_text(condition: Condition) -> String {
    let (verb, reaction) = match condition {
        Condition::If(reaction) => ("did", reaction),
        Condition::Unless(reaction) => ("did not", reaction),
    };
    let what = match reaction {
        Reaction::Opened => "open it",
        Reaction::Clicked => "click it",
        Reaction::Converted => "do what the campaign is for",
    };
    format!("only for those who {verb} {what}")
}

fn delay_text(delay: Duration) -> String {
    const UNITS: [&str; 4] = ["day", "hour", "minute", "second"];
    let parts = super::parts::delay_parts(delay).map(|(count, unit)| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {}{plural}", UNITS.get(unit).copied().unwrap_or_default())
    });
    listed(&parts.collect::<Vec<_>>())
}

fn recurrence(cron: &Cron) -> String {
    let kind = TimeOfDay::of(cron.hours, cron.minutes);
    let two_kinds_of_days = matches!(cron.days, Days::Either(..));
    let days = days(cron);
    let time = time_of_day(&kind, cron.hours, cron.minutes);
    match (days.as_str(), two_kinds_of_days || kind.repeats()) {
        ("every day", true) => time,
        (_, true) => format!("{days}, {time}"),
        (_, false) => format!("{days} {time}"),
    }
}

fn days(cron: &Cron) -> String {
    let months = (cron.months.len() < 12).then(|| name_list(cron.months, |at| name_at(&MONTHS, at - 1)));
    let in_months = months.as_ref().map(|months| format!(" in {months}")).unwrap_or_default();
    let of_months = months.unwrap_or_else(|| "every month".to_owned());
    if let Some(weeks) = cron.weeks {
        let from = weeks.from.map(|from| from.strftime(", counted from %-d %B %Y,").to_string());
        let days = match cron.days {
            Days::OfWeek(days) => weekday_names(days),
            _ => "every day".to_owned(),
        };
        return format!("every {} weeks on {days}{in_months}{}", weeks.every, from.unwrap_or_default());
    }
    match cron.days {
        Days::Nth { nth, last, weekdays, together } => {
            let which = ordinal_names(nth, last);
            let of = match together {
                true if weekdays == Values::span((1, 5)) => "weekday".to_owned(),
                true => "day of a weekend".to_owned(),
                false => name_each(weekdays),
            };
            let rare = nth.has(5) && !last && in_months.is_empty();
            format!("on the {which} {of} of {of_months}{}", if rare { " that has one" } else { "" })
        }
        Days::Every => format!("every day{in_months}"),
        Days::OfWeek(days) => format!("{}{in_months}", weekdays(days)),
        Days::OfMonth(days) => {
            let rare = days.at_or_after(0) > Some(28) && in_months.is_empty();
            format!("on {} of {of_months}{}", ordinals(days), if rare { " that has one" } else { "" })
        }
        Days::Either(days, of_week) => {
            format!("on {} of {of_months} and {}{in_months}", ordinals(days), weekdays(of_week))
        }
        Days::Last => format!("on the last day of {of_months}"),
    }
}

/// Returns the names of ordinals: `second`, `first and third`, `last`.
fn ordinal_names(nth: Values, last: bool) -> String {
    const NAMES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    let mut names: Vec<_> = nth.iter().map(|at| name_at(&NAMES, at - 1)).collect();
    if last {
        names.push("last".to_owned());
    }
    listed(&names)
}

fn name_each(days: Values) -> String {
    listed(&days.iter().map(|at| name_at(&WEEKDAYS, at)).collect::<Vec<_>>())
}

/// Returns the names of days for use after `on`.
fn weekday_names(days: Values) -> String {
    if days == Values::span((1, 5)) { "weekdays".to_owned() } else { name_each(days) }
}

fn weekdays(days: Values) -> String {
    if days == Values::span(CronField::DayOfWeek.bounds()) {
        "every day".to_owned()
    } else if days == Values::span((1, 5)) {
        "every weekday".to_owned()
    } else if days == Values::one(0).union(Values::one(6)) {
        "every Saturday and Sunday".to_owned()
    } else {
        format!("every {}", name_list(days, |at| name_at(&WEEKDAYS, at)))
    }
}

fn ordinals(days: Values) -> String {
    let ordinal = |day: i8| {
        let ending = match (day % 10, day) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        format!("{day}{ending}")
    };
    format!("the {}", name_list(days, ordinal))
}

fn time_of_day(time: &TimeOfDay, hours: Values, minutes: Values) -> String {
    match time {
        TimeOfDay::EveryMinute => format!("every minute{}", during(hours)),
        TimeOfDay::EveryMinutes(step) => format!("every {step} minutes{}", during(hours)),
        TimeOfDay::OnTheHour => "every hour on the hour".to_owned(),
        TimeOfDay::Hourly => format!("every hour at {}", past(minutes)),
        TimeOfDay::At(times) => format!("at {}", listed(times)),
        TimeOfDay::EveryHours(step, from) => format!("every {step} hours from {from}"),
        TimeOfDay::HourlyBetween(from, to) => format!("every hour from {from} to {to}"),
        TimeOfDay::Minutes => format!("at {}{}", past(minutes), during(hours)),
    }
}

/// Returns ` between 09:00 and 17:59`, ` in the hours 9, 12 and 15`, or an empty text for all
/// hours.
fn during(hours: Values) -> String {
    match (hours.iter().next(), hours.iter().last()) {
        _ if hours.len() == 24 => String::new(),
        (Some(first), Some(last)) if is_consecutive(hours) => {
            format!(" between {} and {}", clock(first, 0), clock(last, 59))
        }
        _ => format!(" in the hours {}", name_list(hours, |hour| hour.to_string())),
    }
}

fn past(minutes: Values) -> String {
    let noun = if minutes == Values::one(1) { "minute" } else { "minutes" };
    format!("{} {noun} past", name_list(minutes, |minute| minute.to_string()))
}

fn name_list(values: Values, name: impl Fn(i8) -> String) -> String {
    listed(&name_spans(values, name, |first, last| format!("{first} to {last}")))
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
