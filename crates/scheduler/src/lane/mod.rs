//! One channel's way: claim what is due, record the intent, hand it to the sessions, record what they say.
//!
//! **Invariant.** Nothing is handed to a session before the commit that names it as an intent, and no
//! transaction is open while a session sends. One commit records the outcomes of the last deliveries and the
//! intents of the next. At most `window` deliveries are begun and not recorded; which of them are really in
//! doubt when the process dies, the journal tells.

mod checks;
mod claim;
mod commit;
mod pace;
mod servers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_channel::TrySendError;
use campaign::Channel;
use channel::{Renderer, SendOutcome, Sender};
use jiff::tz::TimeZone;
use store::{Claimed, Clock, DeliveryId, LeaseId, Millis, Run, RunId, Store};
use tokio::sync::Notify;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracking::Signer;

use crate::journal::Journal;
use crate::pacing::Groups;
use crate::renderers::Renderers;
use crate::rest::Rest;
use crate::session::{Done, Job, Work};
use checks::Checks;

/// How often an idle lane looks for what has fallen due.
const LOOK: Duration = Duration::from_millis(250);
/// How long a lane of a worker that ends waits for answers.
const DRAIN: Duration = Duration::from_secs(6);
/// How many deliveries are with the sessions at once, for each of them. More make larger commits.
const AHEAD: usize = 32;
/// How many of a channel's messages may be received twice after one worker came to a bad end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RepeatBound {
    /// When its process was killed: those that were waiting for their final answer, one for each connection.
    pub killed: usize,
    /// When its machine was lost, and its journal with it: everything begun.
    pub machine_lost: usize,
}

impl RepeatBound {
    /// The bound of a channel.
    #[must_use]
    pub const fn of(channel: &Channel) -> Self {
        Self { killed: channel.connections, machine_lost: channel.connections * AHEAD }
    }
}

/// How long outcomes may wait for more to be committed with, while the sessions have enough to do, and how
/// often they are counted meanwhile. The journal has them already.
const GATHER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(4));

/// What a lane needs.
pub(crate) struct Lane {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) signer: Signer,
    pub(crate) renderers: Renderers,
    pub(crate) lease: LeaseId,
    pub(crate) journal: Journal,
    pub(crate) channel: Channel,
    pub(crate) sender: Sender,
    /// Where the brand's days begin and end.
    pub(crate) zone: TimeZone,
    /// The channel's running runs.
    pub(crate) runs: watch::Receiver<Arc<[Run]>>,
    /// Changes whenever the worker has looked at the runs.
    pub(crate) looked: watch::Receiver<()>,
    pub(crate) signals: Signals,
}

/// What a lane is told, and what it tells.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// Begin nothing more; wait for every answer, however long it takes.
    pub(crate) stop: CancellationToken,
    /// The worker ends: wait for answers no longer than [`DRAIN`].
    pub(crate) hurry: CancellationToken,
    /// The lease is somebody else's: what is not begun may not be, and nothing can be recorded.
    pub(crate) lost: CancellationToken,
    /// Tells the worker that a lane has nothing left to do: a run may have ended.
    pub(crate) idle: Arc<Notify>,
    /// Set when the database did not say what became of a commit: rows may be in nobody's hands until the lease
    /// is closed.
    pub(crate) unclear: Arc<AtomicBool>,
}

/// Claimed, not begun.
struct Waiting {
    claimed: Claimed,
    renderer: Arc<Renderer>,
}

/// Claimed, and not to be begun before a time.
struct Later {
    waiting: Waiting,
    until: Millis,
    why: String,
}

