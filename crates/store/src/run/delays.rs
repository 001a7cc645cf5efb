//! When those who follow a parent delivery fall due, through every edit of the delay.

use database::{InputError, Millis, RowError, StoreError};

/// The delays of a step that follows another, each with the instant of the edit that set it, oldest first.
///
/// An edit never makes the past due: a delay counts for a parent delivery only if the instant it gives lies after the
/// edit that set it; otherwise the delay before it counts. Where no delay counts, the instant lay before the step
/// was added, and the recipient is missed.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Delays(pub Vec<Delay>);

/// One delay: since when, and how long, in milliseconds. Stored as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Delay(pub Millis, pub i64);

impl Delay {
    /// The instant of the edit that set it.
    #[must_use]
    pub const fn since(self) -> Millis {
        self.0
    }

    /// How long after the parent delivery.
    #[must_use]
    pub const fn length(self) -> i64 {
        self.1
    }
}

impl Delays {
    /// A delay that counts for every parent delivery, however old.
    #[must_use]
    pub fn always(length: i64) -> Self {
        Self(vec![Delay(Millis::new(-1), length)])
    }

    /// When somebody falls due whom the parent step reached at `sent`; `None` if that lay before the step was added.
    #[must_use]
    pub fn due(&self, sent: Millis) -> Option<Millis> {
        let mut edits = self.0.iter().rev().map(|delay| (delay.since(), sent.saturating_add(delay.length())));
        edits.find(|(since, due)| due > since).map(|(_, due)| due)
    }

    /// The delay of the last edit.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        self.0.last().map(|delay| delay.length())
    }

    /// An edit sets another delay.
    pub fn edit(&mut self, since: Millis, length: i64) {
        if self.latest() != Some(length) {
            self.0.push(Delay(since, length));
        }
    }

    /// [`Delays::due`] as an SQL expression over the column `sent`: numbers of ours only.
    pub(super) fn expression(&self, sent: &str) -> String {
        let arms = self.0.iter().rev().map(|delay| {
            let (since, length) = (delay.since(), delay.length());
            format!(" when {sent} + {length} > {since} then {sent} + {length}")
        });
        let arms: String = arms.collect();
        if arms.is_empty() { "cast(null as bigint)".to_owned() } else { format!("(case{arms} end)") }
    }

    pub(crate) fn stored(&self) -> Result<String, StoreError> {
        Ok(serde_json::to_string(self).map_err(InputError::Json)?)
    }

    pub(crate) fn read(json: &str) -> Result<Self, RowError> {
        serde_json::from_str(json)
            .map_err(|error| RowError::Json { problem: format!("the delays {json} are not known"), error })
    }
}

/// `runs.delays`: the JSON of [`Delays`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(super) struct StoredDelays(Option<String>);

impl TryFrom<StoredDelays> for Option<Delays> {
    type Error = RowError;

    fn try_from(stored: StoredDelays) -> Result<Self, Self::Error> {
        stored.0.map(|json| Delays::read(&json)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn an_edit_never_makes_the_past_due() {
        let mut delays = Delays::always(3 * DAY);
        assert_eq!(delays.due(Millis::EPOCH), Some(Millis::new(3 * DAY)));
        // On the second day the delay becomes one day: whoever was reached at 0 keeps their third day.
        delays.edit(Millis::new(2 * DAY), DAY);
        assert_eq!(delays.due(Millis::EPOCH), Some(Millis::new(3 * DAY)));
        assert_eq!(delays.due(Millis::new(DAY + HOUR)), Some(Millis::new(2 * DAY + HOUR)));
        // Then five days: both still lie ahead.
        delays.edit(Millis::new(2 * DAY + 1), 5 * DAY);
        assert_eq!(delays.due(Millis::EPOCH), Some(Millis::new(5 * DAY)));
        assert_eq!(delays.latest(), Some(5 * DAY));
    }

    #[test]
    fn a_step_added_later_misses_those_whose_time_has_passed() {
        let delays = Delays(vec![Delay(Millis::new(4 * DAY), 3 * DAY)]);
        assert_eq!(delays.due(Millis::new(DAY)), None);
        assert_eq!(delays.due(Millis::new(DAY + 1)), Some(Millis::new(4 * DAY + 1)));
    }
}
