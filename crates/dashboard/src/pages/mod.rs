//! One file per page: what it asks of the database, and how it looks.

pub(crate) mod campaign;
pub(crate) mod contact;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod preview;
pub(crate) mod report;
pub(crate) mod run;