/// A lane at work.
struct Working {
    lane: Lane,
    groups: Groups,
    window: usize,
    runs: Arc<[Run]>,
    jobs: async_channel::Sender<Job>,
    /// The sessions' end of `jobs`: what is not begun yet can be taken back.
    queue: async_channel::Receiver<Job>,
    results: mpsc::Receiver<Done>,
    ready: VecDeque<Waiting>,
    /// To be given back at once: their runs stopped or were revised.
    stale: Vec<DeliveryId>,
    /// To be given back until their times, with the next commit.
    put_off: Vec<Later>,
    /// With the sessions.
    in_flight: usize,
    /// Not yet recorded.
    outcomes: Vec<Done>,
    /// Answers, and refusals among them, since the worker was last asked to look at the runs.
    answers: usize,
    refusals: usize,
    /// Which run is asked first next time.
    turn: usize,
    next_look: Instant,
    /// Whether there was something to do since the worker was last told that there is not.
    was_busy: bool,
    rest: Rest,
    /// Why nothing goes through the channel until somebody mends it, while its runs have not been paused.
    barred: Option<String>,
    checks: Checks,
    metrics: telemetry::Channel,
    sessions: JoinSet<()>,
}

impl Lane {
    /// Works until told to stop, then waits for answers and gives back what it did not begin. True when
    /// everything was recorded.
    pub(crate) async fn run(self) -> bool {
        Working::start(self).run().await
    }
}

impl Working {
    fn start(mut lane: Lane) -> Self {
        let connections = lane.channel.connections;
        let window = connections * AHEAD;
        let (jobs, queue) = async_channel::bounded(window);
        let (done, results) = mpsc::channel(window);
        let outbox = lane.sender.is_outbox().then(|| lane.channel.id.to_string());
        let work = Work {
            jobs: queue.clone(),
            back: jobs.clone(),
            done,
            signer: lane.signer.clone(),
            sender: lane.sender.clone(),
            clock: lane.clock.clone(),
            address: crate::recipients::address(&lane.channel),
            outbox,
            lane: tracing::Span::current(),
        };
        let mut sessions = JoinSet::new();
        for _ in 0..connections {
            sessions.spawn(work.clone().run(lane.sender.session()));
        }
        let servers = servers::servers(&lane.channel, &mut sessions);
        let runs = Arc::clone(&lane.runs.borrow_and_update());
        Self {
            groups: Groups::new(&lane.channel, window, !lane.sender.is_outbox(), servers),
            window,
            runs,
            jobs,
            queue,
            results,
            ready: VecDeque::new(),
            stale: Vec::new(),
            put_off: Vec::new(),
            in_flight: 0,
            outcomes: Vec::new(),
            answers: 0,
            refusals: 0,
            turn: 0,
            next_look: Instant::now(),
            was_busy: true,
            rest: Rest::default(),
            barred: None,
            checks: Checks::default(),
            metrics: telemetry::Channel::of(lane.channel.id.as_str()),
            sessions,
            lane,
        }
    }

    async fn run(mut self) -> bool {
        let signals = self.lane.signals.clone();
        self.recall().await;
        while !signals.stop.is_cancelled() {
            self.hear();
            self.release().await;
            self.tell().await;
            self.claim().await;
            self.gather().await;
            let intents = self.intents();
            self.refill().await;
            if intents.is_empty() && self.outcomes.is_empty() && self.put_off.is_empty() {
                self.pause().await;
            } else {
                self.commit(intents).await;
            }
        }
        self.drain().await
    }

    /// Hears which runs are running; what a stopped run has queued is not begun.
    fn hear(&mut self) {
        if !self.lane.runs.has_changed().unwrap_or(false) {
            return self.take_back_stalled();
        }
        let before = std::mem::replace(&mut self.runs, Arc::clone(&self.lane.runs.borrow_and_update()));
        self.next_look = Instant::now();
        let (before, runs) = (before, Arc::clone(&self.runs));
        // A run that was revised says something else now.
        let goes_on = |run: RunId| {
            let revision = |of: &[Run]| of.iter().find(|other| other.id == run).map(|run| run.revision_id);
            revision(&runs).is_some_and(|now| revision(&before).is_none_or(|then| then == now))
        };
        self.take_back(|job, _| goes_on(job.claimed.id.run()));
        let stale = self.ready.iter().filter(|waiting| !goes_on(waiting.claimed.id.run()));
        self.stale.extend(stale.map(|waiting| waiting.claimed.id));
        self.ready.retain(|waiting| goes_on(waiting.claimed.id.run()));
    }

