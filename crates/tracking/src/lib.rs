//! Tracking of what contacts do with messages: signed links, the open pixel, the click redirect,
//! one-click unsubscription, posted events, and the detection of bots.
//!
//! Invariants:
//! - A link can be neither forged nor read without the installation's key. A token for one purpose
//!   is not valid for another.
//! - A click is redirected to a registered destination, and nowhere else.
//! - Opens and clicks are answered immediately and written by one task in batches. Those that do
//!   not fit into its queue are dropped and counted.
//! - Unsubscriptions and posted events are answered after they are committed. A GET of an
//!   unsubscribe link changes nothing.
//!
//! ```
//! use store::{ContactId, DeliveryName, RunName};
//! use tracking::LinkSigner;
//!
//! let public_url = url::Url::parse("https://news.example")?;
//! let signer = LinkSigner::new(b"0123456789abcdef0123456789abcdef", &public_url);
//! let delivery = DeliveryName::Named { run: RunName(7), contact: ContactId(9) };
//! let token = signer.token(delivery);
//! assert_eq!(signer.prefixes(&[]).unsubscribe, "https://news.example/u/");
//! assert_eq!(signer.read_token(&token), Some(delivery));
//! assert_eq!(signer.read_link(&token), None, "the token is of a delivery, not of a link");
//!
//! let other = LinkSigner::new(b"the key of another installation!", &public_url);
//! assert_eq!(other.read_token(&token), None);
//! # Ok::<(), url::ParseError>(())
//! ```

mod bot_detection;
mod burst_detection;
mod error_status;
mod event_request;
mod event_writer;
mod events_api;
mod goals;
mod hit;
mod link_cache;
mod link_signer;
mod open_pixel;
mod page_texts;
mod pages;
mod redirect;
mod router;
mod state;
mod unsubscribe;

pub use goals::Goals;
pub use link_signer::LinkSigner;
pub use router::{EventQueue, Tracking};
pub use state::SIMULATED_AT;
