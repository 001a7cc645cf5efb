//! One line of work: takes jobs from its lane, renders and sends them, and says what became of each.

use std::sync::Arc;
use std::time::Duration;

use channel::{Message, Person, Recipient, Renderer, SendOutcome, Session};
use jiff::Timestamp;
use store::{Claimed, Clock, Contact, DeliveryId, OutboxMessage};
use tokio::sync::mpsc;
use tracking::Signer;

/// A delivery whose intent is recorded: it may be begun.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) claimed: Claimed,
    pub(crate) renderer: Arc<Renderer>,
}

/// What became of a job.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) id: DeliveryId,
    /// Tries including this one.
    pub(crate) attempts: i64,
    pub(crate) result: Result<SendOutcome, channel::RenderError>,
    /// The message, when the channel only keeps it.
    pub(crate) kept: Option<OutboxMessage>,
}

/// What a line of work needs.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) jobs: async_channel::Receiver<Job>,
    pub(crate) done: mpsc::Sender<Done>,
    pub(crate) signer: Signer,
    pub(crate) clock: Clock,
    /// The channel's name, when it is an outbox.
    pub(crate) outbox: Option<String>,
}

/// A connection nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// The first and the longest rest of a line that could not connect, while others may.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Work {
    /// Works until the lane closes its queue.
    pub(crate) async fn run(self, mut session: Session) {
        let mut rest = REST.0;
        loop {
            match tokio::time::timeout(IDLE, self.jobs.recv()).await {
                Ok(Ok(job)) => {
                    let done = self.attempt(&mut session, job).await;
                    let down = matches!(done.result, Ok(SendOutcome::Down { .. }));
                    if self.done.send(done).await.is_err() {
                        return;
                    }
                    if down {
                        tokio::time::sleep(rest).await;
                        rest = (rest * 2).min(REST.1);
                    } else {
                        rest = REST.0;
                    }
                }
                Ok(Err(_closed)) => break,
                Err(_idle) => session.close().await,
            }
        }
        session.close().await;
    }

    async fn attempt(&self, session: &mut Session, job: Job) -> Done {
        let id = job.claimed.id;
        let attempts = job.claimed.attempts + 1;
        let message = match self.render(job) {
            Ok(message) => message,
            Err(error) => return Done { id, attempts, result: Err(error), kept: None },
        };
        let outcome = session.send(&message, self.clock.now()).await;
        let accepted = matches!(outcome, SendOutcome::Accepted { .. });
        let kept = self.outbox.as_ref().filter(|_| accepted).map(|channel| keep(id, channel, message));
        Done { id, attempts, result: Ok(outcome), kept }
    }

    fn render(&self, job: Job) -> Result<Message, channel::RenderError> {
        let id = job.claimed.id;
        let person = job.claimed.contact.map(person);
        let date = Timestamp::from_millisecond(job.claimed.scheduled_at).unwrap_or(Timestamp::UNIX_EPOCH);
        job.renderer.render(&Recipient {
            person: person.as_ref(),
            token: &self.signer.token(id),
            message_id: &self.signer.message_id(id),
            date,
        })
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
