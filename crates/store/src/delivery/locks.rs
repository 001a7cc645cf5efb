//! Locks on runs while what became of their deliveries is recorded.

use database::{Dialect, Sql, StoreError, Tx, args, batch_of_ids, sql};

use super::Record;

const HOLD_RUNS: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select r.id from input i join runs r on r.id = i.id order by r.id"
    { sqlite: "", postgres: " for share of r" }
);

/// On PostgreSQL, a cancellation waits until this is committed and sees it, or is seen by it: else a row could be
/// put off in a run that is over.
pub(super) async fn hold_runs(tx: &mut Tx, record: &Record) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        let outcomes = record.outcomes.iter().map(|(id, _)| id.run());
        let put_off = record.put_off.iter().map(|(id, _, _)| id.run());
        let intents = record.intents.iter().map(|id| id.run());
        tx.execute(&HOLD_RUNS, args![batch_of_ids(outcomes.chain(intents).chain(put_off))?]).await?;
    }
    Ok(())
}
