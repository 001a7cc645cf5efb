//! The message of a campaign or step: merged and checked.

pub(crate) mod check;
pub(crate) mod merge;
pub(crate) mod tag_paths;
