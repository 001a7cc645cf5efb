//! Descriptions of schedules in English and Chinese, for `plan` and the dashboard.

mod chinese;
mod english;
mod parts;

use crate::Schedule;

impl Schedule {
    /// Describes in English when the schedule fires: `every Tuesday at 10:00, each contact's time`.
    #[must_use]
    pub fn describe(&self) -> String {
        english::describe(self)
    }

    /// Describes when the schedule fires, in the language of a BCP 47 tag: Chinese for `zh` and
    /// tags that begin with `zh-`, English for all others.
    #[must_use]
    pub fn describe_in(&self, language: &str) -> String {
        match language.split('-').next() {
            Some("zh") => chinese::describe(self),
            _ => english::describe(self),
        }
    }
}
