//! Connection permits: while other receivers want to send, one receiver gets its share of the
//! connections and a few more, so that a receiver that stops answering does not block the
//! connections of all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The connection permits of one receiver, shared by all connections.
#[derive(Debug)]
pub(crate) struct ConnectionPermits {
    used: AtomicU32,
    limit: AtomicU32,
}

/// One connection's permit to serve a receiver, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(Arc<ConnectionPermits>);

impl Default for ConnectionPermits {
    fn default() -> Self {
        Self { used: AtomicU32::new(0), limit: AtomicU32::new(u32::MAX) }
    }
}

impl ConnectionPermits {
    /// Sets the number of permits; those that are in use stay valid.
    pub(super) fn set(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes a permit, if one is free.
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |used: u32| (used < limit).then_some(used + 1);
        let acquired = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        acquired.is_ok().then(|| ConnectionPermit(Arc::clone(self)))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The recent traffic of a receiver or a channel: a number of messages, in which older ones count
/// less.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecentTraffic(f32);

impl RecentTraffic {
    /// Counts one message.
    pub(super) fn add(&mut self) {
        self.0 += 1.0;
    }

    /// Halves the weight of the messages counted so far.
    pub(super) fn decay(&mut self) {
        self.0 /= 2.0;
    }

    /// Returns the number of permits for this share of `all` messages and of `connections`. A
    /// connection prepares the next message while one is under way, which takes a permit as well.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small"
    )]
    pub(super) fn permits(self, all: Self, connections: usize) -> u32 {
        let share = if all.0 > 0.0 { (self.0 / all.0).min(1.0) } else { 0.0 };
        (share * connections as f32 * 1.5).ceil() as u32 + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_free_again_when_it_is_dropped() {
        let permits = Arc::new(ConnectionPermits::default());
        permits.set(2);
        let (first, second) = (permits.try_acquire().unwrap(), permits.try_acquire().unwrap());
        assert!(permits.try_acquire().is_none());
        drop(first);
        let third = permits.try_acquire().unwrap();
        permits.set(1);
        drop(second);
        assert!(permits.try_acquire().is_none(), "there are fewer now");
        drop(third);
        assert!(permits.try_acquire().is_some());
    }

    #[test]
    fn permits_are_given_by_share_and_never_too_few_for_all() {
        let permits = |part: u16, all: u16| {
            let share = |count: u16| {
                (0..count).fold(RecentTraffic::default(), |mut share, _| {
                    share.add();
                    share
                })
            };
            share(part).permits(share(all), 8)
        };
        assert_eq!(
            [permits(0, 100), permits(1, 100), permits(10, 100), permits(25, 100), permits(90, 100)],
            [2, 3, 4, 5, 13]
        );
        // Each of eight connections has two messages in hand.
        for groups in [2, 4, 10] {
            assert!(permits(100 / groups, 100) * u32::from(groups) >= 16);
        }
    }
}
