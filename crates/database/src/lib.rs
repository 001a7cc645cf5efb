//! Access to SQLite or PostgreSQL: pools, statements in both dialects, transactions, migrations,
//! errors with their reasons, and the identity that distinguishes the database from a copy of it.
//!
//! Only `contacts` and `store`, which have the statements about entities, depend on this crate; the
//! crates above them depend on `store`.
//!
//! Invariants: statements are text that is fixed at compile time, or assembled from fixed fragments
//! and placeholders ([`Assembled`]); a value never stands in the text. A writing transaction takes
//! SQLite's write lock when it begins.

// Enables TLS; see Cargo.toml.
use sqlx_core as _;

mod clock;
mod database;
mod enum_names;
mod error;
mod health;
mod identity;
mod ids;
mod marker;
mod migrations;
mod open;
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
