//! The identity of a PostgreSQL database, as its server reports it.

use sqlx::postgres::PgPool;

use super::evidence::CopyEvidence;
use crate::{Database, StoreError};

/// The identity of a PostgreSQL database; the setting `database_identity` holds it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ServerIdentity {
    /// The cluster's system identifier: random, made by `initdb`.
    system: String,
    /// The cluster's timeline: a promotion and a recovery to a point in time begin a new one.
    timeline: i64,
    /// The oid of the database within the cluster.
    database: i64,
    /// The oid of the table of settings: a restore that drops the tables first makes new ones.
    table: i64,
}

/// Reads the identity, with the functions of
/// <https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-CONTROLDATA>.
const READ: &str = "select cast((select system_identifier from pg_control_system()) as text),
       cast((select timeline_id from pg_control_checkpoint()) as bigint),
       cast((select oid from pg_database where datname = current_database()) as bigint),
       cast(cast(cast('settings' as regclass) as oid) as bigint)";

/// Selects true if the database has any run, or decided any occurrence.
const HOLDS_RUNS: &str = "select exists (select 1 from runs) or exists (select 1 from schedules)";

/// The SQLSTATEs of a role that lacks the privilege, and of a server that has no such function.
const REFUSALS: [&str; 2] = ["42501", "42883"];

/// The answer of a server that is asked for the identity of the database.
#[derive(Debug)]
pub(super) enum ServerAnswer {
    /// The server reports the identity.
    Identity(ServerIdentity),
    /// The server does not report it to this role; the text is the server's message.
    Refused(String),
}

/// Reads the identity of the database from its server.
pub(super) async fn read(database: &Database, pool: &PgPool) -> Result<ServerAnswer, StoreError> {
    let mut connection = database.connection(pool).await?;
    match sqlx::query_as(READ).fetch_one(&mut *connection).await {
        Ok((system, timeline, database, table)) => {
            Ok(ServerAnswer::Identity(ServerIdentity { system, timeline, database, table }))
        }
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| REFUSALS.contains(&&*code)) => {
            Ok(ServerAnswer::Refused(error.message().to_owned()))
        }
        Err(error) => Err(database.place().failed(error)),
    }
}

/// Returns true if the database has any run, or decided any occurrence.
pub(super) async fn holds_runs(database: &Database, pool: &PgPool) -> Result<bool, StoreError> {
    let mut connection = database.connection(pool).await?;
    let read = sqlx::query_scalar(HOLDS_RUNS).fetch_one(&mut *connection).await;
    read.map_err(|error| database.place().failed(error))
}

impl ServerIdentity {
    /// Returns the evidence that this database is another one than `last`, the one that was last
    /// used.
    pub(super) fn difference_from(&self, last: &Self) -> Option<CopyEvidence> {
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
    fn each_part_that_differs_is_evidence() {
        let last = ServerIdentity { system: "1".to_owned(), timeline: 1, database: 5, table: 9 };
        assert_eq!(last.difference_from(&last), None);
        for (now, evidence) in [
            (ServerIdentity { system: "2".to_owned(), ..last.clone() }, CopyEvidence::OtherServer),
            (ServerIdentity { timeline: 2, ..last.clone() }, CopyEvidence::OtherTimeline),
            (ServerIdentity { database: 6, table: 10, ..last.clone() }, CopyEvidence::OtherDatabase),
            (ServerIdentity { table: 10, ..last.clone() }, CopyEvidence::OtherTables),
        ] {
            assert_eq!(now.difference_from(&last), Some(evidence));
        }
    }
}
