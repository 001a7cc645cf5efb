//! Access to SQLite or PostgreSQL: pools, statements in both dialects, transactions, migrations,
//! errors with their reasons, and the identity that distinguishes the database from a copy of it.
//!
//! Only `contacts` and `store`, which have the statements about entities, depend on this crate; the
//! crates above them depend on `store`.
//!
//! Invariants:
//! - Statements are text that is fixed at compile time, or assembled from fixed fragments and
//!   placeholders ([`Assembled`]). A value never stands in the text.
//! - A writing transaction takes SQLite's write lock when it begins.
//! - A transaction that is dropped without a commit is rolled back.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), database::StoreError> {
//! use database::{Database, Sql, args, sql};
//!
//! let database = Database::open("sqlite::memory:", |_wait| ()).await?;
//! let mut tx = database.begin().await?;
//! tx.execute(&sql!("create table notes (id bigint, body text)"), args![]).await?;
//! tx.execute(&sql!("insert into notes values ($1, $2)"), args![1, "it's noon"]).await?;
//! tx.commit().await?;
//!
//! let mut dropped = database.begin().await?;
//! dropped.execute(&sql!("delete from notes"), args![]).await?;
//! drop(dropped);
//!
//! const NOTES: Sql = sql!("select id, body from notes");
//! let notes: Vec<(i64, String)> = database.rows(&NOTES, args![]).await?;
//! assert_eq!(notes, [(1, "it's noon".to_owned())]);
//! # Ok(())
//! # }
//! ```

// Enables TLS; see Cargo.toml.
use sqlx_core as _;

mod clock;
mod database;
mod enum_names;
mod error;
mod health;
mod identity;
mod ids;
pub mod iso8601;
mod marker;
mod migrations;
mod open;
mod purge;
mod settings;
mod statement;
mod stopped;
mod time;
mod transaction;
mod write_queue;

pub use clock::Clock;
pub use database::{Database, SqlDialect};
pub use error::{
    DatabaseError, DatabaseLocation, Denied, ErrorSide, InputError, Reason, RowError, SchemaError,
    StoreError, UrlError,
};
pub use health::Health;
pub use identity::{CopyEvidence, Identity, Shortfall};
pub use ids::{ContactId, DeliveryId, ID_SPACE, LeaseId, LinkId, LinkName, RevisionId, RunId, RunName};
pub use statement::{Arg, Assembled, Readable, Sql, Statement, batch, batch_of_ids};
pub use stopped::{StopReason, Stopped};
pub use time::{MachineTime, Millis};
pub use transaction::Tx;
