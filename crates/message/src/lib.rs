//! Messages and their outcomes.
//!
//! A [`Message`] is an [`Email`] or a [`Post`], made for one [`Recipient`]; a sender says what became of it as a
//! [`SendOutcome`]. Besides: how text is written so that readers of a network see it as it was written
//! ([`dialect`], [`flavor`], [`escape`]).
//!
//! Nothing here does I/O, and nothing reads a clock.
//!
//! ```
//! use message::escape;
//!
//! let mut html = String::new();
//! escape::html("Fish & chips", &mut html);
//! assert_eq!(html, "Fish &amp; chips");
//! ```

mod content;
pub mod dialect;
mod digest;
pub mod escape;
pub mod flavor;
mod outcome;
mod recipient;

pub use content::{Action, Content, Email, Message, Parts, Picture, PictureFile, PictureSource, Post};
pub use digest::digest;
pub use outcome::{Handover, Limits, RejectReason, Scope, SendOutcome, SenderError};
pub use recipient::{LinkStarts, Person, Recipient, RenderError, SAMPLE_TOKEN};
