//! Campaign files: their form, and what is read from them.

pub(crate) mod campaign;
pub(crate) mod format;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod schedule;
pub(crate) mod silences;
pub(crate) mod step;
pub(crate) mod stop_rules;
