//! A step of a campaign as texts in which only the contact is still open, and the message that each contact gets.
//!
//! [`compile()`] does once per revision what is the same for everybody: constants are filled in, MJML becomes HTML, CSS
//! is inlined, links are found, in each language. A [`Renderer`] makes the message of each recipient from that: the same
//! bytes for the same arguments. A contact's data is never a template, and a template sees nothing but its declared names.

mod compile;
mod compiled;
mod expression;
mod language;
mod piece;
mod render;
pub mod stack;

pub use compile::{Cache, Place, Source, compile, compile_with, in_language, uncompilable};
pub use compiled::Compiled;
pub use language::primary_language;
pub use render::{PlainText, Renderer};
