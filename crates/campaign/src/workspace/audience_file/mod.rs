//! Audience files: their form, and what is read from them.

pub(crate) mod condition;
pub(crate) mod format;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod references;
pub(crate) mod scope;
