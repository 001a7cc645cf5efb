//! The server side of every network, on 127.0.0.1, for the demo and the tests.
//!
//! Invariants:
//! - It takes what the vendor takes, refuses what the vendor refuses, and answers as the vendor
//!   answers, refusals with status 200 among them.
//! - It shares no code with the clients in `network`: both are written from the vendors' documents,
//!   so that a mistake on either side shows.
//! - Every request is logged, taken or refused; each network keeps its newest thousand at most.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//! use platform::{Fault, Kind, Platform};
//!
//! let platform = Platform::start(std::sync::Arc::new(|| 1_787_392_800_000)).await?;
//! let table = platform.channel_toml(Kind::Mastodon, "fediverse"); // for chorus.toml
//! assert!(table.starts_with("[channels.fediverse]\nkind = \"mastodon\"\n"));
//! assert!(!Platform::variables().is_empty()); // the values of its ${…}
//!
//! // POST /mastodon/api/v1/statuses, without a token.
//! # let base = platform.base_url(Kind::Mastodon);
//! # let address = base.trim_start_matches("http://").split('/').next().ok_or("an address")?;
//! # let mut connection = tokio::net::TcpStream::connect(address).await?;
//! # let request = format!(
//! #     "POST /mastodon/api/v1/statuses HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
//! #      content-type: application/json\r\ncontent-length: 14\r\n\r\n{{\"status\":\"a\"}}"
//! # );
//! # connection.write_all(request.as_bytes()).await?;
//! # let mut response = String::new();
//! # connection.read_to_string(&mut response).await?;
//! assert!(response.starts_with("HTTP/1.1 401 "));
//! assert!(platform.received(Kind::Mastodon).is_empty());
//! assert!(platform.requests(Kind::Mastodon)[0].refused.is_some());
//! // The next post is stored, and its response is lost.
//! platform.fault(Kind::Mastodon, Fault::AcceptThenReset);
//! platform.finish().await;
//! # Ok(())
//! # }
//! ```

mod kinds;
mod platform;
#[cfg(test)]
mod probe;
mod registry;

pub use fake_server::{
    Account, Button, Family, Fault, Kind, LoggedRequest, Picture, Received, StartError, UnknownKind, account,
};
pub use platform::Platform;
