//! A run's figures, by which its stop rules judge it.

use database::RowError;

use crate::tally::SETTLED;
use crate::{DeliveryState, Tally, TallyState};

/// The results of a run so far, as its stop rules read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    /// Accepted by the other side.
    pub sent: i64,
    /// Accepted or refused for good by the other side.
    pub tried: i64,
    /// Refused, or returned later, because there is no such mailbox or it is closed.
    pub bounced: i64,
    /// Called spam.
    pub complained: i64,
    /// Refused because of us.
    pub refused: i64,
    /// Refused because the message has too many bytes.
    pub too_big: i64,
}

/// Returned or called spam after they were sent. In the tallies of the database, split off when a run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct CameBack {
    /// Returned.
    pub bounced: i64,
    /// Called spam.
    pub complained: i64,
}

/// Reasons of a failure that the other side gave. Others, such as `expired`, are our own.
const REFUSALS: [&str; 5] = ["bad_address", "inactive", "policy", "too_big", "rejected"];

impl Figures {
    /// The results of a run: how its deliveries ended, and what came back of them.
    pub(super) fn of(tallies: &[Tally], came_back: CameBack) -> Self {
        let count = |state: DeliveryState, reasons: &[&str]| -> i64 {
            let fits =
                |tally: &&Tally| tally.state == state.into() && reasons.contains(&tally.reason.as_str());
            tallies.iter().filter(fits).map(|tally| tally.count).sum()
        };
        let sent = count(DeliveryState::Sent, &["", SETTLED]);
        Self {
            sent,
            tried: sent + count(DeliveryState::Failed, &REFUSALS),
            bounced: count(DeliveryState::Failed, &["bad_address", "inactive"]) + came_back.bounced,
            complained: came_back.complained,
            refused: count(DeliveryState::Failed, &["policy"]),
            too_big: count(DeliveryState::Failed, &["too_big"]),
        }
    }
}

impl std::ops::Sub for Figures {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            tried: self.tried - before.tried,
            bounced: self.bounced - before.bounced,
            complained: self.complained - before.complained,
            refused: self.refused - before.refused,
            too_big: self.too_big - before.too_big,
        }
    }
}

impl CameBack {
    /// Takes its figures out of the tallies of a run.
    pub(crate) fn split_off(tallies: &mut Vec<Tally>) -> Self {
        let mut came = Self::default();
        tallies.retain(|tally| {
            match tally.state {
                TallyState::Bounced => came.bounced += tally.count,
                TallyState::Complained => came.complained += tally.count,
                TallyState::Ended(_) | TallyState::Repeat => return true,
            }
            false
        });
        came
    }
}

/// `runs.stopped`: the JSON of [`Figures`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct StoredFigures(Option<String>);

impl TryFrom<StoredFigures> for Option<Figures> {
    type Error = RowError;

    fn try_from(stored: StoredFigures) -> Result<Self, Self::Error> {
        let read = |json: String| {
            serde_json::from_str(&json).map_err(|error| RowError::Json {
                problem: format!("the figures {json} are not known"),
                error,
            })
        };
        stored.0.map(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_no_way_to_end() {
        let tally = |state, count| Tally { state, reason: String::new(), count };
        let sent = tally(TallyState::Ended(DeliveryState::Sent), 9);
        let mut tallies = vec![tally(TallyState::Bounced, 2), tally(TallyState::Complained, 3), sent.clone()];
        assert_eq!(CameBack::split_off(&mut tallies), CameBack { bounced: 2, complained: 3 });
        assert_eq!(tallies, [sent]);
    }
}
