//! Tests of days counted in a month or by an interval of weeks, against a list of all days of the
//! month or a count from the start; and of lists of dates.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use proptest::prelude::*;

use super::*;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("Tuesdays", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("THURSDAY", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sundays", Weekday::Sunday),
];
const ORDINALS: [&str; 6] = ["first", "2nd", "third", "Fourth", "5th", "last"];

/// Returns all days on which the schedule fires from 2025 to 2029.
fn fired(cron: Cron) -> Vec<Date> {
    let schedule = schedule(Trigger::Cron(cron), ScheduleZone::Fixed(TimeZone::UTC));
    let found = schedule.occurrences(instant("2024-12-31T23:59:59Z"), instant("2029-12-31T23:59:59Z"), 9_999);
    let days = found.iter().map(|occurrence| occurrence.instant.to_zoned(TimeZone::UTC).date());
    days.collect()
}

fn all_days() -> impl Iterator<Item = Date> {
    date(2025, 1, 1).series(1.day()).take_while(|day| day.year() < 2030)
}

fn some_days() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::btree_set(0..DAYS.len(), 1..4).prop_map(|days| days.into_iter().collect())
}

fn named(days: &[usize]) -> String {
    days.iter().map(|day| DAYS[*day].0).collect::<Vec<_>>().join(", ")
}

/// Returns true if `day` has one of the ordinals among the days of its month that `counted`
/// selects.
fn is_nth(day: Date, ordinals: &[usize], counted: impl Fn(Date) -> bool) -> bool {
    let month: Vec<Date> = day
        .first_of_month()
        .series(1.day())
        .take_while(|other| other.month() == day.month())
        .filter(|other| counted(*other))
        .collect();
    ordinals.iter().any(|ordinal| match *ordinal {
        5 => month.last() == Some(&day),
        nth => month.get(nth) == Some(&day),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ordinals_of_a_month(
        ordinals in prop::collection::btree_set(0..ORDINALS.len(), 1..4),
        days in some_days(),
        set in 0..4_usize,
    ) {
        let ordinals: Vec<usize> = ordinals.into_iter().collect();
        let which: Vec<_> = ordinals.iter().map(|ordinal| ORDINALS[*ordinal]).collect();
        let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let (of, fires): (String, Box<dyn Fn(Date) -> bool>) = match set {
            0 => ("weekday".to_owned(), Box::new(|day| is_nth(day, &ordinals, |day| !is_weekend(day)))),
            1 => ("weekends".to_owned(), Box::new(|day| is_nth(day, &ordinals, is_weekend))),
            _ => (named(&days), Box::new(|day: Date| {
                days.iter().any(|named| {
                    day.weekday() == DAYS[*named].1
                        && is_nth(day, &ordinals, |other| other.weekday() == DAYS[*named].1)
                })
            })),
        };
        let words = format!("month the {} {of} at 09:30", which.join(" and "));
        let expected: Vec<Date> = all_days().filter(|day| fires(*day)).collect();
        prop_assert_eq!(fired(every(&words).unwrap()), expected, "{}", words);
    }

    #[test]
    fn interval_of_weeks_from_the_start(weeks in 1_i32..=52, days in some_days(), start in 0_i32..1_500) {
        let start = date(2024, 6, 1).checked_add(start.days()).unwrap();
        let words = format!("{weeks} weeks {} 10:00", named(&days));
        let cron = every(&words).unwrap();
        prop_assert_eq!(cron.counts_weeks(), weeks > 1);
        let fires = |day: Date| {
            let since = (day - start).get_days();
            let in_week = weeks == 1 || since >= 0 && since.div_euclid(7).rem_euclid(weeks) == 0;
            in_week && days.iter().any(|named| day.weekday() == DAYS[*named].1)
        };
        let expected: Vec<Date> = all_days().filter(|day| fires(*day)).collect();
        prop_assert_eq!(fired(cron.counted_from(start)), expected, "{} from {}", words, start);
    }
}

#[test]
fn descriptions_of_counted_days() {
    let descriptions: String = [
        "month second tuesday 10:00",
        "month first, third monday 09:00",
        "month last friday 17:00",
        "month fifth sunday 09:00",
        "month last weekday 17:00",
        "month first weekend 10:00",
        "month last day 09:00",
        "2 weeks tuesday 10:00",
        "3 weeks on monday and friday at 08:00",
        "2 weeks weekdays 08:00",
        "week tuesday 10:00",
        "weekdays at 08:30",
    ]
    .iter()
    .map(|words| {
        let cron = every(words).unwrap().counted_from(date(2027, 3, 2));
        let schedule = schedule(Trigger::Cron(cron), ScheduleZone::Fixed(TimeZone::UTC));
        let chinese = schedule.describe_in("zh");
        format!("{words:40} {}\n{:40} {chinese}\n", schedule.describe(), "")
    })
    .collect();
    insta::assert_snapshot!(descriptions);
}

#[test]
fn a_list_of_dates_fires_at_each_once_also_where_clocks_change() {
    let walls = ["2027-03-27T01:30", "2027-03-28T01:30", "2027-10-31T01:30", "2027-12-24T10:00"];
    let walls: Vec<DateTime> = walls.iter().map(|wall| wall.parse().unwrap()).collect();
    let dates = schedule(Trigger::Dates(walls), ScheduleZone::Fixed(zone("Europe/London")));
    let found = dates.occurrences(instant("2027-03-27T01:30:00Z"), Timestamp::MAX, 9);
    let found: Vec<_> = found.iter().map(|occurrence| occurrence.instant.to_string()).collect();
    assert_eq!(found, ["2027-03-28T01:00:00Z", "2027-10-31T00:30:00Z", "2027-12-24T10:00:00Z"]);
    assert_eq!(
        dates.describe_in("zh-Hans"),
        "2027 年 3 月 27 日（周六）01:30、2027 年 3 月 28 日（周日）01:30、2027 年 10 月 31 日（周日）01:30，以及另外 1 \
         个日期，Europe/London 时间"
    );
    assert_eq!(
        dates.describe(),
        "on Saturday 27 March 2027 at 01:30, Sunday 28 March 2027 at 01:30, Sunday 31 October 2027 at 01:30 and one \
         more date, Europe/London time"
    );
}
