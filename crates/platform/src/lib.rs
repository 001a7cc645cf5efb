//! The server side of every network, on 127.0.0.1, for the demo and the tests.
//!
//! It accepts, refuses and answers as the vendor does, including refusals with status 200. It
//! shares no code with the clients in `network`: both are written from the vendors' documents, so
//! that a mistake on either side shows.
//!
//! ```
//! # async fn example() -> Result<(), platform::StartError> {
//! use platform::{Fault, Kind, Platform};
//!
//! let platform = Platform::start(std::sync::Arc::new(|| 1_787_392_800_000)).await?;
//! let table = platform.channel_toml(Kind::Mastodon, "fediverse"); // for chorus.toml
//! let environment = Platform::variables(); // the values of its ${…}
//! // The next post is stored, but its response is lost.
//! platform.fault(Kind::Mastodon, Fault::AcceptThenReset);
//! // … Chorus posts …
//! for post in platform.received(Kind::Mastodon) {
//!     println!("{} {}", post.id, post.text);
//! }
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
