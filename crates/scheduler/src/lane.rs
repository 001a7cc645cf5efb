//! One channel's way: claim what is due, record the intent, hand it to the sessions, record what they say.
//!
//! **Invariant.** Nothing is handed to a session before the commit that names it as an intent, and no
//! transaction is open while a session sends. One commit records the outcomes of the last deliveries and the
//! intents of the next, so at most `window` deliveries are without an answer when the process dies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, Per};
use channel::{RejectReason, SendOutcome, Sender};
use store::{
    AddressKind, Clock, DeliveryId, LeaseId, Outcome, Record, Rejection, Run, Store, SuppressionReason,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracking::Signer;

use crate::pace::Pace;
use crate::renderers::Renderers;
use crate::retry::retry_delay;
use crate::session::{Done, Job, Work};

/// How often an idle lane looks for what has fallen due.
const LOOK: Duration = Duration::from_millis(250);
/// How long a lane that was told to stop waits for answers.
const DRAIN: Duration = Duration::from_secs(8);
/// The first and the longest rest after a channel was found down.
const REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

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
    pub(crate) stop: CancellationToken,
}

/// A lane at work.
struct Working {
    lane: Lane,
    pace: Pace,
    window: usize,
    jobs: async_channel::Sender<Job>,
    results: mpsc::Receiver<Done>,
    /// Claimed, not begun.
    ready: VecDeque<Job>,
    /// Intents of the open commit and what is with the sessions.
    in_flight: usize,
    /// Not yet recorded.
    outcomes: Vec<Done>,
    /// Which run is asked first next time.
    turn: usize,
    next_look: Instant,
    rest: Option<Rest>,
    sessions: JoinSet<()>,
}

/// A channel that was found down is left alone for a while.
struct Rest {
    until: Instant,
    length: Duration,
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
    fn start(lane: Lane) -> Self {
        let connections = lane.channel.connections;
        let window = connections * 4;
        let (jobs, queue) = async_channel::bounded(window);
        let (done, results) = mpsc::channel(window);
        let outbox = lane.sender.is_outbox().then(|| lane.channel.id.to_string());
        let work = Work { jobs: queue, done, signer: lane.signer.clone(), clock: lane.clock.clone(), outbox };
        let mut sessions = JoinSet::new();
        for _ in 0..connections {
            sessions.spawn(work.clone().run(lane.sender.session()));
        }
        Self {
            pace: Pace::new(lane.channel.rate),
            window,
            jobs,
            results,
            ready: VecDeque::new(),
            in_flight: 0,
            outcomes: Vec::new(),
            turn: 0,
            next_look: Instant::now(),
            rest: None,
            sessions,
            lane,
        }
    }

    async fn run(mut self) {
        while !self.lane.stop.is_cancelled() {
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

    /// Claims what is due until a window's worth is ready, each run in its turn.
    async fn claim(&mut self) {
        if self.ready.len() >= self.window || self.resting() || Instant::now() < self.next_look {
            return;
        }
        let runs = Arc::clone(&self.lane.runs.borrow_and_update());
        let share = self.window.saturating_mul(8).min(2_000);
        let mut found = false;
        for offset in 0..runs.len() {
            let run = &runs[(self.turn + offset) % runs.len()];
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
                false
            }
        }
    }

    /// What may be begun next, by window and rate; and how long to wait when the rate says so.
    fn intents(&mut self) -> (Vec<Job>, Option<Duration>) {
        if self.resting() {
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
            Ok(SendOutcome::Down { answer }) => self.go_to_rest(answer),
            Ok(_) => self.rest = None,
            Err(_) => {}
        }
        self.outcomes.push(done);
    }

    fn resting(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| Instant::now() < rest.until)
    }

    fn go_to_rest(&mut self, answer: &str) {
        if self.resting() {
            return;
        }
        let length = self.rest.as_ref().map_or(REST.0, |rest| (rest.length * 2).min(REST.1));
        tracing::warn!(channel = %self.lane.channel.id, answer, rest_s = length.as_secs(), "the channel is down");
        self.rest = Some(Rest { until: Instant::now() + length, length });
    }

    /// Waits for an answer, for the rate, or for something new to do.
    async fn pause(&mut self, wait: Option<Duration>) {
        let sleep = wait.unwrap_or(LOOK).min(LOOK);
        tokio::select! {
            Some(done) = self.results.recv() => self.took(done),
            changed = self.lane.runs.changed() => {
                if changed.is_ok() { self.next_look = Instant::now(); } else { self.lane.stop.cancel(); }
            }
            () = tokio::time::sleep(sleep) => {}
            () = self.lane.stop.cancelled() => {}
        }
    }

    /// One group commit, then the granted ones go to the sessions. When the database does not take it, the
    /// outcomes are kept and the intents are not begun.
    async fn commit(&mut self, intents: Vec<Job>) {
        let record = Record {
            outcomes: self.outcomes.iter().map(|done| (done.id, self.outcome(done))).collect(),
            outbox: self.outcomes.iter_mut().filter_map(|done| done.kept.clone()).collect(),
            intents: intents.iter().map(|job| job.claimed.id).collect(),
        };
        let now = self.lane.clock.millis();
        match self.lane.store.delivery_record(self.lane.lease, &record, now).await {
            Ok(recorded) => {
                self.outcomes.clear();
                self.begin(intents, &recorded.granted).await;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot record deliveries; nothing is sent until it is possible again");
                for job in intents.into_iter().rev() {
                    self.ready.push_front(job);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
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

    fn outcome(&self, done: &Done) -> Outcome {
        let clock = &self.lane.clock;
        let later = |wait: Option<Duration>| {
            let back_off = retry_delay(done.id, done.attempts);
            clock.millis_after(wait.map_or(back_off, |asked| asked.max(Duration::from_secs(1))))
        };
        match &done.result {
            Ok(SendOutcome::Accepted { answer }) => Outcome::Accepted { answer: answer.clone() },
            Ok(SendOutcome::Deferred { retry_after, answer }) => {
                Outcome::Deferred { until: later(*retry_after), answer: answer.clone() }
            }
            Ok(SendOutcome::Rejected { reason, answer }) => Outcome::Rejected(Rejection {
                reason: reason.name().to_owned(),
                answer: answer.clone(),
                suppress: (*reason == RejectReason::BadAddress).then_some(SuppressionReason::Bounced),
            }),
            Ok(SendOutcome::Unknown { answer }) => {
                Outcome::Unknown { retry_at: later(None), answer: answer.clone() }
            }
            Ok(SendOutcome::Down { answer }) => Outcome::Returned { answer: answer.clone() },
            Err(error) => Outcome::Rejected(Rejection {
                reason: "render".to_owned(),
                answer: error.to_string(),
                suppress: None,
            }),
        }
    }

    /// Begins nothing more, waits for answers as long as allowed, and gives the rest back.
    async fn drain(mut self) {
        self.jobs.close();
        let deadline = Instant::now() + DRAIN;
        while self.in_flight > 0 {
            match tokio::time::timeout_at(deadline, self.results.recv()).await {
                Ok(Some(done)) => self.took(done),
                Ok(None) | Err(_) => break,
            }
        }
        self.collect();
        if !self.outcomes.is_empty() {
            self.commit(Vec::new()).await;
        }
        let ids: Vec<_> = self.ready.iter().map(|job| job.claimed.id).collect();
        if let Err(error) = self.lane.store.delivery_release(self.lane.lease, &ids).await {
            tracing::warn!(%error, "cannot give deliveries back; the next worker takes them over");
        }
        self.sessions.shutdown().await;
    }
}
