//! The pages, one module each with its queries and its view.

pub(crate) mod campaign;
pub(crate) mod contact;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod preview;
pub(crate) mod report;
pub(crate) mod run;
