//! Tracking of what contacts do with messages: signed links, the open pixel, the click redirect,
//! one-click unsubscription, posted events, and the detection of bots.
//!
//! Opens and clicks are answered immediately and written by one task in batches; unsubscriptions
//! and posted events are answered after they are committed.

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
