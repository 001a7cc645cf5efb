//! Figures of a run, which its stop rules evaluate.

use database::RowError;

use crate::tally::SETTLED;
use crate::{DeliveryState, Tally, TallyState};

/// The results of a run so far, as its stop rules read them: numbers of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct RunFigures {
    /// Deliveries that the other side accepted.
    pub sent: i64,
    /// Deliveries that the other side accepted or refused permanently.
    pub tried: i64,
    /// Deliveries that were refused, or bounced later, because the mailbox does not exist or is
    /// closed.
    pub bounced: i64,
    /// Deliveries that were marked as spam.
    pub complained: i64,
    /// Deliveries that were refused because of the sender.
    pub refused: i64,
    /// Deliveries that were refused because the message has too many bytes.
    pub too_big: i64,
}

/// Deliveries that bounced or were marked as spam after they were sent. The database stores them
/// among the tallies; they are split off when a run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct FeedbackCounts {
    /// Deliveries that bounced after they were sent.
    pub bounced: i64,
    /// Deliveries that were marked as spam.
    pub complained: i64,
}

/// The reasons of failures that come from the other side. Other reasons, such as `expired`, are
/// Chorus's own.
const REFUSALS: [&str; 5] = ["bad_address", "inactive", "policy", "too_big", "rejected"];

impl RunFigures {
    /// Computes the figures of a run from its tallies and its bounces and complaints.
    pub(super) fn of(tallies: &[Tally], feedback: FeedbackCounts) -> Self {
        let count = |state: DeliveryState, reasons: &[&str]| -> i64 {
            let fits =
                |tally: &&Tally| tally.state == state.into() && reasons.contains(&tally.reason.as_str());
            tallies.iter().filter(fits).map(|tally| tally.count).sum()
        };
        let sent = count(DeliveryState::Sent, &["", SETTLED]);
        Self {
            sent,
            tried: sent + count(DeliveryState::Failed, &REFUSALS),
            bounced: count(DeliveryState::Failed, &["bad_address", "inactive"]) + feedback.bounced,
            complained: feedback.complained,
            refused: count(DeliveryState::Failed, &["policy"]),
            too_big: count(DeliveryState::Failed, &["too_big"]),
        }
    }
}

impl std::ops::Sub for RunFigures {
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

impl FeedbackCounts {
    /// Removes the bounces and complaints from the tallies of a run, and returns them.
    pub(crate) fn split_off(tallies: &mut Vec<Tally>) -> Self {
        let mut feedback = Self::default();
        tallies.retain(|tally| {
            match tally.state {
                TallyState::Bounced => feedback.bounced += tally.count,
                TallyState::Complained => feedback.complained += tally.count,
                TallyState::Ended(_) | TallyState::Repeat => return true,
            }
            false
        });
        feedback
    }
}

/// The column `runs.stopped`: the JSON of [`RunFigures`].
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct StoredFigures(Option<String>);

impl TryFrom<StoredFigures> for Option<RunFigures> {
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
        assert_eq!(FeedbackCounts::split_off(&mut tallies), FeedbackCounts { bounced: 2, complained: 3 });
        assert_eq!(tallies, [sent]);
    }
}
