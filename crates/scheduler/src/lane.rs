//! One channel's way: claim what is due, record the intent, hand it to the sessions, record what they say.
//!
//! **Invariant.** Nothing is handed to a session before the commit that names it as an intent, and no
//! transaction is open while a session sends. One commit records the outcomes of the last deliveries and the
//! intents of the next, so at most `window` deliveries are without an answer when the process dies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campaign::{Channel, Per};
use channel::{SendOutcome, Sender};
use store::{AddressKind, Clock, DeliveryId, LeaseId, Record, Run, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracking::Signer;

use crate::outcome::outcome;
use crate::pace::Pace;
use crate::renderers::{LoadError, Renderers};
use crate::rest::Rest;
use crate::session::{Done, Job, Work};

/// How often an idle lane looks for what has fallen due.
const LOOK: Duration = Duration::from_millis(250);
/// How long a lane of a worker that ends waits for answers.
const DRAIN: Duration = Duration::from_secs(6);
/// How long one run may have a channel to itself.
const TURN: Duration = Duration::from_secs(2);

/// What a lane needs.
pub(crate) struct Lane {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) signer: Signer,
    pub(crate) renderers: Renderers,
    pub(crate) lease: LeaseId,
    pub(crate) channel: Channel,
    pub(crate) sender: Sender,
    /// The channel's running runs.
    pub(crate) runs: watch::Receiver<Arc<[Run]>>,
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
    /// Set when the database did not say what became of a commit: rows may be in nobody's hands until the lease
    /// is closed.
    pub(crate) unclear: Arc<AtomicBool>,
}

/// A lane at work.
struct Working {
    lane: Lane,
    pace: Pace,
    window: usize,
    runs: Arc<[Run]>,
    jobs: async_channel::Sender<Job>,
    /// The sessions' end of `jobs`: what is not begun yet can be taken back.
    queue: async_channel::Receiver<Job>,
    results: mpsc::Receiver<Done>,
    /// Claimed, not begun.
    ready: VecDeque<Job>,
    /// With the sessions.
    in_flight: usize,
    /// Not yet recorded.
    outcomes: Vec<Done>,
    /// Which run is asked first next time.
    turn: usize,
    next_look: Instant,
    rest: Rest,
    sessions: JoinSet<()>,
}

impl Lane {
    /// Works until told to stop, then waits for answers and gives back what it did not begin.
    pub(crate) async fn run(self) {
        Working::start(self).run().await;
    }

    fn address(&self) -> Option<AddressKind> {
        (self.channel.kind.per() == Per::Contact).then_some(AddressKind::Email)
    }
}

impl Working {
    fn start(mut lane: Lane) -> Self {
        let connections = lane.channel.connections;
        let window = connections * 4;
        let (jobs, queue) = async_channel::bounded(window);
        let (done, results) = mpsc::channel(window);
        let outbox = lane.sender.is_outbox().then(|| lane.channel.id.to_string());
        let work = Work {
            jobs: queue.clone(),
            done,
            signer: lane.signer.clone(),
            clock: lane.clock.clone(),
            outbox,
        };
        let mut sessions = JoinSet::new();
        for _ in 0..connections {
            sessions.spawn(work.clone().run(lane.sender.session()));
        }
        let runs = Arc::clone(&lane.runs.borrow_and_update());
        Self {
            pace: Pace::new(lane.channel.rate),
            window,
            runs,
            jobs,
            queue,
            results,
            ready: VecDeque::new(),
            in_flight: 0,
            outcomes: Vec::new(),
            turn: 0,
            next_look: Instant::now(),
            rest: Rest::default(),
            sessions,
            lane,
        }
    }

    async fn run(mut self) {
        let signals = self.lane.signals.clone();
        while !signals.stop.is_cancelled() {
            self.hear();
            self.tell().await;
            self.claim().await;
            let (intents, wait) = self.intents();
            self.collect();
            if intents.is_empty() && self.outcomes.is_empty() {
                self.pause(wait).await;
            } else {
                self.commit(intents).await;
            }
        }
        self.drain().await;
    }

