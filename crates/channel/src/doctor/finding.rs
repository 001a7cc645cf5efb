//! The result of a check of the doctor.

use serde::Serialize;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The subject of the check: `workspace`, `database`, `channel email`.
    pub about: String,
    /// The stable name of the check, such as `spf`.
    pub check: &'static str,
    /// The outcome of the check.
    pub verdict: CheckVerdict,
    /// The description of the state that was found, for people.
    pub found: String,
    /// The advice on how to fix the problem; set unless the check passed.
    pub fix: Option<String>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// There is no problem.
    Pass,
    /// It works, but could be better.
    Warn,
    /// It does not work because of a mistake in the workspace.
    FailHere,
    /// It does not work because of something outside the workspace.
    FailOutside,
}

impl CheckVerdict {
    /// Returns the word that people see: `pass`, `warn` or `fail`.
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
    /// Returns the result of a check that passed.
    pub fn pass(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            about: String::new(),
            check,
            verdict: CheckVerdict::Pass,
            found: printable(&found.into()),
            fix: None,
        }
    }

    /// Returns a warning with its fix.
    pub fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Warn, fix: Some(printable(&fix.into())), ..Self::pass(check, found) }
    }

    /// Returns a failure that the workspace causes, with its fix.
    pub fn fail_here(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::FailHere, ..Self::warn(check, found, fix) }
    }

    /// Returns a failure that something outside the workspace causes, with its fix.
    pub fn fail_outside(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::FailOutside, ..Self::warn(check, found, fix) }
    }

    /// Returns the failure of a DNS query.
    pub(super) fn unanswered(check: &'static str, error: &super::DnsError) -> Self {
        Self::fail_outside(check, format!("cannot {error}"), "Try again; if it stays, ask who runs your DNS.")
    }

    /// Sets the subject of the check.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }
}

/// Replaces control characters by blanks and cuts a text to 1,000 characters. Texts of other
/// systems must not move the cursor of a terminal or fill its screen.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect()
}
