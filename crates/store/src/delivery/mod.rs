//! Deliveries: claimed under a lease, begun by a recorded intent, ended by a recorded outcome.
//!
//! Statements that select by ids compare `lease_id + 0`: the expression keeps PostgreSQL from using
//! the index on leases. Its statistics know nothing of a lease that began a minute ago, and
//! PostgreSQL would read every row of the lease for each id.

/// SQL condition: run `n` is a newer occurrence of the step of run `r` at the time in this
/// placeholder. A run whose instant lies ahead, made by a clock that was fast, is not newer yet,
/// and of occurrences that are caught up together none supersedes another.
macro_rules! is_newer {
    ($now:literal) => {
        concat!(
            "n.campaign = r.campaign and n.step = r.step and n.instant > r.instant and n.kind = 'scheduled'
             and r.kind = 'scheduled' and n.planned_at is not null and n.state <> 'cancelled'
             and n.instant <= ",
            $now,
            " and n.created_at <> r.created_at"
        )
    };
}

/// SQL condition: a newer occurrence of the step of run `r` has reached the target of delivery
/// `due`, or will within a minute; $2 is now.
macro_rules! superseded {
    () => {
        concat!(
            "exists (
               select 1 from runs n join deliveries nd on nd.id = n.id * ",
            database::id_space!(),
            " + due.contact_id
               where ",
            $crate::delivery::is_newer!("$2"),
            " and (nd.state in ('sent', 'sending', 'uncertain', 'deferred')
                   or nd.state = 'queued' and nd.scheduled_at <= $2 + 60000))"
        )
    };
}
pub(crate) use is_newer;

mod answer;
mod claim;
mod fast_path;
mod intent;
mod locks;
mod name;
mod outcomes;
mod post;
mod read;
mod reconcile;
mod record;
mod settlement;
mod state;

pub use name::{DeliveryName, DeliveryRef, NamedDelivery};
pub use post::PostRef;
pub use settlement::Settlement;
pub use state::DeliveryState;

pub(crate) use outcomes::{RecordedOutcome, record_outcomes};

use contacts::{Contact, SuppressionReason};
use database::{ContactId, DeliveryId, Millis, RunId};

use crate::{Run, SoftBounce};

/// A delivery that a worker has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// The id of the delivery.
    pub id: DeliveryId,
    /// Its identity in tokens and Message-IDs: the same on each try.
    pub name: DeliveryName,
    /// The contact it goes to; `None` for a feed, or for a test copy to an address that belongs to
    /// no contact.
    pub contact: Option<Contact>,
    /// The address of a test copy, which replaces the contact's own.
    pub to_address: Option<String>,
    /// The number of earlier tries.
    pub attempts: i64,
    /// The number of earlier tries that may have arrived, because the other side did not answer.
    pub repeats: i64,
    /// The time at which it was first due: the same on each try.
    pub scheduled_at: Millis,
}

/// The outcome of a try to send a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay or platform accepted the delivery.
    Accepted {
        /// The answer of the relay or platform.
        answer: String,
        /// The published post, where the platform names it.
        post: Option<PostRef>,
    },
    /// The try failed for now; the delivery is tried again.
    Deferred {
        /// The time of the next try.
        until: Millis,
        /// The answer of the relay or platform.
        answer: String,
        /// The soft bounce, where the mailbox was the cause.
        soft: Option<SoftBounce>,
    },
    /// The relay or platform refused the delivery permanently.
    Rejected(Rejection),
    /// Nothing was sent, for a reason that has nothing to do with this delivery. It is queued again
    /// at once, and the try does not count (`attempts` decreases by one).
    Returned {
        /// The error or answer that was observed.
        answer: String,
    },
    /// Nothing was sent, because the receiver accepts nothing from this sender for now. It is
    /// queued until a later time with a reason, and the try does not count.
    PutOff {
        /// The time of the next try.
        until: Millis,
        /// The reason, shown to people.
        why: String,
        /// The answer of the relay or platform.
        answer: String,
    },
    /// Unknown: the connection broke after the last byte was sent.
    Unknown {
        /// The time of the next try if the step says `resend`; `None` where a person has to decide,
        /// whatever the step says.
        retry_at: Option<Millis>,
        /// The error or answer that was observed.
        answer: String,
    },
}

