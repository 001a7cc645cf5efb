//! The trait that a network's file implements.

use std::fmt::Debug;

use crate::fault::VendorError;
use crate::rate_limit::RateLimit;
use crate::reply::{Answer, Reply};
use crate::request::Request;
use crate::state::NetworkState;

/// The server side of one network: how its vendor judges requests and words its answers.
pub trait FakeNetwork: Debug + Sync {
    /// Returns true where the request makes a post if it is taken.
    fn publishes(&self, request: &Request) -> bool;

    /// Takes or refuses a request.
    ///
    /// # Errors
    /// Returns the refusal as the vendor words it, with its reason.
    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer;

    /// Returns the vendor's reply for this error.
    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply;

    /// The published limits on posts.
    fn rate_limits(&self) -> &'static [RateLimit] {
        &[]
    }

    /// The published limits on requests that make no post: logins, uploads.
    fn other_rate_limits(&self, _: &Request) -> &'static [RateLimit] {
        &[]
    }

    /// Returns the key that requests are counted by: the path and, in most networks, the credential
    /// in the query.
    fn rate_limit_key(&self, request: &Request) -> String {
        let credential =
            ["key", "access_token"].iter().find_map(|name| request.param(name)).unwrap_or_default();
        format!("{} {credential}", request.path)
    }
}
