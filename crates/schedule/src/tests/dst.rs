//! Tests of real clock changes, with instants worked out by hand from the published rules.

use super::*;

/// A zone, a cron expression, a UTC window, and the instants at which the expression fires in it.
type Case = (&'static str, &'static str, [&'static str; 2], &'static [&'static str]);

const CASES: &[Case] = &[
    // London: 30 March 2025 01:00 GMT becomes 02:00 BST; 26 October 2025 02:00 BST becomes 01:00
    // GMT.
    (
        "Europe/London",
        "30 1 * * *",
        ["2025-03-29T00:00:00Z", "2025-04-01T00:00:00Z"],
        &["2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"],
    ),
    (
        "Europe/London",
        "30 1 * * *",
        ["2025-10-25T00:00:00Z", "2025-10-28T00:00:00Z"],
        &["2025-10-25T00:30:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"],
    ),
    // All times in a gap, and the time after it, make one occurrence.
    (
        "Europe/London",
        "*/30 1,2 * * *",
        ["2025-03-30T00:00:00Z", "2025-03-30T23:00:00Z"],
        &["2025-03-30T01:00:00Z", "2025-03-30T01:30:00Z"],
    ),
    // The repeated hour does not fire again: 01:00 and 01:30 BST, then 02:00 GMT.
    (
        "Europe/London",
        "*/30 1,2 * * *",
        ["2025-10-26T00:00:00Z", "2025-10-26T23:00:00Z"],
        &["2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z", "2025-10-26T02:30:00Z"],
    ),
    // New York: 9 March 2025 02:00 EST becomes 03:00 EDT; 2 November 2025 02:00 EDT becomes 01:00
    // EST.
    (
        "America/New_York",
        "30 2 * * *",
        ["2025-03-08T12:00:00Z", "2025-03-10T12:00:00Z"],
        &["2025-03-09T07:00:00Z", "2025-03-10T06:30:00Z"],
    ),
    (
        "America/New_York",
        "30 1 * * *",
        ["2025-11-01T12:00:00Z", "2025-11-03T12:00:00Z"],
        &["2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"],
    ),
    // Lord Howe moves by half an hour: 5 October 2025 02:00 (+10:30) becomes 02:30 (+11).
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        ["2025-10-03T12:00:00Z", "2025-10-05T23:00:00Z"],
        &["2025-10-03T15:45:00Z", "2025-10-04T15:30:00Z", "2025-10-05T15:15:00Z"],
    ),
    // And back on 6 April 2025: 02:00 (+11) becomes 01:30 (+10:30).
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        ["2025-04-04T12:00:00Z", "2025-04-06T23:00:00Z"],
        &["2025-04-04T14:45:00Z", "2025-04-05T14:45:00Z", "2025-04-06T15:15:00Z"],
    ),
    // São Paulo moved forward at midnight: 4 November 2018 00:00 (−3) became 01:00 (−2).
    (
        "America/Sao_Paulo",
        "0 0 * * *",
        ["2018-11-03T00:00:00Z", "2018-11-05T12:00:00Z"],
        &["2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
    ),
    (
        "America/Sao_Paulo",
        "30 0 4 NOV *",
        ["2018-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
        &["2018-11-04T03:00:00Z", "2019-11-04T03:30:00Z"],
    ),
    // And back into the day before: 18 February 2018 00:00 (−2) became 17 February 23:00 (−3).
    (
        "America/Sao_Paulo",
        "30 23 * * *",
        ["2018-02-17T12:00:00Z", "2018-02-19T12:00:00Z"],
        &["2018-02-18T01:30:00Z", "2018-02-19T02:30:00Z"],
    ),
    // Shanghai never moves.
    (
        "Asia/Shanghai",
        "0 10 * * TUE",
        ["2027-03-01T00:00:00Z", "2027-03-15T00:00:00Z"],
        &["2027-03-02T02:00:00Z", "2027-03-09T02:00:00Z"],
    ),
    // Casablanca goes back for Ramadan: 23 February 2025 03:00 (+1) became 02:00 (+0).
    (
        "Africa/Casablanca",
        "30 2 * * *",
        ["2025-02-22T12:00:00Z", "2025-02-24T12:00:00Z"],
        &["2025-02-23T01:30:00Z", "2025-02-24T02:30:00Z"],
    ),
    // And forward after it: 6 April 2025 02:00 (+0) became 03:00 (+1).
    (
        "Africa/Casablanca",
        "30 2 * * *",
        ["2025-04-05T12:00:00Z", "2025-04-07T12:00:00Z"],
        &["2025-04-06T02:00:00Z", "2025-04-07T01:30:00Z"],
    ),
    // Apia had no 30 December 2011: 29 December 24:00 (−10) became 31 December 00:00 (+14).
    (
        "Pacific/Apia",
        "0 9 * * *",
        ["2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z"],
        &["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"],
    ),
    (
        "Pacific/Apia",
        "*/20 * 30 * *",
        ["2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z"],
        &["2011-12-30T10:00:00Z"],
    ),
    // Kathmandu is 5:45 ahead.
    (
        "Asia/Kathmandu",
        "0 10 * * *",
        ["2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"],
        &["2025-01-01T04:15:00Z"],
    ),
    // Troll moves by two hours: 30 March 2025 01:00 (+0) becomes 03:00 (+2).
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        ["2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z"],
        &["2025-03-30T01:00:00Z", "2025-03-30T23:30:00Z", "2025-03-31T00:30:00Z"],
    ),
    // And back: 26 October 2025 03:00 (+2) becomes 01:00 (+0).
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        ["2025-10-25T12:00:00Z", "2025-10-27T12:00:00Z"],
        &["2025-10-25T23:30:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z", "2025-10-27T02:30:00Z"],
    ),
];

#[test]
fn occurrences_around_clock_changes() {
    for &(name, cron, [after, until], expected) in CASES {
        assert_eq!(instants(&fixed(cron, name), after, until), expected, "{cron} in {name} after {after}");
    }
}

#[test]
fn days_of_23_and_25_hours() {
    let quarter = fixed("*/15 * * * *", "Europe/London");
    let count = |after, until| instants(&quarter, after, until).len();
    assert_eq!(count("2025-03-29T23:59:59Z", "2025-03-30T22:59:59Z"), 92);
    assert_eq!(count("2025-10-25T22:59:59Z", "2025-10-26T23:59:59Z"), 96);
    assert_eq!(count("2025-06-01T22:59:59Z", "2025-06-02T22:59:59Z"), 96);
}

#[test]
fn a_repeated_time_does_not_fire_after_a_restart_between_the_two() {
    let half_past_one = fixed("30 1 * * *", "Europe/London");
    for restart in
        ["2025-10-26T00:30:00Z", "2025-10-26T01:00:00Z", "2025-10-26T01:10:00Z", "2025-10-26T01:29:59Z"]
    {
        let found = instants(&half_past_one, restart, "2025-10-27T01:00:00Z");
        assert!(found.is_empty(), "{restart}: {found:?}");
    }
}

#[test]
fn a_single_date_and_time() {
    let at = |wall: &str, zone| schedule(Trigger::At(wall.parse().unwrap()), zone);
    let london = || ScheduleZone::Fixed(zone("Europe/London"));
    let (after, until) = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    assert_eq!(instants(&at("2025-03-02T10:05:00", london()), after, until), ["2025-03-02T10:05:00Z"]);
    assert_eq!(instants(&at("2025-03-30T01:30:00", london()), after, until), ["2025-03-30T01:00:00Z"]);
    assert_eq!(instants(&at("2025-10-26T01:30:00", london()), after, until), ["2025-10-26T00:30:00Z"]);
    assert!(instants(&at("2024-12-31T23:00:00", london()), after, until).is_empty());
    assert_eq!(instants(&at("2026-01-01T00:00:00", london()), after, until), ["2026-01-01T00:00:00Z"]);
    assert!(instants(&at("2026-01-01T00:00:01", london()), after, until).is_empty());
    assert!(instants(&at("2025-01-01T00:00:00", london()), after, until).is_empty(), "after is not included");
}

#[test]
fn a_step_after_another_has_no_times() {
    let step = StepId::parse("mail").unwrap();
    let trigger = Trigger::After { step, delay: Duration::from_secs(60), condition: None };
    let schedule = schedule(trigger, ScheduleZone::Fixed(TimeZone::UTC));
    assert!(schedule.occurrences(Timestamp::MIN, Timestamp::MAX, 10).is_empty());
    let parent = instant("2025-01-01T00:00:00Z");
    assert_eq!(after(parent, Duration::from_secs(60)).instant, instant("2025-01-01T00:01:00Z"));
    assert_eq!(after(parent, Duration::MAX).instant, Timestamp::MAX);
}

#[test]
fn each_contact_falls_due_in_their_zone() {
    let tuesday = contact("0 10 * * TUE");
    let found = tuesday.occurrences(instant("2027-03-01T00:00:00Z"), instant("2027-03-08T00:00:00Z"), 10);
    let wall = "2027-03-02T10:00:00".parse().unwrap();
    let expected = Occurrence {
        instant: instant("2027-03-01T20:00:00Z"),
        until: instant("2027-03-02T22:00:00Z"),
        moment: Moment::Local(wall),
    };
    assert_eq!(found, [expected]);
    let due = |name| expected.moment.due_in(&zone(name)).to_string();
    assert_eq!(due("Pacific/Kiritimati"), "2027-03-01T20:00:00Z");
    assert_eq!(due("Asia/Shanghai"), "2027-03-02T02:00:00Z");
    assert_eq!(due("America/New_York"), "2027-03-02T15:00:00Z");
    assert_eq!(due("Etc/GMT+12"), "2027-03-02T22:00:00Z");
}

#[test]
fn a_contact_in_a_gap_or_a_repeated_hour() {
    let due = |wall: &str, name| Moment::Local(wall.parse().unwrap()).due_in(&zone(name)).to_string();
    assert_eq!(due("2025-03-30T01:30:00", "Europe/London"), "2025-03-30T01:00:00Z");
    assert_eq!(due("2025-10-26T01:30:00", "Europe/London"), "2025-10-26T00:30:00Z");
    assert_eq!(due("2011-12-30T12:00:00", "Pacific/Apia"), "2011-12-30T10:00:00Z");
    let fixed = instant("2025-03-30T01:30:00Z");
    assert_eq!(Moment::Instant(fixed).due_in(&zone("Europe/London")), fixed);
}

#[test]
fn extreme_instants_do_not_overflow() {
    let minutely = fixed("* * * * *", "Asia/Kathmandu");
    let found = minutely.occurrences(Timestamp::MIN, Timestamp::MAX, 3);
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].instant, instant("1969-12-31T18:30:00Z"), "01-01 00:00 was at +05:30");
    let late = instant("2101-01-01T00:00:00Z");
    assert!(minutely.occurrences(late, Timestamp::MAX, 3).is_empty());
    assert!(minutely.occurrences(Timestamp::MAX, Timestamp::MIN, 3).is_empty());
    assert!(contact("* * * * *").occurrences(Timestamp::MAX, Timestamp::MAX, 3).is_empty());
    for wall in [DateTime::MIN, DateTime::MAX] {
        for name in ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/London"] {
            let edge = Moment::Local(wall).due_in(&zone(name));
            assert!(
                edge == Timestamp::MIN || edge == Timestamp::MAX || edge.as_second().abs() > 200_000_000_000
            );
        }
    }
}

