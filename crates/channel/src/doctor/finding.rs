//! What an examination finds.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `workspace`, `database`, `channel email`.
    pub about: String,
    /// The stable name of the check, such as `spf`.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, for people.
    pub found: String,
    /// What to do; there for everything that does not pass.
    pub fix: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good.
    Pass,
    /// Works, and could be better.
    Warn,
    /// Does not work because of what the workspace says.
    FailHere,
    /// Does not work because of something outside it.
    FailOutside,
}

impl Verdict {
    /// The word for people: `pass`, `warn` or `fail`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::FailHere | Self::FailOutside => "fail",
        }
    }
}

impl Finding {
    /// Something good.
    pub fn pass(check: &'static str, found: impl Into<String>) -> Self {
        Self { about: String::new(), check, verdict: Verdict::Pass, found: plain(&found.into()), fix: None }
    }

    /// Something that could be better.
    pub fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, fix: Some(plain(&fix.into())), ..Self::pass(check, found) }
    }

    /// Something wrong in the workspace.
    pub fn fail_here(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::FailHere, ..Self::warn(check, found, fix) }
    }

    /// Something wrong outside the workspace.
    pub fn fail_outside(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::FailOutside, ..Self::warn(check, found, fix) }
    }

    /// No answer from the DNS.
    pub(super) fn unanswered(check: &'static str, error: &super::DnsError) -> Self {
        Self::fail_outside(check, format!("cannot {error}"), "Try again; if it stays, ask who runs your DNS.")
    }

    /// The same, about this.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }
}

/// What others say may hold anything: on a terminal it must not move the cursor, nor fill the screen.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect()
}
