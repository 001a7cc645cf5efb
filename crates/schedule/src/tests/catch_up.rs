//! Tests of the rules for missed occurrences.

use super::*;

const NOW: &str = "2025-06-10T12:00:00Z";

fn ago(seconds: i64) -> Occurrence {
    after(instant(NOW) - jiff::SignedDuration::from_secs(seconds), Duration::ZERO)
}

/// Decides about occurrences that were due so many seconds ago, and returns the ages of the fired
/// and of the skipped ones.
fn decided(catch_up: CatchUp, window: u64, due: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let due = due.iter().map(|&seconds| ago(seconds)).collect();
    let (fire, skipped) = decide(catch_up, Duration::from_secs(window), due, instant(NOW));
    let ago = |all: Vec<Occurrence>| {
        all.iter().map(|each| instant(NOW).as_second() - each.until.as_second()).collect()
    };
    (ago(fire), ago(skipped))
}

#[test]
fn up_to_a_minute_late_is_on_time_for_all() {
    for catch_up in [CatchUp::Latest, CatchUp::Skip, CatchUp::All] {
        assert_eq!(decided(catch_up, 0, &[60, 30, 0]), (vec![60, 30, 0], vec![]));
        assert_eq!(decided(catch_up, 0, &[61]), (vec![], vec![61]));
        assert_eq!(decided(catch_up, 3600, &[]), (vec![], vec![]));
    }
}

#[test]
fn missed_occurrences_follow_the_rule() {
    let due = [7200, 3601, 3600, 1800, 61, 0];
    assert_eq!(decided(CatchUp::Latest, 3600, &due), (vec![0], vec![7200, 3601, 3600, 1800, 61]));
    assert_eq!(decided(CatchUp::Skip, 3600, &due), (vec![0], vec![7200, 3601, 3600, 1800, 61]));
    assert_eq!(decided(CatchUp::All, 3600, &due), (vec![3600, 1800, 61, 0], vec![7200, 3601]));
    assert_eq!(decided(CatchUp::Latest, 3600, &[7200, 3601]), (vec![], vec![7200, 3601]));
}

#[test]
fn catching_up_with_all_is_limited() {
    let due: Vec<i64> = (61..=2000).rev().chain([5]).collect();
    let (fire, skipped) = decided(CatchUp::All, 3600, &due);
    assert_eq!(fire.len(), MAX_CATCH_UP + 1);
    assert_eq!((fire[0], fire[MAX_CATCH_UP]), (1060, 5));
    assert_eq!((skipped[0], skipped.len()), (2000, 940));
}

#[test]
fn a_window_without_end_is_no_window() {
    let due = vec![ago(1_000_000_000)];
    assert_eq!(decide(CatchUp::All, Duration::MAX, due.clone(), instant(NOW)), (due, vec![]));
}

#[test]
fn contacts_are_late_only_when_the_day_has_ended_everywhere() {
    let daily = contact("0 10 * * *");
    let (fire, skipped) = daily.due(instant("2025-06-07T00:00:00Z"), instant("2025-06-10T12:00:00Z"));
    let keys = |all: &[Occurrence]| all.iter().map(|each| each.instant.to_string()).collect::<Vec<_>>();
    // 10:00 on the 9th has passed everywhere at 22:00 UTC that day, 14 hours ago; on the 10th it
    // has not.
    assert_eq!(keys(&fire), ["2025-06-09T20:00:00Z"]);
    assert_eq!(keys(&skipped), ["2025-06-07T20:00:00Z", "2025-06-08T20:00:00Z"]);
}

#[test]
fn due_after_a_long_downtime() {
    let mut minutely = fixed("* * * * *", "Europe/London");
    let long_ago = instant("1990-01-01T00:00:00Z");
    let now = instant("2025-06-10T12:00:30Z");
    let (fire, skipped) = minutely.due(long_ago, now);
    let last: Vec<_> = fire.iter().map(|each| each.instant.to_string()).collect();
    assert_eq!(last, ["2025-06-10T12:00:00Z"]);
    assert_eq!(skipped.len(), (31 * 24 + 26) * 60 - 1, "a month and a bit, not 35 years");
    minutely.catch_up = CatchUp::All;
    assert_eq!(minutely.due(long_ago, now).0.len(), 60);
    assert_eq!(minutely.due(now, now), (vec![], vec![]));
    assert_eq!(minutely.due(now, long_ago), (vec![], vec![]));
}

#[test]
fn occurrences_lie_within_the_campaign() {
    let schedule = fixed("0 10 * * *", "Europe/London");
    let noon = ago(0);
    let at = |seconds| Some(ago(seconds).instant);
    assert!(schedule.within(&noon, None, None));
    assert!(schedule.within(&noon, at(0), at(0)));
    assert!(!schedule.within(&noon, at(-1), None));
    assert!(!schedule.within(&noon, None, at(1)));
}

#[test]
fn a_campaign_for_contacts_starts_and_ends_on_the_brands_clock() {
    let midnight = contact("0 0 1 3 *");
    let found = midnight.occurrences(instant("2027-02-01T00:00:00Z"), instant("2027-04-01T00:00:00Z"), 9);
    let in_shanghai = Some(instant("2027-02-28T16:00:00Z"));
    assert_eq!(found[0].instant, instant("2027-02-28T10:00:00Z"));
    assert!(midnight.within(&found[0], in_shanghai, in_shanghai));
    assert!(!midnight.within(&found[0], Some(instant("2027-02-28T16:00:01Z")), None));
    assert!(!midnight.within(&found[0], None, Some(instant("2027-02-28T15:59:59Z"))));
}
