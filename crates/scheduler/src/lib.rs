//! The engine that sends: schedules become runs, runs become deliveries, and deliveries are
//! claimed, rendered, sent and recorded. Deliveries that a crash left unfinished are recovered.
//!
//! An [`Engine`] is one worker. Any number of workers can use one database.
//!
//! Invariants:
//! - Rows are claimed under a lease, and every write about a claimed delivery names the lease that
//!   it belongs to. A worker whose lease has expired begins nothing.
//! - Nothing is handed to a session before the commit that names it as an intent.
//! - No transaction is open while a session sends.
//! - At most [`RepeatBound`] messages of a channel may be received twice after one worker died.
//!
//! ```
//! use std::time::Duration;
//!
//! use scheduler::retry_delay;
//! use store::DeliveryId;
//!
//! let delivery = DeliveryId(1);
//! let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
//! let first = retry_delay(delivery, 1);
//! assert!(minutes(4) <= first && first <= minutes(6), "five minutes, plus or minus a fifth");
//! assert!(retry_delay(delivery, 2) > first);
//! assert_eq!(retry_delay(delivery, 1), first, "the wait does not change after a restart");
//! ```

mod channel_backoff;
mod compiled;
mod context;
mod engine;
mod file_edits;
mod fire;
mod fire_error;
mod journal;
mod lane;
mod length_check;
mod manual_send;
mod outcome;
mod pacing;
mod planning;
mod recipients;
mod renderers;
mod retry;
mod revise;
mod session;
mod status;
mod stop_rules;
mod worker_lease;

pub use compiled::cache_compiled;
pub use context::{Context, Files, Loaded};
pub use engine::Engine;
pub use fire::{fire_occurrence, plan};
pub use fire_error::{CompileError, FireError, Missing, TooLong};
pub use lane::RepeatBound;
pub use length_check::worst_case;
pub use manual_send::{
    ManualSendOptions, Refusal, TestCopy, fire, manual_recipients, manual_request, refusal,
};
pub use planning::{
    ExpectedOccurrence, ExpectedOutcome, apply_renames, forecast, hold_due, overdue, register_steps,
};
pub use recipients::{required_address, required_purpose};
pub use retry::retry_delay;
pub use revise::{already_sent, revise};
pub use status::{NoLease, WorkerStatus};
pub use worker_lease::{WorkerStartError, require_writable};
