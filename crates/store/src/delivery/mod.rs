//! Deliveries: claimed under a lease, begun by a recorded intent, ended by a recorded outcome.
//!
//! Statements that go by ids say `lease_id + 0 = …`: an expression keeps PostgreSQL from the index on leases,
//! whose statistics know nothing of a lease that began a minute ago, and from looking at every row of the
//! lease for each id.

/// True where run `n` is a newer occurrence of the step of run `r` at the time in this placeholder. A run made by a clock
/// that was ahead is none yet, and of those that are caught up together all are wanted.
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

/// Whether a newer occurrence of the step of run `r` has reached the target of delivery `due`, or will within a
/// minute; $2 is now.
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
mod intent;
mod locks;
mod name;
mod outcomes;
mod post;
mod quick;
mod read;
mod reconcile;
mod record;
mod settlement;
mod state;

pub use name::{DeliveryName, DeliveryRef, NamedDelivery};
pub use post::PostRef;
pub use settlement::Settlement;
pub use state::DeliveryState;

pub(crate) use outcomes::{Ended, settle};

use contacts::{Contact, SuppressionReason};
use database::{ContactId, DeliveryId, Millis, RunId};

use crate::{Run, SoftBounce};

/// A delivery in the hands of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The row.
    pub id: DeliveryId,
    /// Its identity in tokens and Message-IDs: the same on every try.
    pub name: DeliveryName,
    /// Whom it goes to; `None` for a feed, or for a test copy to an address that is no contact's.
    pub contact: Option<Contact>,
    /// Where a test copy goes, instead of the contact's own address.
    pub to_address: Option<String>,
    /// How many tries came before.
    pub attempts: i64,
    /// How many of them may have arrived all the same: the other side did not answer.
    pub repeats: i64,
    /// When it first fell due: the same on every try.
    pub scheduled_at: Millis,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted, with the answer.
    Accepted {
        /// The relay's or platform's words.
        answer: String,
        /// What it published, where it says so.
        post: Option<PostRef>,
    },
    /// To be tried again.
    Deferred {
        /// When.
        until: Millis,
        /// The words.
        answer: String,
        /// Whether it was the mailbox.
        soft: Option<SoftBounce>,
    },
    /// Refused for good.
    Rejected(Rejection),
    /// Nothing was sent, for a reason that has nothing to do with this delivery: it is queued again at once and
    /// the try does not count (`attempts` goes back by one).
    Returned {
        /// What was seen.
        answer: String,
    },
    /// Nothing was sent, because its receiver takes nothing from us for now: queued again until then, for a
    /// reason in words, and the try does not count.
    PutOff {
        /// When.
        until: Millis,
        /// Why, as people read it.
        why: String,
        /// The words.
        answer: String,
    },
    /// Nobody knows: the connection broke after the last byte.
    Unknown {
        /// When to try again if the step says `resend`; `None` where somebody has to look, whatever it says.
        retry_at: Option<Millis>,
        /// What was seen.
        answer: String,
    },
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// One of a closed list: `bad_address`, `inactive`, `policy`, `too_big`, `render`, `expired`, `rejected`.
    pub reason: String,
    /// The words.
    pub answer: String,
    /// Whether the address may never be written to again.
    pub suppress: Option<SuppressionReason>,
    /// Whether it was the mailbox, which may come back.
    pub soft: Option<SoftBounce>,
}

/// A message for the outbox, stored with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Of this delivery.
    pub delivery: DeliveryId,
    /// Kept by this channel.
    pub channel: String,
    /// To whom.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// As a browser shows it.
    pub html: String,
    /// As a terminal shows it.
    pub text: String,
    /// As a server would get it.
    pub raw: Vec<u8>,
}

/// One group commit: the outcomes of the last deliveries, the intents of the next.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// What tries came to.
    pub outcomes: Vec<(DeliveryId, Outcome)>,
    /// What is about to be begun.
    pub intents: Vec<DeliveryId>,
    /// What cannot go yet and is given back until a time, with the reason in words: its state stays.
    pub put_off: Vec<(DeliveryId, Millis, String)>,
    /// What the outbox keeps.
    pub outbox: Vec<OutboxMessage>,
}

/// What a group commit did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Those that may be begun: still this lease's, still queued, their run still running, the address not
    /// suppressed meanwhile.
    pub granted: Vec<DeliveryId>,
    /// Outcomes that changed a row; the rest belonged to somebody else by then.
    pub recorded: u64,
    /// Whether the lease was still good. When it was not, nothing was granted, and nothing that was claimed
    /// under it was given up either.
    pub held: bool,
}

/// One delivery as people read it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct DeliveryRow {
    /// The row.
    pub id: DeliveryId,
    /// Of this run.
    pub run_id: RunId,
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// By this channel.
    pub channel: String,
    /// To whom; 0 for a feed.
    pub contact_id: ContactId,
    /// E-mail, phone or external id; empty for a feed.
    pub address: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: DeliveryState,
    /// Why.
    pub reason: Option<String>,
    /// When it may be tried next.
    pub due_at: Option<Millis>,
    /// How many tries.
    pub attempts: i64,
    /// How many of them may have been received twice.
    pub repeats: i64,
    /// When it was accepted.
    pub sent_at: Option<Millis>,
    /// The last answer.
    pub answer: Option<String>,
    /// First opened by a person.
    pub opened_at: Option<Millis>,
    /// First clicked by a person.
    pub clicked_at: Option<Millis>,
    /// First credited with a conversion.
    pub converted_at: Option<Millis>,
    /// What the platform calls the post.
    pub post_id: Option<String>,
    /// Where the post can be seen; see [`DeliveryRow::link`].
    pub post_url: Option<String>,
}

impl DeliveryRow {
    /// Where the post can be seen, if that is something a page may lead to: `http` or `https`.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.post_url.as_deref().and_then(post::web_address)
    }
}

/// All that is known of one person and one campaign.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// Every run of the campaign, with this person's delivery if there is one; newest first.
    pub runs: Vec<(Run, Option<DeliveryRow>)>,
}
