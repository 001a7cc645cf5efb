//! Audience files: their format, and the readers of their rules.

pub(crate) mod condition;
pub(crate) mod format;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod references;
pub(crate) mod scope;
