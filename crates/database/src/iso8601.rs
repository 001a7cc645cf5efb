//! Serialization of times as ISO 8601 texts in UTC, for programs that read the output of Chorus.
//!
//! ```
//! use database::Millis;
//!
//! #[derive(serde::Serialize)]
//! struct Row {
//!     #[serde(serialize_with = "database::iso8601::serialize")]
//!     at: Millis,
//! }
//!
//! let row = serde_json::to_string(&Row { at: Millis::new(1_803_952_800_000) })?;
//! assert_eq!(row, r#"{"at":"2027-03-02T02:00:00Z"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

use jiff::Timestamp;
use serde::Serializer;

use crate::Millis;

/// A time that has an ISO 8601 text, or none if it is absent.
pub trait Iso8601 {
    /// Returns the time in UTC with seconds, and with milliseconds unless they are zero:
    /// `2027-03-02T02:00:00Z`. A time outside the years -9999 to 9999 becomes the nearest one
    /// within them.
    fn iso8601(&self) -> Option<String>;
}

impl Iso8601 for Millis {
    fn iso8601(&self) -> Option<String> {
        let nearest = if *self < Self::EPOCH { Timestamp::MIN } else { Timestamp::MAX };
        let time = self.timestamp().unwrap_or(nearest);
        let has_millis = time.subsec_millisecond() != 0;
        Some(if has_millis { format!("{time:.3}") } else { format!("{time:.0}") })
    }
}

impl Iso8601 for Timestamp {
    fn iso8601(&self) -> Option<String> {
        Millis::from(*self).iso8601()
    }
}

impl<T: Iso8601> Iso8601 for Option<T> {
    fn iso8601(&self) -> Option<String> {
        self.as_ref().and_then(Iso8601::iso8601)
    }
}

/// Serializes a time as its ISO 8601 text, and an absent one as null; for
/// `#[serde(serialize_with = …)]`.
///
/// # Errors
/// Returns the serializer's errors.
pub fn serialize<S: Serializer>(time: &impl Iso8601, serializer: S) -> Result<S::Ok, S::Error> {
    match time.iso8601() {
        Some(text) => serializer.serialize_str(&text),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_only_if_they_are_not_zero() {
        let text = |millis| Millis::new(millis).iso8601().unwrap();
        assert_eq!(text(1_803_952_800_000), "2027-03-02T02:00:00Z");
        assert_eq!(text(1_803_952_800_050), "2027-03-02T02:00:00.050Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
        let finer: Timestamp = "2027-03-02T02:00:00.000999999Z".parse().unwrap();
        assert_eq!(finer.iso8601().unwrap(), "2027-03-02T02:00:00Z");
        assert_eq!(None::<Millis>.iso8601(), None);
    }

    #[test]
    fn a_time_out_of_range_becomes_the_nearest() {
        assert_eq!(Millis::MAX.iso8601().unwrap(), "9999-12-30T22:00:00.999Z");
        assert_eq!(Millis::MIN.iso8601().unwrap(), "-009999-01-02T01:59:59Z");
    }
}
