//! The zone and the time that a page is written for.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes times in one zone: the brand's.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// The zone.
    pub(crate) zone: TimeZone,
    /// The time now.
    pub(crate) now: Timestamp,
}
