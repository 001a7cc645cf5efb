//! Template folders: their files, and the role of each file.

pub(crate) mod read;
pub(crate) mod template;
