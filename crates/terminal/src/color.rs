//! Colours of states on the terminal. The word that is coloured always says the same.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use channel::CheckVerdict;
use channel::consistency::FactStatus;
use clap::builder::styling::{AnsiColor, Style};
use store::{DeliveryState, OccurrenceKind, RunState, TallyState};

/// The meaning of a state, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It succeeded: green.
    Good,
    /// It is in progress: cyan.
    Active,
    /// It may need a person: yellow.
    Warning,
    /// It failed: red.
    Bad,
    /// It ended without effect: dim.
    Quiet,
    /// It has not begun: no colour.
    Plain,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Active => AnsiColor::Cyan.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Plain => Style::new(),
        }
    }
}

impl From<RunState> for Tone {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Planned => Self::Plain,
            RunState::Running => Self::Active,
            RunState::Paused | RunState::FinishedWithFailures => Self::Warning,
            RunState::Finished => Self::Good,
            RunState::Cancelled => Self::Quiet,
        }
    }
}

impl From<DeliveryState> for Tone {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Queued => Self::Plain,
            DeliveryState::Sending => Self::Active,
            DeliveryState::Sent => Self::Good,
            DeliveryState::Deferred | DeliveryState::Uncertain => Self::Warning,
            DeliveryState::Failed => Self::Bad,
            DeliveryState::Suppressed | DeliveryState::Cancelled => Self::Quiet,
        }
    }
}

impl From<TallyState> for Tone {
    fn from(state: TallyState) -> Self {
        match state {
            TallyState::Ended(state) => state.into(),
            TallyState::Repeat => Self::Warning,
            TallyState::Bounced | TallyState::Complained => Self::Bad,
        }
    }
}

impl From<OccurrenceKind> for Tone {
    fn from(kind: OccurrenceKind) -> Self {
        match kind {
            OccurrenceKind::Missed | OccurrenceKind::Held | OccurrenceKind::Clock => Self::Warning,
            OccurrenceKind::Skipped | OccurrenceKind::Ended => Self::Quiet,
        }
    }
}

impl From<CheckVerdict> for Tone {
    fn from(verdict: CheckVerdict) -> Self {
        match verdict {
            CheckVerdict::Pass => Self::Good,
            CheckVerdict::Warn => Self::Warning,
            CheckVerdict::FailHere | CheckVerdict::FailOutside => Self::Bad,
        }
    }
}

impl From<&FactStatus> for Tone {
    fn from(status: &FactStatus) -> Self {
        match status {
            FactStatus::Stated => Self::Good,
            FactStatus::Contradicted(_) => Self::Bad,
            FactStatus::Missing => Self::Warning,
            FactStatus::Silenced(_) => Self::Quiet,
        }
    }
}

/// Sets the choice of `--color` for this process.
pub fn set(choice: clap::ColorChoice) {
    let choice = match choice {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Returns true if the output stream gets colours: as `--color` says, or else as `NO_COLOR`,
/// `CLICOLOR_FORCE` and `CLICOLOR` say (<https://no-color.org>, <https://bixense.com/clicolors>),
/// or else if it is a terminal.
pub fn enabled() -> bool {
    enabled_on(&std::io::stdout())
}

/// Does the same as [`enabled`] for another stream.
pub fn enabled_on(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Returns the text in the colour of a state, or as it is where the output has no colours.
pub fn paint(tone: impl Into<Tone>, text: &str) -> String {
    if enabled() { styled(tone.into(), text) } else { text.to_owned() }
}

/// Does the same as [`paint`] for the number of findings: 0 has no colour.
pub fn paint_count(tone: Tone, count: usize, text: &str) -> String {
    paint(if count == 0 { Tone::Plain } else { tone }, text)
}

/// Does the same as [`paint`] for the beginning of a text, before its first `: `, `; ` or ` (`.
pub fn paint_start(tone: impl Into<Tone>, text: &str) -> String {
    let (start, rest) = text.split_at(start_len(text));
    paint(tone, start) + rest
}

fn start_len(text: &str) -> usize {
    [": ", "; ", " ("].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len())
}

/// Returns the text with the escape sequences of a tone.
pub fn styled(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_with_the_escapes_of_its_tone() {
        assert_eq!(styled(RunState::Running.into(), "running"), "\u{1b}[36mrunning\u{1b}[0m");
        assert_eq!(styled(DeliveryState::Failed.into(), "failed"), "\u{1b}[1m\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(styled(Tone::Plain, "queued"), "queued");
    }

    #[test]
    fn the_start_of_a_text_ends_before_its_explanation() {
        for (text, start) in [
            ("missed: nothing was running", "missed"),
            ("sent Tue 2 Mar 2027 10:05; opened", "sent Tue 2 Mar 2027 10:05"),
            ("it did not run (missed: nothing was running)", "it did not run"),
            ("being sent now", "being sent now"),
        ] {
            assert_eq!(&text[..start_len(text)], start);
        }
    }
}
