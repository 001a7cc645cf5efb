//! The protocols of the social and messaging networks: one file per network under `kinds`.
//!
//! A protocol is pure: from a post and the answers so far it makes the next request, and from an
//! answer it derives a [`Verdict`]. [`Endpoint`] and [`Poster`] make the requests through the
//! guarded client and return the outcome of the post. The facts that files and pages need about a
//! network are a row of [`campaign::network::NETWORKS`].
//!
//! Invariants:
//! - A protocol reads no clock and opens no socket.
//! - Requests before the one that publishes may be repeated. A post is published only after its
//!   commit.
//! - A status 2xx alone does not prove that a post was published: without an answer that the
//!   network's file recognises, the verdict is [`Verdict::Unknown`].
//! - No preview of a request and no debug output shows a secret of the account.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use campaign::{Account, Network, Per, Secret};
//! use message::{Content, Parts, Post};
//! use network::Endpoint;
//!
//! let account = Account {
//!     base_url: Some("https://social.example".parse()?),
//!     token: Some(Secret::new("token-1")),
//!     ..Account::new(Network::find("mastodon").ok_or("a network")?, Per::Feed)
//! };
//! let timeout = Duration::from_secs(10);
//! let settings = egress::Settings { roots: Vec::new(), timeout, proxy: None };
//! let endpoint = Endpoint::new(&account, settings)?; // opens no connection
//! assert!(!format!("{endpoint:?}").contains("token-1"));
//!
//! let text = "Spring is here.".to_owned();
//! let parts = Parts { plain: text.clone(), text, ..Parts::default() };
//! let post = Post {
//!     id: "1".to_owned(),
//!     at: "2027-03-02T02:00:00Z".parse()?,
//!     possible_duplicate: false,
//!     to: None,
//!     language: "en".to_owned(),
//!     content: Content::Parts(Box::new(parts)),
//! };
//! let budget = &endpoint.budgets(&post)[0];
//! assert_eq!((budget.measured, budget.allowed), (15, 500));
//! # Ok(())
//! # }
//! ```

mod access;
#[cfg(test)]
mod credentials;
mod endpoint;
mod form;
mod graph;
mod html;
mod idempotency;
mod json_template;
mod keyword;
mod kinds;
mod markdown;
mod mention;
mod picture;
mod protocol;
mod redaction;
mod registry;
#[cfg(test)]
mod sample;
mod verdict;

pub use access::Access;
pub use endpoint::{Endpoint, Poster};
pub use protocol::ComposeError;
pub use redaction::{RequestPreview, budgets, contains_keyword, requests};
pub use verdict::Verdict;
