//! The lane of one channel: it claims due deliveries, records them as intents, hands them to the
//! sessions, and records their outcomes.
//!
//! **Invariant.** Nothing is handed to a session before the commit that names it as an intent, and
//! no transaction is open while a session sends. One commit records the outcomes of the last
//! deliveries and the intents of the next. At most `window` deliveries are begun and not recorded;
//! the journal shows which of them are really in doubt when the process dies.

mod admission;
mod claim;
mod commit;
mod mx_lookup;
mod periodic;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_channel::TrySendError;
use campaign::Channel;
use channel::{Renderer, SendOutcome, Sender};
use jiff::tz::TimeZone;
use store::{ClaimedDelivery, Clock, DeliveryId, LeaseId, Millis, Run, RunId, Store};
use tokio::sync::Notify;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracking::LinkSigner;

use crate::channel_backoff::ChannelBackoff;
use crate::journal::Journal;
use crate::pacing::ChannelRateLimiter;
use crate::renderers::Renderers;
use crate::session::{Job, JobResult, SessionWorker};
use periodic::PeriodicWork;

/// The interval at which an idle lane looks for due deliveries.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The time that a lane waits for answers when its worker shuts down.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// The number of deliveries that are handed to the sessions at once, per connection. A larger
/// number makes larger commits.
const DELIVERIES_PER_CONNECTION: usize = 32;

/// The largest number of a channel's messages that may be received twice after one worker died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RepeatBound {
    /// The number after its process was killed: messages that waited for their final answer, one
    /// per connection.
    pub killed: usize,
    /// The number after its machine was lost, with its journal: everything begun.
    pub machine_lost: usize,
}

impl RepeatBound {
    /// Returns the bound of a channel.
    #[must_use]
    pub const fn of(channel: &Channel) -> Self {
        Self { killed: channel.connections, machine_lost: channel.connections * DELIVERIES_PER_CONNECTION }
    }
}

/// The time that outcomes wait for others to be committed with, while the sessions have enough to
/// do. The journal has them already.
const GATHER_TIME: Duration = Duration::from_millis(20);
/// The interval at which outcomes are collected meanwhile.
const GATHER_POLL_INTERVAL: Duration = Duration::from_millis(4);

/// The configuration and the connections of a lane, before it runs.
pub(crate) struct Lane {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) signer: LinkSigner,
    pub(crate) renderers: Renderers,
    pub(crate) lease: LeaseId,
    pub(crate) journal: Journal,
    pub(crate) channel: Channel,
    pub(crate) sender: Sender,
    /// The brand's time zone, in which daily caps are counted.
    pub(crate) zone: TimeZone,
    /// The runs of the channel in the state `running`.
    pub(crate) runs: watch::Receiver<Arc<[Run]>>,
    /// Changes whenever the worker has checked the runs and the stop rules.
    pub(crate) runs_checked: watch::Receiver<()>,
    pub(crate) signals: Signals,
}

/// The signals between a worker and its lanes.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// Makes the lane begin nothing more, and wait for every answer, however long it takes.
    pub(crate) stop: CancellationToken,
    /// Makes the lane wait for answers no longer than [`DRAIN_TIMEOUT`], because the worker shuts
    /// down.
    pub(crate) shutdown: CancellationToken,
    /// Set when another worker has taken the lease over: nothing may be begun, and nothing can be
    /// recorded.
    pub(crate) lost: CancellationToken,
    /// Notifies the worker that a lane has nothing left to do: a run may have ended.
    pub(crate) idle: Arc<Notify>,
    /// Set when the result of a commit is not known: claimed rows may be processed by no lane until
    /// the lease is closed.
    pub(crate) in_doubt: Arc<AtomicBool>,
}

/// A delivery that is claimed and not begun.
struct ReadyDelivery {
    claimed: ClaimedDelivery,
    renderer: Arc<Renderer>,
}

/// A claimed delivery that must not begin before a time; it is given back to the database until
/// then.
struct Postponed {
    waiting: ReadyDelivery,
    until: Millis,
    why: String,
}

