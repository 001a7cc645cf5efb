//! One line of work: takes jobs from its lane, renders and sends them, and says what became of each.
//!
//! While one message is on its way the next is already made, so that its envelope can travel with the last
//! bytes of the one before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::TrySendError;
use channel::{Handover, Message, Person, Recipient, RenderError, Renderer, SendOutcome, Sender, Session};
use jiff::Timestamp;
use store::{Address, Claimed, Clock, Contact, DeliveryId, OutboxMessage};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use tracking::Signer;

use crate::journal::Entry;
use crate::pacing::{ConnectionPermit, ConnectionPermits, Ticket};

/// A delivery whose intent is recorded: it may be begun.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) claimed: Claimed,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) entry: Entry,
    pub(crate) ticket: Ticket,
    pub(crate) permits: Arc<ConnectionPermits>,
}

/// What became of a job.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) id: DeliveryId,
    /// Tries including this one.
    pub(crate) attempts: i64,
    pub(crate) result: Result<SendOutcome, RenderError>,
    /// How long it took.
    pub(crate) took: Duration,
    /// The message, when the channel only keeps it.
    pub(crate) kept: Option<Box<OutboxMessage>>,
    /// Held until the outcome is recorded.
    pub(crate) _entry: Entry,
    pub(crate) ticket: Ticket,
    /// How long it has to wait with everything for the same receiver, and why.
    pub(crate) put_off: Option<(Duration, String)>,
}

/// What a line of work needs.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) jobs: async_channel::Receiver<Job>,
    /// Where a job goes whose receiver holds enough connections already.
    pub(crate) back: async_channel::Sender<Job>,
    pub(crate) done: mpsc::Sender<Done>,
    pub(crate) signer: Signer,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    /// The address that the channel needs of a contact; `None` for a feed.
    pub(crate) address: Option<Address>,
    /// The channel's name, when it is an outbox.
    pub(crate) outbox: Option<String>,
    /// The span of the lane, in which sends stand.
    pub(crate) lane: tracing::Span,
}

/// A message made, with the job that it is for.
struct Ready {
    slip: Slip,
    message: Message,
}

/// What a job is known by.
struct Slip {
    id: DeliveryId,
    attempts: i64,
    entry: Entry,
    ticket: Ticket,
    _permit: Option<ConnectionPermit>,
}

/// A connection nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// The first and the longest rest of a line that could not connect, while others may.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How soon a line looks again when every receiver holds as many connections as it may.
const FULL: Duration = Duration::from_millis(5);
/// So many jobs are looked at for one that can be made while another is under way.
const TRIED: usize = 8;
/// A message is kept waiting behind another no longer than this, or four times as long as they usually take.
const PATIENCE: Duration = Duration::from_secs(1);

