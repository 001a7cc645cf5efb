//! A response, and every way in which servers say "later".

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// A response, read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    /// At most 1 MiB.
    pub body: Vec<u8>,
    /// Set if there was more than that, or the connection broke before its end.
    pub cut: bool,
    /// The time at which it came.
    pub at: Timestamp,
}

/// The longest that a server can make us wait.
pub const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of a response that people get to see.
const SHOWN: usize = 200;

impl Response {
    /// Returns a header's value without white space around it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Returns the body as JSON; `Null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the body as text, without white space around it.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }

    /// Returns true if the status is 2xx.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Returns a line for people: the status, and the start of the body on one line.
    pub fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let words: Vec<_> = body.split_whitespace().collect();
        let words: String = words.join(" ").chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        if words.is_empty() { self.status.to_string() } else { format!("{} {words}", self.status) }
    }

    /// Returns the time to wait, from whichever header says so: `Retry-After` in seconds, with a fraction, or as a date
    /// (RFC 9110 §10.2.3); `X-RateLimit-Reset-After`; `X-RateLimit-Reset`, `x-rate-limit-reset`, `RateLimit-Reset`
    /// and `x-ogw-ratelimit-reset` as seconds from now, seconds since 1970, with a fraction, or ISO 8601.
    pub fn retry_after(&self) -> Option<Duration> {
        const NAMES: [&str; 6] = [
            "retry-after",
            "x-ratelimit-reset-after",
            "x-ogw-ratelimit-reset",
            "ratelimit-reset",
            "x-ratelimit-reset",
            "x-rate-limit-reset",
        ];
        NAMES.iter().find_map(|name| self.wait(self.header(name)?))
    }

    /// Returns the time to wait, from this header alone, written in any of these ways.
    pub fn wait_in(&self, name: &str) -> Option<Duration> {
        self.wait(self.header(name)?)
    }

    /// The wait that `text` means.
    fn wait(&self, text: &str) -> Option<Duration> {
        /// Anything later than 2001 is an instant, not a length of time.
        const EPOCH: f64 = 1e9;
        let until =
            |instant: Timestamp| Duration::try_from(instant.duration_since(self.at)).unwrap_or_default();
        let wait = match text.parse::<f64>() {
            Ok(seconds) if seconds > EPOCH => {
                let now = self.at.as_duration().as_secs_f64();
                Duration::try_from_secs_f64((seconds - now).max(0.0)).ok()?
            }
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
            Err(_) => match text.parse::<Timestamp>() {
                Ok(instant) => until(instant),
                Err(_) => until(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()),
            },
        };
        Some(wait.min(MAX_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(name: &str, value: &str) -> Option<f64> {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let headers = vec![(name.to_owned(), value.to_owned())];
        let answer = Response { status: 429, headers, body: Vec::new(), cut: false, at };
        answer.retry_after().map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_way_to_say_later() {
        for (name, value, seconds) in [
            ("retry-after", "120", Some(120.0)),
            ("Retry-After", " 1.5 ", Some(1.5)),
            ("retry-after", "Fri, 15 Jan 2027 08:01:00 GMT", Some(60.0)),
            ("retry-after", "Fri, 15 Jan 2021 08:01:00 GMT", Some(0.0)),
            ("retry-after", "-5", None),
            ("retry-after", "1e300", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("retry-after", "99999999", Some(86_400.0)),
            ("x-ratelimit-reset", "1800000030", Some(30.0)),
            ("x-ratelimit-reset", "1800000030.25", Some(30.25)),
            ("x-ratelimit-reset", "2027-01-15T08:00:45.000Z", Some(45.0)),
            ("x-rate-limit-reset", "1800000900", Some(900.0)),
            ("x-ratelimit-reset-after", "0.75", Some(0.75)),
            ("ratelimit-reset", "7", Some(7.0)),
            ("x-ogw-ratelimit-reset", "12", Some(12.0)),
            ("x-ratelimit-reset", "412", Some(412.0)),
            ("x-other", "5", None),
        ] {
            assert_eq!(wait(name, value), seconds, "{name}: {value}");
        }
    }
}
