//! One file at a time: reading it safely, and telling everything that is wrong with it at once.

pub(crate) mod entries;
pub(crate) mod fault;
pub(crate) mod field;
pub(crate) mod files_hash;
pub(crate) mod jail;
pub(crate) mod nearest;
pub(crate) mod reader;
pub(crate) mod scalar;
pub(crate) mod sheet;

pub(crate) use entries::{Entries, Name};
pub(crate) use field::{Field, Located, optional};
pub(crate) use files_hash::FilesHash;
pub(crate) use jail::Jail;
pub(crate) use scalar::Scalar;
pub(crate) use sheet::Sheet;
