//! Hearing back: signed links, the pixel, the redirect, one-click unsubscription, posted events, and telling
//! machines from people.

mod actor;
mod route;
mod signer;

pub use route::{Goals, Tracking};
pub use signer::Signer;
