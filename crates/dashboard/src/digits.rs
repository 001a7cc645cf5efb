//! Whole numbers as pages write them.

use money::grouped;

/// `12,041`, with a minus sign before what is below zero.
pub(crate) fn number(value: i64) -> String {
    let digits = grouped(value.unsigned_abs());
    if value < 0 { format!("−{digits}") } else { digits }
}
