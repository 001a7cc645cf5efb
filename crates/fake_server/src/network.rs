//! The trait that the server side of each network implements.

use std::fmt::Debug;

use crate::fault::VendorError;
use crate::rate_limit::RateLimit;
use crate::reply::{Answer, Reply};
use crate::request::Request;
use crate::state::NetworkState;

/// The server side of one network: how its vendor judges requests and words its answers.
pub trait FakeNetwork: Debug + Sync {
    /// Returns true if the request creates a post when it is accepted.
    fn publishes(&self, request: &Request) -> bool;

    /// Accepts or refuses a request.
    ///
    /// # Errors
    /// The refusal as the vendor words it, with its reason.
    fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer;

    /// Returns the vendor's reply for this error.
    fn error_reply(&self, error: &VendorError, request: &Request) -> Reply;

    /// Returns the published limits on posts.
    fn rate_limits(&self) -> &'static [RateLimit] {
        &[]
    }

    /// Returns the published limits on requests that create no post, such as logins and uploads.
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
