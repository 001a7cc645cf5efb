//! What happened: all SQL, on SQLite and PostgreSQL, and every change of state as a guarded set-based statement.
//!
//! One [`Store`], one file per entity, methods named noun_verb. No other crate names sqlx.

mod address;
mod allowance;
mod audience;
mod backlog;
mod clock;
mod contact;
mod database;
mod delivery;
mod engagement;
mod error;
mod event;
mod files;
mod health;
mod identity;
mod ids;
mod lease;
mod moves;
mod occurrence;
mod outbox;
mod pools;
mod rename;
mod report;
mod revision;
mod run;
mod schedule;
mod setting;
mod soft_bounce;
mod sql;
mod stopped;
mod suppression;
mod tally;
mod turns;
mod words;

pub use address::Address;
pub use allowance::{Grant, Held, Micros, Want};
pub use backlog::Backlog;
pub use clock::Clock;
pub use contact::{AddressKind, Consent, Contact, NewContact, Upserted};
pub use delivery::{
    Claimed, DeliveryName, DeliveryRef, DeliveryRow, DeliveryState, Explanation, NamedDelivery,
    OutboxMessage, Outcome, PostRef, Record, Recorded, Rejection, Settlement,
};
pub use error::{DatabaseError, Denied, Fault, InputError, Place, Reason, SchemaError, StoreError, UrlError};
pub use event::{Conversion, Credit, EventKind, EventRow, Goal, Hit, Judge, NewEvent};
pub use health::Health;
pub use identity::{Behind, CopyEvidence, Identity};
pub use ids::{ContactId, DeliveryId, LeaseId, LinkId, LinkName, RevisionId, RunId, RunName};
pub use lease::{Lease, TakenOver, Trace, Traces};
pub use occurrence::{NewOccurrence, OccurrenceKind, OccurrenceReason, OccurrenceRow, OccurrenceState};
pub use outbox::OutboxRow;
pub use pools::Store;
pub use report::{Metric, RollupFilter, RollupRow};
pub use revision::{LinkRow, Revision};
pub use run::{
    Asked, ByHand, CameBack, Delay, Delays, Figures, InsertedByHand, Length, Missing, NewRun, Origin,
    PausedBy, PlanCounts, Planned, RevisionText, Run, RunKind, RunState, RunTrigger, StepText,
};
pub use schedule::{Advance, ScheduleRow, StepKey};
pub use soft_bounce::SoftBounce;
pub use stopped::{StopReason, Stopped};
pub use suppression::{Suppression, SuppressionReason};
pub use tally::{Tally, TallyState};

/// UTC milliseconds, as every time is stored.
pub type Millis = i64;
