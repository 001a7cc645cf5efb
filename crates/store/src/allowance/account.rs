//! The arithmetic of an allowance: a rate (GCRA, ITU-T I.371: the time at which the next message may go) and a
//! count by day. Pure, so that it is tested without a database.

use campaign::Rate;
use database::MachineTime;

/// A request for messages of a shared allowance.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// For this receiver; empty for the channel as a whole.
    pub receiver: String,
    /// So many messages.
    pub count: u32,
    /// No faster than this.
    pub rate: Option<Rate>,
    /// No more than so many in a day.
    pub cap: Option<i64>,
}

/// The answer to a [`Want`]: what is granted counts as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To this receiver; empty for the channel as a whole.
    pub receiver: String,
    /// When the first of them may go, the others following at the rate; when none is granted, when one could be,
    /// as far as the rate is concerned.
    pub from: MachineTime,
    /// The number granted: none when it is too early, or the day is used up.
    pub count: u32,
    /// The day they count to.
    pub day: i64,
    /// The number left of the day, if it has a cap.
    pub left: Option<i64>,
}

/// How far ahead of their time messages are granted: so often a sender asks again.
const AHEAD: i64 = 200_000;
/// What was not asked for in so long is forfeited; what a sender was kept from by a slow disk is not. A sender
/// that was idle therefore begins without a burst.
const IDLE: i64 = 1_000_000;

/// How far apart the clocks of two workers may be.
const SKEW: i64 = 5_000_000;

/// What is kept of one allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// When the next message may go.
    pub(super) free_at: MachineTime,
    /// The day that `used` is of.
    pub(super) day: i64,
    /// How many were granted on it.
    pub(super) used: i64,
}

impl Account {
    /// Grants what may go of what is wanted, and counts it as gone.
    pub(super) fn take(&mut self, want: &Want, now: MachineTime, day: i64) -> Grant {
        self.turn_to(day);
        let left = want.cap.map(|cap| (cap - self.used).max(0));
        let wanted = i64::from(want.count).min(left.unwrap_or(i64::MAX));
        let (from, room) = want.rate.map_or((now, i64::MAX), |rate| self.room(rate, now));
        let count = wanted.min(room);
        self.free_at = from.saturating_add(want.rate.map_or(0, |rate| rate.span(count)));
        self.used = self.used.saturating_add(count);
        Grant {
            receiver: want.receiver.clone(),
            from,
            count: u32::try_from(count).unwrap_or(0),
            day,
            left: left.map(|left| left - count),
        }
    }

    /// Puts back what was granted on `day` and did not go.
    pub(super) fn give_back(&mut self, count: i64, day: i64) {
        if self.day == day {
            self.used = (self.used - count).max(0);
        }
    }

    /// A new day begins with nothing used. A clock that goes back over midnight opens no day twice; one that was
    /// days ahead by mistake and is put right keeps what is used, but does not close the days between.
    fn turn_to(&mut self, day: i64) {
        if day > self.day {
            self.used = 0;
        }
        if day > self.day || self.day - day > 1 {
            self.day = day;
        }
    }

