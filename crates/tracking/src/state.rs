//! The state that all handlers of tracking routes share.

use store::{Clock, Store};

use crate::LinkSigner;
use crate::event_writer::EventSender;
use crate::goals::Goals;
use crate::link_cache::LinkCache;

/// The header in which a simulated hit states its time, in milliseconds since the Unix epoch: the
/// demo simulates days in minutes. Ignored outside the demo.
pub const SIMULATED_AT: &str = "chorus-simulated-at";

/// The shared state of the handlers.
#[derive(Debug)]
pub(crate) struct TrackingState {
    pub store: Store,
    pub signer: LinkSigner,
    pub clock: Clock,
    pub goals: Goals,
    pub api_key: Option<String>,
    pub brand: String,
    pub links: LinkCache,
    pub events: EventSender,
    /// True in the demo: hits state their time in the header [`SIMULATED_AT`].
    pub is_simulated: bool,
}
