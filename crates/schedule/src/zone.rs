//! Conversion of wall-clock times to instants.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// The largest UTC offset in use, where each day begins first.
pub(crate) const MAX_OFFSET: Offset = jiff::tz::offset(14);
/// The smallest UTC offset in use, where each day ends last.
pub(crate) const MIN_OFFSET: Offset = jiff::tz::offset(-12);

/// Returns the instant at which a clock in `zone` shows `wall`: the first if it does so twice, and
/// if it never does, the first instant after the gap.
///
/// With the zones of the IANA database the function is monotonic: a later wall-clock time gives the
/// same instant or a later one. The tests check this at every transition of every zone.
pub(crate) fn resolve(wall: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(wall, offset),
        AmbiguousOffset::Fold { before, .. } => at(wall, before),
        AmbiguousOffset::Gap { before, after } => gap_end(wall, before, after, zone),
    }
}

/// Returns the instant at which a clock that is `offset` ahead of UTC shows `wall`, limited to the
/// range of [`Timestamp`].
pub(crate) fn at(wall: DateTime, offset: Offset) -> Timestamp {
    let nearest = if wall.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    offset.to_timestamp(wall).unwrap_or(nearest)
}

/// Returns the instant of the transition that skips `wall`. With the offset after the gap, `wall`
/// lies before the transition; with the offset before the gap, at it or after it.
fn gap_end(wall: DateTime, before: Offset, after: Offset, zone: &TimeZone) -> Timestamp {
    let latest = at(wall, before);
    zone.following(at(wall, after))
        .map(|transition| transition.timestamp())
        .take_while(|&end| end <= latest)
        .find(|&end| zone.to_datetime(end) > wall)
        .unwrap_or(latest)
}
