//! Saying it: templates to messages, e-mail by lettre, posts by one guarded HTTP client, and what every answer
//! means.
//!
//! A step is [compiled](compile()) once per revision; a [`Renderer`] makes the message for each recipient; a
//! [`Session`] of a [`Sender`] sends it and says what became of it as a [`SendOutcome`].

mod account;
mod compile;
mod dialect;
mod doctor;
mod egress;
mod expression;
mod flavor;
mod message;
mod network;
mod piece;
mod preview;
mod render;
mod send;
mod sign;

pub use account::account;
pub use compile::{Compiled, Longest, Spoken, Survey, Surveyed, compile, longest, survey, survey_all};
pub use doctor::{Dns, DnsError, Doctor, Finding, Verdict, Zone};
pub use message::{Action, Content, Email, Message, Parts, Picture, PictureFile, PictureSource, Post};
pub use network::{ShownRequest, budgets, requests};
pub use preview::{Preview, PreviewError, preview};
pub use render::{LinkStarts, Person, Recipient, RenderError, Renderer, SAMPLE_TOKEN};
pub use send::{Handover, Limits, RejectReason, Scope, SendOutcome, Sender, SenderError, Session};
pub use sign::Signer;