/// A running lane, with its queues and its state.
struct RunningLane {
    lane: Lane,
    rate_limiter: ChannelRateLimiter,
    window: usize,
    runs: Arc<[Run]>,
    jobs: async_channel::Sender<Job>,
    /// The receiving end of `jobs`, which the sessions share: jobs that are not begun can be taken
    /// back.
    queue: async_channel::Receiver<Job>,
    results: mpsc::Receiver<JobResult>,
    ready: VecDeque<ReadyDelivery>,
    /// Claimed deliveries that are to be released at once, because their runs stopped or were
    /// revised.
    stale: Vec<DeliveryId>,
    /// Deliveries that are given back until their times with the next commit.
    put_off: Vec<Postponed>,
    /// The number of jobs that the sessions have.
    in_flight: usize,
    /// The results that are not recorded yet.
    outcomes: Vec<JobResult>,
    /// The number of answers since the stop rules were last checked.
    answers: usize,
    /// The number of refusals among these answers.
    refusals: usize,
    /// The index of the run from which the next claim begins.
    next_run: usize,
    next_claim: Instant,
    /// True if there was work since the worker was last notified that there is none.
    was_busy: bool,
    backoff: ChannelBackoff,
    /// The answer that bars the channel until a person fixes it, while its runs are not paused yet.
    barred: Option<String>,
    periodic: PeriodicWork,
    metrics: telemetry::ChannelMetrics,
    sessions: JoinSet<()>,
}

impl Lane {
    /// Sends until it is stopped, then waits for answers and releases what it did not begin.
    /// Returns true if everything was recorded.
    pub(crate) async fn run(self) -> bool {
        RunningLane::start(self).run().await
    }
}

impl RunningLane {
    fn start(mut lane: Lane) -> Self {
        let connections = lane.channel.connections;
        let window = connections * DELIVERIES_PER_CONNECTION;
        let (jobs, queue) = async_channel::bounded(window);
        let (done, results) = mpsc::channel(window);
        let outbox = lane.sender.is_outbox().then(|| lane.channel.id.to_string());
        let work = SessionWorker {
            jobs: queue.clone(),
            back: jobs.clone(),
            done,
            signer: lane.signer.clone(),
            sender: lane.sender.clone(),
            clock: lane.clock.clone(),
            address: crate::recipients::required_address(&lane.channel),
            outbox,
            lane: tracing::Span::current(),
        };
        let mut sessions = JoinSet::new();
        for _ in 0..connections {
            sessions.spawn(work.clone().run(lane.sender.session()));
        }
        let mx_lookup = mx_lookup::start(&lane.channel, &mut sessions);
        let runs = Arc::clone(&lane.runs.borrow_and_update());
        Self {
            rate_limiter: ChannelRateLimiter::new(&lane.channel, window, !lane.sender.is_outbox(), mx_lookup),
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
            next_run: 0,
            next_claim: Instant::now(),
            was_busy: true,
            backoff: ChannelBackoff::default(),
            barred: None,
            periodic: PeriodicWork::default(),
            metrics: telemetry::ChannelMetrics::of(lane.channel.id.as_str()),
            sessions,
            lane,
        }
    }

    async fn run(mut self) -> bool {
        let signals = self.lane.signals.clone();
        self.restore().await;
        while !signals.stop.is_cancelled() {
            self.update_runs();
            self.release().await;
            self.report().await;
            self.claim().await;
            self.gather().await;
            let intents = self.intents();
            self.refill().await;
            if intents.is_empty() && self.outcomes.is_empty() && self.put_off.is_empty() {
                self.wait_for_work().await;
            } else {
                self.commit(intents).await;
            }
        }
        self.drain().await
    }

    /// Takes in the current list of running runs. Deliveries of runs that stopped or were revised
    /// are not begun.
    fn update_runs(&mut self) {
        if !self.lane.runs.has_changed().unwrap_or(false) {
            return self.take_back_stalled();
        }
        let before = std::mem::replace(&mut self.runs, Arc::clone(&self.lane.runs.borrow_and_update()));
        self.next_claim = Instant::now();
        let (before, runs) = (before, Arc::clone(&self.runs));
        // A run that was revised has another text now.
        let continues = |run: RunId| {
            let revision = |of: &[Run]| of.iter().find(|other| other.id == run).map(|run| run.revision_id);
            revision(&runs).is_some_and(|now| revision(&before).is_none_or(|then| then == now))
        };
        self.take_back(|job, _| continues(job.claimed.id.run()));
        let stale = self.ready.iter().filter(|waiting| !continues(waiting.claimed.id.run()));
        self.stale.extend(stale.map(|waiting| waiting.claimed.id));
        self.ready.retain(|waiting| continues(waiting.claimed.id.run()));
    }

