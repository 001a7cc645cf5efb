//! The longest wait in memory.

/// The longest wait in memory, in microseconds; what has to wait longer is put off in the database.
pub(super) const IN_MEMORY_WAIT: i64 = 1_000_000;
