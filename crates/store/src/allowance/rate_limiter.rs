//! The rate limiter of one allowance: a rate (GCRA, ITU-T I.371: the theoretical arrival time of
//! the next message) and a daily count. Pure, so that it can be tested without a database.

use campaign::Rate;
use database::MachineTime;

/// A request for messages from a shared allowance.
#[derive(Debug, Clone, PartialEq)]
pub struct AllowanceRequest {
    /// The receiver; empty for the channel as a whole.
    pub receiver: String,
    /// The number of messages wanted.
    pub count: u32,
    /// The highest rate, if there is one.
    pub rate: Option<Rate>,
    /// The highest number of messages in a day, if there is one.
    pub cap: Option<i64>,
}

/// The answer to an [`AllowanceRequest`]. Granted messages count as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowanceGrant {
    /// The receiver; empty for the channel as a whole.
    pub receiver: String,
    /// The time at which the first granted message may be sent; the others follow at the rate. If
    /// none is granted: the time at which the rate allows the next one.
    pub from: MachineTime,
    /// The number granted: 0 if it is too early or the day's cap is used up.
    pub count: u32,
    /// The number of the day to which they count.
    pub day: i64,
    /// The number left of the day's cap, if there is one.
    pub left: Option<i64>,
}

/// The time ahead for which messages are granted, in microseconds: a sender asks again within it.
const GRANT_AHEAD: i64 = 200_000;
/// The longest pause whose unused messages are granted later, in microseconds. It covers a sender
/// delayed by a slow disk; an idle sender starts without a burst.
const MAX_CATCH_UP: i64 = 1_000_000;

/// The largest expected difference between the clocks of two workers, in microseconds.
const MAX_CLOCK_SKEW: i64 = 5_000_000;

/// The state of one shared rate limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateLimiter {
    /// The time at which the next message may be sent.
    pub(super) free_at: MachineTime,
    /// The number of the day that `used` belongs to.
    pub(super) day: i64,
    /// The number of messages granted on `day`.
    pub(super) used: i64,
}

impl RateLimiter {
    /// Grants as many of the requested messages as may be sent, and counts them as sent.
    pub(super) fn take(&mut self, request: &AllowanceRequest, now: MachineTime, day: i64) -> AllowanceGrant {
        self.start_day(day);
        let left = request.cap.map(|cap| (cap - self.used).max(0));
        let wanted = i64::from(request.count).min(left.unwrap_or(i64::MAX));
        let (from, available) = request.rate.map_or((now, i64::MAX), |rate| self.available(rate, now));
        let count = wanted.min(available);
        self.free_at = from.saturating_add(request.rate.map_or(0, |rate| rate.micros_for(count)));
        self.used = self.used.saturating_add(count);
        AllowanceGrant {
            receiver: request.receiver.clone(),
            from,
            count: u32::try_from(count).unwrap_or(0),
            day,
            left: left.map(|left| left - count),
        }
    }

    /// Refunds messages that were granted on `day` and not sent.
    pub(super) fn refund(&mut self, count: i64, day: i64) {
        if self.day == day {
            self.used = (self.used - count).max(0);
        }
    }

    /// Starts a new day with nothing used. A clock that goes back over midnight opens no day twice.
    /// After a clock that was days ahead by mistake is corrected, the used count stays, but the
    /// days between are open.
    fn start_day(&mut self, day: i64) {
        if day > self.day {
            self.used = 0;
        }
        if day > self.day || self.day - day > 1 {
            self.day = day;
        }
    }

