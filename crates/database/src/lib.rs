//! A connection to SQLite or PostgreSQL: pools, statements in both dialects, transactions, migrations, errors with
//! their reasons, and the identity that tells the database from a copy of it.
//!
//! Only `contacts` and `store`, which have the statements about entities, depend on this crate; the crates above them
//! depend on `store`.
//!
//! Invariants: statements are text that is fixed at compile time, or put together from fixed fragments and
//! placeholders ([`Assembled`]); a value never stands in the text. A writing transaction takes SQLite's write lock when
//! it begins.

mod clock;
mod database;
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
mod turns;
mod words;

pub use clock::Clock;
pub use database::{Database, Dialect};
pub use error::{
    DatabaseError, Denied, Fault, InputError, Place, Reason, RowError, SchemaError, StoreError, UrlError,
};
pub use health::Health;
pub use identity::{Behind, CopyEvidence, Identity};
pub use ids::{ContactId, DeliveryId, ID_SPACE, LeaseId, LinkId, LinkName, RevisionId, RunId, RunName};
pub use statement::{Arg, Assembled, Readable, Sql, Statement, batch, batch_of_ids};
pub use stopped::{StopReason, Stopped};
pub use time::{MachineTime, Millis};
pub use transaction::Tx;
