//! The event writer: a bounded queue that no request waits for, and one task that writes its events
//! in batches.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::{Clock, HitClassifier, NewEvent, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::goals::Goals;
use crate::{bot_detection, burst_detection, goals};

/// Maximum number of queued events; about 25 MB.
pub(crate) const QUEUE_CAPACITY: usize = 65_536;
/// Maximum number of events that are written in one transaction.
const BATCH_SIZE: usize = 5_000;
/// The time that the first event of a batch waits for others.
const BATCH_WINDOW: Duration = Duration::from_millis(100);
/// Initial and maximum delay before a failed batch is retried; the delay doubles each time.
const RETRY_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// The time that a shutdown waits for a database that does not answer.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The sending end of the queue. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EventSender {
    queue: mpsc::Sender<NewEvent>,
    shed: Arc<AtomicU64>,
}

impl EventSender {
    /// Queues an event, or drops it and counts it as shed if the queue is full. Never waits.
    pub(crate) fn send(&self, event: NewEvent) {
        if self.queue.try_send(event).is_err() {
            self.shed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of events in the queue. The batch that is being written is not included.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns the number of events that were shed since the start.
    pub(crate) fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
}

/// The owner's handle to the writing task.
#[derive(Debug)]
pub(crate) struct EventWriter {
    task: JoinHandle<()>,
    /// The time by which the task must have ended; `None` before the shutdown.
    deadline: watch::Sender<Option<Instant>>,
}

impl EventWriter {
    /// Starts the task with a queue of `capacity` events.
    pub(crate) fn start(store: Store, clock: Clock, goals: Goals, capacity: usize) -> (EventSender, Self) {
        let (queue, events) = mpsc::channel(capacity);
        let (deadline, deadlines) = watch::channel(None);
        let shed = Arc::new(AtomicU64::new(0));
        let task =
            WriterTask { store, clock, goals, events, deadlines, shed: Arc::clone(&shed), reported: 0 };
        (EventSender { queue, shed }, Self { task: tokio::spawn(task.run()), deadline })
    }

    /// Closes the queue, writes the queued events and ends the task. Takes at most twice
    /// [`SHUTDOWN_GRACE`], even if the database does not answer.
    pub(crate) async fn finish(mut self) {
        self.deadline.send_replace(Some(Instant::now() + SHUTDOWN_GRACE));
        if timeout(SHUTDOWN_GRACE * 2, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::error!("the writer of opens and clicks did not end in time; its events are lost");
        }
    }
}

struct WriterTask {
    store: Store,
    clock: Clock,
    goals: Goals,
    events: mpsc::Receiver<NewEvent>,
    deadlines: watch::Receiver<Option<Instant>>,
    shed: Arc<AtomicU64>,
    /// The number of shed events that have been logged.
    reported: u64,
}

impl WriterTask {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.fill_batch(&mut batch).await {
            self.write(&batch).await;
            batch.clear();
            self.log_shed();
        }
    }

    /// Fills a batch. Returns false if the queue is closed and empty.
    async fn fill_batch(&mut self, batch: &mut Vec<NewEvent>) -> bool {
        let first = tokio::select! {
            biased;
            () = deadline_set(&mut self.deadlines), if !self.events.is_closed() => None,
            received = self.events.recv_many(batch, BATCH_SIZE) => Some(received),
        };
        if first.is_none() {
            self.events.close();
            return self.events.recv_many(batch, BATCH_SIZE).await > 0;
        }
        let until = Instant::now() + BATCH_WINDOW;
        while !batch.is_empty() && batch.len() < BATCH_SIZE {
            let room = BATCH_SIZE - batch.len();
            match timeout_at(until, self.events.recv_many(batch, room)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        !batch.is_empty()
    }

    /// Writes a batch, and retries until it succeeds or the deadline has passed.
    async fn write(&mut self, batch: &[NewEvent]) {
        let mut delay = RETRY_BACKOFF.0;
        while !self.try_write(batch).await {
            if self.is_past_deadline() {
                tracing::error!(events = batch.len(), "opens and clicks are lost");
                return;
            }
            tokio::select! {
                () = sleep(delay) => delay = (delay * 2).min(RETRY_BACKOFF.1),
                () = deadline_changed(&mut self.deadlines) => delay = RETRY_BACKOFF.0,
            }
        }
    }

    /// Tries once to write a batch. Returns true if it was written.
    async fn try_write(&self, batch: &[NewEvent]) -> bool {
        let goals = |name: &str| goals::goals(&self.goals, name);
        let classifier = HitClassifier {
            window: burst_detection::WINDOW,
            classify: &burst_detection::find_bursts,
            actor: bot_detection::BURST,
            goals: &goals,
        };
        let written = self.store.event_record_classified(batch, &classifier, self.clock.millis()).await;
        if let Err(error) = &written {
            tracing::warn!(%error, events = batch.len(), "opens and clicks could not be written yet");
        }
        written.is_ok()
    }

    fn is_past_deadline(&self) -> bool {
        self.deadlines.borrow().is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn log_shed(&mut self) {
        let shed = self.shed.load(Ordering::Relaxed);
        if shed > self.reported {
            tracing::warn!(shed = shed - self.reported, "opens and clicks were not kept: the queue was full");
            self.reported = shed;
        }
    }
}

/// Waits until a deadline is set; never returns if the owner is dropped without setting one.
async fn deadline_set(deadlines: &mut watch::Receiver<Option<Instant>>) {
    if deadlines.wait_for(Option::is_some).await.is_err() {
        pending::<()>().await;
    }
}

/// Waits until the deadline is set or changed; never returns if the owner is dropped.
async fn deadline_changed(deadlines: &mut watch::Receiver<Option<Instant>>) {
    if deadlines.changed().await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use campaign::OnUncertain;
    use jiff::Timestamp;
    use store::{
        ContactId, DeliveryId, EventKind, Millis, NewContact, NewRun, RecipientAddress, RecipientSource,
        RunId, RunKind,
    };

    use super::*;

    /// The id of the delivery of the first run to the first contact.
    const DELIVERY: DeliveryId = DeliveryId::new(RunId(1), ContactId(1));

    fn click() -> NewEvent {
        let (kind, actor) = (EventKind::Clicked, "human".to_owned());
        NewEvent {
            kind,
            delivery: DELIVERY.into(),
            link: None,
            occurred_at: Millis::new(1),
            actor,
            detail: None,
        }
    }

    fn clock() -> Clock {
        Clock::fixed(Timestamp::UNIX_EPOCH)
    }

    /// Returns the state of a writer whose task is not started.
    fn writer_task(store: Store) -> (WriterTask, mpsc::Sender<NewEvent>, watch::Sender<Option<Instant>>) {
        let (queue, events) = mpsc::channel(1);
        let (deadline, deadlines) = watch::channel(None);
        (
            WriterTask {
                store,
                clock: clock(),
                goals: Goals::default(),
                events,
                deadlines,
                shed: Arc::default(),
                reported: 0,
            },
            queue,
            deadline,
        )
    }

    async fn clicks(store: &Store) -> usize {
        store.event_of_contact(ContactId(1), 100).await.unwrap().len()
    }

    /// Creates the tables, one contact and one run to it.
    async fn prepare(store: &Store) {
        store.migrate().await.unwrap();
        let contact = NewContact { email: Some("mei@example.org".to_owned()), ..NewContact::default() };
        store.contact_upsert(&[contact], Millis::EPOCH).await.unwrap();
        let revision = store.revision_put("hash", "spring", "mail", "{}", &[], Millis::EPOCH).await.unwrap();
        let run = NewRun {
            campaign: "spring".to_owned(),
            step: "mail".to_owned(),
            channel: "email".to_owned(),
            instant: Millis::EPOCH,
            kind: RunKind::Manual,
            revision_id: revision.id,
            parent_id: None,
            condition: None,
            on_uncertain: OnUncertain::Resend,
            look_after: 0,
            cost_micros: campaign::Money::ZERO,
            currency: String::new(),
            expires_at: Millis::new(1_000),
            origin: store::RunOrigin::default(),
        };
        let run = store.run_insert(&run, Millis::EPOCH).await.unwrap().unwrap();
        let recipients = RecipientSource::One {
            contact: ContactId(1),
            address: RecipientAddress::Email,
            due_at: Millis::EPOCH,
        };
        store.run_plan(run, &recipients, Millis::EPOCH).await.unwrap();
        assert_eq!(DeliveryId::new(run, ContactId(1)), DELIVERY);
    }

    #[tokio::test]
    async fn a_full_queue_sheds_new_events_and_writes_the_queued_ones() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        prepare(&store).await;
        let (events, writer) = EventWriter::start(store.clone(), clock(), Goals::default(), 2);
        // The task has not run yet, because nothing has yielded since its start.
        for _ in 0..5 {
            events.send(click());
        }
        assert_eq!(events.shed(), 3);
        writer.finish().await;
        assert_eq!(clicks(&store).await, 2);
        events.send(click());
        assert_eq!(events.shed(), 4, "events after the shutdown are counted, too");
    }

    #[tokio::test]
    async fn a_failed_batch_is_written_when_the_database_is_back() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let (task, _events, _deadline) = writer_task(store.clone());
        let batch = [click()];
        assert!(!task.try_write(&batch).await, "there are no tables");
        prepare(&store).await;
        assert!(task.try_write(&batch).await);
        assert_eq!(clicks(&store).await, 1);
    }

    #[tokio::test]
    async fn a_queue_longer_than_a_batch_is_written_completely() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        prepare(&store).await;
        let (events, writer) = EventWriter::start(store.clone(), clock(), Goals::default(), QUEUE_CAPACITY);
        for _ in 0..BATCH_SIZE + 10 {
            events.send(click());
        }
        writer.finish().await;
        let all = i64::try_from(BATCH_SIZE).unwrap() + 100;
        assert_eq!(store.event_of_contact(ContactId(1), all).await.unwrap().len(), BATCH_SIZE + 10);
    }

    #[tokio::test]
    async fn it_ends_even_if_the_database_is_unavailable() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.close().await;
        tokio::time::pause();
        let (events, writer) = EventWriter::start(store, clock(), Goals::default(), 10);
        events.send(click());
        let began = Instant::now();
        writer.finish().await;
        assert!(began.elapsed() < SHUTDOWN_GRACE * 2, "it ended without being aborted");
    }
}
