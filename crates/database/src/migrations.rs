//! The migrations of the tables: the list for each database, and the run of those that are missing.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;

use crate::StoreError;
use crate::database::{Database, Pools};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

impl Database {
    /// Runs the migrations that the database has not had, and returns their number.
    ///
    /// # Errors
    /// The database had a migration that this version does not know or has in another form, or it
    /// fails.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        let migrated = match &self.pools {
            Pools::Sqlite { writer, .. } => migrate_sqlite(writer).await,
            Pools::Postgres(pool) => {
                let mut connection = self.connection(pool).await?;
                migrate_postgres(&mut connection).await
            }
        };
        migrated.map_err(|error| self.place.not_migrated(error))
    }
}

/// Returns all migrations for the kind of this database.
pub(crate) fn migrations(pools: &Pools) -> &'static Migrator {
    match pools {
        Pools::Sqlite { .. } => &SQLITE_MIGRATIONS,
        Pools::Postgres(_) => &POSTGRES_MIGRATIONS,
    }
}

/// The table in which sqlx records the migrations that ran.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// Returns the number of migrations that ran on this database.
async fn applied<M: sqlx::migrate::Migrate>(connection: &mut M) -> Result<usize, MigrateError> {
    Ok(connection.list_applied_migrations(MIGRATIONS_TABLE).await?.len())
}

async fn migrate_sqlite(writer: &SqlitePool) -> Result<usize, MigrateError> {
    // Most of the time nothing is missing: then no write transaction is begun.
    let known = sqlx::query_scalar::<_, i64>("select count(*) from _sqlx_migrations where success");
    let known = known.fetch_one(writer).await.unwrap_or(0);
    if usize::try_from(known) == Ok(SQLITE_MIGRATIONS.iter().count()) {
        SQLITE_MIGRATIONS.run(writer).await?;
        return Ok(0);
    }
    // One transaction around all migrations: sqlx has no lock against a second process on the same
    // file.
    let mut tx = writer.begin_with("begin immediate").await?;
    sqlx::migrate::Migrate::ensure_migrations_table(&mut *tx, MIGRATIONS_TABLE).await?;
    let before = applied(&mut *tx).await?;
    SQLITE_MIGRATIONS.run_direct(None, &mut *tx, false).await?;
    let after = applied(&mut *tx).await?;
    tx.commit().await?;
    Ok(after - before)
}

async fn migrate_postgres(connection: &mut PgConnection) -> Result<usize, MigrateError> {
    sqlx::migrate::Migrate::ensure_migrations_table(connection, MIGRATIONS_TABLE).await?;
    let before = applied(connection).await?;
    POSTGRES_MIGRATIONS.run_direct(None, connection, false).await?;
    Ok(applied(connection).await? - before)
}
