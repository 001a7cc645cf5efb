//! Hearing back: signed links, the pixel, the redirect, one-click unsubscription, posted events, and telling
//! machines from people.
//!
//! Opens and clicks are answered at once and written by one task in batches; unsubscriptions and posted events
//! are answered when they are committed.

mod actor;
mod api;
mod burst;
mod failure;
mod follow;
mod goals;
mod links;
mod page;
mod posted;
mod public;
mod route;
mod signer;
mod unsubscribe;
mod words;
mod writer;

pub use goals::Goals;
pub use public::SIMULATED_AT;
pub use route::{EventQueue, Tracking};
pub use signer::Signer;