    /// Hears which runs are running; what a stopped run has queued is not begun.
    fn hear(&mut self) {
        if !self.lane.runs.has_changed().unwrap_or(false) {
            return;
        }
        self.runs = Arc::clone(&self.lane.runs.borrow_and_update());
        self.next_look = Instant::now();
        let runs = Arc::clone(&self.runs);
        self.take_back(|job| runs.iter().any(|run| run.id == job.claimed.id.run()));
    }

    /// Takes back what the sessions have not begun, but for what `keeps` holds.
    fn take_back(&mut self, keeps: impl Fn(&Job) -> bool) {
        let queued: Vec<_> = std::iter::from_fn(|| self.queue.try_recv().ok()).collect();
        for job in queued {
            if keeps(&job) && self.jobs.try_send(job.clone()).is_ok() {
                continue;
            }
            self.in_flight = self.in_flight.saturating_sub(1);
            let answer = "stopped before it was begun".to_owned();
            let result = Ok(SendOutcome::Down { answer });
            self.outcomes.push(Done {
                id: job.claimed.id,
                attempts: job.claimed.attempts,
                result,
                kept: None,
            });
        }
    }

    /// Claims what is due until a window's worth is ready, each run in its turn. No run gets more in a turn than
    /// goes out in [`TURN`], so that a slow channel serves all of them.
    async fn claim(&mut self) {
        let share = self.window.saturating_mul(8).min(2_000).min(self.pace.within(TURN));
        if self.ready.len() >= share.min(self.window) || self.rest.holds() || Instant::now() < self.next_look
        {
            return;
        }
        let runs: Vec<_> = self.runs.iter().map(|run| run.id).collect();
        let claimable = self.lane.store.delivery_claimable(&runs, self.lane.clock.millis()).await;
        let claimable = claimable.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for what is due; trying again");
            Vec::new()
        });
        let runs = Arc::clone(&self.runs);
        let runs: Vec<&Run> = runs.iter().filter(|run| claimable.contains(&run.id)).collect();
        let mut found = false;
        for offset in 0..runs.len() {
            let run = runs[(self.turn + offset) % runs.len()];
            found |= self.claim_from(run, share).await;
            if self.ready.len() >= self.window {
                self.turn = self.turn.wrapping_add(offset + 1);
                break;
            }
        }
        if !found {
            self.next_look = Instant::now() + LOOK;
        }
    }

    async fn claim_from(&mut self, run: &Run, limit: usize) -> bool {
        let Some(revision) = run.revision_id else { return false };
        let renderer = match self.lane.renderers.get(revision).await {
            Ok(renderer) => renderer,
            Err(LoadError::Store(error)) => {
                tracing::warn!(run = run.id.0, %error, "cannot read what a run says; trying again");
                return false;
            }
            Err(error) => {
                tracing::error!(run = run.id.0, %error, "cannot read what a run says; it is paused");
                let _ = self.lane.store.run_pause(run.id, &format!("failed to {error}")).await;
                return false;
            }
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let lane = &self.lane;
        let now = lane.clock.millis();
        match lane.store.delivery_claim(lane.lease, run.id, lane.address(), now, limit).await {
            Ok(claimed) => {
                let found = !claimed.is_empty();
                let job = |claimed| Job { claimed, renderer: Arc::clone(&renderer) };
                self.ready.extend(claimed.into_iter().map(job));
                found
            }
            Err(error) => {
                tracing::warn!(run = run.id.0, %error, "cannot claim deliveries; trying again");
                self.lane.signals.unclear.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    /// What may be begun next, by window and rate; and how long to wait when the rate says so.
    fn intents(&mut self) -> (Vec<Job>, Option<Duration>) {
        if self.rest.holds() {
            return (Vec::new(), None);
        }
        let room = self.window.saturating_sub(self.in_flight).min(self.ready.len());
        let (count, wait) = self.pace.take(room);
        (self.ready.drain(..count).collect(), wait)
    }

    fn collect(&mut self) {
        while let Ok(done) = self.results.try_recv() {
            self.took(done);
        }
    }

    fn took(&mut self, done: Done) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match &done.result {
            Ok(SendOutcome::Down { answer }) => self.rest.begin(&self.lane.channel.id, answer),
            Ok(_) => self.rest.end(),
            Err(_) => {}
        }
        self.outcomes.push(done);
    }

    /// Says on the runs' pages what holds them up.
    async fn tell(&mut self) {
        let Some(note) = self.rest.take_note() else { return };
        for run in self.runs.iter() {
            if let Err(error) = self.lane.store.run_note(run.id, &note).await {
                tracing::warn!(%error, "cannot note why a run waits");
            }
        }
    }

    /// Waits for an answer, for the rate, or for something new to do.
    async fn pause(&mut self, wait: Option<Duration>) {
        let sleep = wait.unwrap_or(LOOK).min(LOOK);
        let (stop, idle) = (self.lane.signals.stop.clone(), self.runs.is_empty() && self.in_flight == 0);
        tokio::select! {
            Some(done) = self.results.recv() => self.took(done),
            changed = self.lane.runs.changed() => {
                // Seen by `hear`, or nobody is there to tell anything any more.
                if changed.is_ok() { self.lane.runs.mark_changed(); } else { stop.cancel(); }
            }
            // Sessions end when they are told to; one that ends before has failed.
            Some(_) = self.sessions.join_next() => stop.cancel(),
            () = tokio::time::sleep(sleep), if !idle => {}
            () = stop.cancelled() => {}
        }
    }

    /// One group commit, then the granted ones go to the sessions. When the database does not take it, the
    /// outcomes are kept and the intents are not begun.
    async fn commit(&mut self, intents: Vec<Job>) {
        let record = Record {
            outcomes: self.outcomes.iter().map(|done| (done.id, outcome(done, &self.lane.clock))).collect(),
            outbox: self.outcomes.iter_mut().filter_map(|done| done.kept.clone()).collect(),
            intents: intents.iter().map(|job| job.claimed.id).collect(),
        };
        let now = self.lane.clock.millis();
        match self.lane.store.delivery_record(self.lane.lease, &record, now).await {
            Ok(recorded) => {
                self.outcomes.clear();
                if recorded.held {
                    self.begin(intents, &recorded.granted).await;
                } else {
                    // The lease ran out and may yet be renewed: what was claimed under it is kept.
                    self.keep(intents).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot record deliveries; nothing is sent until it is possible again");
                self.lane.signals.unclear.store(true, Ordering::Relaxed);
                self.keep(intents).await;
            }
        }
    }

    /// Puts intents back and waits a moment.
    async fn keep(&mut self, intents: Vec<Job>) {
        for job in intents.into_iter().rev() {
            self.ready.push_front(job);
        }
        let lost = self.lane.signals.lost.clone();
        let _ = tokio::time::timeout(LOOK, lost.cancelled()).await;
    }

    async fn begin(&mut self, intents: Vec<Job>, granted: &[DeliveryId]) {
        let granted: std::collections::HashSet<_> = granted.iter().copied().collect();
        for job in intents {
            if granted.contains(&job.claimed.id) {
                self.in_flight += 1;
                // The queue is as long as the window, so that this never waits.
                let _ = self.jobs.send(job).await;
            }
        }
    }

    /// Begins nothing more, waits for answers as long as allowed, records them as they come, and gives the rest
    /// back. With the lease lost there is nothing left to do but to stop.
    async fn drain(mut self) {
        let signals = self.lane.signals.clone();
        self.take_back(|_| false);
        self.jobs.close();
        let deadline = async {
            signals.hurry.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = self.finish() => {}
            () = deadline => tracing::warn!("stopped before every answer came; the next worker takes over"),
            () = signals.lost.cancelled() => {}
        }
        self.sessions.shutdown().await;
    }

    /// Waits for what is under way and records it, whatever the database does meanwhile.
    async fn finish(&mut self) {
        loop {
            self.collect();
            if !self.outcomes.is_empty() {
                self.commit(Vec::new()).await;
            } else if self.in_flight == 0 {
                break;
            } else if let Some(done) = self.results.recv().await {
                self.took(done);
            } else {
                break;
            }
        }
        let ids: Vec<_> = self.ready.iter().map(|job| job.claimed.id).collect();
        if let Err(error) = self.lane.store.delivery_release(self.lane.lease, &ids).await {
            tracing::warn!(%error, "cannot give deliveries back; the next worker takes them over");
        }
    }
}
