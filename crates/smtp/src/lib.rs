//! E-mail over SMTP: sessions with a relay, the meaning of its replies, and DKIM signatures.
//!
//! An [`SmtpSession`] sends one message after another to a [`Relay`] and returns the outcome of
//! each. The meaning of replies is one table in `verdict/`.
//!
//! Invariants:
//! - A connection is owned by the send that uses it: if the send is dropped half way, so is the
//!   connection, and no later send can read its reply.
//! - Without encryption no password is sent, unless the URL of the relay has `tls=off`.
//! - The same message gets the same signatures.
//! - No error and no debug output shows the URL of a relay, which holds a password.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use message::{Email, Handover, SendOutcome, Timeouts};
//! use smtp::{Relay, SmtpSession};
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let port = listener.local_addr()?.port();
//! # drop(listener);
//! // Nothing listens on this port.
//! let url = format!("smtp://ada:secret@127.0.0.1:{port}?tls=off");
//! let relay = Relay::new(&url, Vec::new(), Timeouts::default())?;
//! assert!(!format!("{relay:?}").contains("secret"));
//!
//! let email = Email {
//!     envelope_from: "news@example.com".to_owned(),
//!     envelope_to: "grace@example.com".to_owned(),
//!     subject: "Spring".to_owned(),
//!     html: "<p>It is here.</p>".to_owned(),
//!     text: "It is here.".to_owned(),
//!     raw: b"Subject: Spring\r\n\r\nIt is here.\r\n".to_vec(),
//! };
//! let mut session = SmtpSession::new(Arc::new(relay));
//! let mut handover = Handover { next: None, commit: &mut || true };
//! let outcome = session.send(&email, &mut handover).await;
//! assert!(matches!(outcome, SendOutcome::Down { .. }), "nothing was sent");
//! # Ok(())
//! # }
//! ```

mod connection;
mod outgoing;
mod probe;
mod relay;
mod reply;
mod session;
pub mod sign;
mod verdict;

pub use connection::ConnectionLost;
pub use probe::{RelayProbe, Tls};
pub use relay::{Cause, ConnectError, Relay, Security};
pub use reply::Reply;
pub use session::SmtpSession;
pub use sign::DkimSigner;
