//! An HTTP server on 127.0.0.1 that answers in place of social networks, chat services and SMS
//! gateways.
//!
//! One server, one path prefix per network: what a vendor has at
//! `https://api.vendor.example/v1/posts` is served at `http://127.0.0.1:PORT/NAME/v1/posts`. This
//! crate has what all networks share: the request and the reply, the posts that a network has
//! taken, faults on demand, rate limits, the accounts, and a page that shows the posts. A
//! [`FakeNetwork`] judges the requests as its vendor does; the crate `platform` has one for each
//! [`Kind`].
//!
//! Invariants:
//! - The server listens on 127.0.0.1 only.
//! - Its memory is bounded: each network has the newest posts and requests, and long texts and
//!   bodies are cut.
//! - A fault applies to one request.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//! use std::sync::Arc;
//!
//! use fake_server::{Answer, FakeNetwork, HttpServer, Kind, NetworkState, Post, Reply};
//! use fake_server::{Request, VendorError};
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
//!
//! let server = HttpServer::start(|_| &Lenient, Arc::new(|| 1_787_392_800_000)).await?;
//! // POST /ntfy/topic, with the body `Hello`.
//! # let base = server.base_url(Kind::Ntfy);
//! # let address = base.trim_start_matches("http://").split('/').next().ok_or("an address")?;
//! # let mut connection = tokio::net::TcpStream::connect(address).await?;
//! # let request = format!(
//! #     "POST /ntfy/topic HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
//! #      content-length: 5\r\n\r\nHello"
//! # );
//! # connection.write_all(request.as_bytes()).await?;
//! # let mut response = String::new();
//! # connection.read_to_string(&mut response).await?;
//! assert!(response.starts_with("HTTP/1.1 204 "));
//! let texts: Vec<_> =
//!     server.state(Kind::Ntfy).received.iter().map(|post| post.text.clone()).collect();
//! assert_eq!(texts, ["Hello"]);
//! server.finish().await;
//! # Ok(())
//! # }
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
