//! The bound between a wait in memory and a wait in the database.

/// The longest wait in memory, in microseconds; a message that has to wait longer is put off in the
/// database.
pub(super) const IN_MEMORY_WAIT: i64 = 1_000_000;
