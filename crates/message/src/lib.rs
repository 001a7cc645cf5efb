//! Rendered messages, their recipients, and the outcomes of sending them.
//!
//! A [`Message`] is an [`Email`] or a [`Post`], rendered for one [`Recipient`]; a sender reports
//! its [`SendOutcome`]. The modules [`dialect`], [`flavor`] and [`escape`] hold the markup and
//! escaping of each network's texts.
//!
//! Invariants:
//! - This crate does no I/O and reads no clock.
//! - An escaped text is read as text and not as markup, in each language of [`escape::Escape`].
//! - The debug output of a picture shows its name and size, and not its bytes.
//!
//! ```
//! use message::escape::{self, Escape};
//!
//! let mut html = String::new();
//! escape::html("Fish & chips", &mut html);
//! assert_eq!(html, "Fish &amp; chips");
//!
//! let mut line = String::new();
//! escape::escaped(Escape::Markdown, "*50%* [off]", &mut line);
//! assert_eq!(line, r"\*50%\* \[off\]");
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
pub use outcome::{DeferralScope, Handover, RejectReason, SendOutcome, SenderError, Timeouts};
pub use recipient::{LinkPrefixes, Person, Recipient, RenderError, SAMPLE_TOKEN};
