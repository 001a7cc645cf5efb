//! How many messages may be under way to one receiver at once: as many as it has shown that it takes. After the
//! destination concurrency of Postfix (SCHEDULER_README): from little, doubled while answers are prompt, back to
//! one when they are slow. So a receiver that holds every connection for a minute never holds more than a few.

/// How many a receiver gets before anything is known of it.
const START: u32 = 2;
/// An answer that takes longer is slow.
const SLOW: i64 = 5_000_000;

/// The window of one receiver.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    limit: u32,
    /// Fell because of slow answers, and has not grown since.
    slow: bool,
    /// How long an answer takes, averaged over the last few; 0 while nothing is known.
    service: i64,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { limit: START, slow: false, service: 0 }
    }

    /// How many may be under way, when `idle` has passed since the last answer. `crowded` says whether others
    /// want to send: alone, even a slow receiver keeps nobody waiting.
    pub(super) const fn limit(&self, in_flight: u32, idle: i64, crowded: bool) -> u32 {
        if crowded && in_flight > 0 && idle > SLOW { 1 } else { self.limit }
    }

    /// Whether that is too long without an answer.
    pub(super) const fn is_silent(&self, idle: i64) -> bool {
        idle > SLOW
    }

    /// Whether answers are slow, or fail to come.
    pub(super) const fn is_slow(&self, in_flight: u32, idle: i64) -> bool {
        self.slow || (in_flight > 0 && idle > SLOW)
    }

    /// How long an answer takes, as far as is known: not less than what was waited in vain already.
    pub(super) fn service(&self, in_flight: u32, idle: i64) -> i64 {
        self.service.max(if in_flight > 0 { idle } else { 0 }).max(1)
    }

    /// An answer came; `in_flight` were under way with it.
    pub(super) fn answered(&mut self, took: i64, in_flight: u32, crowded: bool) {
        let took = took.max(0);
        self.service = if self.service == 0 { took } else { self.service + (took - self.service) / 8 };
        if took > SLOW && crowded {
            self.limit = 1;
            self.slow = true;
        } else if in_flight.saturating_mul(2) >= self.limit {
            // Each answer adds one, so that a full window doubles; one that is not used does not grow.
            self.limit = self.limit.saturating_add(1);
            self.slow = false;
        }
    }

    /// The receiver asked for less.
    pub(super) fn halve(&mut self) {
        self.limit = (self.limit / 2).max(1);
    }

    /// Nothing was heard.
    pub(super) fn fall(&mut self) {
        self.limit = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers a full window, `rounds` times.
    fn rounds(window: &mut Window, rounds: u32, took: i64) {
        for _ in 0..rounds {
            let full = window.limit(1, 0, true);
            for left in (1..=full).rev() {
                window.answered(took, left, true);
            }
        }
    }

    #[test]
    fn doubles_with_prompt_answers_and_falls_to_one_with_a_slow_one() {
        let mut window = Window::new();
        assert_eq!(window.limit(0, 0, true), 2);
        rounds(&mut window, 8, 20_000);
        assert!(window.limit(0, 0, true) >= 32, "{window:?}");
        window.answered(SLOW + 1, 32, true);
        assert_eq!(window.limit(0, 0, true), 1);
        assert!(window.is_slow(0, 0));
        rounds(&mut window, 8, 20_000);
        assert!(window.limit(0, 0, true) >= 16 && !window.is_slow(0, 0), "{window:?}");
    }

    #[test]
    fn falls_while_nothing_comes_unless_nobody_else_waits() {
        let mut window = Window::new();
        rounds(&mut window, 8, 20_000);
        assert_eq!(window.limit(5, SLOW + 1, true), 1);
        assert!(window.limit(5, SLOW + 1, false) > 30);
        assert!(window.limit(0, SLOW + 1, true) > 30, "nothing was sent, so nothing is missing");
        window.answered(SLOW + 1, 32, false);
        assert!(window.limit(0, 0, true) > 30);
    }

    #[test]
    fn does_not_grow_beyond_what_is_used() {
        let mut window = Window::new();
        for _ in 0..1_000 {
            window.answered(1_000, 2, true);
        }
        assert!(window.limit(0, 0, true) <= 5, "{window:?}");
    }
}
