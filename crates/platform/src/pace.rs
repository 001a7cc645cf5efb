//! What vendors publish as the most that they take, enforced where that is wanted.

use serde_json::{Value, json};

use crate::room::Room;

/// So many posts in so much time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    /// How many.
    pub(crate) most: usize,
    /// In how many milliseconds.
    pub(crate) window: i64,
    /// For how many milliseconds nothing is taken after one too many; 0 where it goes on as the window moves.
    pub(crate) penalty: i64,
}

/// For how many seconds nothing more is taken, where this request is one too many.
pub(crate) fn over(room: &mut Room, ceilings: &[Ceiling], what: &str, now: i64) -> Option<u32> {
    if ceilings.is_empty() {
        return None;
    }
    let key = format!("pace {what}");
    let known = room.sessions.get(&key);
    let blocked = known.and_then(|known| known["until"].as_i64()).unwrap_or(i64::MIN);
    let times = known.and_then(|known| known["times"].as_array().cloned()).unwrap_or_default();
    let times: Vec<i64> = times.iter().filter_map(Value::as_i64).collect();
    let (times, blocked, wait) = judged(times, blocked, ceilings, now);
    room.sessions.put(key, json!({ "times": times, "until": blocked }));
    wait.and_then(|wait| u32::try_from(wait.div_euclid(1000) + i64::from(wait % 1000 > 0)).ok())
}

/// The times to remember, until when nothing is taken, and for how many milliseconds this one has to wait.
fn judged(mut times: Vec<i64>, blocked: i64, ceilings: &[Ceiling], now: i64) -> (Vec<i64>, i64, Option<i64>) {
    if now < blocked {
        return (times, blocked, Some(blocked - now));
    }
    let longest = ceilings.iter().map(|ceiling| ceiling.window).max().unwrap_or_default();
    times.retain(|at| *at > now - longest);
    let wait = ceilings.iter().filter_map(|ceiling| ceiling.wait(&times, now)).max();
    let Some(wait) = wait else {
        times.push(now);
        return (times, i64::MIN, None);
    };
    let punished = ceilings.iter().any(|ceiling| ceiling.penalty > 0 && ceiling.wait(&times, now).is_some());
    (times, if punished { now + wait } else { i64::MIN }, Some(wait))
}

impl Ceiling {
    /// How many milliseconds to wait at `now` after `times`, which are in order; `None` where there is room.
    fn wait(&self, times: &[i64], now: i64) -> Option<i64> {
        let within: Vec<i64> = times.iter().copied().filter(|at| *at > now - self.window).collect();
        let oldest = within.get(within.len().checked_sub(self.most)?)?;
        Some(if self.penalty > 0 { self.penalty } else { oldest + self.window - now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_waits_until_the_window_has_moved() {
        let two = [Ceiling { most: 2, window: 1000, penalty: 0 }];
        assert_eq!(judged(vec![0, 400], i64::MIN, &two, 900).2, Some(100));
        assert_eq!(judged(vec![0, 400], i64::MIN, &two, 1000), (vec![400, 1000], i64::MIN, None));
    }

    #[test]
    fn a_penalty_lasts_however_often_one_asks() {
        let strict = [Ceiling { most: 2, window: 1000, penalty: 10_000 }];
        let (times, until, wait) = judged(vec![0, 400], i64::MIN, &strict, 900);
        assert_eq!((until, wait), (10_900, Some(10_000)));
        assert_eq!(judged(times.clone(), until, &strict, 10_899).2, Some(1));
        assert_eq!(judged(times, until, &strict, 10_900).2, None);
    }
}