    /// When the first may go, and how many up to [`AHEAD`] from now.
    fn room(&self, rate: Rate, now: MachineTime) -> (MachineTime, i64) {
        let latest = now.saturating_add(AHEAD);
        // Much later than a grant ever reaches, it is from before a clock went back, or from a slower rate.
        let furthest = latest.saturating_add(rate.span(1));
        let far = self.free_at > furthest.saturating_add(SKEW);
        let free_at = if far { furthest } else { self.free_at };
        let from = if free_at < now - IDLE { now } else { free_at };
        let room = if from > latest { 0 } else { rate.within(latest - from).saturating_add(1) };
        (from, room)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: MachineTime = MachineTime::new(1_800_000_000_000_000);
    const SECOND: i64 = 1_000_000;

    fn fresh() -> Account {
        Account { free_at: MachineTime::EPOCH, day: 0, used: 0 }
    }

    fn want(rate: &str, count: u32, cap: Option<i64>) -> Want {
        let rate = (!rate.is_empty()).then(|| Rate::parse(rate).unwrap());
        Want { receiver: "gmail".to_owned(), count, rate, cap }
    }

    #[test]
    fn what_is_granted_lies_at_most_a_fifth_of_a_second_ahead() {
        let mut account = fresh();
        let grant = account.take(&want("100/s", 1_000, None), NOW, 1);
        assert_eq!((grant.from, grant.count), (NOW, 21));
        let grant = account.take(&want("100/s", 1_000, None), NOW + SECOND / 10, 1);
        assert_eq!((grant.from, grant.count), (NOW + 210_000, 10));
        let grant = account.take(&want("100/s", 1_000, None), NOW + SECOND / 10, 1);
        assert_eq!((grant.from, grant.count), (NOW + 310_000, 0));
        // A short stall is made up for, a long rest is not.
        assert_eq!(account.take(&want("100/s", 1_000, None), NOW + SECOND, 1).count, 90);
        assert_eq!(account.take(&want("100/s", 1_000, None), NOW + 10 * SECOND, 1).count, 21);
    }

    #[test]
    fn a_slow_rate_grants_one_and_says_when_the_next() {
        let mut account = fresh();
        assert_eq!(account.take(&want("10/d", 5, None), NOW, 1).count, 1);
        let grant = account.take(&want("10/d", 5, None), NOW + 60 * SECOND, 1);
        assert_eq!((grant.from - NOW, grant.count), (8_640 * SECOND, 0));
    }

    #[test]
    fn a_clock_that_goes_back_neither_stops_nor_opens_anything() {
        let mut account = fresh();
        account.take(&want("100/s", 1_000, Some(25)), NOW, 5);
        assert_eq!((account.used, account.day), (21, 5));
        let grant = account.take(&want("100/s", 1_000, Some(25)), NOW - 3_600 * SECOND, 4);
        assert_eq!((grant.count, grant.left), (0, Some(4)));
        let grant = account.take(&want("100/s", 1_000, Some(25)), NOW - 3_599 * SECOND, 4);
        assert_eq!((grant.count, grant.left, account.day), (4, Some(0), 5));
        // Years ahead by mistake: today stays closed, tomorrow opens.
        account.day = 30_000;
        assert_eq!(account.take(&want("", 9, Some(25)), NOW, 5).count, 0);
        assert_eq!(account.take(&want("", 9, Some(25)), NOW, 6).count, 9);
    }

    #[test]
    fn what_did_not_go_is_put_back_on_its_own_day_only() {
        let mut account = fresh();
        account.take(&want("", 9, Some(10)), NOW, 5);
        account.give_back(4, 5);
        assert_eq!(account.used, 5);
        account.give_back(4, 4);
        assert_eq!(account.used, 5);
    }

    #[test]
    fn a_worker_whose_clock_is_behind_takes_nothing_twice() {
        let mut account = fresh();
        account.take(&want("100/s", 1_000, None), NOW, 1);
        let kept = account;
        assert_eq!(account.take(&want("100/s", 1_000, None), NOW - 2 * SECOND, 1).count, 0);
        assert_eq!(account, kept);
    }

    proptest! {
        /// Two that ask whenever they like get together what the rate allows, never more in any minute, and
        /// all of it when they ask often enough.
        #[test]
        fn a_rate_is_one_rate(count in 1_u32..3_000, asks in prop::collection::vec((1_000_i64..150_000, 1_u32..2_000), 600)) {
            let rate = format!("{count}/s");
            let mut account = fresh();
            let (mut now, mut last, mut first, mut granted) = (NOW, MachineTime::EPOCH, None, 0_i64);
            for (pause, wanted) in asks {
                now += pause;
                let hungry = wanted.max(count / 5 + 1);
                let grant = account.take(&want(&rate, hungry, None), now, 1);
                if grant.count > 0 {
                    prop_assert!(grant.from >= last, "two at one time");
                    last = grant.from + Rate::parse(&rate).unwrap().span(i64::from(grant.count));
                    first.get_or_insert(grant.from);
                    granted += i64::from(grant.count);
                }
            }
            #[allow(clippy::cast_precision_loss, reason = "a measure")]
            let seconds = (last - first.unwrap()) as f64 / 1e6;
            #[allow(clippy::cast_precision_loss, reason = "a measure")]
            let measured = granted as f64 / seconds;
            prop_assert!((measured / f64::from(count) - 1.0).abs() < 0.02, "{measured} of {count}");
        }

        #[test]
        fn a_cap_is_never_exceeded(cap in 0_i64..500, asks in prop::collection::vec((0_i64..4, 0_u32..100), 1..60)) {
            let mut account = fresh();
            let mut sent = std::collections::BTreeMap::<i64, i64>::new();
            let mut day = 10;
            for (turn, wanted) in asks {
                // Three of four times the day stays; the clock may go back over midnight and come again.
                day += i64::from(turn == 3) - i64::from(turn == 2 && day > account.day - 1 && account.day > 0);
                let grant = account.take(&want("", wanted, Some(cap)), NOW, day);
                *sent.entry(account.day).or_default() += i64::from(grant.count);
            }
            prop_assert!(sent.values().all(|count| *count <= cap), "{sent:?}");
        }
    }
}
