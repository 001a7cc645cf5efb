//! What a relay remembers of everything that was said to it.

use std::time::{Duration, Instant};

use super::Phase;

/// An answer that lay at the client's for so long counts as read, unless the client stood still.
const READ: Duration = Duration::from_secs(1);

/// One message, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Whom the envelope named; empty before RCPT.
    pub recipient: String,
    /// Its Message-ID with the angle brackets; empty before the final dot.
    pub message_id: String,
    /// How far it came.
    pub phase: Phase,
    /// When MAIL came.
    pub begun: Instant,
    /// When the final dot came.
    pub dot: Option<Instant>,
    /// When the answer to it was out.
    pub answered: Option<Instant>,
    /// Whether the relay took it upon itself: what it then has, it has, whoever hears of it.
    pub accepted: bool,
    /// How many bytes it had on the wire, the dot included.
    pub size: usize,
    /// What it said, dots doubled, if the relay keeps that.
    pub raw: Vec<u8>,
    /// Whether the client has done what it can only do after reading the answer.
    pub read: bool,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The port it came through.
    pub port: u16,
    /// When it was opened.
    pub opened: Instant,
    /// When it ended.
    pub closed: Option<Instant>,
    /// What came over it, in order.
    pub messages: Vec<Received>,
}

/// A message among all that a relay got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which connection.
    pub line: usize,
    /// Which message on it.
    pub message: usize,
}

impl Received {
    pub(super) const fn begun(now: Instant) -> Self {
        Self {
            recipient: String::new(),
            message_id: String::new(),
            phase: Phase::Mail,
            begun: now,
            dot: None,
            answered: None,
            accepted: false,
            size: 0,
            raw: Vec::new(),
            read: false,
        }
    }

    /// Whether its sender, struck at `when`, could not know that it was taken.
    fn awaits(&self, when: Instant) -> bool {
        let old = self.answered.is_some_and(|answered| answered + READ < when);
        self.dot.is_some() && self.accepted && !self.read && !old
    }
}

impl Line {
    pub(super) const fn opened(port: u16, now: Instant) -> Self {
        Self { port, opened: now, closed: None, messages: Vec::new() }
    }

    /// The body of a message begins, and so the client has read every answer before: 354 came after them.
    pub(super) fn body_begins(&mut self) {
        let before = self.messages.len().saturating_sub(1);
        for message in self.messages[..before].iter_mut().rev().take_while(|message| !message.read) {
            message.read = true;
        }
    }

    /// The client says goodbye, having read everything.
    pub(super) fn goodbye(&mut self) {
        for message in self.messages.iter_mut().rev().take_while(|message| !message.read) {
            message.read = true;
        }
    }

    /// Which of its messages was waiting for a final answer, as its client knows it, when the client was struck.
    pub(super) fn awaiting(&self, when: Instant) -> Option<usize> {
        self.messages.iter().rposition(|message| message.awaits(when))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(now: Instant, answered: Option<Instant>) -> Received {
        Received { dot: Some(now), accepted: true, answered, ..Received::begun(now) }
    }

    #[test]
    fn a_message_awaits_its_answer_until_the_client_shows_that_it_read_it() {
        let now = Instant::now();
        let mut line = Line::opened(25, now);
        assert_eq!(line.awaiting(now), None);
        line.messages.push(taken(now, None));
        assert_eq!(line.awaiting(now), Some(0));
        line.messages[0].answered = Some(now);
        assert_eq!(line.awaiting(now), Some(0));
        assert_eq!(line.awaiting(now + READ * 2), None, "an answer is read at some time");
        line.messages.push(Received::begun(now));
        assert_eq!(line.awaiting(now), Some(0), "MAIL may have been sent with the dot");
        line.body_begins();
        assert_eq!(line.awaiting(now), None);
        line.messages[1] = taken(now, Some(now));
        assert_eq!(line.awaiting(now), Some(1));
        line.goodbye();
        assert_eq!(line.awaiting(now), None);
    }
}
