//! Rendered messages, their recipients, and the outcomes of sending them.
//!
//! A [`Message`] is an [`Email`] or a [`Post`], rendered for one [`Recipient`]; a sender reports
//! its [`SendOutcome`]. The modules [`dialect`], [`flavor`] and [`escape`] hold the markup and
//! escaping of each network's texts.
//!
//! This crate does no I/O and reads no clock.
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
pub use outcome::{DeferralScope, Handover, RejectReason, SendOutcome, SenderError, Timeouts};
pub use recipient::{LinkPrefixes, Person, Recipient, RenderError, SAMPLE_TOKEN};
