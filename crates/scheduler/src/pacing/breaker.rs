//! The circuit breaker of a receiver: it opens when the receiver puts us off or refuses too much,
//! longer each time. While it is open nothing is sent; then one message probes the receiver.

use std::time::Duration;

use store::MachineTime;

/// A second, in microseconds.
const SECOND: i64 = 1_000_000;
/// A minute, in microseconds.
const MINUTE: i64 = 60 * SECOND;
/// The longest backoff where the receiver requests none: KumoMTA's rule after a throttle.
const MAX_BACKOFF: i64 = 90 * MINUTE;
/// The longest backoff that a receiver can request.
const MAX_REQUESTED_BACKOFF: i64 = 24 * 60 * MINUTE;
/// The number of refusals of the sender, among [`REFUSAL_SAMPLE`] messages, that opens the breaker
/// (reference/email.md §1.4).
const REFUSAL_LIMIT: u32 = 5;
/// The number of last messages among which refusals are counted.
const REFUSAL_SAMPLE: u32 = 20;
/// The backoff after too many refusals.
const REFUSAL_BACKOFF: i64 = 30 * MINUTE;
/// The length to which an answer is cut when it is shown.
const MAX_ANSWER_CHARS: usize = 200;

/// The circuit breaker of one receiver, with the reason for which it opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    ends: MachineTime,
    /// The number of times that it opened in a row.
    consecutive: u32,
    /// The reason, while it is open or half-open.
    reason: Option<String>,
    /// The last messages, one bit each: 1 if it was refused because of the sender.
    refusals: u32,
}

impl Breaker {
    /// Returns the time until which nothing is sent, with the reason; `None` unless the breaker is
    /// open.
    pub(super) fn open_until(&self, now: MachineTime) -> Option<(MachineTime, &str)> {
        let reason = self.reason.as_deref().filter(|_| now < self.ends)?;
        Some((self.ends, reason))
    }

    /// Returns true if the backoff is over and no answer has come since: one message probes the
    /// receiver.
    pub(super) fn is_half_open(&self, now: MachineTime) -> bool {
        self.reason.is_some() && now >= self.ends
    }

    /// Takes in that the receiver put a message off. Returns true if this opens the breaker, or
    /// extends its backoff; messages that were under way when it opened do not.
    ///
    /// The backoff is at least what the receiver requests. Its own minimum is a minute, or a second
    /// where the receiver requests a time, and doubles each time in a row, up to [`MAX_BACKOFF`].
    pub(super) fn on_deferral(
        &mut self,
        name: &str,
        requested: Option<Duration>,
        answer: &str,
        now: MachineTime,
    ) -> bool {
        let initial = if requested.is_some() { SECOND } else { MINUTE };
        let requested =
            requested.and_then(|requested| i64::try_from(requested.as_micros()).ok()).unwrap_or(0);
        let requested = requested.min(MAX_REQUESTED_BACKOFF);
        if now < self.ends && now.saturating_add(requested) <= self.ends {
            return false;
        }
        if now >= self.ends {
            self.consecutive = self.consecutive.saturating_add(1);
        }
        let doubled = initial << (self.consecutive.max(1) - 1).min(13);
        self.open(
            now,
            requested.max(doubled.min(MAX_BACKOFF)),
            format!("{name} said \"{}\"", shorten(answer)),
        );
        true
    }

    /// Takes in that the receiver refused a message because of the sender. Returns true if this
    /// opens the breaker.
    pub(super) fn on_refusal(&mut self, name: &str, answer: &str, now: MachineTime) -> bool {
        self.record(true);
        if self.refusals.count_ones() < REFUSAL_LIMIT || now < self.ends {
            return false;
        }
        self.refusals = 0;
        let reason = format!(
            "{name} refused {REFUSAL_LIMIT} of the last {REFUSAL_SAMPLE}, the last one with \"{}\"",
            shorten(answer)
        );
        self.open(now, REFUSAL_BACKOFF, reason);
        true
    }

    /// Takes in that the receiver accepted a message, or refused it because of the recipient.
    /// Returns true if this closes the breaker.
    pub(super) fn on_answer(&mut self, now: MachineTime) -> bool {
        self.record(false);
        if !self.is_half_open(now) {
            return false;
        }
        self.consecutive = 0;
        self.reason = None;
        true
    }

    /// Opens the breaker as another worker stored it, or this one before a restart.
    pub(super) fn restore(&mut self, ends: MachineTime, reason: String) {
        self.ends = ends;
        self.reason = Some(reason);
        self.consecutive = 1;
    }

    /// Moves the times back after the clock was set back by so many microseconds.
    pub(super) fn shift(&mut self, back: i64) {
        self.ends = self.ends.saturating_sub(back);
    }

