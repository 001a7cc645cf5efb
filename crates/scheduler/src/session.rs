//! A session worker: takes jobs from its lane, renders and sends them over one connection, and
//! reports the result of each.
//!
//! While one message is being sent the next is already rendered, so that its envelope can be sent
//! together with the last bytes of the one before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::TrySendError;
use channel::{Handover, Message, Person, Recipient, RenderError, Renderer, SendOutcome, Sender, Session};
use jiff::Timestamp;
use store::{ClaimedDelivery, Clock, Contact, DeliveryId, OutboxMessage, RecipientAddress};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use tracking::LinkSigner;

use crate::journal::JournalSlot;
use crate::pacing::{ConnectionPermit, ConnectionPermits, Ticket};

/// A delivery whose intent is recorded in the database, so that it may be begun.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) claimed: ClaimedDelivery,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) slot: JournalSlot,
    pub(crate) ticket: Ticket,
    pub(crate) permits: Arc<ConnectionPermits>,
}

/// The result of a job.
#[derive(Debug)]
pub(crate) struct JobResult {
    pub(crate) id: DeliveryId,
    /// The number of attempts, including this one.
    pub(crate) attempts: i64,
    pub(crate) result: Result<SendOutcome, RenderError>,
    /// The duration of the attempt; zero where nothing was begun.
    pub(crate) took: Duration,
    /// The message, where the channel is an outbox that stores it.
    pub(crate) kept: Option<Box<OutboxMessage>>,
    /// The slot in the journal, held until the outcome is recorded.
    pub(crate) _slot: JournalSlot,
    pub(crate) ticket: Ticket,
    /// The time for which all messages for the same receiver have to wait, and the reason.
    pub(crate) put_off: Option<(Duration, String)>,
}

/// A session worker of a lane. A clone for each connection shares the queues.
#[derive(Debug, Clone)]
pub(crate) struct SessionWorker {
    pub(crate) jobs: async_channel::Receiver<Job>,
    /// The queue to which a job returns whose receiver has no free connection permit.
    pub(crate) back: async_channel::Sender<Job>,
    pub(crate) done: mpsc::Sender<JobResult>,
    pub(crate) signer: LinkSigner,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    /// The address that the channel needs of a contact; `None` for a feed.
    pub(crate) address: Option<RecipientAddress>,
    /// The channel's name, if it is an outbox.
    pub(crate) outbox: Option<String>,
    /// The span of the lane, the parent of the spans of sends.
    pub(crate) lane: tracing::Span,
}

/// A rendered message, with its job.
struct PreparedMessage {
    meta: JobMeta,
    message: Message,
}

/// The data of a job without its content.
struct JobMeta {
    id: DeliveryId,
    attempts: i64,
    slot: JournalSlot,
    ticket: Ticket,
    _permit: Option<ConnectionPermit>,
}

/// The time after which an unused connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The first wait of a worker that could not connect.
const INITIAL_RECONNECT_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of a worker that could not connect.
const MAX_RECONNECT_WAIT: Duration = Duration::from_secs(60);
/// The interval at which a worker tries again when no queued job gets a permit.
const PERMIT_RETRY_INTERVAL: Duration = Duration::from_millis(5);
/// The number of queued jobs that are tried for one that can be prepared while another is under
/// way.
const MAX_LOOKAHEAD: usize = 8;
/// The least time that a prepared message waits behind another; four times the usual duration where
/// that is longer.
const MIN_PATIENCE: Duration = Duration::from_secs(1);

impl SessionWorker {
    /// Sends jobs until the lane closes its queue.
    pub(crate) async fn run(self, mut session: Session) {
        let mut reconnect_wait = INITIAL_RECONNECT_WAIT;
        let mut next = None;
        let mut usual_duration = Duration::ZERO;
        loop {
            let ready = match next.take() {
                Some(ready) => ready,
                None => match tokio::time::timeout(IDLE_TIMEOUT, self.take()).await {
                    Ok(Some((job, permit))) => match self.prepare(job, permit).await {
                        Ok(ready) => ready,
                        Err(done) => {
                            let _ = self.done.send(done).await;
                            continue;
                        }
                    },
                    Ok(None) => break,
                    Err(_idle) => {
                        session.close().await;
                        continue;
                    }
                },
            };
            next = self.next().await;
            let patience = MIN_PATIENCE.max(usual_duration * 4);
            let (delivery, attempt) = (ready.meta.id.0, ready.meta.attempts);
            let span = tracing::debug_span!(parent: &self.lane, "send", delivery, attempt);
            let done = self.attempt(&mut session, ready, &mut next, patience).instrument(span).await;
            usual_duration = (usual_duration * 7 + done.took) / 8;
            let down =
                matches!(done.result, Ok(SendOutcome::Down { .. } | SendOutcome::ChannelBlocked { .. }));
            if self.done.send(done).await.is_err() {
                return;
            }
            if down {
                if let Some(ready) = next.take() {
                    let _ = self.done.send(ready.meta.not_begun()).await;
                }
                tokio::time::sleep(reconnect_wait).await;
                reconnect_wait = (reconnect_wait * 2).min(MAX_RECONNECT_WAIT);
            } else {
                reconnect_wait = INITIAL_RECONNECT_WAIT;
            }
        }
        session.close().await;
    }

