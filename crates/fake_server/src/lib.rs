//! An HTTP server on 127.0.0.1 that answers in place of social networks, chat services and SMS
//! gateways.
//!
//! One server, one path prefix per network: what a vendor has at
//! `https://api.vendor.example/v1/posts` is served at `http://127.0.0.1:PORT/NAME/v1/posts`. This
//! crate has what all networks share: the request and the reply, the posts that a network has
//! accepted, faults on demand, rate limits, the accounts, and a page that shows the posts. A
//! [`FakeNetwork`] decides how a vendor answers a request; the crate `platform` has one for each
//! [`Kind`].
//!
//! ```
//! use fake_server::{Answer, FakeNetwork, NetworkState, Post, Reply, Request, VendorError};
//!
//! /// A network that takes every text.
//! #[derive(Debug)]
//! struct Lenient;
//!
//! impl FakeNetwork for Lenient {
//!     fn publishes(&self, request: &Request) -> bool {
//!         request.method == "POST"
//!     }
//!
//!     fn handle(&self, state: &mut NetworkState, request: &Request) -> Answer {
//!         let text = String::from_utf8_lossy(&request.body).into_owned();
//!         state.add_post(request, Post { text, ..Post::default() });
//!         Ok(Reply::empty(204))
//!     }
//!
//!     fn error_reply(&self, _: &VendorError, _: &Request) -> Reply {
//!         Reply::empty(503)
//!     }
//! }
//! ```

mod account;
mod bounded;
mod connection;
mod fault;
pub mod form;
mod http;
mod image;
mod kind;
mod network;
mod page;
mod page_style;
mod rate_limit;
mod reply;
mod request;
mod response;
mod server;
pub mod signature;
mod state;
pub mod text;

pub use account::{Account, account, required};
pub use bounded::{BoundedMap, RecentList};
pub use fault::{Fault, VendorError};
pub use http::{Clock, HttpServer, StartError};
pub use image::image_type;
pub use kind::{Family, Kind, UnknownKind};
pub use network::FakeNetwork;
pub use rate_limit::RateLimit;
pub use reply::{Answer, Reply, ensure};
pub use request::{Request, field, rfc3339, text_field};
pub use state::{Button, LoggedRequest, NetworkState, Picture, Post, Received, Upload};
