//! The HTTP client for all outgoing requests, with protection against server-side request forgery.
//!
//! A [`Client`] sends [`Request`]s to the origin of one account.
//!
//! Invariants:
//! - An internal address can be reached only if a configuration file names it: a host name that
//!   resolves to one is refused, and so is a URL in a response.
//! - Credentials are sent to the account's origin and to the client's `trusted_hosts` only.
//! - The client follows no redirects, stores no cookies, and reads at most 1 MiB of a body.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use egress::{Client, Request, Settings};
//!
//! let timeout = Duration::from_secs(10);
//! let settings = || Settings { roots: Vec::new(), timeout, proxy: None };
//! let refused = Client::new("http://169.254.169.254/", true, &[], settings());
//! assert!(refused.is_err(), "link-local, where clouds serve instance credentials");
//!
//! let client = Client::new("https://social.example", false, &[], settings())?;
//! let request = Request::get("instance", "/api/v2/instance").bearer("token-1");
//! let has_token = |url: &str| -> Result<bool, Box<dyn std::error::Error>> {
//!     let headers = client.headers_sent(&url.parse()?, &request)?;
//!     Ok(headers.iter().any(|(name, _)| name == "authorization"))
//! };
//! assert!(has_token("https://social.example/api/v2/instance")?);
//! assert!(!has_token("https://other.example/api/v2/instance")?);
//! # Ok(())
//! # }
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
