//! The facade of sending: a [`Sender`] per channel over SMTP and the networks, a campaign held against itself, previews,
//! and the doctor.
//!
//! A step is [compiled](compile()) once per revision; a [`Renderer`] makes the message for each recipient; a
//! [`Session`] of a [`Sender`] sends it and says what became of it as a [`SendOutcome`].

mod account;
pub mod consistency;
mod doctor;
mod longest;
mod preview;
mod sender;
mod survey;

pub use account::account;
pub use doctor::{Dns, DnsError, Doctor, Finding, Verdict, Zone};
pub use egress::{BadProxy, Proxy};
pub use longest::{Longest, longest};
pub use message::{
    Action, Content, Email, Handover, Limits, LinkStarts, Message, Parts, Person, Picture, PictureFile,
    PictureSource, Post, Recipient, RejectReason, RenderError, SAMPLE_TOKEN, Scope, SendOutcome, SenderError,
};
pub use network::{ShownRequest, budgets, requests};
pub use preview::{Preview, PreviewError, preview};
pub use sender::{Sender, Session};
pub use smtp::Signer;
pub use survey::{Spoken, Survey, Surveyed, survey, survey_all};
pub use template::{Compiled, Renderer, compile};
