//! The notation of whole numbers.

use money::grouped;

/// Formats a whole number with thousands separators, such as `12,041`, and U+2212 as the minus
/// sign.
pub(crate) fn number(value: i64) -> String {
    let digits = grouped(value.unsigned_abs());
    if value < 0 { format!("−{digits}") } else { digits }
}
