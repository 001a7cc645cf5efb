//! The calendar against a second opinion: the `cron` package, on a clock that never moves.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime as Utc0, TimeZone as _, Utc};
use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::random::{Expression, any_expression, index};
use super::*;

/// The package's own words: seconds first, days of the week by name.
fn package(expression: &Expression, days: &str, weekdays: &str) -> ::cron::Schedule {
    let join = |values: &[i8]| values.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
    let [minutes, hours, _, months, _] = &expression.values;
    let text = format!("0 {} {} {days} {} {weekdays}", join(minutes), join(hours), join(months));
    ::cron::Schedule::from_str(&text).unwrap()
}

/// The package asks for both day fields; where either is enough it is asked twice.
fn second_opinion(expression: &Expression) -> Vec<::cron::Schedule> {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let [_, _, days, _, weekdays] = &expression.values;
    let days = days.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
    let weekdays = weekdays.iter().map(|day| NAMES[index(*day)]).collect::<Vec<_>>().join(",");
    if expression.either {
        vec![package(expression, &days, "*"), package(expression, "*", &weekdays)]
    } else {
        vec![package(expression, &days, &weekdays)]
    }
}

fn seconds(wall: DateTime) -> i64 {
    TimeZone::UTC.to_timestamp(wall).unwrap().as_second()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agrees_with_the_package(expression in any_expression(), day in 0..45_000i32, minute in 0..1440i64) {
        let start = date(1971, 1, 1).at(0, 0, 0, 0).saturating_add(jiff::Span::new().days(day).minutes(minute));
        let ours: Vec<i64> = Cron::parse(&expression.text).unwrap().walls_after(start).take(60).map(seconds).collect();
        let from: Utc0<Utc> = Utc.timestamp_opt(seconds(start), 0).unwrap();
        let theirs: BTreeSet<i64> = second_opinion(&expression)
            .iter()
            .flat_map(|schedule| schedule.after(&from).take(60).map(|time| time.timestamp()).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(ours, theirs.into_iter().take(60).collect::<Vec<_>>(), "{} after {}", expression.text, start);
    }

    #[test]
    fn follows_its_definition(expression in any_expression(), day in 0..45_000i32) {
        let start = date(1971, 1, 1).at(0, 0, 0, 0).saturating_add(jiff::Span::new().days(day));
        let cron = Cron::parse(&expression.text).unwrap();
        let walls: Vec<_> = cron.walls_after(start).take(60).collect();
        prop_assert!(walls.iter().all(|wall| *wall > start && expression.says(*wall)));
    }
}

fn walls(cron: &Cron, after: &str, count: usize) -> Vec<String> {
    cron.walls_after(after.parse().unwrap()).take(count).map(|wall| wall.to_string()).collect()
}

#[test]
fn either_day_field_is_enough() {
    // POSIX's own example: "0 0 1,15 * 1" is midnight of the 1st, of the 15th, and of every Monday.
    let cron = Cron::parse("0 0 1,15 * 1").unwrap();
    let expected = ["06-01", "06-02", "06-09", "06-15", "06-16", "06-23", "06-30", "07-01", "07-07"];
    let expected: Vec<_> = expected.iter().map(|day| format!("2025-{day}T00:00:00")).collect();
    assert_eq!(walls(&cron, "2025-05-31T12:00:00", 9), expected);
}

#[test]
fn the_last_day_of_the_month() {
    let last = every("month last 09:00").unwrap();
    let expected =
        ["2027-12-31T09:00:00", "2028-01-31T09:00:00", "2028-02-29T09:00:00", "2028-03-31T09:00:00"];
    assert_eq!(walls(&last, "2027-12-30T00:00:00", 4), expected);
}

#[test]
fn days_that_only_some_months_have() {
    let cron = every("month 31 09:00").unwrap();
    let expected = ["2027-01-31T09:00:00", "2027-03-31T09:00:00", "2027-05-31T09:00:00"];
    assert_eq!(walls(&cron, "2027-01-01T00:00:00", 3), expected);
    let leap = Cron::parse("59 23 29 FEB *").unwrap();
    let after_the_last = walls(&leap, "2096-03-01T00:00:00", 3);
    assert!(after_the_last.is_empty(), "2100 is no leap year: {after_the_last:?}");
}