#[test]
fn sparse_and_dense_schedules_are_complete() {
    let leap_mondays = fixed("0 12 29 2 *", "Europe/London");
    let all = leap_mondays.occurrences(instant("2026-01-01T00:00:00Z"), Timestamp::MAX, usize::MAX);
    assert_eq!(all.len(), 18, "2028 to 2096; 2100 is no leap year");
    let year = fixed("* * * * *", "Europe/London");
    let year = year.occurrences(instant("2025-01-01T00:00:00Z"), instant("2026-01-01T00:00:00Z"), usize::MAX);
    assert_eq!(year.len(), 365 * 24 * 60 - 60, "the repeated hour of October does not fire");
}

#[test]
fn resolving_is_monotonic_in_every_zone() {
    let around = [-26 * 60, -24 * 60, -180, -121, -120, -91, -90, -61, -60, -59, -31, -30, -29, -15, -1];
    let steps: Vec<i64> = around.iter().copied().chain([0]).chain(around.iter().rev().map(|m| -m)).collect();
    let (from, to) = (instant("1970-01-01T00:00:00Z"), instant("2101-01-01T00:00:00Z"));
    let mut transitions = 0;
    for name in TimeZoneDatabase::bundled().available() {
        let zone = zone(name.as_str());
        for change in zone.following(from).map(|t| t.timestamp()).take_while(|t| *t < to) {
            transitions += 1;
            let shown = zone.to_datetime(change);
            let walls = steps.iter().map(|m| shown.saturating_add(jiff::SignedDuration::from_mins(*m)));
            let mut last = Timestamp::MIN;
            for wall in walls {
                let found = zone::resolve(wall, &zone);
                assert!(found >= last, "{name}: {wall} runs back to {found}");
                last = found;
                let before = zone.to_datetime(found - jiff::SignedDuration::from_nanos(1));
                let shows = zone.to_datetime(found);
                assert!(
                    shows == wall || before < wall && wall < shows,
                    "{name}: {found} shows {shows}, not {wall}"
                );
            }
        }
    }
    assert!(transitions > 30_000, "{transitions}");
}
