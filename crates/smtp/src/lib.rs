//! E-mail over SMTP: the session with a relay, what its replies mean, and the DKIM signature.
//!
//! A connection is owned by the send that uses it: if that is dropped half way, so is the
//! connection, and no later send can read its answer. What a reply means is one table in
//! `verdict/`.

mod examine;
mod line;
mod outgoing;
mod relay;
mod reply;
mod session;
pub mod sign;
mod verdict;

pub use examine::{Examined, Tls};
pub use line::Lost;
pub use relay::{Cause, ConnectError, Relay, Security};
pub use reply::Reply;
pub use session::SmtpSession;
pub use sign::Signer;
