//! The compilation of a campaign's step, and the rendering of its message for each recipient.
//!
//! [`compile()`] runs once per revision. In each language it fills in constants, converts MJML to
//! HTML, inlines CSS and collects links, so that only the values of the contact remain to be filled
//! in. A [`Renderer`] makes the message for each recipient; the same arguments give the same bytes.
//! A contact's data is never interpreted as a template, and a template can read only the declared
//! names.

mod compile;
mod compiled;
mod expression;
mod language;
pub mod large_stack;
mod piece;
mod render;

pub use compile::{Cache, Place, Source, compile, compile_with, compiler_failure, in_language};
pub use compiled::Compiled;
pub use language::primary_language;
pub use render::{PlainText, Renderer};
