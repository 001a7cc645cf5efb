//! Locks on runs while outcomes of their deliveries are recorded.

use database::{Sql, SqlDialect, StoreError, Tx, args, batch_of_ids, sql};

use super::GroupCommit;

const LOCK_RUNS: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select r.id from input i join runs r on r.id = i.id order by r.id"
    { sqlite: "", postgres: " for share of r" }
);

/// Locks the runs of a group commit on PostgreSQL. A cancellation waits until this commit and sees
/// it, or this commit sees the cancellation; otherwise a delivery could be deferred in a run that
/// has ended.
pub(super) async fn lock_runs(tx: &mut Tx, record: &GroupCommit) -> Result<(), StoreError> {
    if tx.dialect() == SqlDialect::Postgres {
        let outcomes = record.outcomes.iter().map(|(id, _)| id.run());
        let put_off = record.put_off.iter().map(|(id, _, _)| id.run());
        let intents = record.intents.iter().map(|id| id.run());
        tx.execute(&LOCK_RUNS, args![batch_of_ids(outcomes.chain(intents).chain(put_off))?]).await?;
    }
    Ok(())
}
