//! The other side, played strictly: every network on 127.0.0.1, for the demo and the tests.
//!
//! One server, one path prefix per network: what a vendor has at `https://api.vendor.example/v1/posts` stands at
//! `http://127.0.0.1:PORT/NAME/v1/posts`. It takes what the vendor would take, refuses what the vendor would
//! refuse, and answers as the vendor answers, including refusals with status 200. It knows nothing of the client
//! in `channel`: both sides are written after the vendors' documents, so that a mistake shows.
//!
//! ```
//! # async fn example() -> Result<(), platform::StartError> {
//! use platform::{Fault, Kind, Platform};
//!
//! let platform = Platform::start(std::sync::Arc::new(|| 1_787_392_800_000)).await?;
//! let table = platform.channel_toml(Kind::Mastodon, "fediverse"); // for chorus.toml
//! let environment = Platform::variables(); // what its ${…} stand for
//! platform.fault(Kind::Mastodon, Fault::AcceptThenReset); // the next post is kept, its answer is lost
//! // … Chorus posts …
//! for post in platform.received(Kind::Mastodon) {
//!     println!("{} {}", post.id, post.text);
//! }
//! platform.finish().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod answer;
mod ask;
mod fault;
mod form;
mod graphemes;
mod kind;
mod network;
mod notes;
mod pace;
mod page;
mod page_style;

mod platform;
mod room;
mod sign;
mod text;
mod wire;
mod world;

pub use account::{Account, account};
pub use fault::Fault;
pub use kind::{Family, Kind, UnknownKind};
pub use platform::{Platform, StartError};
pub use room::{Button, Picture, Received, Request};