    /// Waits for a job whose receiver has a free permit; `None` when the lane has closed its queue.
    async fn take(&self) -> Option<(Job, ConnectionPermit)> {
        loop {
            for _ in 0..=self.jobs.len() {
                let job = self.jobs.recv().await.ok()?;
                if let Some(taken) = self.acquire(job).await {
                    return Some(taken);
                }
            }
            tokio::time::sleep(PERMIT_RETRY_INTERVAL).await;
        }
    }

    /// Prepares the next message while another is sent; `None` where no queued job can be prepared
    /// now.
    async fn next(&self) -> Option<PreparedMessage> {
        for _ in 0..MAX_LOOKAHEAD {
            let Some((job, permit)) = self.acquire(self.jobs.try_recv().ok()?).await else { continue };
            match self.prepare(job, permit).await {
                Ok(ready) => return Some(ready),
                Err(done) => self.done.send(done).await.ok()?,
            }
        }
        None
    }

    /// Takes a permit for a job. Without one the job goes back to the end of the queue.
    async fn acquire(&self, job: Job) -> Option<(Job, ConnectionPermit)> {
        if let Some(permit) = job.permits.try_acquire() {
            return Some((job, permit));
        }
        if let Err(TrySendError::Full(job) | TrySendError::Closed(job)) = self.back.try_send(job) {
            let _ = self.done.send(job.not_begun()).await;
        }
        None
    }

    /// Renders the message of a job.
    async fn prepare(&self, job: Job, permit: ConnectionPermit) -> Result<PreparedMessage, JobResult> {
        let Job { claimed, renderer, slot, ticket, .. } = job;
        let attempts = claimed.attempts + 1;
        let meta = JobMeta { id: claimed.id, attempts, slot, ticket, _permit: Some(permit) };
        match self.make(claimed, &renderer).await {
            Ok(message) => Ok(PreparedMessage { meta, message }),
            Err(error) => Err(meta.done(Err(error), Duration::ZERO)),
        }
    }

