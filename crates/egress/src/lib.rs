//! The HTTP client for all outgoing requests, with protection against server-side request forgery.
//!
//! A [`Client`] sends [`Request`]s to the origin of one account. An internal address can be reached
//! only if a configuration file names it: a host name that resolves to one is refused, and so is a
//! URL in a response. Credentials are sent to the account's origin and to the client's
//! `trusted_hosts` only.
//!
//! ```
//! use std::time::Duration;
//!
//! let timeout = Duration::from_secs(10);
//! let settings = egress::Settings { roots: Vec::new(), timeout, proxy: None };
//! let refused = egress::Client::new("http://169.254.169.254/", true, &[], settings);
//! assert!(refused.is_err(), "link-local, where clouds serve instance credentials");
//! ```

mod address_class;
mod client;
mod proxy;
mod request;
mod resolver;
mod response;
mod ssrf_guard;
mod tls;

pub use address_class::{AddressClass, classify};
pub use client::{Client, ClientError, RequestError, Settings};
pub use proxy::{BadProxy, Proxy};
pub use request::{Body, Part, Request, segment};
pub use response::{MAX_WAIT, Response};
pub use ssrf_guard::{BlockedAddress, allowed_addresses, check_configured_url, check_public_url};
pub use tls::{TlsError, tls, verifier};
