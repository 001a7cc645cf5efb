//! The one guarded way out over HTTP.
//!
//! A [`Client`] sends [`Request`]s to the origin of one account. What a file names may be reached;
//! no inner address may be reached by any other way: not by a name that leads there, not by an
//! address that a response names. A credential goes to its account's own origin and nowhere else.
//!
//! ```
//! use std::time::Duration;
//!
//! let settings = egress::Settings { roots: Vec::new(), timeout: Duration::from_secs(10), proxy: None };
//! let refused = egress::Client::new("http://169.254.169.254/", true, &[], settings);
//! assert!(refused.is_err(), "a cloud hands out keys there");
//! ```

mod address;
mod client;
mod guard;
mod proxy;
mod request;
mod resolver;
mod response;
mod tls;

pub use address::{Reach, reach};
pub use client::{Client, ClientError, RequestError, Settings};
pub use guard::{BlockedAddress, allowed, check, check_public};
pub use proxy::{BadProxy, Proxy};
pub use request::{Body, Part, Request, segment};
pub use response::{MAX_WAIT, Response};
pub use tls::{TlsError, tls, verifier};