    /// Returns the time at which the first message may be sent, and the number that may be sent up
    /// to [`GRANT_AHEAD`] from now.
    fn available(&self, rate: Rate, now: MachineTime) -> (MachineTime, i64) {
        let latest = now.saturating_add(GRANT_AHEAD);
        // A time much later than any grant reaches comes from before a clock went back, or from a
        // slower rate.
        let latest_grant = latest.saturating_add(rate.micros_for(1));
        let far = self.free_at > latest_grant.saturating_add(MAX_CLOCK_SKEW);
        let free_at = if far { latest_grant } else { self.free_at };
        let from = if free_at < now - MAX_CATCH_UP { now } else { free_at };
        let available = if from > latest { 0 } else { rate.count_within(latest - from).saturating_add(1) };
        (from, available)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: MachineTime = MachineTime::new(1_800_000_000_000_000);
    const SECOND: i64 = 1_000_000;

    fn new_limiter() -> RateLimiter {
        RateLimiter { free_at: MachineTime::EPOCH, day: 0, used: 0 }
    }

    fn want(rate: &str, count: u32, cap: Option<i64>) -> AllowanceRequest {
        let rate = (!rate.is_empty()).then(|| Rate::parse(rate).unwrap());
        AllowanceRequest { receiver: "gmail".to_owned(), count, rate, cap }
    }

    #[test]
    fn what_is_granted_lies_at_most_a_fifth_of_a_second_ahead() {
        let mut limiter = new_limiter();
        let grant = limiter.take(&want("100/s", 1_000, None), NOW, 1);
        assert_eq!((grant.from, grant.count), (NOW, 21));
        let grant = limiter.take(&want("100/s", 1_000, None), NOW + SECOND / 10, 1);
        assert_eq!((grant.from, grant.count), (NOW + 210_000, 10));
        let grant = limiter.take(&want("100/s", 1_000, None), NOW + SECOND / 10, 1);
        assert_eq!((grant.from, grant.count), (NOW + 310_000, 0));
        // A short stall is made up for, a long pause is not.
        assert_eq!(limiter.take(&want("100/s", 1_000, None), NOW + SECOND, 1).count, 90);
        assert_eq!(limiter.take(&want("100/s", 1_000, None), NOW + 10 * SECOND, 1).count, 21);
    }

    #[test]
    fn a_slow_rate_grants_one_and_says_when_the_next() {
        let mut limiter = new_limiter();
        assert_eq!(limiter.take(&want("10/d", 5, None), NOW, 1).count, 1);
        let grant = limiter.take(&want("10/d", 5, None), NOW + 60 * SECOND, 1);
        assert_eq!((grant.from - NOW, grant.count), (8_640 * SECOND, 0));
    }

    #[test]
    fn a_clock_that_goes_back_neither_stops_nor_opens_anything() {
        let mut limiter = new_limiter();
        limiter.take(&want("100/s", 1_000, Some(25)), NOW, 5);
        assert_eq!((limiter.used, limiter.day), (21, 5));
        let grant = limiter.take(&want("100/s", 1_000, Some(25)), NOW - 3_600 * SECOND, 4);
        assert_eq!((grant.count, grant.left), (0, Some(4)));
        let grant = limiter.take(&want("100/s", 1_000, Some(25)), NOW - 3_599 * SECOND, 4);
        assert_eq!((grant.count, grant.left, limiter.day), (4, Some(0), 5));
        // The clock was years ahead by mistake: today stays closed, tomorrow opens.
        limiter.day = 30_000;
        assert_eq!(limiter.take(&want("", 9, Some(25)), NOW, 5).count, 0);
        assert_eq!(limiter.take(&want("", 9, Some(25)), NOW, 6).count, 9);
    }

    #[test]
    fn what_did_not_go_is_put_back_on_its_own_day_only() {
        let mut limiter = new_limiter();
        limiter.take(&want("", 9, Some(10)), NOW, 5);
        limiter.refund(4, 5);
        assert_eq!(limiter.used, 5);
        limiter.refund(4, 4);
        assert_eq!(limiter.used, 5);
    }

    #[test]
    fn a_worker_whose_clock_is_behind_takes_nothing_twice() {
        let mut limiter = new_limiter();
        limiter.take(&want("100/s", 1_000, None), NOW, 1);
        let kept = limiter;
        assert_eq!(limiter.take(&want("100/s", 1_000, None), NOW - 2 * SECOND, 1).count, 0);
        assert_eq!(limiter, kept);
    }

    proptest! {
        /// Two senders that ask at any times get together what the rate allows: never more in any
        /// minute, and all of it when they ask often enough.
        #[test]
        fn a_rate_is_one_rate(count in 1_u32..3_000, requests in prop::collection::vec((1_000_i64..150_000, 1_u32..2_000), 600)) {
            let rate = format!("{count}/s");
            let mut limiter = new_limiter();
            let (mut now, mut last, mut first, mut granted) = (NOW, MachineTime::EPOCH, None, 0_i64);
            for (pause, wanted) in requests {
                now += pause;
                let requested = wanted.max(count / 5 + 1);
                let grant = limiter.take(&want(&rate, requested, None), now, 1);
                if grant.count > 0 {
                    prop_assert!(grant.from >= last, "two at one time");
                    last = grant.from + Rate::parse(&rate).unwrap().micros_for(i64::from(grant.count));
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
        fn a_cap_is_never_exceeded(cap in 0_i64..500, requests in prop::collection::vec((0_i64..4, 0_u32..100), 1..60)) {
            let mut limiter = new_limiter();
            let mut sent = std::collections::BTreeMap::<i64, i64>::new();
            let mut day = 10;
            for (turn, wanted) in requests {
                // In three of four cases the day stays; the clock may go back over midnight and
                // forward again.
                day += i64::from(turn == 3) - i64::from(turn == 2 && day > limiter.day - 1 && limiter.day > 0);
                let grant = limiter.take(&want("", wanted, Some(cap)), NOW, day);
                *sent.entry(limiter.day).or_default() += i64::from(grant.count);
            }
            prop_assert!(sent.values().all(|count| *count <= cap), "{sent:?}");
        }
    }
}
