//! The simulated audience of the demo, which opens, clicks and buys in the demo's own process.

mod audience;
mod behavior;
mod tracked_links;

pub(crate) use audience::{SimulationContext, simulate};
