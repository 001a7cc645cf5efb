//! Folders of templates: what is in them, and which file is for what.

pub(crate) mod read;
pub(crate) mod template;
