//! The facade for sending: a [`Sender`] for each channel over SMTP and the networks, the
//! consistency check of campaigns, previews, and the [`Doctor`], which examines the configuration
//! of channels.
//!
//! A step is [compiled](compile()) once per revision. A [`Renderer`] makes the message for each
//! recipient, and a [`Session`] of a [`Sender`] sends it and returns a [`SendOutcome`].
//!
//! Invariants:
//! - A [`Sender`] opens no connection; a [`Session`] connects when it sends its first message.
//! - If the commit of a [`Handover`] refuses a message, its last bytes are not sent.
//! - Previews, the consistency check and the doctor send no message.
//! - A message in the outbox does not leave this machine.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use campaign::{Channel, ChannelId, ChannelKind, DailyLimit, Mailbox, Receivers};
//! use channel::{Email, Message, SendOutcome, Sender, Timeouts};
//!
//! let channel = Channel {
//!     id: ChannelId::parse("outbox")?,
//!     kind: ChannelKind::Outbox {
//!         from: Mailbox::parse("News <news@example.com>")?,
//!         reply_to: None,
//!     },
//!     language: None,
//!     rate: None,
//!     connections: 8,
//!     daily: DailyLimit::default(),
//!     receivers: Receivers::default(),
//!     cost: None,
//! };
//! let sender = Sender::new(&channel, Timeouts::default(), None)?;
//! assert!(sender.is_outbox());
//!
//! let email = Email {
//!     envelope_from: "news@example.com".to_owned(),
//!     envelope_to: "grace@example.com".to_owned(),
//!     subject: "Spring".to_owned(),
//!     html: "<p>It is here.</p>".to_owned(),
//!     text: "It is here.".to_owned(),
//!     raw: b"Subject: Spring\r\n\r\nIt is here.\r\n".to_vec(),
//! };
//! let now = "2027-03-02T02:00:00Z".parse()?;
//! let outcome = sender.session().send(&Message::Email(email), now).await;
//! assert_eq!(outcome, SendOutcome::accepted("in the outbox"));
//! # Ok(())
//! # }
//! ```

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
