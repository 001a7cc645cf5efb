//! A receiver that puts us off is left alone for a while, longer each time, and then asked with one message.

use std::time::Duration;

use store::MachineTime;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// The longest rest that we take without being asked for it: KumoMTA's rule after a throttle.
const LONGEST: i64 = 90 * MINUTE;
/// The longest rest that we take when asked.
const LONGEST_ASKED: i64 = 24 * 60 * MINUTE;
/// So many refusals of us, in so many messages, and we stop asking for a while (reference/email.md §1.4).
const REFUSALS: (u32, u32) = (5, 20);
const REFUSED_REST: i64 = 30 * MINUTE;
/// As much of an answer as people read.
const SHOWN: usize = 200;

/// Whether a receiver is left alone, and why.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    until: MachineTime,
    /// How many rests in a row.
    rests: u32,
    why: Option<String>,
    /// The last messages, one bit each: 1 was refused because of us.
    refused: u32,
}

impl Breaker {
    /// Until when nothing is sent, and why.
    pub(super) fn holds(&self, now: MachineTime) -> Option<(MachineTime, &str)> {
        let why = self.why.as_deref().filter(|_| now < self.until)?;
        Some((self.until, why))
    }

    /// Whether the rest is over and no answer has come since: one message may ask.
    pub(super) fn probes(&self, now: MachineTime) -> bool {
        self.why.is_some() && now >= self.until
    }

    /// The receiver put us off. True when it is left alone from now on; not for what was under way when the rest
    /// began. As long as it asked, to the fraction of a second; where it did not ask, a minute. Twice as long each time
    /// that it puts us off again; twice a second where it asks for less.
    pub(super) fn put_off(
        &mut self,
        name: &str,
        asked: Option<Duration>,
        answer: &str,
        now: MachineTime,
    ) -> bool {
        let least = if asked.is_some() { SECOND } else { MINUTE };
        let asked = asked.and_then(|asked| i64::try_from(asked.as_micros()).ok()).unwrap_or(0);
        let asked = asked.min(LONGEST_ASKED);
        if now < self.until && now.saturating_add(asked) <= self.until {
            return false;
        }
        if now >= self.until {
            self.rests = self.rests.saturating_add(1);
        }
        let doubled = least << (self.rests.max(1) - 1).min(13);
        self.rest(now, asked.max(doubled.min(LONGEST)), format!("{name} said \"{}\"", shown(answer)));
        true
    }

    /// The receiver refused a message because of us. True when it is left alone from now on.
    pub(super) fn refuse(&mut self, name: &str, answer: &str, now: MachineTime) -> bool {
        self.note(true);
        if self.refused.count_ones() < REFUSALS.0 || now < self.until {
            return false;
        }
        self.refused = 0;
        let (many, of) = REFUSALS;
        let why = format!("{name} refused {many} of the last {of}, the last one with \"{}\"", shown(answer));
        self.rest(now, REFUSED_REST, why);
        true
    }

    /// The receiver took a message, or refused it because of the person. True when that ends a rest.
    pub(super) fn answered(&mut self, now: MachineTime) -> bool {
        self.note(false);
        if !self.probes(now) {
            return false;
        }
        self.rests = 0;
        self.why = None;
        true
    }

    /// What another worker found, or this one before it was restarted.
    pub(super) fn recall(&mut self, until: MachineTime, why: String) {
        self.until = until;
        self.why = Some(why);
        self.rests = 1;
    }

    /// The clock went back.
    pub(super) fn shift(&mut self, back: i64) {
        self.until = self.until.saturating_sub(back);
    }

    fn rest(&mut self, now: MachineTime, length: i64, why: String) {
        self.until = now.saturating_add(length);
        self.why = Some(why);
    }

    fn note(&mut self, refused: bool) {
        self.refused = ((self.refused << 1) | u32::from(refused)) & ((1 << REFUSALS.1) - 1);
    }
}