    /// Gives back what was claimed of runs that stopped or were revised.
    async fn release(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        match self.lane.store.delivery_release(self.lane.lease, &self.stale).await {
            Ok(()) => self.stale.clear(),
            Err(error) => tracing::warn!(%error, "cannot give deliveries back; trying again"),
        }
    }

    /// Takes back what the sessions have not begun, but for what `keeps` holds.
    fn take_back(&mut self, keeps: impl Fn(&Job, &Groups) -> bool) {
        let queued: Vec<_> = std::iter::from_fn(|| self.queue.try_recv().ok()).collect();
        for job in queued {
            let back = if keeps(&job, &self.groups) {
                self.jobs.try_send(job).err()
            } else {
                Some(TrySendError::Full(job))
            };
            if let Some(TrySendError::Full(job) | TrySendError::Closed(job)) = back {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.groups.returned(job.ticket);
                self.outcomes.push(job.unbegun());
            }
        }
    }

    /// Lets outcomes gather for a larger commit, while the sessions have enough to do.
    async fn gather(&mut self) {
        self.collect();
        let begun = Instant::now();
        while self.in_flight > self.window / 2
            && self.outcomes.len() < self.window / 4
            && begun.elapsed() < GATHER.0
            && !self.lane.signals.stop.is_cancelled()
        {
            tokio::time::sleep(GATHER.1).await;
            self.collect();
        }
    }

    fn collect(&mut self) {
        while let Ok(done) = self.results.try_recv() {
            self.took(done);
        }
    }

    fn took(&mut self, mut done: Done) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.learn(&mut done);
        match &done.result {
            Ok(SendOutcome::Down { answer }) => self.rest.begin(&self.lane.channel.id, answer),
            Ok(SendOutcome::Barred { answer }) => {
                self.rest.pause();
                self.barred.get_or_insert_with(|| answer.clone());
            }
            Ok(SendOutcome::Withheld) | Err(_) => {}
            Ok(_) => self.rest.end(),
        }
        self.outcomes.push(done);
    }

    /// Says on the runs' pages what holds them up.
    async fn tell(&mut self) {
        self.tell_of_receivers().await;
        self.tell_that_it_is_barred().await;
        let Some(note) = self.rest.take_note() else { return };
        for run in self.runs.iter() {
            if let Err(error) = self.lane.store.run_note(run.id, &note).await {
                tracing::warn!(%error, "cannot note why a run waits");
            }
        }
    }

    /// Pauses the runs of a channel that nothing goes through any more until somebody mends it.
    async fn tell_that_it_is_barred(&mut self) {
        let Some(answer) = &self.barred else { return };
        let channel = &self.lane.channel.id;
        match self.lane.store.runs_pause_channel(channel.as_str(), answer).await {
            Ok(runs) => {
                tracing::warn!(%channel, answer, runs = runs.len(), "the channel is barred; its runs pause");
                self.barred = None;
                self.lane.signals.idle.notify_one();
            }
            Err(error) => tracing::warn!(%error, "cannot pause the runs of a channel that is barred"),
        }
    }

    /// Waits for an answer, for the rate, or for something new to do.
    async fn pause(&mut self) {
        let idle = self.in_flight == 0 && self.ready.is_empty();
        if idle && std::mem::take(&mut self.was_busy) {
            self.lane.signals.idle.notify_one();
        }
        let sleep = self.wait().min(LOOK);
        let (stop, asleep) = (self.lane.signals.stop.clone(), self.runs.is_empty() && idle);
        tokio::select! {
            Some(done) = self.results.recv() => self.took(done),
            changed = self.lane.runs.changed() => {
                // Seen by `hear`, or nobody is there to tell anything any more.
                if changed.is_ok() { self.lane.runs.mark_changed(); } else { stop.cancel(); }
            }
            // Sessions end when they are told to; one that ends before has failed.
            Some(_) = self.sessions.join_next() => stop.cancel(),
            () = tokio::time::sleep(sleep), if !asleep => {}
            () = stop.cancelled() => {}
        }
    }
}
