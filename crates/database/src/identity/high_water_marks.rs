//! The high-water marks of a SQLite database, read from its tables.

use sqlx::sqlite::SqlitePool;

use crate::marker::TableMarks;
use crate::{DatabaseLocation, StoreError};

/// The tables whose row numbers are never given twice.
pub(super) const TABLES: [&str; 7] =
    ["runs", "leases", "events", "attempts", "contacts", "revisions", "links"];

/// Reads the marks. `sqlite_sequence` holds the highest number that each table ever gave
/// (<https://www.sqlite.org/autoinc.html>). The transactions that record outcomes keep the tallies.
const READ: &str = "select name, cast(seq as integer) from sqlite_sequence
       where name in ('runs', 'leases', 'events', 'attempts', 'contacts', 'revisions', 'links')
     union all select 'sent', coalesce(sum(count), 0) from run_tallies where state = 'sent'
     union all select 'holds_runs', exists (select 1 from runs) or exists (select 1 from schedules)";

/// Reads the high-water marks, and true if the database has any run or decided any occurrence.
pub(super) async fn read(
    place: &DatabaseLocation,
    readers: &SqlitePool,
) -> Result<(TableMarks, bool), StoreError> {
    let rows = sqlx::query_as(READ).fetch_all(readers).await;
    let rows: Vec<(String, i64)> = rows.map_err(|error| place.failed(error))?;
    let mut progress: TableMarks = rows.into_iter().collect();
    let holds_runs = progress.remove("holds_runs") == Some(1);
    Ok((progress, holds_runs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read() {
        assert!(TABLES.iter().all(|table| READ.contains(&format!("'{table}'"))));
    }
}
