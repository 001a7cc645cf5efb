//! Backlog of unsent deliveries by channel, and its age.

use database::{Millis, Sql, StoreError, args, sql};

use crate::Store;

/// The unsent deliveries of one channel, of runs that are planned or running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// The id of the channel.
    pub channel: String,
    /// The number of deliveries in no end state, due or not.
    pub queued: u64,
    /// The earliest time at which one of them is due or, for runs whose deliveries are not made
    /// yet, at which the run was made. `None` if there is neither. It may lie ahead.
    pub oldest_due: Option<Millis>,
}

/// Reads one row for each run. The counts come from the tallies that each commit updates, and the
/// earliest time is the first entry of an index, so the cost does not grow with the number of
/// deliveries.
const RUNS: Sql = sql!(
    "select r.channel,
       case when r.state = 'planned' then 0 else r.total - coalesce(
         (select cast(sum(t.count) as bigint) from run_tallies t where t.run_id = r.id
            and t.state in ('sent', 'failed', 'uncertain', 'suppressed', 'cancelled')), 0) end,
       case when r.state <> 'planned'
              then (select min(d.due_at) from deliveries d where d.run_id = r.id and d.due_at is not null)
            when r.instant > r.created_at then r.instant else r.created_at end
     from runs r where r.finished_at is null and r.state in ('planned', 'running') order by r.channel, r.id"
);

impl Store {
    /// Returns the unsent deliveries by channel, in the order of the channels' ids. Channels
    /// without planned or running runs are left out.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let rows: Vec<(String, i64, Option<Millis>)> = self.rows(&RUNS, args![]).await?;
        let mut backlogs: Vec<Backlog> = Vec::new();
        for (channel, open, oldest_due) in rows {
            let queued = u64::try_from(open).unwrap_or(0);
            match backlogs.last_mut().filter(|last| last.channel == channel) {
                Some(last) => {
                    last.queued += queued;
                    last.oldest_due = last.oldest_due.into_iter().chain(oldest_due).min();
                }
                None => backlogs.push(Backlog { channel, queued, oldest_due }),
            }
        }
        Ok(backlogs)
    }
}
