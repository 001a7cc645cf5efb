//! What happened: all SQL, on SQLite and PostgreSQL, and every change of state as a guarded set-based statement.
//!
//! One [`Store`], one file per entity, methods named noun_verb. A `Store` has the methods of
//! [`Contacts`], which knows people, and of [`Database`], which knows no entity.

mod address;
mod allowance;
mod backlog;
mod delivery;
mod engagement;
mod event;
mod files;
mod lease;
mod moves;
mod occurrence;
mod outbox;
mod rename;
mod report;
mod revision;
mod run;
mod schedule;
mod soft_bounce;
mod tally;

use std::ops::Deref;

use contacts::Contacts;
use database::Database;

pub use address::Address;
pub use allowance::{Grant, Held, Want};
pub use backlog::Backlog;
pub use contacts::{AddressKind, Consent, Contact, NewContact, Suppression, SuppressionReason, Upserted};
pub use database::{
    Behind, Clock, ContactId, CopyEvidence, DatabaseError, DeliveryId, Denied, Dialect, Fault, Health,
    Identity, InputError, LeaseId, LinkId, LinkName, MachineTime, Millis, Place, Reason, RevisionId,
    RowError, RunId, RunName, SchemaError, StopReason, Stopped, StoreError, UrlError,
};
pub use delivery::{
    Claimed, DeliveryName, DeliveryRef, DeliveryRow, DeliveryState, Explanation, NamedDelivery,
    OutboxMessage, Outcome, PostRef, Record, Recorded, Rejection, Settlement,
};
pub use event::{Conversion, Credit, EventKind, EventRow, Goal, Hit, Judge, NewEvent};
pub use lease::{Lease, TakenOver, Trace, Traces};
pub use occurrence::{NewOccurrence, OccurrenceKind, OccurrenceReason, OccurrenceRow, OccurrenceState};
pub use outbox::OutboxRow;
pub use report::{Metric, RollupFilter, RollupRow};
pub use revision::{LinkRow, Revision};
pub use run::{
    Asked, ByHand, CameBack, Delay, Delays, Figures, InsertedByHand, Length, Missing, NewRun, Origin,
    PausedBy, PlanCounts, Planned, RevisionText, Run, RunKind, RunState, RunTrigger, StepText,
};
pub use schedule::{Advance, ScheduleRow, StepKey};
pub use soft_bounce::SoftBounce;
pub use tally::{Tally, TallyState};

/// Everything that a database holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Contacts);

impl Store {
    /// Opens `url`: `sqlite:path`, `sqlite::memory:` or `postgres://…`. A SQLite file and its folder are created.
    ///
    /// # Errors
    /// The address is not known, or the database does not answer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = Database::open(url, telemetry::writer_waited).await?;
        Ok(Self(Contacts::new(database)))
    }
}

impl Deref for Store {
    type Target = Contacts;

    fn deref(&self) -> &Contacts {
        &self.0
    }
}
