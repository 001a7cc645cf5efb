//! How each network is spoken to: one file per network under `kinds`.
//!
//! A network is pure: from a post, and from what has been answered so far, it makes the next request; from an answer,
//! its meaning. [`Endpoint`] and [`Line`] make the requests over the guarded way out and say what became of the post.
//! What files and pages need to know of a network is a row of [`campaign::network::NETWORKS`].

mod access;
mod again;
#[cfg(test)]
mod credentials;
mod form;
mod graph;
mod html;
mod keyword;
mod kinds;
mod line;
mod marked;
mod mention;
mod own;
mod picture;
mod protocol;
mod registry;
#[cfg(test)]
mod sample;
mod shown;
mod verdict;

pub use access::Access;
pub use line::{Endpoint, Line};
pub use protocol::ComposeError;
pub use shown::{ShownRequest, budgets, requests, says};
pub use verdict::Verdict;
