//! The records that a relay keeps of its connections and messages.

use std::time::{Duration, Instant};

use super::Phase;

/// An answer that was sent this long ago counts as read, unless the client was suspended.
const READ_AFTER: Duration = Duration::from_secs(1);

/// One message, as far as its transfer got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// The recipient of the envelope; empty before RCPT.
    pub recipient: String,
    /// The Message-ID with angle brackets; empty before the final dot.
    pub message_id: String,
    /// The last phase that the message reached.
    pub phase: Phase,
    /// The time at which MAIL arrived.
    pub begun: Instant,
    /// The time at which the final dot arrived.
    pub dot: Option<Instant>,
    /// The time at which the answer to the final dot was sent.
    pub answered: Option<Instant>,
    /// True if the relay accepted the message, whether or not the client learned of it.
    pub accepted: bool,
    /// The size on the wire in bytes, the final dot included.
    pub size: usize,
    /// The content with doubled dots, if the script keeps content.
    pub raw: Vec<u8>,
    /// True if the client has since sent something that it can send only after reading the answer.
    pub read: bool,
}

/// One client connection with its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The relay's port to which the client connected.
    pub port: u16,
    /// The time at which the connection was opened.
    pub opened: Instant,
    /// The time at which the connection ended.
    pub closed: Option<Instant>,
    /// The messages on the connection, in order.
    pub messages: Vec<MessageRecord>,
}

/// The position of a message among all that a relay recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIndex {
    /// The index of the connection.
    pub connection: usize,
    /// The index of the message on its connection.
    pub message: usize,
}

impl MessageRecord {
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

    /// Returns true if a sender killed at `when` could not know that the message was accepted.
    fn is_unconfirmed(&self, when: Instant) -> bool {
        let old = self.answered.is_some_and(|answered| answered + READ_AFTER < when);
        self.dot.is_some() && self.accepted && !self.read && !old
    }
}

impl ConnectionRecord {
    pub(super) const fn opened(port: u16, now: Instant) -> Self {
        Self { port, opened: now, closed: None, messages: Vec::new() }
    }

    /// Marks all earlier messages as read: the body of a message begins only after 354, which came
    /// after the earlier answers.
    pub(super) fn body_begins(&mut self) {
        let before = self.messages.len().saturating_sub(1);
        for message in self.messages[..before].iter_mut().rev().take_while(|message| !message.read) {
            message.read = true;
        }
    }

    /// Marks all messages as read: the client sends QUIT after it has read every answer.
    pub(super) fn client_quit(&mut self) {
        for message in self.messages.iter_mut().rev().take_while(|message| !message.read) {
            message.read = true;
        }
    }

    /// Returns the message whose final answer the client did not know when it was killed.
    pub(super) fn unconfirmed(&self, when: Instant) -> Option<usize> {
        self.messages.iter().rposition(|message| message.is_unconfirmed(when))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(now: Instant, answered: Option<Instant>) -> MessageRecord {
        MessageRecord { dot: Some(now), accepted: true, answered, ..MessageRecord::begun(now) }
    }

    #[test]
    fn a_message_is_unconfirmed_until_the_client_shows_that_it_read_the_answer() {
        let now = Instant::now();
        let mut connection = ConnectionRecord::opened(25, now);
        assert_eq!(connection.unconfirmed(now), None);
        connection.messages.push(taken(now, None));
        assert_eq!(connection.unconfirmed(now), Some(0));
        connection.messages[0].answered = Some(now);
        assert_eq!(connection.unconfirmed(now), Some(0));
        assert_eq!(connection.unconfirmed(now + READ_AFTER * 2), None, "an answer is read at some time");
        connection.messages.push(MessageRecord::begun(now));
        assert_eq!(connection.unconfirmed(now), Some(0), "MAIL may have been sent with the dot");
        connection.body_begins();
        assert_eq!(connection.unconfirmed(now), None);
        connection.messages[1] = taken(now, Some(now));
        assert_eq!(connection.unconfirmed(now), Some(1));
        connection.client_quit();
        assert_eq!(connection.unconfirmed(now), None);
    }
}
