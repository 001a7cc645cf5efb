//! From requests to rows: a bounded queue that no request waits for, and one task that writes it in batches.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::{Clock, Judge, NewEvent, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::goals::Goals;
use crate::{actor, burst, goals};

/// How many events may wait: some 25 MB at most.
pub(crate) const QUEUE: usize = 65_536;
/// How many are written in one transaction.
const BATCH: usize = 5_000;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// How long a failed batch waits before it is tried again: doubled each time, from the first to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long a database that does not answer is waited for once the process wants to end.
const GIVE_UP: Duration = Duration::from_secs(5);

/// The way in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    queue: mpsc::Sender<NewEvent>,
    shed: Arc<AtomicU64>,
}

impl Intake {
    /// Takes an event, or counts it as shed when the queue is full. Never waits.
    pub(crate) fn take(&self, event: NewEvent) {
        if self.queue.try_send(event).is_err() {
            self.shed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of events that wait to be written. Those of a batch that is being written are not among them.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// How many events were shed since the start.
    pub(crate) fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
}

/// The task, as its owner holds it.
#[derive(Debug)]
pub(crate) struct Writer {
    task: JoinHandle<()>,
    /// When the task must have ended; `None` while it runs.
    end: watch::Sender<Option<Instant>>,
}

impl Writer {
    /// Starts the task with a queue of `capacity`.
    pub(crate) fn start(store: Store, clock: Clock, goals: Goals, capacity: usize) -> (Intake, Self) {
        let (queue, events) = mpsc::channel(capacity);
        let (end, ends) = watch::channel(None);
        let shed = Arc::new(AtomicU64::new(0));
        let work = Work { store, clock, goals, events, ends, shed: Arc::clone(&shed), told: 0 };
        (Intake { queue, shed }, Self { task: tokio::spawn(work.run()), end })
    }

    /// Takes no more, writes what is queued, and ends: within [`GIVE_UP`] or so even if the database is gone.
    pub(crate) async fn finish(mut self) {
        self.end.send_replace(Some(Instant::now() + GIVE_UP));
        if timeout(GIVE_UP * 2, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::error!("the writer of opens and clicks did not end in time; what it held is lost");
        }
    }
}

struct Work {
    store: Store,
    clock: Clock,
    goals: Goals,
    events: mpsc::Receiver<NewEvent>,
    ends: watch::Receiver<Option<Instant>>,
    shed: Arc<AtomicU64>,
    /// How many shed events have been told to the log.
    told: u64,
}

impl Work {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.gather(&mut batch).await {
            self.write(&batch).await;
            batch.clear();
            self.tell_shed();
        }
    }

    /// Fills a batch; false when the queue is closed and empty.
    async fn gather(&mut self, batch: &mut Vec<NewEvent>) -> bool {
        let first = tokio::select! {
            biased;
            () = ended(&mut self.ends), if !self.events.is_closed() => None,
            taken = self.events.recv_many(batch, BATCH) => Some(taken),
        };
        if first.is_none() {
            self.events.close();
            return self.events.recv_many(batch, BATCH).await > 0;
        }
        let until = Instant::now() + GATHER;
        while !batch.is_empty() && batch.len() < BATCH {
            let room = BATCH - batch.len();
            match timeout_at(until, self.events.recv_many(batch, room)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        !batch.is_empty()
    }

    /// Writes a batch, however long that takes; until the end, when there is one.
    async fn write(&mut self, batch: &[NewEvent]) {
        let mut pause = BACK_OFF.0;
        while !self.is_written(batch).await {
            if self.is_over() {
                tracing::error!(events = batch.len(), "opens and clicks are lost");
                return;
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(BACK_OFF.1),
                () = changed(&mut self.ends) => pause = BACK_OFF.0,
            }
        }
    }

    /// Tries once.
    async fn is_written(&self, batch: &[NewEvent]) -> bool {
        let goals = |name: &str| goals::goals(&self.goals, name);
        let judge = Judge { around: burst::AROUND, judge: &burst::judge, actor: actor::BURST, goals: &goals };
        let written = self.store.event_record_judged(batch, &judge, self.clock.millis()).await;
        if let Err(error) = &written {
            tracing::warn!(%error, events = batch.len(), "opens and clicks wait");
        }
        written.is_ok()
    }

    fn is_over(&self) -> bool {
        self.ends.borrow().is_some_and(|end| Instant::now() >= end)
    }

    fn tell_shed(&mut self) {
        let shed = self.shed.load(Ordering::Relaxed);
        if shed > self.told {
            tracing::warn!(shed = shed - self.told, "opens and clicks were not kept: the queue was full");
            self.told = shed;
        }
    }
}

/// Waits until an end is set; for ever if the owner went away without setting one.
async fn ended(ends: &mut watch::Receiver<Option<Instant>>) {
    if ends.wait_for(Option::is_some).await.is_err() {
        pending::<()>().await;
    }
}

/// Waits until the end is set or moved; for ever if the owner went away.
async fn changed(ends: &mut watch::Receiver<Option<Instant>>) {
    if ends.changed().await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use campaign::OnUncertain;
    use jiff::Timestamp;
    use store::{
        Address, ContactId, DeliveryId, EventKind, Millis, NewContact, NewRun, Planned, RunId, RunKind,
    };

    use super::*;

    /// What the first contact's delivery of the first run will be called.
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

    /// The task's inside, not started.
    fn work(store: Store) -> (Work, mpsc::Sender<NewEvent>, watch::Sender<Option<Instant>>) {
        let (queue, events) = mpsc::channel(1);
        let (end, ends) = watch::channel(None);
        (
            Work {
                store,
                clock: clock(),
                goals: Goals::default(),
                events,
                ends,
                shed: Arc::default(),
                told: 0,
            },
            queue,
            end,
        )
    }

    async fn clicks(store: &Store) -> usize {
        store.event_of_contact(ContactId(1), 100).await.unwrap().len()
    }

    /// Makes the tables, one contact and one run that goes to it.
    async fn prepare(store: &Store) {
        store.migrate().await.unwrap();
        let email = Some("mei@example.org".to_owned());
        let (external_id, phone, language, timezone, consent) = (None, None, None, None, None);
        let attributes = serde_json::Map::new();
        let person = NewContact { external_id, email, phone, language, timezone, consent, attributes };
        store.contact_upsert(&[person], Millis::EPOCH).await.unwrap();
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
            origin: store::Origin::default(),
        };
        let run = store.run_insert(&run, Millis::EPOCH).await.unwrap().unwrap();
        let whom = Planned::One { contact: ContactId(1), address: Address::Email, due_at: Millis::EPOCH };
        store.run_plan(run, &whom, Millis::EPOCH).await.unwrap();
        assert_eq!(DeliveryId::new(run, ContactId(1)), DELIVERY);
    }

    #[tokio::test]
    async fn a_full_queue_sheds_and_counts_and_keeps_what_it_has() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        prepare(&store).await;
        let (intake, writer) = Writer::start(store.clone(), clock(), Goals::default(), 2);
        // The task has not run yet: nothing waits here.
        for _ in 0..5 {
            intake.take(click());
        }
        assert_eq!(intake.shed(), 3);
        writer.finish().await;
        assert_eq!(clicks(&store).await, 2);
        intake.take(click());
        assert_eq!(intake.shed(), 4, "what comes after the end is counted too");
    }

    #[tokio::test]
    async fn a_batch_that_failed_is_written_when_the_database_is_back() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let (work, _events, _end) = work(store.clone());
        let batch = [click()];
        assert!(!work.is_written(&batch).await, "there are no tables");
        prepare(&store).await;
        assert!(work.is_written(&batch).await);
        assert_eq!(clicks(&store).await, 1);
    }

    #[tokio::test]
    async fn a_queue_longer_than_a_batch_is_written_whole() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        prepare(&store).await;
        let (intake, writer) = Writer::start(store.clone(), clock(), Goals::default(), QUEUE);
        for _ in 0..BATCH + 10 {
            intake.take(click());
        }
        writer.finish().await;
        let all = i64::try_from(BATCH).unwrap() + 100;
        assert_eq!(store.event_of_contact(ContactId(1), all).await.unwrap().len(), BATCH + 10);
    }

    #[tokio::test]
    async fn it_ends_without_a_database() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.close().await;
        tokio::time::pause();
        let (intake, writer) = Writer::start(store, clock(), Goals::default(), 10);
        intake.take(click());
        let began = Instant::now();
        writer.finish().await;
        assert!(began.elapsed() < GIVE_UP * 2, "it gave up by itself");
    }
}
