//! The backoff of a channel whose server cannot be reached: the lane waits, longer each time.

use std::time::Duration;

use campaign::ChannelId;
use tokio::time::Instant;

/// The first wait for a channel that is down.
const INITIAL_BACKOFF: Duration = Duration::from_secs(2);
/// The longest wait for a channel that is down.
const MAX_BACKOFF: Duration = Duration::from_secs(120);

/// The backoff of one channel, and the note that its runs show meanwhile.
#[derive(Debug, Default)]
pub(crate) struct ChannelBackoff {
    until: Option<Instant>,
    duration: Option<Duration>,
    note: Option<String>,
    /// True if the channel has answered since the lane was opened.
    answered: bool,
}

impl ChannelBackoff {
    /// Returns true while nothing is to be sent.
    pub(crate) fn is_active(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// Begins a backoff, twice as long as the last one, because the channel is down. Does nothing
    /// during one.
    pub(crate) fn on_down(&mut self, channel: &ChannelId, answer: &str) {
        if self.is_active() {
            return;
        }
        let duration = self.duration.map_or(INITIAL_BACKOFF, |duration| (duration * 2).min(MAX_BACKOFF));
        tracing::warn!(%channel, answer, backoff_s = duration.as_secs(), "the channel is down");
        self.until = Some(Instant::now() + duration);
        self.duration = Some(duration);
        self.note = Some(format!("the channel {channel} is down: {answer}"));
    }

    /// Begins a short backoff without a note, because the channel is barred until a person fixes
    /// it: its runs are paused meanwhile.
    pub(crate) fn hold_briefly(&mut self) {
        self.until = Some(Instant::now() + INITIAL_BACKOFF);
    }

    /// Ends the backoff, because the channel answered.
    pub(crate) fn on_answer(&mut self) {
        let backed_off = self.duration.take().is_some();
        // The note of an earlier lane of the channel is removed, too.
        if backed_off || !self.answered {
            self.until = None;
            self.note = Some(String::new());
        }
        self.answered = true;
    }

    /// Takes the new note for the pages of the runs, if there is one; an empty one removes the old
    /// note.
    pub(crate) fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_waits_longer_each_time_until_the_channel_answers() {
        let channel = ChannelId::parse("email").unwrap();
        let mut backoff = ChannelBackoff::default();
        for duration in [2, 4, 8] {
            backoff.on_down(&channel, "refused");
            tokio::time::advance(Duration::from_secs(duration) - Duration::from_millis(1)).await;
            assert!(backoff.is_active());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(!backoff.is_active());
        }
        assert_eq!(backoff.take_note().as_deref(), Some("the channel email is down: refused"));
        backoff.on_answer();
        assert_eq!(backoff.take_note().as_deref(), Some(""));
        backoff.on_down(&channel, "refused");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!backoff.is_active());
    }
}
