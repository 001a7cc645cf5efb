//! Reservations: a time for each message that cannot go now, so that its row is put off once and
//! not again and again.

use store::MachineTime;

use super::Day;
use super::local_allowance::LocalAllowance;

/// The time over which messages for a receiver whose capacity is not known yet are spread, in
/// microseconds.
const NEW_RECEIVER_SPREAD: i64 = 5_000_000;
/// The time over which messages for a slow receiver are spread, in microseconds.
const SLOW_RECEIVER_SPREAD: i64 = 300_000_000;

/// The next free times of one receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reservations {
    /// The next free time by rate and cap.
    next_reserved: MachineTime,
    /// The number of the day of `next_reserved`.
    day: i64,
    /// The number of free messages on that day; `None` where no cap bounds it.
    free: Option<i64>,
    /// The next free time by the estimated speed of the receiver.
    next_estimated: MachineTime,
}

impl Reservations {
    /// Returns true if no reserved time is still to come.
    pub(super) fn is_idle(&self, now: MachineTime) -> bool {
        self.next_reserved <= now && self.next_estimated <= now
    }

    /// Reserves the next time that rate and cap leave free, not before `earliest`.
    pub(super) fn reserve(
        &mut self,
        earliest: MachineTime,
        allowance: &LocalAllowance,
        day: &Day,
    ) -> MachineTime {
        self.next_reserved = self.next_reserved.max(earliest);
        let number = day.number_at(self.next_reserved);
        if self.day < number {
            self.day = number;
            self.free = if number == day.number {
                allowance.day_remaining()
            } else {
                allowance.cap_on(day, number - day.number)
            };
        }
        if self.free == Some(0) || (self.day == day.number && allowance.is_spent()) {
            self.day += 1;
            self.next_reserved = self.next_reserved.max(day.start_of(self.day));
            self.free = allowance.cap_on(day, self.day - day.number);
        }
        let time = self.next_reserved;
        self.next_reserved = time.saturating_add(allowance.spacing());
        self.free = self.free.map(|free| free - 1);
        time
    }

    /// Reserves a time by the estimated speed of the receiver. The first message waits until
    /// `from`, the second `gap` longer, and each after it `spacing` longer than the one before; all
    /// in microseconds. The times are spread over [`SLOW_RECEIVER_SPREAD`] where the receiver is
    /// `slow`, else over [`NEW_RECEIVER_SPREAD`].
    pub(super) fn reserve_estimated(
        &mut self,
        from: MachineTime,
        gap: i64,
        spacing: i64,
        slow: bool,
    ) -> MachineTime {
        let second = from.saturating_add(gap);
        if self.next_estimated < from {
            self.next_estimated = second;
            return from;
        }
        let spread = if slow { SLOW_RECEIVER_SPREAD } else { NEW_RECEIVER_SPREAD };
        if self.next_estimated > second.saturating_add(spread) {
            self.next_estimated = second;
        }
        let time = self.next_estimated;
        self.next_estimated = time.saturating_add(spacing);
        time
    }

    /// Drops all reservations, after the clock was set back.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
