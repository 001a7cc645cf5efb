//! The vendors' published rate limits, enforced if a test enables them.

use serde_json::{Value, json};

use crate::state::NetworkState;

/// A limit of at most `max` requests in a sliding window.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// The largest number of requests in a window.
    pub max: usize,
    /// The length of the window in milliseconds.
    pub window: i64,
    /// The time for which all requests are refused after one too many, in milliseconds; 0 if only
    /// the window counts.
    pub penalty: i64,
}

/// Counts a request, and returns the seconds to wait if it is one too many.
pub(crate) fn wait_seconds(
    state: &mut NetworkState,
    rate_limits: &[RateLimit],
    key: &str,
    now: i64,
) -> Option<u32> {
    if rate_limits.is_empty() {
        return None;
    }
    let key = format!("rate {key}");
    let known = state.sessions.get(&key);
    let blocked = known.and_then(|known| known["until"].as_i64()).unwrap_or(i64::MIN);
    let times = known.and_then(|known| known["times"].as_array().cloned()).unwrap_or_default();
    let times: Vec<i64> = times.iter().filter_map(Value::as_i64).collect();
    let (times, blocked, wait) = count_request(times, blocked, rate_limits, now);
    state.sessions.put(key, json!({ "times": times, "until": blocked }));
    wait.and_then(|wait| u32::try_from(wait.div_euclid(1000) + i64::from(wait % 1000 > 0)).ok())
}

/// Returns the times to remember, the end of the penalty, and the milliseconds that this request
/// has to wait.
fn count_request(
    mut times: Vec<i64>,
    blocked: i64,
    rate_limits: &[RateLimit],
    now: i64,
) -> (Vec<i64>, i64, Option<i64>) {
    if now < blocked {
        return (times, blocked, Some(blocked - now));
    }
    let longest = rate_limits.iter().map(|ceiling| ceiling.window).max().unwrap_or_default();
    times.retain(|at| *at > now - longest);
    let wait = rate_limits.iter().filter_map(|ceiling| ceiling.wait(&times, now)).max();
    let Some(wait) = wait else {
        times.push(now);
        return (times, i64::MIN, None);
    };
    let punished =
        rate_limits.iter().any(|ceiling| ceiling.penalty > 0 && ceiling.wait(&times, now).is_some());
    (times, if punished { now + wait } else { i64::MIN }, Some(wait))
}

impl RateLimit {
    /// Returns the milliseconds to wait at `now` after requests at `times`, in order; `None` if the
    /// limit allows one more.
    fn wait(&self, times: &[i64], now: i64) -> Option<i64> {
        let within: Vec<i64> = times.iter().copied().filter(|at| *at > now - self.window).collect();
        let oldest = within.get(within.len().checked_sub(self.max)?)?;
        Some(if self.penalty > 0 { self.penalty } else { oldest + self.window - now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_over_the_limit_waits_for_the_window() {
        let two = [RateLimit { max: 2, window: 1000, penalty: 0 }];
        assert_eq!(count_request(vec![0, 400], i64::MIN, &two, 900).2, Some(100));
        assert_eq!(count_request(vec![0, 400], i64::MIN, &two, 1000), (vec![400, 1000], i64::MIN, None));
    }

    #[test]
    fn a_penalty_is_not_extended_by_further_requests() {
        let strict = [RateLimit { max: 2, window: 1000, penalty: 10_000 }];
        let (times, until, wait) = count_request(vec![0, 400], i64::MIN, &strict, 900);
        assert_eq!((until, wait), (10_900, Some(10_000)));
        assert_eq!(count_request(times.clone(), until, &strict, 10_899).2, Some(1));
        assert_eq!(count_request(times, until, &strict, 10_900).2, None);
    }
}