/// An answer on one line, as long as people read, without addresses: it is shown to others than the one it was
/// about.
fn shown(answer: &str) -> String {
    let words = answer.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| if word.contains('@') { "<…>" } else { word }).collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MachineTime = MachineTime::EPOCH;

    #[test]
    fn rests_longer_each_time_until_a_probe_is_answered() {
        let mut breaker = Breaker::default();
        let mut now = MachineTime::EPOCH;
        for minutes in [1, 2, 4, 8, 16, 32, 64, 90, 90] {
            assert!(breaker.put_off("gmail", None, "421 4.7.28 slow\ndown", now));
            assert!(!breaker.put_off("gmail", None, "421 again", now + 1), "was under way");
            assert_eq!(
                breaker.holds(now + 1),
                Some((now + minutes * MINUTE, "gmail said \"421 4.7.28 slow down\""))
            );
            now += minutes * MINUTE;
            assert!(breaker.holds(now).is_none() && breaker.probes(now));
        }
        assert!(breaker.answered(now));
        assert!(!breaker.probes(now) && !breaker.answered(now));
        assert!(breaker.put_off("gmail", None, "421", now));
        assert_eq!(breaker.holds(now).map(|(until, _)| until), Some(now + MINUTE));
    }

    #[test]
    fn rests_as_long_as_asked_within_reason() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        let mut breaker = Breaker::default();
        assert!(breaker.put_off("yahoo", hours(2), "421 [TSS04]", START));
        assert_eq!(breaker.holds(START).map(|(until, _)| until), Some(START + 120 * MINUTE));
        assert!(
            breaker.put_off("yahoo", hours(9_999), "421 [TSS04]", START + 1),
            "a longer one counts at once"
        );
        assert_eq!(breaker.holds(START + 1).map(|(until, _)| until), Some(START + 1 + LONGEST_ASKED));
    }

    #[test]
    fn a_wait_of_a_second_and_a_half_is_no_minute() {
        let mut breaker = Breaker::default();
        let (mut now, asked) = (START, Some(Duration::from_millis(1_500)));
        for seconds in [1.5, 2.0, 4.0, 8.0] {
            assert!(breaker.put_off("Discord", asked, "429", now));
            let rest =
                breaker.holds(now).map(|(until, _)| Duration::from_micros((until - now).unsigned_abs()));
            assert_eq!(rest, Some(Duration::from_secs_f64(seconds)));
            now += rest.map_or(0, |rest| i64::try_from(rest.as_micros()).unwrap());
        }
        assert!(breaker.answered(now));
        assert!(breaker.put_off("Discord", Some(Duration::ZERO), "429", now));
        assert_eq!(breaker.holds(now).map(|(until, _)| until), Some(now + SECOND));
    }

    #[test]
    fn five_refusals_of_twenty_are_enough() {
        let mut breaker = Breaker::default();
        for message in 0..400 {
            // Four in twenty.
            if message % 5 == 0 {
                assert!(!breaker.refuse("gmail", "550 5.7.1", START));
            } else {
                breaker.answered(START);
            }
        }
        assert!(!breaker.refuse("gmail", "550 5.7.1", START), "the first of them is forgotten");
        assert!(breaker.refuse("gmail", "550 5.7.1 no", START));
        let (until, why) = breaker.holds(START).unwrap();
        assert_eq!(
            (until, why),
            (START + REFUSED_REST, "gmail refused 5 of the last 20, the last one with \"550 5.7.1 no\"")
        );
        assert!(!breaker.refuse("gmail", "550 5.7.1", START + 1));
    }

    #[test]
    fn a_long_answer_is_cut() {
        assert_eq!(shown(&"é".repeat(300)).chars().count(), SHOWN + 1);
        assert_eq!(shown("250\r\n ok"), "250 ok");
        assert_eq!(shown("450 <ada@pier.example>: slow"), "450 <…> slow");
    }
}
