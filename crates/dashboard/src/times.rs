//! The time zone and the current time of a page.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Formats times in the brand's time zone, relative to the current time.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// The time zone of the brand.
    pub(crate) zone: TimeZone,
    /// The time at which the page is rendered.
    pub(crate) now: Timestamp,
}
