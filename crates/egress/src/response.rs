//! An HTTP response, and the headers by which a server asks the client to retry later.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// An HTTP response with its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Names, in lowercase, and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The first 1 MiB of the body at most.
    pub body: Vec<u8>,
    /// Set if the body was longer than 1 MiB, or the connection broke before its end.
    pub truncated: bool,
    /// The time of the response; a wait until an absolute time starts then.
    pub at: Timestamp,
}

/// The maximum wait that is accepted from a server: 24 hours.
pub const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum length of a body in a summary, in characters.
const MAX_SUMMARY: usize = 200;

impl Response {
    /// Returns a header's value without surrounding white space.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Returns the body as JSON; `Null` if it is not valid JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the body as text without surrounding white space; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }

    /// Returns true if the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Returns the status and the first 200 characters of the body on one line, for messages.
    pub fn summary(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let words: Vec<_> = body.split_whitespace().collect();
        let words: String = words.join(" ").chars().filter(|c| !c.is_control()).take(MAX_SUMMARY).collect();
        if words.is_empty() { self.status.to_string() } else { format!("{} {words}", self.status) }
    }

    /// Returns the time to wait, from the first of these headers that has a valid value:
    /// `Retry-After` (RFC 9110 §10.2.3), `X-RateLimit-Reset-After`, `x-ogw-ratelimit-reset`,
    /// `RateLimit-Reset`, `X-RateLimit-Reset`, `x-rate-limit-reset`. A value is seconds from now or
    /// since 1970, both with an optional fraction, an ISO 8601 time, or an HTTP date.
    pub fn retry_after(&self) -> Option<Duration> {
        const NAMES: [&str; 6] = [
            "retry-after",
            "x-ratelimit-reset-after",
            "x-ogw-ratelimit-reset",
            "ratelimit-reset",
            "x-ratelimit-reset",
            "x-rate-limit-reset",
        ];
        NAMES.iter().find_map(|name| self.parse_wait(self.header(name)?))
    }

    /// Returns the time to wait from the header `name` alone, in any format of
    /// [`Self::retry_after`].
    pub fn retry_after_in(&self, name: &str) -> Option<Duration> {
        self.parse_wait(self.header(name)?)
    }

    /// Parses a time to wait, which is at most [`MAX_WAIT`].
    fn parse_wait(&self, text: &str) -> Option<Duration> {
        /// A larger number is a time in seconds since 1970 (later than September 2001), and no
        /// duration.
        const MIN_EPOCH_SECONDS: f64 = 1e9;
        let until =
            |instant: Timestamp| Duration::try_from(instant.duration_since(self.at)).unwrap_or_default();
        let wait = match text.parse::<f64>() {
            Ok(seconds) if seconds > MIN_EPOCH_SECONDS => {
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
        let response = Response { status: 429, headers, body: Vec::new(), truncated: false, at };
        response.retry_after().map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn retry_headers_are_parsed_in_every_format() {
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
