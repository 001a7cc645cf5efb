//! The protocols of the social and messaging networks: one file per network under `kinds`.
//!
//! A protocol is pure: from a post and the answers so far it makes the next request, and from an
//! answer it derives a [`Verdict`]. [`Endpoint`] and [`Poster`] make the requests through the
//! guarded client and return the outcome of the post. The facts that files and pages need about a
//! network are a row of [`campaign::network::NETWORKS`].

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
