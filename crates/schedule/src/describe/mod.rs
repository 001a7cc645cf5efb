//! A schedule in words, in English and in Chinese, for `plan` and the dashboard.

mod chinese;
mod english;
mod spans;

use crate::Schedule;

impl Schedule {
    /// Describes in English when it fires: `every Tuesday at 10:00, each contact's time`.
    #[must_use]
    pub fn describe(&self) -> String {
        english::describe(self)
    }

    /// Describes when it fires in a language, given as its BCP 47 tag: Chinese for `zh` and all that begins with
    /// `zh-`, English for all others.
    #[must_use]
    pub fn describe_in(&self, language: &str) -> String {
        match language.split('-').next() {
            Some("zh") => chinese::describe(self),
            _ => english::describe(self),
        }
    }
}
