//! One line of work: takes jobs from its lane, renders and sends them, and says what became of each.
//!
//! While one message is on its way the next is already made, so that its envelope can travel with the last
//! bytes of the one before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use channel::{Handover, Message, Person, Recipient, RenderError, Renderer, SendOutcome, Sender, Session};
use jiff::Timestamp;
use store::{Claimed, Clock, Contact, DeliveryId, OutboxMessage};
use tokio::sync::mpsc;
use tracking::Signer;

use crate::groups::Ticket;
use crate::journal::Entry;

/// A delivery whose intent is recorded: it may be begun.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) claimed: Claimed,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) entry: Entry,
    pub(crate) ticket: Ticket,
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
    pub(crate) done: mpsc::Sender<Done>,
    pub(crate) signer: Signer,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    /// The channel's name, when it is an outbox.
    pub(crate) outbox: Option<String>,
}

/// A message made, with the job that it is for.
struct Ready {
    id: DeliveryId,
    attempts: i64,
    message: Message,
    entry: Entry,
    ticket: Ticket,
}

/// A connection nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// The first and the longest rest of a line that could not connect, while others may.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Work {
    /// Works until the lane closes its queue.
    pub(crate) async fn run(self, mut session: Session) {
        let mut rest = REST.0;
        let mut next = None;
        loop {
            let ready = match next.take() {
                Some(ready) => ready,
                None => match tokio::time::timeout(IDLE, self.jobs.recv()).await {
                    Ok(Ok(job)) => match self.prepare(job).await {
                        Ok(ready) => ready,
                        Err(done) => {
                            let _ = self.done.send(done).await;
                            continue;
                        }
                    },
                    Ok(Err(_closed)) => break,
                    Err(_idle) => {
                        session.close().await;
                        continue;
                    }
                },
            };
            next = self.next().await;
            let done = self.attempt(&mut session, ready, next.as_ref()).await;
            let down = matches!(done.result, Ok(SendOutcome::Down { .. }));
            if self.done.send(done).await.is_err() {
                return;
            }
            if down {
                if let Some(ready) = next.take() {
                    let _ = self.done.send(ready.done(Ok(SendOutcome::Withheld), Duration::ZERO)).await;
                }
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(REST.1);
            } else {
                rest = REST.0;
            }
        }
        session.close().await;
    }

    /// The message after the one in hand, if there is one.
    async fn next(&self) -> Option<Ready> {
        loop {
            match self.prepare(self.jobs.try_recv().ok()?).await {
                Ok(ready) => return Some(ready),
                Err(done) => self.done.send(done).await.ok()?,
            }
        }
    }

    /// Makes the message.
    async fn prepare(&self, job: Job) -> Result<Ready, Done> {
        let id = job.claimed.id;
        let attempts = job.claimed.attempts + 1;
        match self.make(job.claimed, &job.renderer).await {
            Ok(message) => Ok(Ready { id, attempts, message, entry: job.entry, ticket: job.ticket }),
            Err(error) => Err(Done {
                id,
                attempts,
                result: Err(error),
                took: Duration::ZERO,
                kept: None,
                _entry: job.entry,
                ticket: job.ticket,
                put_off: None,
            }),
        }
    }

    async fn make(&self, claimed: Claimed, renderer: &Renderer) -> Result<Message, RenderError> {
        let person = claimed.contact.map(person);
        let message = renderer.render(&Recipient {
            person: person.as_ref(),
            token: &self.signer.token(claimed.id),
            message_id: &self.signer.message_id(claimed.id),
            date: Timestamp::from_millisecond(claimed.scheduled_at).unwrap_or(Timestamp::UNIX_EPOCH),
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

    async fn attempt(&self, session: &mut Session, ready: Ready, next: Option<&Ready>) -> Done {
        let begun = Instant::now();
        let entry = &ready.entry;
        let handover = Handover { next: next.map(|next| &next.message), commit: &mut || entry.commit() };
        let outcome = session.hand_over(&ready.message, self.clock.now(), handover).await;
        let accepted = matches!(outcome, SendOutcome::Accepted { .. });
        if !matches!(outcome, SendOutcome::Unknown { .. }) && self.outbox.is_none() {
            entry.answered(accepted);
        }
        let kept = self.outbox.as_ref().filter(|_| accepted);
        let kept = kept.map(|channel| Box::new(keep(ready.id, channel, ready.message.clone())));
        Done { kept, ..ready.done(Ok(outcome), begun.elapsed()) }
    }
}

impl Ready {
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
}

impl Job {
    /// It was not begun after all.
    pub(crate) fn unbegun(self) -> Done {
        Done {
            id: self.claimed.id,
            attempts: self.claimed.attempts,
            result: Ok(SendOutcome::Withheld),
            took: Duration::ZERO,
            kept: None,
            _entry: self.entry,
            ticket: self.ticket,
            put_off: None,
        }
    }
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
            recipient: String::new(),
            subject: post.id,
            html: String::new(),
            text: post.body.clone(),
            raw: post.body.into_bytes(),
        },
    }
}
