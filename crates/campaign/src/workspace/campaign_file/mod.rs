//! Campaign files: their format, and the readers of its tables.

pub(crate) mod campaign;
pub(crate) mod format;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod schedule;
pub(crate) mod silenced_rules;
pub(crate) mod step;
pub(crate) mod stop_rules;
