//! The database of Chorus: all SQL, on SQLite and PostgreSQL; each change of state is a guarded
//! set-based statement.
//!
//! One [`Store`], one file per entity, methods named noun_verb. A `Store` has the methods of
//! [`Contacts`], for contacts and audiences, and of [`Database`], which knows no entity.
//!
//! Invariants:
//! - A step has one run for each instant, and a run has one delivery for each contact.
//! - A worker claims deliveries under a lease that has not expired. The number of a lease is never
//!   given twice.
//! - A worker records an outcome only for a delivery that its lease still holds.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), store::StoreError> {
//! use store::{Millis, Store};
//!
//! let store = Store::open("sqlite::memory:").await?;
//! store.migrate().await?;
//! let expiry = Millis::new(30_000);
//! let lease = store.lease_open("host:4711", true, Millis::EPOCH, expiry).await?;
//! assert_eq!(store.lease_list().await?.len(), 1);
//!
//! // The worker does not renew its lease; another one takes its deliveries over.
//! store.lease_sweep(expiry).await?;
//! assert!(!store.lease_renew(lease, Millis::new(60_000)).await?, "the worker must stop");
//! assert_ne!(store.lease_open("host:4712", true, expiry, Millis::new(60_000)).await?, lease);
//! # Ok(())
//! # }
//! ```

mod active_files;
mod address;
mod allowance;
mod backlog;
mod counter_deltas;
mod delivery;
mod engagement;
mod erasure;
mod event;
mod lease;
mod occurrence;
mod outbox;
mod rename;
mod revision;
mod rollup;
mod run;
mod schedule;
mod soft_bounce;
mod tally;

use std::ops::Deref;

use contacts::Contacts;
use database::Database;

pub use address::RecipientAddress;
pub use allowance::{AllowanceGrant, AllowanceRequest, ReceiverHold};
pub use backlog::Backlog;
pub use contacts::{
    AddressKind, Basis, Consent, ConsentChange, ConsentEntry, ConsentKind, ConsentState, Consents, Contact,
    DEFAULT_PURPOSE, EntryKind, Evidence, ImportedBatch, LedgerReport, NewContact, RowEffect, Suppression,
    SuppressionReason, UpsertCounts,
};
pub use database::{
    Clock, ContactId, CopyEvidence, DatabaseError, DatabaseLocation, DeliveryId, Denied, ErrorSide, Health,
    Identity, InputError, LeaseId, LinkId, LinkName, MachineTime, Millis, Reason, RevisionId, RowError,
    RunId, RunName, SchemaError, Shortfall, SqlDialect, StopReason, Stopped, StoreError, UrlError, iso8601,
};
pub use delivery::{
    ClaimedDelivery, DeliveryName, DeliveryRef, DeliveryRow, DeliveryState, Explanation, GroupCommit,
    GroupCommitResult, NamedDelivery, OutboxMessage, Outcome, PostRef, Rejection, Settlement,
};
pub use event::{AttributionGoal, Conversion, Credit, EventKind, EventRow, Hit, HitClassifier, NewEvent};
pub use lease::{JournalEntries, JournalEntry, Lease, TakeoverCounts};
pub use occurrence::{NewOccurrence, OccurrenceKind, OccurrenceReason, OccurrenceRow, OccurrenceState};
pub use outbox::OutboxRow;
pub use revision::{LinkRow, Revision};
pub use rollup::{Metric, RollupFilter, RollupRow};
pub use run::{
    Delay, Delays, FeedbackCounts, LengthUnit, ManualInsert, ManualRequest, ManualSend, MissingFrom, NewRun,
    PausedBy, PlanCounts, RecipientSource, RevisionText, Run, RunFigures, RunKind, RunOrigin, RunState,
    RunTrigger, StepText,
};
pub use schedule::{ScheduleAdvance, ScheduleRow, StepKey};
pub use soft_bounce::SoftBounce;
pub use tally::{Tally, TallyState};

/// Access to all entities in a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Contacts);

impl Store {
    /// Opens the database at `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite
    /// file and its folder are created.
    ///
    /// # Errors
    /// The URL has an unknown form, or the database does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = Database::open(url, telemetry::record_writer_wait).await?;
        Ok(Self(Contacts::new(database)))
    }
}

impl Deref for Store {
    type Target = Contacts;

    fn deref(&self) -> &Contacts {
        &self.0
    }
}
