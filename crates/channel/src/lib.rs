//! The facade for sending: a [`Sender`] for each channel over SMTP and the networks, the
//! consistency check of campaigns, previews, and the [`Doctor`], which examines the configuration
//! of channels.
//!
//! A step is [compiled](compile()) once per revision. A [`Renderer`] makes the message for each
//! recipient, and a [`Session`] of a [`Sender`] sends it and returns a [`SendOutcome`].

mod account;
pub mod consistency;
mod doctor;
mod preview;
mod sender;
mod survey;
mod worst_case;

pub use account::account;
pub use doctor::{CheckVerdict, Dns, DnsError, Doctor, Finding, Zone};
pub use egress::{BadProxy, Proxy};
pub use message::{
    Action, Content, DeferralScope, Email, Handover, LinkPrefixes, Message, Parts, Person, Picture,
    PictureFile, PictureSource, Post, Recipient, RejectReason, RenderError, SAMPLE_TOKEN, SendOutcome,
    SenderError, Timeouts,
};
pub use network::{RequestPreview, budgets, requests};
pub use preview::{Preview, PreviewError, preview};
pub use sender::{Sender, Session};
pub use smtp::DkimSigner;
pub use survey::{CampaignFindings, RenderedStep, Survey, survey, survey_all};
pub use template::{Compiled, Renderer, compile};
pub use worst_case::{WorstCase, worst_case};
