//! Tests of the calendar against another implementation, the `croner` package, in UTC.

use std::str::FromStr;

use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::random::{Expression, any_expression};
use super::*;

/// Returns the expression for `croner`: days of the week by number, `*` only for a day field that
/// is not restricted.
fn croner_expression(expression: &Expression) -> croner::Cron {
    let fields: Vec<&str> = expression.text.split(' ').collect();
    let parts = fields.iter().zip(&expression.values).map(|(field, values)| match *field {
        "*" => "*".to_owned(),
        _ => values.iter().map(i8::to_string).collect::<Vec<_>>().join(","),
    });
    croner::Cron::from_str(&parts.collect::<Vec<_>>().join(" ")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agrees_with_croner(expression in any_expression(), day in 0..45_000i32, minute in 0..1440i64) {
        let start = date(1971, 1, 1).at(0, 0, 0, 0).saturating_add(jiff::Span::new().days(day).minutes(minute));
        let ours: Vec<DateTime> = Cron::parse(&expression.text).unwrap().walls_after(start).take(60).collect();
        let from = start.to_zoned(TimeZone::UTC).unwrap();
        let theirs = croner_expression(&expression).iter_after(from).map(|time| time.datetime());
        // This crate's calendar ends with 2100.
        let theirs: Vec<DateTime> = theirs.take(60).take_while(|wall| wall.year() <= 2100).collect();
        prop_assert_eq!(ours, theirs, "{} after {}", expression.text, start);
    }

    #[test]
    fn follows_its_definition(expression in any_expression(), day in 0..45_000i32) {
        let start = date(1971, 1, 1).at(0, 0, 0, 0).saturating_add(jiff::Span::new().days(day));
        let cron = Cron::parse(&expression.text).unwrap();
        let walls: Vec<_> = cron.walls_after(start).take(60).collect();
        prop_assert!(walls.iter().all(|wall| *wall > start && expression.matches(*wall)));
    }
}

fn walls(cron: &Cron, after: &str, count: usize) -> Vec<String> {
    cron.walls_after(after.parse().unwrap()).take(count).map(|wall| wall.to_string()).collect()
}

#[test]
fn either_day_field_is_enough() {
    // The example of POSIX: "0 0 1,15 * 1" is midnight of the 1st, of the 15th, and of every
    // Monday.
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
