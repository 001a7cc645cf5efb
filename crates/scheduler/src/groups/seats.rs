//! How many connections one receiver may hold while others want to send: its share of them and a few more, so that
//! one that stops answering in the middle of a run leaves the others theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seats of one receiver, looked at by every connection.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: AtomicU32,
    most: AtomicU32,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Seats>);

impl Default for Seats {
    fn default() -> Self {
        Self { taken: AtomicU32::new(0), most: AtomicU32::new(u32::MAX) }
    }
}

impl Seats {
    /// How many there are from now on.
    pub(super) fn set(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Takes one, if one is free.
    pub(crate) fn sit(self: &Arc<Self>) -> Option<Seat> {
        let most = self.most.load(Ordering::Relaxed);
        let more = |taken: u32| (taken < most).then_some(taken + 1);
        let sat = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        sat.is_ok().then(|| Seat(Arc::clone(self)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who sends how much lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Share(f32);

impl Share {
    /// One more message.
    pub(super) fn add(&mut self) {
        self.0 += 1.0;
    }

    /// What is older counts less.
    pub(super) fn fade(&mut self) {
        self.0 /= 2.0;
    }

    /// How many of so many connections it may hold when `all` send. A connection has the next message in hand
    /// while one is under way, which takes a seat as well.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small"
    )]
    pub(super) fn seats(self, all: Self, connections: usize) -> u32 {
        let share = if all.0 > 0.0 { (self.0 / all.0).min(1.0) } else { 0.0 };
        (share * connections as f32 * 1.5).ceil() as u32 + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_left() {
        let seats = Arc::new(Seats::default());
        seats.set(2);
        let (first, second) = (seats.sit().unwrap(), seats.sit().unwrap());
        assert!(seats.sit().is_none());
        drop(first);
        let third = seats.sit().unwrap();
        seats.set(1);
        drop(second);
        assert!(seats.sit().is_none(), "there are fewer now");
        drop(third);
        assert!(seats.sit().is_some());
    }

    #[test]
    fn seats_are_given_by_share_and_never_too_few_for_all() {
        let seats = |part: u16, all: u16| {
            let share = |count: u16| {
                (0..count).fold(Share::default(), |mut share, _| {
                    share.add();
                    share
                })
            };
            share(part).seats(share(all), 8)
        };
        assert_eq!(
            [seats(0, 100), seats(1, 100), seats(10, 100), seats(25, 100), seats(90, 100)],
            [2, 3, 4, 5, 13]
        );
        // Each of eight connections has two messages in hand.
        for groups in [2, 4, 10] {
            assert!(seats(100 / groups, 100) * u32::from(groups) >= 16);
        }
    }
}
