//! Tallies: the deliveries of a run, counted by how they ended and why.

use database::RowError;
use serde::{Serialize, Serializer};

use crate::DeliveryState;

/// The reason of deliveries that are sent because a person or a log said so.
pub(crate) const SETTLED: &str = "settled";

/// The number of deliveries of a run that ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Tally {
    /// The state in which they ended.
    #[sqlx(try_from = "String")]
    pub state: TallyState,
    /// The reason, where there is more to say; otherwise empty.
    pub reason: String,
    /// The number of deliveries, or of sends for [`TallyState::Repeat`].
    pub count: i64,
}

/// The subject of a [`Tally`]; written as one word, the name of the delivery state or `repeat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TallyState {
    /// Deliveries that are in this state. Open states are not counted.
    Ended(DeliveryState),
    /// Sends that may have been received twice.
    Repeat,
    /// Deliveries that were sent and bounced. In rows only: `Run::feedback` contains them.
    Bounced,
    /// Deliveries that were sent and marked as spam. In rows only: `Run::feedback` contains them.
    Complained,
}

impl TallyState {
    /// Returns the word in rows and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended(state) => state.as_str(),
            Self::Repeat => "repeat",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }
}

impl From<DeliveryState> for TallyState {
    fn from(state: DeliveryState) -> Self {
        Self::Ended(state)
    }
}

impl TryFrom<String> for TallyState {
    type Error = RowError;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let others = [Self::Repeat, Self::Bounced, Self::Complained];
        match others.into_iter().find(|other| other.as_str() == word) {
            Some(other) => Ok(other),
            None => DeliveryState::try_from(word).map(Self::Ended),
        }
    }
}

impl std::fmt::Display for TallyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TallyState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::TallyState;
    use crate::DeliveryState;

    #[test]
    fn every_word_is_read_again() {
        let ended = DeliveryState::ALL.iter().map(|state| TallyState::Ended(*state));
        for state in ended.chain([TallyState::Repeat, TallyState::Bounced, TallyState::Complained]) {
            assert_eq!(TallyState::try_from(state.to_string()).unwrap(), state);
        }
        assert!(TallyState::try_from("lost".to_owned()).is_err());
    }
}
