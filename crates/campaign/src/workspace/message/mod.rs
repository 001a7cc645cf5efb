//! The message of a campaign or a step: put together, and checked.

pub(crate) mod check;
pub(crate) mod mention;
pub(crate) mod merge;
