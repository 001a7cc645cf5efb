//! The concurrency window: the number of messages that may be under way to one receiver at the same
//! time.
//!
//! It follows the destination concurrency of Postfix (SCHEDULER_README): it starts low, doubles
//! while answers are prompt, and falls to one when they are slow. So a receiver that holds every
//! connection for a minute never holds more than a few.

/// The window of a receiver that has not answered yet.
const INITIAL_LIMIT: u32 = 2;
/// The time above which an answer is slow, in microseconds.
const SLOW_ANSWER: i64 = 5_000_000;

/// The concurrency window of one receiver.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConcurrencyWindow {
    limit: u32,
    /// True if it fell because of slow answers, and has not grown since.
    is_slow: bool,
    /// The average time of the last answers, in microseconds; 0 while nothing is known.
    service_time: i64,
}

impl ConcurrencyWindow {
    pub(super) const fn new() -> Self {
        Self { limit: INITIAL_LIMIT, is_slow: false, service_time: 0 }
    }

    /// Returns the number of messages that may be under way, `idle` microseconds after the last
    /// answer. `contended` is true if other receivers want to send: without them a slow receiver
    /// holds up no other.
    pub(super) const fn limit(&self, in_flight: u32, idle: i64, contended: bool) -> u32 {
        if contended && in_flight > 0 && idle > SLOW_ANSWER { 1 } else { self.limit }
    }

    /// Returns true if `idle` microseconds are too long without an answer.
    pub(super) const fn is_silent(&self, idle: i64) -> bool {
        idle > SLOW_ANSWER
    }

    /// Returns true if answers are slow, or fail to come.
    pub(super) const fn is_slow(&self, in_flight: u32, idle: i64) -> bool {
        self.is_slow || (in_flight > 0 && idle > SLOW_ANSWER)
    }

    /// Returns the time of an answer as far as it is known, in microseconds: at least the time
    /// since the last answer while messages are under way.
    pub(super) fn service_time(&self, in_flight: u32, idle: i64) -> i64 {
        self.service_time.max(if in_flight > 0 { idle } else { 0 }).max(1)
    }

    /// Takes in an answer after `took` microseconds; `in_flight` messages were under way, this one
    /// included.
    pub(super) fn on_answer(&mut self, took: i64, in_flight: u32, contended: bool) {
        let took = took.max(0);
        self.service_time =
            if self.service_time == 0 { took } else { self.service_time + (took - self.service_time) / 8 };
        if took > SLOW_ANSWER && contended {
            self.limit = 1;
            self.is_slow = true;
        } else if in_flight.saturating_mul(2) >= self.limit {
            // Each answer adds one, so that a full window doubles. A window that is not used does
            // not grow.
            self.limit = self.limit.saturating_add(1);
            self.is_slow = false;
        }
    }

    /// Halves the window, because the receiver put us off.
    pub(super) fn halve(&mut self) {
        self.limit = (self.limit / 2).max(1);
    }

    /// Sets the window to one, because a message got no answer.
    pub(super) fn reset(&mut self) {
        self.limit = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers all messages of a full window, `rounds` times.
    fn rounds(window: &mut ConcurrencyWindow, rounds: u32, took: i64) {
        for _ in 0..rounds {
            let full = window.limit(1, 0, true);
            for left in (1..=full).rev() {
                window.on_answer(took, left, true);
            }
        }
    }

    #[test]
    fn doubles_with_prompt_answers_and_falls_to_one_with_a_slow_one() {
        let mut window = ConcurrencyWindow::new();
        assert_eq!(window.limit(0, 0, true), 2);
        rounds(&mut window, 8, 20_000);
        assert!(window.limit(0, 0, true) >= 32, "{window:?}");
        window.on_answer(SLOW_ANSWER + 1, 32, true);
        assert_eq!(window.limit(0, 0, true), 1);
        assert!(window.is_slow(0, 0));
        rounds(&mut window, 8, 20_000);
        assert!(window.limit(0, 0, true) >= 16 && !window.is_slow(0, 0), "{window:?}");
    }

    #[test]
    fn falls_while_no_answer_comes_unless_no_other_receiver_waits() {
        let mut window = ConcurrencyWindow::new();
        rounds(&mut window, 8, 20_000);
        assert_eq!(window.limit(5, SLOW_ANSWER + 1, true), 1);
        assert!(window.limit(5, SLOW_ANSWER + 1, false) > 30);
        assert!(window.limit(0, SLOW_ANSWER + 1, true) > 30, "nothing was sent, so nothing is missing");
        window.on_answer(SLOW_ANSWER + 1, 32, false);
        assert!(window.limit(0, 0, true) > 30);
    }

    #[test]
    fn does_not_grow_beyond_what_is_used() {
        let mut window = ConcurrencyWindow::new();
        for _ in 0..1_000 {
            window.on_answer(1_000, 2, true);
        }
        assert!(window.limit(0, 0, true) <= 5, "{window:?}");
    }
}
