//! A channel that was found down is left alone for a while, longer each time.

use std::time::Duration;

use campaign::ChannelId;
use tokio::time::Instant;

/// The first and the longest rest.
const REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

/// Whether a channel rests, and what people should know of it.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    until: Option<Instant>,
    length: Option<Duration>,
    note: Option<String>,
    /// True once the channel has answered since the lane was opened.
    answered: bool,
}

impl Rest {
    /// Whether it rests now.
    pub(crate) fn holds(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// The channel was found down: it rests, twice as long as the last time, unless it does already.
    pub(crate) fn begin(&mut self, channel: &ChannelId, answer: &str) {
        if self.holds() {
            return;
        }
        let length = self.length.map_or(REST.0, |length| (length * 2).min(REST.1));
        tracing::warn!(%channel, answer, rest_s = length.as_secs(), "the channel is down");
        self.until = Some(Instant::now() + length);
        self.length = Some(length);
        self.note = Some(format!("the channel {channel} is down: {answer}"));
    }

    /// Nothing goes through until somebody mends it: a moment without a note, until its runs have paused.
    pub(crate) fn pause(&mut self) {
        self.until = Some(Instant::now() + REST.0);
    }

    /// The channel answered.
    pub(crate) fn end(&mut self) {
        let rested = self.length.take().is_some();
        // What an earlier lane of the channel said is over, too.
        if rested || !self.answered {
            self.until = None;
            self.note = Some(String::new());
        }
        self.answered = true;
    }

    /// What is to be said on the runs' pages, once; nothing any more, when empty.
    pub(crate) fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rests_longer_each_time_until_the_channel_answers() {
        let channel = ChannelId::parse("email").unwrap();
        let mut rest = Rest::default();
        for length in [2, 4, 8] {
            rest.begin(&channel, "refused");
            tokio::time::advance(Duration::from_secs(length) - Duration::from_millis(1)).await;
            assert!(rest.holds());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(!rest.holds());
        }
        assert_eq!(rest.take_note().as_deref(), Some("the channel email is down: refused"));
        rest.end();
        assert_eq!(rest.take_note().as_deref(), Some(""));
        rest.begin(&channel, "refused");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!rest.holds());
    }
}
