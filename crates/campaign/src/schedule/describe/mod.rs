//! A schedule in words, in English and in Chinese, for `plan` and the dashboard.

mod chinese;
mod english;
mod spans;

use super::Schedule;
use crate::Language;

impl Schedule {
    /// Describes in English when it fires: `every Tuesday at 10:00, each contact's time`.
    #[must_use]
    pub fn describe(&self) -> String {
        english::describe(self)
    }

    /// Describes when it fires in a language: Chinese for any `zh`, English for all others.
    #[must_use]
    pub fn describe_in(&self, language: &Language) -> String {
        match language.primary() {
            "zh" => chinese::describe(self),
            _ => english::describe(self),
        }
    }
}
