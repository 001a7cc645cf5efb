//! Reserves a time for each message that cannot go now, so that its row is put off once and not again and again.

use store::MachineTime;

use super::Day;
use super::local_allowance::LocalAllowance;

/// Over how long those are spread who wait for a receiver that only has to show what it takes, and for one that
/// is slow.
const SPREAD: (i64, i64) = (5_000_000, 300_000_000);

/// The next free times of one receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reservations {
    /// By rate and cap: the next, the number of its day, and how many are free on that day, if bounded.
    booked: MachineTime,
    day: i64,
    free: Option<i64>,
    /// By guess.
    guessed: MachineTime,
}

impl Reservations {
    /// Returns true where no reserved time is still to come.
    pub(super) fn is_idle(&self, now: MachineTime) -> bool {
        self.booked <= now && self.guessed <= now
    }

    /// Reserves the next time that rate and cap leave free, not before `earliest`.
    pub(super) fn book(
        &mut self,
        earliest: MachineTime,
        allowance: &LocalAllowance,
        day: &Day,
    ) -> MachineTime {
        self.booked = self.booked.max(earliest);
        let number = day.number_at(self.booked);
        if self.day < number {
            self.day = number;
            self.free =
                if number == day.number { allowance.rest() } else { allowance.on(day, number - day.number) };
        }
        if self.free == Some(0) || (self.day == day.number && allowance.is_spent()) {
            self.day += 1;
            self.booked = self.booked.max(day.start_of(self.day));
            self.free = allowance.on(day, self.day - day.number);
        }
        let time = self.booked;
        self.booked = time.saturating_add(allowance.spacing());
        self.free = self.free.map(|free| free - 1);
        time
    }

    /// The first waits until `from`, the next `gap` longer, and each after it `spacing` longer than the one
    /// before. Those of a receiver that is `slow` are spread wider.
    pub(super) fn guess(&mut self, from: MachineTime, gap: i64, spacing: i64, slow: bool) -> MachineTime {
        let second = from.saturating_add(gap);
        if self.guessed < from {
            self.guessed = second;
            return from;
        }
        let spread = if slow { SPREAD.1 } else { SPREAD.0 };
        if self.guessed > second.saturating_add(spread) {
            self.guessed = second;
        }
        let time = self.guessed;
        self.guessed = time.saturating_add(spacing);
        time
    }

    /// Drops all reservations, after the clock was set back.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