impl Work {
    /// Works until the lane closes its queue.
    pub(crate) async fn run(self, mut session: Session) {
        let mut rest = REST.0;
        let mut next = None;
        let mut usual = Duration::ZERO;
        loop {
            let ready = match next.take() {
                Some(ready) => ready,
                None => match tokio::time::timeout(IDLE, self.take()).await {
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
            let patience = PATIENCE.max(usual * 4);
            let (delivery, attempt) = (ready.slip.id.0, ready.slip.attempts);
            let span = tracing::debug_span!(parent: &self.lane, "send", delivery, attempt);
            let done = self.attempt(&mut session, ready, &mut next, patience).instrument(span).await;
            usual = (usual * 7 + done.took) / 8;
            let down = matches!(done.result, Ok(SendOutcome::Down { .. } | SendOutcome::Barred { .. }));
            if self.done.send(done).await.is_err() {
                return;
            }
            if down {
                if let Some(ready) = next.take() {
                    let _ = self.done.send(ready.slip.withheld()).await;
                }
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(REST.1);
            } else {
                rest = REST.0;
            }
        }
        session.close().await;
    }

    /// The first job whose receiver may have another connection; none when the lane closed its queue.
    async fn take(&self) -> Option<(Job, ConnectionPermit)> {
        loop {
            for _ in 0..=self.jobs.len() {
                let job = self.jobs.recv().await.ok()?;
                if let Some(taken) = self.acquire(job).await {
                    return Some(taken);
                }
            }
            tokio::time::sleep(FULL).await;
        }
    }

    /// The message after the one in hand, if there is one.
    async fn next(&self) -> Option<Ready> {
        for _ in 0..TRIED {
            let Some((job, permit)) = self.acquire(self.jobs.try_recv().ok()?).await else { continue };
            match self.prepare(job, permit).await {
                Ok(ready) => return Some(ready),
                Err(done) => self.done.send(done).await.ok()?,
            }
        }
        None
    }

    /// A permit for a job; without one it goes back to the end of the queue.
    async fn acquire(&self, job: Job) -> Option<(Job, ConnectionPermit)> {
        if let Some(permit) = job.permits.try_acquire() {
            return Some((job, permit));
        }
        if let Err(TrySendError::Full(job) | TrySendError::Closed(job)) = self.back.try_send(job) {
            let _ = self.done.send(job.unbegun()).await;
        }
        None
    }

    /// Makes the message.
    async fn prepare(&self, job: Job, permit: ConnectionPermit) -> Result<Ready, Done> {
        let Job { claimed, renderer, entry, ticket, .. } = job;
        let attempts = claimed.attempts + 1;
        let slip = Slip { id: claimed.id, attempts, entry, ticket, _permit: Some(permit) };
        match self.make(claimed, &renderer).await {
            Ok(message) => Ok(Ready { slip, message }),
            Err(error) => Err(slip.done(Err(error), Duration::ZERO)),
        }
    }

    async fn make(&self, claimed: Claimed, renderer: &Renderer) -> Result<Message, RenderError> {
        let person = recipient(claimed.contact, claimed.to_address, self.address.as_ref());
        let message = renderer.render(&Recipient {
            person: person.as_ref(),
            token: &self.signer.token(claimed.name),
            message_id: &self.signer.message_id(claimed.name),
            date: claimed.scheduled_at.timestamp().unwrap_or(Timestamp::UNIX_EPOCH),
            again: claimed.repeats > 0,
        })?;
        if !self.sender.signs() {
            return Ok(message);
        }
        // A signature takes a millisecond: connections that wait for answers must not wait for it too.
        let sender = self.sender.clone();
        match tokio::task::spawn_blocking(move || sender.finish(message)).await {
            Ok(signed) => signed,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The process ends, and this with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Sends a message. The one after it is given back when this one takes longer than `patience`: it may be
    /// for somebody who is quicker. What was said of it ahead is lost with the connection.
    async fn attempt(
        &self,
        session: &mut Session,
        ready: Ready,
        next: &mut Option<Ready>,
        patience: Duration,
    ) -> Done {
        let begun = Instant::now();
        let Ready { slip, message } = ready;
        let (behind, mut waits) =
            next.take().map_or((None, None), |next| (Some(next.message), Some(next.slip)));
        let outcome = {
            let mut commit = || slip.entry.commit();
            let handover = Handover { next: behind.as_ref(), commit: &mut commit };
            let mut sending = std::pin::pin!(session.hand_over(&message, self.clock.now(), handover));
            match tokio::time::timeout(patience, &mut sending).await {
                Ok(outcome) => outcome,
                Err(_late) => {
                    if let Some(slip) = waits.take() {
                        let _ = self.done.send(slip.withheld()).await;
                    }
                    sending.await
                }
            }
        };
        *next = waits.zip(behind).map(|(slip, message)| Ready { slip, message });
        let accepted = matches!(outcome, SendOutcome::Accepted { .. });
        if !matches!(outcome, SendOutcome::Unknown { .. }) && self.outbox.is_none() {
            slip.entry.answered(accepted);
        }
        let kept = self.outbox.as_ref().filter(|_| accepted);
        let kept = kept.map(|channel| Box::new(keep(slip.id, channel, message)));
        Done { kept, ..slip.done(Ok(outcome), begun.elapsed()) }
    }
}

impl Slip {
    fn done(self, result: Result<SendOutcome, RenderError>, took: Duration) -> Done {
        Done {
            id: self.id,
            attempts: self.attempts,
            result,
            took,
            kept: None,
            _entry: self.entry,
            ticket: self.ticket,
            put_off: None,
        }
    }

    /// It was not begun after all.
    fn withheld(self) -> Done {
        self.done(Ok(SendOutcome::Withheld), Duration::ZERO)
    }
}

impl Job {
    /// It was not begun after all.
    pub(crate) fn unbegun(self) -> Done {
        let (id, attempts) = (self.claimed.id, self.claimed.attempts);
        Slip { id, attempts, entry: self.entry, ticket: self.ticket, _permit: None }.withheld()
    }
}

/// The recipient of a message: the contact, in a test copy with `to_address` in the place of their own address. A test
/// copy to an address that is no contact's is for a person of whom nothing else is known.
fn recipient(
    contact: Option<Contact>,
    to_address: Option<String>,
    needed: Option<&Address>,
) -> Option<Person> {
    let person = contact.map(person);
    let (Some(to), Some(needed)) = (to_address, needed) else { return person };
    let mut person = person.unwrap_or_default();
    match needed {
        Address::Email => person.email = Some(to),
        Address::Phone => person.phone = Some(to),
        Address::Attribute(name) => {
            person.attributes.insert(name.clone(), to.into());
        }
        Address::Anyone => {}
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

fn keep(delivery: DeliveryId, channel: &str, message: Message) -> OutboxMessage {
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
            text: post.said().to_owned(),
            raw: post.said().as_bytes().to_vec(),
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
            consent: store::Consent::Yes,
            attributes: attributes.as_object().unwrap().clone(),
            created_at: Millis::EPOCH,
        }
    }

    #[test]
    fn a_test_copy_goes_to_its_own_address_and_says_what_the_contact_would_read() {
        let chat = Address::Attribute("chat".to_owned());
        let to = || Some("elsewhere".to_owned());
        let own = person(contact());
        let attributes = serde_json::json!({ "first_name": "Mei", "chat": "elsewhere" });
        let expected = [
            (&Address::Email, Person { email: to(), ..own.clone() }),
            (&Address::Phone, Person { phone: to(), ..own.clone() }),
            (&chat, Person { attributes: attributes.as_object().unwrap().clone(), ..own.clone() }),
            (&Address::Anyone, own.clone()),
        ];
        for (needed, person) in expected {
            assert_eq!(recipient(Some(contact()), to(), Some(needed)), Some(person));
            assert_eq!(recipient(Some(contact()), None, Some(needed)), Some(own.clone()));
        }
    }

    #[test]
    fn a_test_copy_to_a_stranger_knows_nothing_but_the_address() {
        let to = || Some("owner@example.org".to_owned());
        let stranger = Person { email: to(), ..Person::default() };
        assert_eq!(recipient(None, to(), Some(&Address::Email)), Some(stranger));
        assert_eq!(recipient(None, None, Some(&Address::Email)), None);
        assert_eq!(recipient(None, to(), None), None, "a feed speaks to nobody");
    }
}
