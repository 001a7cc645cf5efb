//! A simulated audience that opens, clicks, buys and unsubscribes, for the demo.
//!
//! Its one job: react to what was sent, over HTTP, through the links that a reader would follow.
//!
//! Invariants:
//! - It connects to this machine only: the base of the links must be a loopback address, and
//!   neither other links nor redirects are followed.
//! - The same seed gives the same actions on the same messages.
//!
//! ```no_run
//! # async fn demo(context: simulation::SimulationContext) {
//! let stop = tokio_util::sync::CancellationToken::new();
//! simulation::simulate(context, 7, stop).await;
//! # }
//! ```

mod audience;
mod behavior;
mod tracked_links;

pub use audience::{SimulationContext, simulate};
