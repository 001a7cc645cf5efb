//! The identity of a PostgreSQL database, as its server knows it.

use sqlx::postgres::PgPool;

use super::evidence::CopyEvidence;
use crate::{Database, StoreError};

/// What the setting `database_identity` holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ServerIdentity {
    /// The cluster's system identifier: random, made by `initdb`.
    system: String,
    /// The cluster's timeline: a promotion and a recovery to a point in time begin a new one.
    timeline: i64,
    /// The database's oid.
    database: i64,
    /// The oid of the table of settings: a restore that drops the tables first makes new ones.
    table: i64,
}

/// <https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-CONTROLDATA>
const READ: &str = "select cast((select system_identifier from pg_control_system()) as text),
       cast((select timeline_id from pg_control_checkpoint()) as bigint),
       cast((select oid from pg_database where datname = current_database()) as bigint),
       cast(cast(cast('settings' as regclass) as oid) as bigint)";

/// Whether the database holds any run, or decided any occurrence.
const HOLDS_RUNS: &str = "select exists (select 1 from runs) or exists (select 1 from schedules)";

/// SQLSTATE of a role that may not, and of a server that has no such function.
const REFUSALS: [&str; 2] = ["42501", "42883"];

/// An answer to the question which database this is.
#[derive(Debug)]
pub(super) enum Told {
    /// The identity.
    Identity(ServerIdentity),
    /// The server does not tell this role, for the reason given in its words.
    Refused(String),
}

/// Reads the identity.
pub(super) async fn read(database: &Database, pool: &PgPool) -> Result<Told, StoreError> {
    let mut connection = database.connection(pool).await?;
    match sqlx::query_as(READ).fetch_one(&mut *connection).await {
        Ok((system, timeline, database, table)) => {
            Ok(Told::Identity(ServerIdentity { system, timeline, database, table }))
        }
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| REFUSALS.contains(&&*code)) => {
            Ok(Told::Refused(error.message().to_owned()))
        }
        Err(error) => Err(database.place().failed(error)),
    }
}

/// Reads whether the database holds any run.
pub(super) async fn holds_runs(database: &Database, pool: &PgPool) -> Result<bool, StoreError> {
    let mut connection = database.connection(pool).await?;
    let read = sqlx::query_scalar(HOLDS_RUNS).fetch_one(&mut *connection).await;
    read.map_err(|error| database.place().failed(error))
}

impl ServerIdentity {
    /// What tells this database, as it is found, from the one that was last worked with.
    pub(super) fn differs(&self, last: &Self) -> Option<CopyEvidence> {
        if self.system != last.system {
            Some(CopyEvidence::OtherServer)
        } else if self.database != last.database {
            Some(CopyEvidence::OtherDatabase)
        } else if self.table != last.table {
            Some(CopyEvidence::OtherTables)
        } else if self.timeline != last.timeline {
            Some(CopyEvidence::OtherTimeline)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_evidence() {
        let last = ServerIdentity { system: "1".to_owned(), timeline: 1, database: 5, table: 9 };
        assert_eq!(last.differs(&last), None);
        for (now, evidence) in [
            (ServerIdentity { system: "2".to_owned(), ..last.clone() }, CopyEvidence::OtherServer),
            (ServerIdentity { timeline: 2, ..last.clone() }, CopyEvidence::OtherTimeline),
            (ServerIdentity { database: 6, table: 10, ..last.clone() }, CopyEvidence::OtherDatabase),
            (ServerIdentity { table: 10, ..last.clone() }, CopyEvidence::OtherTables),
        ] {
            assert_eq!(now.differs(&last), Some(evidence));
        }
    }
}
