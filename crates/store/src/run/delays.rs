//! Delays of follow-up steps: the time at which a follow-up of a delivery is due, through every
//! edit of the delay.

use database::{InputError, Millis, RowError, StoreError};

/// The delays of a step that follows another, each with the instant of the edit that set it, oldest
/// first.
///
/// An edit never makes a follow-up due in the past: a delay counts for a parent delivery only if
/// the due time it gives lies after the edit that set it; otherwise the delay before it counts. If
/// no delay counts, the due time was before the step was added, and the recipient is missed.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Delays(pub Vec<Delay>);

/// One delay: the instant of its edit, and its length in milliseconds. Stored as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Delay(pub Millis, pub i64);

impl Delay {
    /// Returns the instant of the edit that set it.
    #[must_use]
    pub const fn since(self) -> Millis {
        self.0
    }

    /// Returns the time after the parent delivery, in milliseconds.
    #[must_use]
    pub const fn length(self) -> i64 {
        self.1
    }
}

impl Delays {
    /// Creates a delay that counts for all parent deliveries, however old.
    #[must_use]
    pub fn always(length: i64) -> Self {
        Self(vec![Delay(Millis::new(-1), length)])
    }

    /// Returns the due time of a follow-up of a delivery sent at `sent`; `None` if it was before
    /// the step was added.
    #[must_use]
    pub fn due(&self, sent: Millis) -> Option<Millis> {
        let mut edits = self.0.iter().rev().map(|delay| (delay.since(), sent.saturating_add(delay.length())));
        edits.find(|(since, due)| due > since).map(|(_, due)| due)
    }

    /// Returns the delay of the last edit, in milliseconds.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        self.0.last().map(|delay| delay.length())
    }

    /// Adds the edit that set another delay.
    pub fn edit(&mut self, since: Millis, length: i64) {
        if self.latest() != Some(length) {
            self.0.push(Delay(since, length));
        }
    }

    /// Returns [`Delays::due`] as an SQL expression over the column `sent`; it contains only
    /// numbers of this type.
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

/// The column `runs.delays`: the JSON of [`Delays`].
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
        // On the second day the delay becomes one day: a contact who was reached at 0 keeps the
        // third day.
        delays.edit(Millis::new(2 * DAY), DAY);
        assert_eq!(delays.due(Millis::EPOCH), Some(Millis::new(3 * DAY)));
        assert_eq!(delays.due(Millis::new(DAY + HOUR)), Some(Millis::new(2 * DAY + HOUR)));
        // Then it becomes five days: both due times still lie ahead.
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
