//! How a run stops itself: what it has come to, and the guarded statement that pauses it.

use super::{Run, run_columns};
use crate::ids::id_space;
use crate::sql::{Sql, Tx, again_if_deadlocked, args, sql};
use crate::tally::SETTLED;
use crate::{DeliveryState, InputError, RunId, Store, StoreError, Tally, TallyState};

/// What came of a run so far, as its brake reads it.
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

const STOP_CHANNEL: Sql = sql!(
    "update runs set state = 'paused', note = $2, paused_by = 'channel'
     where id in (select id from runs where channel = $1 and state in ('planned', 'running') and finished_at is null
                  order by id"
    { sqlite: "", postgres: " for no key update" }
    ") and state in ('planned', 'running')
     returning id"
);

const STOP: Sql = sql!(
    "update runs set state = 'paused', note = $2, stopped = $3, paused_by = 'stop_rule'
     where id = $1 and state in ('planned', 'running')"
);

/// The first answer of a kind: among the deliveries in the order they were made.
const ANSWER: Sql = sql!(
    "select coalesce(d.answer, '') from deliveries d
     where d.id > $1 * " id_space!() " - 1 and d.id < ($1 + 1) * " id_space!() " and d.state = 'failed' and d.reason = $2
     order by d.id limit 1"
);

impl Run {
    /// What it has come to.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let count = |state: DeliveryState, reasons: &[&str]| -> i64 {
            let fits =
                |tally: &&Tally| tally.state == state.into() && reasons.contains(&tally.reason.as_str());
            self.tallies.iter().filter(fits).map(|tally| tally.count).sum()
        };
        let sent = count(DeliveryState::Sent, &["", SETTLED]);
        Figures {
            sent,
            tried: sent + count(DeliveryState::Failed, &REFUSALS),
            bounced: count(DeliveryState::Failed, &["bad_address", "inactive"]) + self.came_back.bounced,
            complained: self.came_back.complained,
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
    type Error = StoreError;

    fn try_from(stored: StoredFigures) -> Result<Self, Self::Error> {
        let read = |json: String| {
            serde_json::from_str(&json)
                .map_err(|error| StoreError::BadRow(format!("the figures {json} are not known: {error}")))
        };
        stored.0.map(read).transpose()
    }
}

/// What it has come to now counts no more.
const REBASE: Sql = sql!("update runs set stopped = $2 where id = $1");

const GET: Sql = sql!("select " run_columns!() " from runs r where r.id = $1");

const TALLIES: Sql = sql!("select state, reason, count from run_tallies where run_id = $1");

impl Store {
    /// A run that once stopped itself is judged by what it comes to from here on: after it was let go on, and
    /// after a retry, which makes its figures smaller.
    pub(super) async fn rebase(&self, tx: &mut Tx, id: RunId) -> Result<(), StoreError> {
        let Some(mut run) = tx.row::<Run>(&GET, args![id]).await? else { return Ok(()) };
        if run.stopped.is_none() {
            return Ok(());
        }
        run.tallies = tx.rows(&TALLIES, args![id]).await?;
        run.came_back = CameBack::split_off(&mut run.tallies);
        let at = json(&run.figures())?;
        tx.execute(&REBASE, args![id, at.as_str()]).await.map(|_| ())
    }

    /// Pauses a planned or running run that went wrong, with a note, and remembers what it had come to. Says whether it did.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_stop(&self, id: RunId, note: &str, at: &Figures) -> Result<bool, StoreError> {
        let at = json(at)?;
        Ok(self.execute(&STOP, args![id, note, at.as_str()]).await? > 0)
    }

    /// Pauses every planned and running run of a channel that cannot be used any more, because its token has expired,
    /// say, with a note that tells why and what to do. Says which.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn runs_pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        again_if_deadlocked!(self.pause_channel(channel, note))
    }

    async fn pause_channel(&self, channel: &str, note: &str) -> Result<Vec<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let mut paused: Vec<(RunId,)> = tx.rows(&STOP_CHANNEL, args![channel, note]).await?;
        tx.commit().await?;
        paused.sort_unstable();
        Ok(paused.into_iter().map(|(id,)| id).collect())
    }

    /// An answer that a run got to a delivery that failed for `reason`; empty if there is none.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_answer(&self, id: RunId, reason: &str) -> Result<String, StoreError> {
        Ok(self.row::<(String,)>(&ANSWER, args![id, reason]).await?.map_or(String::new(), |(answer,)| answer))
    }
}

fn json(at: &Figures) -> Result<String, StoreError> {
    Ok(serde_json::to_string(at).map_err(InputError::Json)?)
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
