//! How far a SQLite database has come.

use sqlx::sqlite::SqlitePool;

use crate::marker::Progress;
use crate::{Place, StoreError};

/// Tables whose numbers are never given twice.
pub(super) const TABLES: [&str; 7] =
    ["runs", "leases", "events", "attempts", "contacts", "revisions", "links"];

/// `sqlite_sequence` holds the highest number that each table ever gave (<https://www.sqlite.org/autoinc.html>). The
/// tallies are kept by the transactions that record outcomes.
const READ: &str = "select name, cast(seq as integer) from sqlite_sequence
       where name in ('runs', 'leases', 'events', 'attempts', 'contacts', 'revisions', 'links')
     union all select 'sent', coalesce(sum(count), 0) from run_tallies where state = 'sent'
     union all select 'holds_runs', exists (select 1 from runs) or exists (select 1 from schedules)";

/// Reads the high-water marks, and whether the database holds any run.
pub(super) async fn read(place: &Place, readers: &SqlitePool) -> Result<(Progress, bool), StoreError> {
    let rows = sqlx::query_as(READ).fetch_all(readers).await;
    let rows: Vec<(String, i64)> = rows.map_err(|error| place.failed(error))?;
    let mut progress: Progress = rows.into_iter().collect();
    let holds_runs = progress.remove("holds_runs") == Some(1);
    Ok((progress, holds_runs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_asked_for() {
        assert!(TABLES.iter().all(|table| READ.contains(&format!("'{table}'"))));
    }
}