    async fn make(&self, claimed: ClaimedDelivery, renderer: &Renderer) -> Result<Message, RenderError> {
        let person = recipient(claimed.contact, claimed.to_address, self.address.as_ref());
        let message = renderer.render(&Recipient {
            person: person.as_ref(),
            token: &self.signer.token(claimed.name),
            message_id: &self.signer.message_id(claimed.name),
            date: claimed.scheduled_at.timestamp().unwrap_or(Timestamp::UNIX_EPOCH),
            possible_duplicate: claimed.repeats > 0,
        })?;
        if !self.sender.is_signing() {
            return Ok(message);
        }
        // A signature takes a millisecond of CPU time: other connections must not wait for it.
        let sender = self.sender.clone();
        match tokio::task::spawn_blocking(move || sender.sign(message)).await {
            Ok(signed) => signed,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Sends a message. The message after it is returned to the lane when this one takes longer
    /// than `patience`: another connection may send it sooner. An envelope that was sent ahead for
    /// it is lost.
    async fn attempt(
        &self,
        session: &mut Session,
        ready: PreparedMessage,
        next: &mut Option<PreparedMessage>,
        patience: Duration,
    ) -> JobResult {
        let begun = Instant::now();
        let PreparedMessage { meta, message } = ready;
        let (behind, mut waits) =
            next.take().map_or((None, None), |next| (Some(next.message), Some(next.meta)));
        let outcome = {
            let mut commit = || meta.slot.commit();
            let handover = Handover { next: behind.as_ref(), commit: &mut commit };
            let mut sending = std::pin::pin!(session.hand_over(&message, self.clock.now(), handover));
            match tokio::time::timeout(patience, &mut sending).await {
                Ok(outcome) => outcome,
                Err(_late) => {
                    if let Some(meta) = waits.take() {
                        let _ = self.done.send(meta.not_begun()).await;
                    }
                    sending.await
                }
            }
        };
        *next = waits.zip(behind).map(|(meta, message)| PreparedMessage { meta, message });
        let accepted = matches!(outcome, SendOutcome::Accepted { .. });
        if !matches!(outcome, SendOutcome::Unknown { .. }) && self.outbox.is_none() {
            meta.slot.answered(accepted);
        }
        let kept = self.outbox.as_ref().filter(|_| accepted);
        let kept = kept.map(|channel| Box::new(outbox_message(meta.id, channel, message)));
        JobResult { kept, ..meta.done(Ok(outcome), begun.elapsed()) }
    }
}

impl JobMeta {
    fn done(self, result: Result<SendOutcome, RenderError>, took: Duration) -> JobResult {
        JobResult {
            id: self.id,
            attempts: self.attempts,
            result,
            took,
            kept: None,
            _slot: self.slot,
            ticket: self.ticket,
            put_off: None,
        }
    }

    /// Returns the result of a job that was not begun.
    fn not_begun(self) -> JobResult {
        self.done(Ok(SendOutcome::Withheld), Duration::ZERO)
    }
}

impl Job {
    /// Returns the result of a job that was not begun.
    pub(crate) fn not_begun(self) -> JobResult {
        let (id, attempts) = (self.claimed.id, self.claimed.attempts);
        JobMeta { id, attempts, slot: self.slot, ticket: self.ticket, _permit: None }.not_begun()
    }
}

/// Returns the recipient of a message: the contact, in a test copy with `to_address` in the place
/// of their own address. For a test copy to an address of no contact, a person with that address
/// alone.
fn recipient(
    contact: Option<Contact>,
    to_address: Option<String>,
    needed: Option<&RecipientAddress>,
) -> Option<Person> {
    let person = contact.map(person);
    let (Some(to), Some(needed)) = (to_address, needed) else { return person };
    let mut person = person.unwrap_or_default();
    match needed {
        RecipientAddress::Email => person.email = Some(to),
        RecipientAddress::Phone => person.phone = Some(to),
        RecipientAddress::Attribute(name) => {
            person.attributes.insert(name.clone(), to.into());
        }
        RecipientAddress::Anyone => {}
    }
    Some(person)
}

fn person(contact: Contact) -> Person {
    Person {
        email: contact.email,
        phone: contact.phone,
        external_id: contact.external_id,
        language: contact.language,
        timezone: contact.timezone,
        attributes: contact.attributes,
    }
}

/// Makes the row of the outbox for a message.
fn outbox_message(delivery: DeliveryId, channel: &str, message: Message) -> OutboxMessage {
    let channel = channel.to_owned();
    match message {
        Message::Email(email) => OutboxMessage {
            delivery,
            channel,
            recipient: email.envelope_to,
            subject: email.subject,
            html: email.html,
            text: email.text,
            raw: email.raw,
        },
        Message::Post(post) => OutboxMessage {
            delivery,
            channel,
            recipient: post.to.clone().unwrap_or_default(),
            subject: post.id.clone(),
            html: String::new(),
            text: post.text().to_owned(),
            raw: post.text().as_bytes().to_vec(),
        },
    }
}

#[cfg(test)]
mod tests {
    use store::{ContactId, Millis};

    use super::*;

    fn contact() -> Contact {
        let attributes = serde_json::json!({ "first_name": "Mei", "chat": "@mei" });
        Contact {
            id: ContactId(1),
            external_id: None,
            email: Some("mei@example.org".to_owned()),
            phone: Some("+8613800138000".to_owned()),
            language: Some("zh".to_owned()),
            timezone: None,
            consents: store::Consents::default(),
            attributes: attributes.as_object().unwrap().clone(),
            created_at: Millis::EPOCH,
        }
    }

    #[test]
    fn a_test_copy_goes_to_its_own_address_and_has_the_values_of_the_contact() {
        let chat = RecipientAddress::Attribute("chat".to_owned());
        let to = || Some("elsewhere".to_owned());
        let own = person(contact());
        let attributes = serde_json::json!({ "first_name": "Mei", "chat": "elsewhere" });
        let expected = [
            (&RecipientAddress::Email, Person { email: to(), ..own.clone() }),
            (&RecipientAddress::Phone, Person { phone: to(), ..own.clone() }),
            (&chat, Person { attributes: attributes.as_object().unwrap().clone(), ..own.clone() }),
            (&RecipientAddress::Anyone, own.clone()),
        ];
        for (needed, person) in expected {
            assert_eq!(recipient(Some(contact()), to(), Some(needed)), Some(person));
            assert_eq!(recipient(Some(contact()), None, Some(needed)), Some(own.clone()));
        }
    }

    #[test]
    fn a_test_copy_without_a_contact_has_only_the_address() {
        let to = || Some("owner@example.org".to_owned());
        let stranger = Person { email: to(), ..Person::default() };
        assert_eq!(recipient(None, to(), Some(&RecipientAddress::Email)), Some(stranger));
        assert_eq!(recipient(None, None, Some(&RecipientAddress::Email)), None);
        assert_eq!(recipient(None, to(), None), None, "a feed has no recipient");
    }
}
