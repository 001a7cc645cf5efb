//! Making it happen: schedules become runs, runs become deliveries, deliveries are claimed, rendered, sent and
//! recorded, and what a crash left is found again.
//!
//! An [`Engine`] is one worker. Any number may work on one database: rows are claimed under a lease, and every
//! write says whose lease it belongs to.

mod by_hand;
mod compiled;
mod context;
mod engine;
mod fire;
mod fire_error;
mod fit;
mod hold;
mod journal;
mod lane;
mod outcome;
mod pacing;
mod planning;
mod recipients;
mod renderers;
mod rest;
mod retry;
mod revise;
mod session;
mod status;
mod upkeep;
mod watch;

pub use by_hand::{HandSend, Refusal, TestCopy, asked, fire, refusal, whom_by_hand};
pub use compiled::keep_compiled;
pub use context::{Context, Files, Loaded};
pub use engine::Engine;
pub use fire::{fire_occurrence, plan};
pub use fire_error::{CompileError, FireError, Missing, TooLong};
pub use fit::longest;
pub use hold::{StartError, require_writable};
pub use lane::RepeatBound;
pub use planning::{Expected, Fate, forecast, hold_due, overdue, see};
pub use recipients::address;
pub use retry::retry_delay;
pub use revise::{already_sent, revise};
pub use status::{NoLease, WorkerStatus};
