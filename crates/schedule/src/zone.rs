//! From wall-clock times to instants.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// Where a day begins first: no place is ahead of UTC+14.
pub(crate) const FIRST: Offset = jiff::tz::offset(14);
/// Where it ends last: no place is behind UTC−12.
pub(crate) const LAST: Offset = jiff::tz::offset(-12);

/// The instant at which a clock in `zone` shows `wall`: the first if it does so twice, and if it never does,
/// the first instant after the gap.
///
/// With the zones of the IANA database it never runs backwards: a later wall-clock time gives the same instant
/// or a later one. The tests walk through every transition of every zone to see that.
pub(crate) fn resolve(wall: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(wall, offset),
        AmbiguousOffset::Fold { before, .. } => at(wall, before),
        AmbiguousOffset::Gap { before, after } => gap_end(wall, before, after, zone),
    }
}

/// The instant at which a clock that is `offset` ahead of UTC shows `wall`, or the nearest that there is.
pub(crate) fn at(wall: DateTime, offset: Offset) -> Timestamp {
    let nearest = if wall.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    offset.to_timestamp(wall).unwrap_or(nearest)
}

/// The transition that leaps over `wall`. Read with the offset after the gap, `wall` lies before it; read with
/// the one before the gap, at it or after it.
fn gap_end(wall: DateTime, before: Offset, after: Offset, zone: &TimeZone) -> Timestamp {
    let latest = at(wall, before);
    zone.following(at(wall, after))
        .map(|transition| transition.timestamp())
        .take_while(|&end| end <= latest)
        .find(|&end| zone.to_datetime(end) > wall)
        .unwrap_or(latest)
}