    fn open(&mut self, now: MachineTime, duration: i64, reason: String) {
        self.ends = now.saturating_add(duration);
        self.reason = Some(reason);
    }

    fn record(&mut self, refused: bool) {
        self.refusals = ((self.refusals << 1) | u32::from(refused)) & ((1 << REFUSAL_SAMPLE) - 1);
    }
}

/// Shortens an answer to one line of [`MAX_ANSWER_CHARS`] characters, and removes addresses: it is
/// shown with other recipients than the one it was about.
fn shorten(answer: &str) -> String {
    let words = answer.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| if word.contains('@') { "<…>" } else { word }).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_ANSWER_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MachineTime = MachineTime::EPOCH;

    #[test]
    fn it_opens_for_longer_each_time_until_a_probe_is_answered() {
        let mut breaker = Breaker::default();
        let mut now = MachineTime::EPOCH;
        for minutes in [1, 2, 4, 8, 16, 32, 64, 90, 90] {
            assert!(breaker.on_deferral("gmail", None, "421 4.7.28 slow\ndown", now));
            assert!(!breaker.on_deferral("gmail", None, "421 again", now + 1), "was under way");
            assert_eq!(
                breaker.open_until(now + 1),
                Some((now + minutes * MINUTE, "gmail said \"421 4.7.28 slow down\""))
            );
            now += minutes * MINUTE;
            assert!(breaker.open_until(now).is_none() && breaker.is_half_open(now));
        }
        assert!(breaker.on_answer(now));
        assert!(!breaker.is_half_open(now) && !breaker.on_answer(now));
        assert!(breaker.on_deferral("gmail", None, "421", now));
        assert_eq!(breaker.open_until(now).map(|(ends, _)| ends), Some(now + MINUTE));
    }

    #[test]
    fn it_opens_for_as_long_as_requested_up_to_a_day() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        let mut breaker = Breaker::default();
        assert!(breaker.on_deferral("yahoo", hours(2), "421 [TSS04]", START));
        assert_eq!(breaker.open_until(START).map(|(ends, _)| ends), Some(START + 120 * MINUTE));
        assert!(
            breaker.on_deferral("yahoo", hours(9_999), "421 [TSS04]", START + 1),
            "a longer request counts at once"
        );
        assert_eq!(
            breaker.open_until(START + 1).map(|(ends, _)| ends),
            Some(START + 1 + MAX_REQUESTED_BACKOFF)
        );
    }

    #[test]
    fn a_requested_wait_below_a_minute_is_kept() {
        let mut breaker = Breaker::default();
        let (mut now, requested) = (START, Some(Duration::from_millis(1_500)));
        for seconds in [1.5, 2.0, 4.0, 8.0] {
            assert!(breaker.on_deferral("Discord", requested, "429", now));
            let open =
                breaker.open_until(now).map(|(ends, _)| Duration::from_micros((ends - now).unsigned_abs()));
            assert_eq!(open, Some(Duration::from_secs_f64(seconds)));
            now += open.map_or(0, |open| i64::try_from(open.as_micros()).unwrap());
        }
        assert!(breaker.on_answer(now));
        assert!(breaker.on_deferral("Discord", Some(Duration::ZERO), "429", now));
        assert_eq!(breaker.open_until(now).map(|(ends, _)| ends), Some(now + SECOND));
    }

    #[test]
    fn five_refusals_of_twenty_are_enough() {
        let mut breaker = Breaker::default();
        for message in 0..400 {
            // Four in twenty.
            if message % 5 == 0 {
                assert!(!breaker.on_refusal("gmail", "550 5.7.1", START));
            } else {
                breaker.on_answer(START);
            }
        }
        assert!(!breaker.on_refusal("gmail", "550 5.7.1", START), "the first of them is out of the sample");
        assert!(breaker.on_refusal("gmail", "550 5.7.1 no", START));
        let (ends, reason) = breaker.open_until(START).unwrap();
        assert_eq!(
            (ends, reason),
            (START + REFUSAL_BACKOFF, "gmail refused 5 of the last 20, the last one with \"550 5.7.1 no\"")
        );
        assert!(!breaker.on_refusal("gmail", "550 5.7.1", START + 1));
    }

    #[test]
    fn a_long_answer_is_cut_and_addresses_are_removed() {
        assert_eq!(shorten(&"é".repeat(300)).chars().count(), MAX_ANSWER_CHARS + 1);
        assert_eq!(shorten("250\r\n ok"), "250 ok");
        assert_eq!(shorten("450 <ada@pier.example>: slow"), "450 <…> slow");
    }
}
