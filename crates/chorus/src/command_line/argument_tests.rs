//! Tests of every value on the command line that cannot be used, and of its error.

use terminal::arguments::*;

use super::parse;

/// A command line with a wrong value, separated by blanks, and a part of its error.
const WRONG: &[(&str, &str)] = &[
    (
        "runs show abc",
        "abc is no run number: run numbers are whole numbers such as 12; `chorus runs` lists them",
    ),
    ("runs show 0", "0 is no run number"),
    ("runs show -3", "-3 is no run number"),
    ("runs pause 1.5", "1.5 is no run number"),
    ("runs resume x", "x is no run number"),
    ("runs cancel 99999999999999999999", "99999999999999999999 is no run number"),
    ("runs retry x", "x is no run number"),
    ("runs revise x", "x is no run number"),
    ("runs settle x --went-out", "x is no run number"),
    (
        "runs list --limit many",
        "many is no number of rows: write a whole number from 1 to 1000000, such as 100",
    ),
    ("runs show 1 --limit 0", "0 is no number of rows"),
    ("runs show 1 --state lost", "[possible values: queued, "),
    ("runs fire spring --at now", "spring is no step: write CAMPAIGN/STEP, such as spring/mail"),
    ("runs skip spring/ --at now", "spring/ is no step"),
    (
        "runs fire spring/mail --at soon",
        "soon is no time: write 2027-03-02, 2027-03-02T10:00, +14d, -7d or now",
    ),
    ("plan --from tomorrow", "tomorrow is no time"),
    ("plan --to 2027-02-30", "2027-02-30 does not exist: write a day of the calendar, such as 2027-03-02"),
    ("plan --to 2027-03-02T25:00", "2027-03-02T25:00 does not exist"),
    ("plan --to +99999d", "+99999d is too far away"),
    ("report --from +d", "+d is no time"),
    ("report --to 14", "14 is no time"),
    ("plan --language english!", "`english!` is not a language tag; write one such as `en` or `zh-CN`"),
    ("preview hello --language 中文", "is not a language tag"),
    ("plan campaigns/hello.toml", "campaigns/hello.toml is no id: write hello, the name of the file"),
    ("send hello.toml", "hello.toml is no id: write hello"),
    ("audiences size audiences/all.toml", "audiences/all.toml is no id: write all"),
    ("send hello --wait 2", "2 is no time to wait: a length of time is a whole number and a unit"),
    ("send hello --wait 0s", "0s is no time to wait: a length of time is more than nothing"),
    ("demo --seconds 1m", "1m is no number of seconds: write a whole number such as 60"),
    (
        "demo --speed 0",
        "0 is no speed: write the simulated seconds in a real one, a whole number from 1 to 86400",
    ),
    ("demo --port 80800", "80800 is no port: write a whole number from 1 to 65535, such as 8080"),
    (
        "serve --listen 8080",
        "8080 is no address and port: write the IP address, too: 127.0.0.1:8080, or [::1]:8080",
    ),
    ("serve --listen :8080", ":8080 is no address and port: write the IP address, too: 127.0.0.1:8080"),
    ("serve --listen 0.0.0.0", "0.0.0.0 is no address and port: write its port, too: 0.0.0.0:8080"),
    ("serve --listen ::1", "::1 is no address and port: write its port, too: [::1]:8080"),
    ("serve --listen localhost:80", "write the IP address instead of the name: 127.0.0.1:80"),
    ("serve --listen 127.0.0.1:99999", "write a port from 1 to 65535, such as 127.0.0.1:8080"),
    (
        "serve --listen here",
        "here is no address and port: write an IP address and a port, such as 127.0.0.1:8080",
    ),
    (
        "serve --admin-listen localhost",
        "write an IP address and a port, such as 127.0.0.1:8080, or [::1]:8080",
    ),
    ("serve --role boss", "[possible values: all, web, worker]"),
    ("doctor --dns 9.9.9.9", "9.9.9.9 is no address and port: write its port, too: 9.9.9.9:53"),
    ("doctor --dns dns.example", "write an IP address and a port, such as 9.9.9.9:53, or [2620:fe::fe]:53"),
    ("schema letter", "[possible values: chorus, campaign, audience]"),
];

#[test]
fn a_wrong_value_is_a_usage_error_that_says_what_to_write() {
    for (line, says) in WRONG {
        let error = parse(["chorus"].into_iter().chain(line.split(' '))).unwrap_err();
        assert!(error.to_string().contains(says), "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn right_values_are_taken() {
    for line in [
        "runs show 12 --limit 1000000 --state failed",
        "runs fire spring/mail --at 2027-03-02T10:00",
        "plan hello --from -7d --to 2027-03-02T10:00:00Z --language zh_CN",
        "report --from 2027-03-02 --to now",
        "send hello --wait 90s",
        "send hello --wait 1h",
        "preview hello --language zh-Hant-TW",
        "audiences size everyone",
        "demo --seconds 0 --speed 86400 --port 0",
        "serve --listen 127.0.0.1:8080 --admin-listen [::1]:9000",
        "serve --listen [::]:80",
        "doctor --dns [2620:fe::fe]:53",
    ] {
        let parsed = parse(["chorus"].into_iter().chain(line.split(' ')));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn an_id_may_be_anything_but_a_file() {
    assert_eq!(id("spring-launch").as_deref(), Ok("spring-launch"));
    assert_eq!(id(""), Err(BadArgument::NoId));
    assert_eq!(id(".toml").as_deref(), Ok(".toml"));
}
