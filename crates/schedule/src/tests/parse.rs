//! Tests of the parsers of `cron` and `every`, and of their errors.

use proptest::prelude::*;

use super::random::any_expression;
use super::*;

/// Returns the text, a line that marks the error's place under it, the error and its fix.
fn diagnostic(text: &str, error: &CronError) -> String {
    let carets = "^".repeat(text[error.span.clone()].chars().count().max(1));
    let indent = " ".repeat(text[..error.span.start].chars().count());
    format!("{text}\n{indent}{carets} {error}; {}\n", error.fix)
}

#[test]
fn cron_errors_have_a_place_and_a_fix() {
    let mistakes = [
        "",
        "@daily",
        "@reboot",
        "0 10 * *",
        "0 0 10 * * TUE",
        "0 0 10 * * TUE 2027",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "-5 * * * *",
        "+5 * * * *",
        "1,,2 * * * *",
        "5/10 * * * *",
        "*/0 * * * *",
        "*/ * * * *",
        "*/90 * * * *",
        "*/1000 * * * *",
        "0 */24 * * *",
        "50-10 * * * *",
        "0 22-2 * * *",
        "0 0 * * FRI-MON",
        "0 0 * * MONDAY",
        "0 0 * * Montag",
        "0 0 * * 茶",
        "0 0 * MAI *",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 ? * MON",
        "0 0 * * MON#1",
        "0 0 * * 5L",
        "0 0 * * 7#5",
        "0 0 * * fri#3",
        "0 0 * * X#9",
        "TZ=Europe/Berlin 0 9 * * *",
        "CRON_TZ=Asia/Tokyo 0 9 * * *",
        "0 0 30 FEB *",
        "0 0 31 4,6,9,11 *",
        "0 0 */2 * MON",
        "0 9 */100,1-7 * MON",
        "*-5 * * * *",
        "5- * * * *",
        "5/\u{1b}[2J * * * *",
        "10:00 * * * TUE",
        "9999999999999999999999999999999999 * * * *",
        "a\u{1b}[2J * * * *",
    ];
    let diagnostics: String =
        mistakes.iter().map(|text| diagnostic(text, &Cron::parse(text).expect_err(text)) + "\n").collect();
    insta::assert_snapshot!(diagnostics);
}

#[test]
fn every_errors_have_a_place_and_a_fix() {
    let mistakes = [
        "  ",
        "fortnight 10:00",
        "tuesday",
        "tuesday 10",
        "tuesday 10am",
        "tuesday 24:00",
        "tuesday 10:60",
        "tuesday 10:5",
        "tuesday 10:00 17:00",
        "tuesday, 10:00, thursday",
        "tu 10:00",
        "day",
        "day ten",
        "hour 60",
        "hour 15 30",
        "month 10:00",
        "month 1",
        "month 32 09:00",
        "month 1st 09:00",
        "month last",
        "month last, 1 09:00",
        "second tuesday 10:00",
        "last friday 17:00",
        "month second 10:00",
        "month second day 10:00",
        "month sixth tuesday 10:00",
        "month second tuesday",
        "2 weeks 10:00",
        "2 weeks",
        "0 weeks tuesday 10:00",
        "53 weeks tuesday 10:00",
        "two weeks tuesday 10:00",
        "2 weeks month 1 10:00",
        "day 茶:00",
    ];
    let diagnostics: String =
        mistakes.iter().map(|text| diagnostic(text, &every(text).expect_err(text)) + "\n").collect();
    insta::assert_snapshot!(diagnostics);
}

#[test]
fn every_is_cron_in_words() {
    let same = [
        ("hour", "0 * * * *"),
        ("hour 15", "15 * * * *"),
        ("day 09:00", "0 9 * * *"),
        ("Day 9:00", "0 9 * * *"),
        ("weekday 08:30", "30 8 * * MON-FRI"),
        ("weekend 10:00", "0 10 * * SAT,SUN"),
        ("tuesday 10:00", "0 10 * * TUE"),
        ("TUE 10:00", "0 10 * * 2"),
        ("monday, thursday 10:00", "0 10 * * MON,THU"),
        ("monday,thursday and sunday 10:00", "0 10 * * 1,4,7"),
        ("month 1 09:00", "0 9 1 * *"),
        ("month 1, 15 09:00", "0 9 1,15 * *"),
    ];
    for (words, fields) in same {
        let (words, fields) = (every(words).unwrap(), Cron::parse(fields).unwrap());
        assert_eq!(Cron { source: fields.source.clone(), ..words.clone() }, fields, "{words}");
    }
}

#[test]
fn spellings_of_the_same_thing() {
    let same = [
        ("0 0 * * 0", "0 0 * * 7"),
        ("0 0 * * SUN", "0 0 * * sun"),
        ("0 0 * * SAT-SUN", "0 0 * * 0,6"),
        ("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"),
        ("0 0 * * MON-SUN/2", "0 0 * * 1,3,5,7"),
        ("00 09 01 01 *", "0 9 1 jan *"),
        ("  0\t0 * *  * ", "0 0 * * *"),
        ("*/20 * * * *", "0,20,40 * * * *"),
        ("10-50/10 * * * *", "10,20,30,40,50 * * * *"),
        ("*/1 * * * *", "* * * * *"),
    ];
    for (one, other) in same {
        let (one, other) = (Cron::parse(one).unwrap(), Cron::parse(other).unwrap());
        assert_eq!(Cron { source: other.source.clone(), ..one.clone() }, other, "{one}");
    }
}

#[test]
fn the_source_is_kept() {
    assert_eq!(Cron::parse("0 10 * * Tue").unwrap().to_string(), "0 10 * * Tue");
    assert_eq!(every("Tuesday 10:00").unwrap().to_string(), "Tuesday 10:00");
}

/// Generates texts that resemble valid ones, and arbitrary texts.
fn any_text() -> impl Strategy<Value = String> {
    let near = prop::collection::vec(
        prop::sample::select(vec![
            "*", "/", "-", ",", " ", "0", "7", "31", "60", "MON", "feb", "L", "@", "last", "month", "hour",
            "and", "tuesday", "weeks", "second", "2", "10:00", ":", "é", "\u{3000}", "\t", "99999",
        ]),
        0..24,
    );
    prop_oneof![any::<String>(), near.prop_map(|words| words.concat()), "\\PC{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parsing_never_panics_and_points_into_the_text(text in any_text()) {
        for error in [Cron::parse(&text).err(), every(&text).err()].into_iter().flatten() {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error.span, text);
            prop_assert!(!error.fix.is_empty() && error.to_string().len() < 200);
        }
    }

    #[test]
    fn whatever_parses_fires_and_is_described(text in any_text()) {
        for cron in [Cron::parse(&text), every(&text)].into_iter().flatten() {
            let start: jiff::civil::DateTime = "2001-01-01T00:00:00".parse().unwrap();
            let cron = cron.counted_from(start.date());
            prop_assert!(cron.walls_after(start).next().is_some(), "{}", text);
            prop_assert!(!schedule(Trigger::Cron(cron), ScheduleZone::Fixed(TimeZone::UTC)).describe().is_empty());
        }
    }

    #[test]
    fn every_valid_expression_parses(expression in any_expression()) {
        prop_assert!(Cron::parse(&expression.text).is_ok(), "{}", expression.text);
    }
}
