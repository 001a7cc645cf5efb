//! How fast a channel may speak.

use std::num::NonZeroU32;
use std::time::Duration;

use campaign::Rate;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A channel's rate, kept by one worker. Without a rate, everything may go at once.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Option<Rate>,
    limiter: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
}

/// Messages are let go in groups no larger than what this long is worth, so that the rate is true from the
/// first second on.
const BURST: Duration = Duration::from_millis(200);

impl Pace {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self { rate, limiter: rate.and_then(quota).map(RateLimiter::direct), clock: DefaultClock::default() }
    }

    /// How many of `wanted` may go now, and how long until the next may, if not all of them. They count as gone.
    pub(crate) fn take(&self, wanted: usize) -> (usize, Option<Duration>) {
        let Some(limiter) = &self.limiter else { return (wanted, None) };
        for taken in 0..wanted {
            if let Err(not_yet) = limiter.check() {
                return (taken, Some(not_yet.wait_time_from(self.clock.now())));
            }
        }
        (wanted, None)
    }
}

impl Pace {
    /// About how many may go in `span`: 1 or more.
    pub(crate) fn within(&self, span: Duration) -> usize {
        let Some(each) = self.rate.and_then(|rate| rate.per.checked_div(rate.count)) else {
            return usize::MAX;
        };
        let count = span.as_nanos().checked_div(each.as_nanos()).unwrap_or(u128::MAX);
        usize::try_from(count).unwrap_or(usize::MAX).max(1)
    }
}

fn quota(rate: Rate) -> Option<Quota> {
    let each = rate.per.checked_div(rate.count)?;
    let burst = BURST.as_nanos().checked_div(each.as_nanos())?;
    let burst = NonZeroU32::new(u32::try_from(burst).ok()?.max(1))?;
    Some(Quota::with_period(each)?.allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(count: u32) -> Pace {
        Pace::new(Some(Rate { count, per: Duration::from_secs(1) }))
    }

    #[test]
    fn without_a_rate_all_may_go() {
        assert_eq!(Pace::new(None).take(1000), (1000, None));
    }

    #[test]
    fn lets_a_fifth_of_a_second_go_at_once_and_says_when_the_next_may() {
        let (taken, wait) = per_second(200).take(1000);
        assert_eq!(taken, 40);
        assert!(wait.is_some_and(|w| w <= Duration::from_millis(5)), "{wait:?}");
    }

    #[test]
    fn a_slow_rate_lets_one_go() {
        let pace = Pace::new(Some(Rate { count: 10, per: Duration::from_secs(86_400) }));
        assert_eq!(pace.take(5).0, 1);
        assert_eq!(pace.take(5).0, 0);
    }
}
