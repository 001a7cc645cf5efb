//! Pacing by receiver: decides which messages may be sent now, which later, and why.
//!
//! Every message is for a receiver: a domain, or the mailbox provider that many domains belong to.
//! A receiver has a rate and a daily cap where the files set them, a window of messages under way
//! that adapts to its answers, and a circuit breaker that opens when it puts us off. A message that
//! cannot go within a second is put off in the database to a time reserved for it, so that no
//! receiver, however slow, holds up another.
//!
//! Nothing here waits, reads a clock or queries the database: time is an argument, and the lane
//! fetches what the shared allowances grant.

mod breaker;
mod concurrency_window;
mod connection_permits;
mod day;
mod local_allowance;
mod mx_lookup;
mod rate_limiter;
mod receiver_limiter;
mod refill;
mod reservations;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod wait;

pub(crate) use connection_permits::{ConnectionPermit, ConnectionPermits};
pub(crate) use day::Day;
pub(crate) use mx_lookup::MxLookup;
pub(crate) use rate_limiter::{Admission, ChannelRateLimiter, Ticket};