    /// Releases claimed deliveries of runs that stopped or were revised.
    async fn release(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        match self.lane.store.delivery_release(self.lane.lease, &self.stale).await {
            Ok(()) => self.stale.clear(),
            Err(error) => tracing::warn!(%error, "cannot give deliveries back; trying again"),
        }
    }

    /// Takes back the jobs that the sessions have not begun, except those for which `keeps` is
    /// true.
    fn take_back(&mut self, keeps: impl Fn(&Job, &ChannelRateLimiter) -> bool) {
        let queued: Vec<_> = std::iter::from_fn(|| self.queue.try_recv().ok()).collect();
        for job in queued {
            let back = if keeps(&job, &self.rate_limiter) {
                self.jobs.try_send(job).err()
            } else {
                Some(TrySendError::Full(job))
            };
            if let Some(TrySendError::Full(job) | TrySendError::Closed(job)) = back {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.rate_limiter.release(job.ticket);
                self.outcomes.push(job.not_begun());
            }
        }
    }

    /// Waits for more outcomes, to make a larger commit, while the sessions have enough to do.
    async fn gather(&mut self) {
        self.collect();
        let begun = Instant::now();
        while self.in_flight > self.window / 2
            && self.outcomes.len() < self.window / 4
            && begun.elapsed() < GATHER_TIME
            && !self.lane.signals.stop.is_cancelled()
        {
            tokio::time::sleep(GATHER_POLL_INTERVAL).await;
            self.collect();
        }
    }

    fn collect(&mut self) {
        while let Ok(done) = self.results.try_recv() {
            self.on_result(done);
        }
    }

    /// Takes in the result of a job.
    fn on_result(&mut self, mut done: JobResult) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.apply_outcome(&mut done);
        match &done.result {
            Ok(SendOutcome::Down { answer }) => self.backoff.on_down(&self.lane.channel.id, answer),
            Ok(SendOutcome::ChannelBlocked { answer }) => {
                self.backoff.hold_briefly();
                self.barred.get_or_insert_with(|| answer.clone());
            }
            Ok(SendOutcome::Withheld) | Err(_) => {}
            Ok(_) => self.backoff.on_answer(),
        }
        self.outcomes.push(done);
    }

    /// Writes the reasons for which runs wait where their pages show them.
    async fn report(&mut self) {
        self.report_receivers().await;
        self.pause_barred_channel().await;
        let Some(note) = self.backoff.take_note() else { return };
        for run in self.runs.iter() {
            if let Err(error) = self.lane.store.run_note(run.id, &note).await {
                tracing::warn!(%error, "cannot note why a run waits");
            }
        }
    }

    /// Pauses the runs of a channel that takes nothing until a person fixes it.
    async fn pause_barred_channel(&mut self) {
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

    /// Waits for an answer, for the rate limiter, or for new work.
    async fn wait_for_work(&mut self) {
        let idle = self.in_flight == 0 && self.ready.is_empty();
        if idle && std::mem::take(&mut self.was_busy) {
            self.lane.signals.idle.notify_one();
        }
        let sleep = self.wait().min(IDLE_POLL_INTERVAL);
        let (stop, asleep) = (self.lane.signals.stop.clone(), self.runs.is_empty() && idle);
        tokio::select! {
            Some(done) = self.results.recv() => self.on_result(done),
            changed = self.lane.runs.changed() => {
                // `update_runs` reads the change; an error means that the worker is gone.
                if changed.is_ok() { self.lane.runs.mark_changed(); } else { stop.cancel(); }
            }
            // Sessions end when the queue is closed; one that ends before has failed.
            Some(_) = self.sessions.join_next() => stop.cancel(),
            () = tokio::time::sleep(sleep), if !asleep => {}
            () = stop.cancelled() => {}
        }
    }
}