/// A permanent refusal of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, one of a closed list: `bad_address`, `inactive`, `policy`, `too_big`, `render`,
    /// `expired`, `rejected`.
    pub reason: String,
    /// The answer of the relay or platform.
    pub answer: String,
    /// The suppression to add, where the address must not be written to again.
    pub suppress: Option<SuppressionReason>,
    /// The soft bounce, where the cause was a mailbox that may work again.
    pub soft: Option<SoftBounce>,
}

/// A message for the outbox channel, stored with the outcome of its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// The id of its delivery.
    pub delivery: DeliveryId,
    /// The id of the outbox channel.
    pub channel: String,
    /// The address of the recipient.
    pub recipient: String,
    /// The subject line, decoded.
    pub subject: String,
    /// The HTML part, as a browser shows it.
    pub html: String,
    /// The text part, as a terminal shows it.
    pub text: String,
    /// The raw message, as a mail server would receive it.
    pub raw: Vec<u8>,
}

/// One group commit of a worker: the outcomes of its last deliveries and the intents of the next.
#[derive(Debug, Clone, Default)]
pub struct GroupCommit {
    /// The outcomes of tries, by delivery.
    pub outcomes: Vec<(DeliveryId, Outcome)>,
    /// The deliveries that the worker is about to begin.
    pub intents: Vec<DeliveryId>,
    /// Deliveries that cannot be sent yet: each is released until a time, with a reason for people.
    /// Its state does not change.
    pub put_off: Vec<(DeliveryId, Millis, String)>,
    /// The messages for the outbox channel.
    pub outbox: Vec<OutboxMessage>,
}

/// The result of a [`GroupCommit`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupCommitResult {
    /// The deliveries that may be begun: still claimed by this lease, still queued, their run still
    /// running, and the address not suppressed meanwhile.
    pub granted: Vec<DeliveryId>,
    /// The number of outcomes that changed a row; the other deliveries belonged to another lease by
    /// then.
    pub recorded: u64,
    /// True if the lease was still valid. If it was not, nothing was granted, and deliveries
    /// claimed under it were not released.
    pub lease_is_valid: bool,
}

/// A delivery with the names and addresses that people read.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct DeliveryRow {
    /// The id of the delivery.
    pub id: DeliveryId,
    /// The id of its run.
    pub run_id: RunId,
    /// The id of its campaign.
    pub campaign: String,
    /// The id of its step.
    pub step: String,
    /// The id of its channel.
    pub channel: String,
    /// The id of the contact; 0 for a feed.
    pub contact_id: ContactId,
    /// The e-mail address, phone number or external id of the contact; empty for a feed.
    pub address: String,
    /// The current state of the delivery.
    #[sqlx(try_from = "String")]
    pub state: DeliveryState,
    /// The reason for the state, where there is more to say.
    pub reason: Option<String>,
    /// The time of the next try; `None` in an end state.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub due_at: Option<Millis>,
    /// The number of tries.
    pub attempts: i64,
    /// The number of tries that may have been received twice.
    pub repeats: i64,
    /// The time at which it was accepted.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub sent_at: Option<Millis>,
    /// The last answer of the relay or platform.
    pub answer: Option<String>,
    /// The time at which a person first opened it.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub opened_at: Option<Millis>,
    /// The time at which a person first clicked in it.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub clicked_at: Option<Millis>,
    /// The time of the first conversion credited to it.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub converted_at: Option<Millis>,
    /// The platform's id of the post.
    pub post_id: Option<String>,
    /// The address of the post; see [`DeliveryRow::link`].
    pub post_url: Option<String>,
}

impl DeliveryRow {
    /// Returns the address of the post, if a page may link to it: `http` or `https`.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.post_url.as_deref().and_then(post::web_address)
    }
}

/// The deliveries of one contact in one campaign.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// All runs of the campaign, each with the contact's delivery if there is one; newest first.
    pub runs: Vec<(Run, Option<DeliveryRow>)>,
}
