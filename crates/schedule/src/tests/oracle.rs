//! Tests of schedules against an oracle that knows only the wall clock: it walks through time
//! minute by minute, records which minutes the clock has shown, and finds the ones that it skipped.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::random::{Expression, any_expression, dense};
use super::*;

/// The number of random windows per test run: 256 are about 600,000 minutes of the oracle. 40,000
/// (96 million minutes, 9 million occurrences) passed when this was written; raise the number
/// before trusting a change to the zone rules.
const CASES: u32 = 256;

/// Zones whose clocks changed between 2011 and 2035: for DST, for Ramadan, or by decree.
const ZONES: [&str; 62] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Juba",
    "Africa/Khartoum",
    "Africa/Sao_Tome",
    "Africa/Tripoli",
    "Africa/Windhoek",
    "America/Adak",
    "America/Anchorage",
    "America/Asuncion",
    "America/Cancun",
    "America/Caracas",
    "America/Chicago",
    "America/Cuiaba",
    "America/Denver",
    "America/Grand_Turk",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Montevideo",
    "America/New_York",
    "America/Nuuk",
    "America/Port-au-Prince",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Macquarie",
    "Antarctica/Troll",
    "Asia/Almaty",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Gaza",
    "Asia/Hovd",
    "Asia/Istanbul",
    "Asia/Jerusalem",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Ulaanbaatar",
    "Atlantic/Azores",
    "Atlantic/Bermuda",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Moscow",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Bougainville",
    "Pacific/Chatham",
    "Pacific/Fiji",
    "Pacific/Norfolk",
];

/// Each zone with the instants at which its clock changed.
static CHANGES: LazyLock<Vec<(TimeZone, Vec<Timestamp>)>> = LazyLock::new(|| {
    let (from, to) = (instant("2011-01-01T00:00:00Z"), instant("2036-01-01T00:00:00Z"));
    let moved = |zone: &TimeZone, at: Timestamp| zone.to_offset(at) != zone.to_offset(at - MINUTE);
    let changes = |zone: &TimeZone| -> Vec<_> {
        let all = zone.following(from).map(|change| change.timestamp()).take_while(|at| *at < to);
        all.filter(|at| moved(zone, *at)).collect()
    };
    ZONES.iter().map(|name| zone(name)).map(|zone| (zone.clone(), changes(&zone))).collect()
});

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Returns all instants at which the expression fires after `after` and up to `until`, by walking
/// through every minute.
fn walk(expression: &Expression, zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    // No clock goes back by more than three hours in these years; what it showed before cannot
    // matter.
    let start = after.as_second() / 60 - 4 * 60;
    let mut seen = HashSet::new();
    let mut shown = zone.to_datetime(Timestamp::from_second((start - 1) * 60).unwrap());
    let mut fired = Vec::new();
    for minute in start..=until.as_second() / 60 {
        let now = Timestamp::from_second(minute * 60).unwrap();
        let wall = zone.to_datetime(now);
        let skipped = std::iter::successors(Some(shown + MINUTE), |wall| Some(*wall + MINUTE));
        let fires = skipped.take_while(|skipped| *skipped < wall).any(|skipped| expression.matches(skipped));
        let new = seen.insert(wall);
        if (fires || new && expression.matches(wall)) && now > after && now <= until {
            fired.push(now);
        }
        shown = wall;
    }
    fired
}

fn on(expression: &Expression, zone: &TimeZone) -> Schedule {
    schedule(Trigger::Cron(Cron::parse(&expression.text).unwrap()), ScheduleZone::Fixed(zone.clone()))
}

fn found(schedule: &Schedule, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    schedule.occurrences(after, until, usize::MAX).iter().map(|occurrence| occurrence.instant).collect()
}

/// Generates a zone, and a window of up to three days, to the second, that starts at most a day and
/// a half before one of the zone's changes, or up to four hours after it, when a repeated hour may
/// still be running.
fn window() -> impl Strategy<Value = (TimeZone, Timestamp, Timestamp)> {
    let hour = 3600_i64;
    let start = prop_oneof![-36 * hour..4 * hour, -hour..2 * hour];
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), start, 0..72 * hour).prop_map(
        |(zone, change, start, length)| {
            let (zone, changes) = zone.get(&CHANGES);
            let after = *change.get(changes) + SignedDuration::from_secs(start);
            (zone.clone(), after, after + SignedDuration::from_secs(length))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn fires_when_the_oracle_says(expression in dense(), (zone, after, until) in window()) {
        let expected = walk(&expression, &zone, after, until);
        prop_assert_eq!(found(&on(&expression, &zone), after, until), expected);
    }

    #[test]
    fn a_cut_anywhere_changes_nothing(
        expression in any_expression(),
        (zone, after, until) in window(),
        cut in 0.0..1.0f64,
        limit in 0..20usize,
    ) {
        let after = after - SignedDuration::from_hours(24 * 60);
        let length = (until - after).total(jiff::Unit::Second).unwrap();
        let middle = after + SignedDuration::from_secs_f64(length * cut);
        for schedule in [on(&expression, &zone), contact(&expression.text)] {
            let whole = schedule.occurrences(after, until, usize::MAX);
            prop_assert!(whole.is_sorted_by(|one, next| one.instant < next.instant && one.until < next.until));
            prop_assert!(whole.iter().all(|each| after < each.instant && each.instant <= until));
            let mut parts = schedule.occurrences(after, middle, usize::MAX);
            parts.extend(schedule.occurrences(middle, until, usize::MAX));
            prop_assert_eq!(&parts, &whole);
            let few = schedule.occurrences(after, until, limit);
            prop_assert_eq!(&few[..], &whole[..limit.min(whole.len())]);
        }
    }

    #[test]
    fn every_contact_falls_due_within_the_run(expression in dense(), (zone, after, until) in window()) {
        for occurrence in contact(&expression.text).occurrences(after, until, 50) {
            let due = occurrence.moment.due_in(&zone);
            prop_assert!(occurrence.instant <= due && due <= occurrence.until);
        }
    }
}

#[test]
fn every_zone_has_changes_and_the_windows_are_not_empty() {
    for ((_, changes), name) in CHANGES.iter().zip(ZONES) {
        assert!(!changes.is_empty(), "{name}");
    }
    let hourly = Expression {
        text: "0 * * * *".to_owned(),
        values: [vec![0], (0..24).collect(), (1..32).collect(), (1..13).collect(), (0..7).collect()],
        either: false,
    };
    let day = |from: &str, to: &str| walk(&hourly, &zone("Europe/London"), instant(from), instant(to)).len();
    assert_eq!(day("2025-03-29T23:59:00Z", "2025-03-30T22:59:00Z"), 23, "the oracle knows the gap");
    assert_eq!(day("2025-10-25T22:59:00Z", "2025-10-26T23:59:00Z"), 24, "and the repeated hour");
}

#[test]
fn the_oracle_sees_a_lost_day_once() {
    let daily = Expression {
        text: "0 9 * * *".to_owned(),
        values: [vec![0], vec![9], (1..32).collect(), (1..13).collect(), (0..7).collect()],
        either: false,
    };
    let fired =
        walk(&daily, &zone("Pacific/Apia"), instant("2011-12-30T00:00:00Z"), instant("2011-12-30T12:00:00Z"));
    assert_eq!(fired, [instant("2011-12-30T10:00:00Z")]);
}
