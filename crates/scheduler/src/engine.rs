//! The engine: one worker with a lease, a planner, and a lane for each channel that has something
//! to send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campaign::{Channel, ChannelId, Workspace};
use channel::Sender;
use store::{Millis, Run, RunId, RunKind, RunState, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::context::{Context, Loaded};
use crate::file_edits;
use crate::fire;
use crate::fire_error::FireError;
use crate::lane::{Lane, Signals};
use crate::planning::Planner;
use crate::renderers::Renderers;
use crate::status::WorkerStatus;
use crate::stop_rules::StopRules;
use crate::worker_lease::WorkerLease;

/// The interval at which schedules and runs are checked: a change by a page or by another process
/// is seen within a second.
const TICK_INTERVAL: Duration = Duration::from_millis(500);
/// The time after which a worker that could not begin tries again.
const START_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The note on the lease of a process whose files are not in force.
const OTHER_FILES_NOTE: &str =
    "it plans nothing: another process has other files in force; give both the same files";

/// A running worker. Dropping it does not stop it; [`Engine::stop`] does.
#[derive(Debug)]
pub struct Engine {
    stop: CancellationToken,
    task: JoinHandle<()>,
    status: WorkerStatus,
}

impl Engine {
    /// Starts a worker on the current runtime.
    #[must_use]
    pub fn start(context: Context) -> Self {
        let stop = CancellationToken::new();
        let status = WorkerStatus::default();
        let task = tokio::spawn(run_worker(context, status.clone(), stop.clone()));
        Self { stop, task, status }
    }

    /// Returns a handle to the state of the worker.
    #[must_use]
    pub fn status(&self) -> WorkerStatus {
        self.status.clone()
    }

    /// Stops the worker: it begins nothing more, waits for answers (at most ten seconds), records
    /// them, releases what it did not begin, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the worker ended badly");
        }
    }
}

/// Makes the tracing span for work on one run.
fn span(run: &Run) -> tracing::Span {
    tracing::info_span!("run", run = run.id.0)
}

/// Works under one lease after another until `stop` is cancelled.
async fn run_worker(context: Context, status: WorkerStatus, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match WorkerLease::open(&context).await {
            Ok(worker_lease) => {
                status.working(worker_lease.journal.clone());
                LeaseTerm::new(&context, worker_lease, stop.child_token()).run().await;
                status.idle();
            }
            Err(error) => {
                status.failed(error.to_string());
                tracing::warn!(%error, "the worker cannot begin; trying again");
                let _ = tokio::time::timeout(START_RETRY_INTERVAL, stop.cancelled()).await;
            }
        }
    }
}

/// The work of a worker during the term of one lease.
struct LeaseTerm<'a> {
    context: &'a Context,
    worker_lease: WorkerLease,
    /// Cancelled when the worker has to end.
    stop: CancellationToken,
    /// Cancelled when another worker has taken the lease over.
    lost: CancellationToken,
    /// True if claimed rows may be processed by no lane.
    in_doubt: Arc<AtomicBool>,
    /// Notified when a lane has nothing left to do.
    idle: Arc<Notify>,
    /// Notifies the lanes that the runs and the stop rules were checked.
    runs_checked: watch::Sender<()>,
    planner: Planner,
    renderers: Renderers,
    lanes: HashMap<ChannelId, LaneHandle>,
    stop_rules: StopRules,
    /// The last checks for new recipients of runs that follow others.
    follower_checks: HashMap<RunId, FollowerCheck>,
    /// The times at which runs are measured again whose text was too long for a recipient.
    too_long_until: HashMap<RunId, Instant>,
    /// The times at which new contacts last joined runs in contacts' own time zones: by the
    /// machine's clock, and in the database's time.
    joined: HashMap<RunId, (Instant, Millis)>,
    /// The files of this process, and whether they are in force.
    in_force: Option<InForce>,
    /// The last time at which the sends of all ended runs had been read.
    sends_read_at: Option<Instant>,
    /// The contact that another worker's planning of a run had reached, and the time at which that
    /// was first seen.
    planning: HashMap<RunId, (i64, Instant)>,
}

/// The files of this process, and the result of the last attempt to put them in force.
struct InForce {
    loaded: Loaded,
    is_in_force: bool,
    next_check: Instant,
}

/// The interval at which a process tries again to put its files in force.
const FILES_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The interval at which new contacts join runs in contacts' own time zones.
const JOIN_INTERVAL: Duration = Duration::from_secs(20);

/// The last check for new recipients of a run that follows another, its leader: it gets more of
/// them while the leader is sending, and after its end.
struct FollowerCheck {
    /// The time of the next check.
    next: Instant,
    /// True if the leader had ended.
    leader_ended: bool,
}

/// The interval of checks for new recipients while the leader is still sending.
const LEADER_SENDING_INTERVAL: Duration = Duration::from_secs(5);
/// The interval of these checks after the leader has ended: a person may have sent it again to
/// those who failed.
const LEADER_ENDED_INTERVAL: Duration = Duration::from_secs(60);

/// The time without progress after which the planning of a run by another process is taken over.
const PLANNING_TAKEOVER_AFTER: Duration = Duration::from_secs(3);

/// The interval at which the worker looks for ended runs whose sends are to be read.
const SENDS_READ_INTERVAL: Duration = Duration::from_secs(5);

/// The time after which a run is measured again whose text was too long: measuring reads the whole
/// audience.
const TOO_LONG_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// A running lane, with the means to control it.
struct LaneHandle {
    channel: Channel,
    runs: watch::Sender<Arc<[Run]>>,
    stop: CancellationToken,
    /// The task of the lane; it returns true if everything was recorded and released.
    task: JoinHandle<bool>,
}

impl<'a> LeaseTerm<'a> {
    fn new(context: &'a Context, worker_lease: WorkerLease, stop: CancellationToken) -> Self {
        let (store, clock) = (context.store.clone(), context.clock.clone());
        Self {
            context,
            worker_lease,
            stop,
            lost: CancellationToken::new(),
            in_doubt: Arc::default(),
            idle: Arc::default(),
            runs_checked: watch::Sender::new(()),
            planner: Planner::new(store.clone(), clock),
            renderers: Renderers::new(store, context.signer.clone()),
            lanes: HashMap::new(),
            stop_rules: StopRules::default(),
            follower_checks: HashMap::new(),
            too_long_until: HashMap::new(),
            joined: HashMap::new(),
            in_force: None,
            sends_read_at: None,
            planning: HashMap::new(),
        }
    }

    async fn run(mut self) {
        let over = CancellationToken::new();
        let heartbeat = self.worker_lease.clone();
        let heartbeat = heartbeat.maintain(self.context.clone(), self.lost.clone(), over.clone());
        let heartbeat = tokio::spawn(heartbeat);
        let (stop, lost, idle) = (self.stop.clone(), self.lost.clone(), Arc::clone(&self.idle));
        let mut tick = tokio::time::interval(TICK_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = lost.cancelled() => break,
                () = idle.notified() => {}
                _ = tick.tick() => {}
            }
            // A tick that is dropped rolls its transaction back.
            tokio::select! {
                result = self.tick() => match result {
                    Ok(()) if self.must_end() => break,
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%error, "cannot check runs; trying again"),
                },
                () = stop.cancelled() => break,
                () = lost.cancelled() => break,
            }
        }
        self.end_lanes().await;
        over.cancel();
        let _ = heartbeat.await;
        self.end().await;
    }

    /// Returns true if claimed rows may be processed by no lane although the database answers:
    /// because the result of a commit is not known, or because a lane failed. Closing the lease
    /// releases them.
    fn must_end(&self) -> bool {
        let failed = self.lanes.values().any(|lane| lane.task.is_finished() && !lane.stop.is_cancelled());
        if failed {
            tracing::error!("a lane failed; the worker starts again");
        }
        failed || self.in_doubt.load(Ordering::Relaxed)
    }

    /// Checks schedules and runs once, and gives the lanes their runs.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let loaded = Arc::clone(&self.context.files.borrow());
        self.retire_lanes(&loaded.0);
        let mut live = self.live().await?;
        let stopped = self.context.store.stopped().await?;
        if self.context.only.is_none() && self.files_are_in_force(&loaded).await? {
            // An error of one step or run is logged, and does not hold up the others.
            if let Err(error) = self.planner.tick(&loaded, &live, stopped.as_ref()).await {
                tracing::warn!(%error, "cannot check schedules; trying again");
            }
            let absent = self.planner.update_absent_runs(&loaded, &live).await?;
            if absent | file_edits::apply(&self.context.store, &loaded, &live).await? {
                live = self.live().await?;
            }
            self.plan(&loaded, &live).await;
        }
        if !live.is_empty() {
            self.context.store.run_finish(self.context.clock.millis()).await?;
            live = self.live().await?;
        }
        self.stop_rules.check(&self.context.store, &loaded.0, &mut live).await?;
        self.cancel(&live).await?;
        self.read_sends().await?;
        // While everything is stopped nothing is handed out, whatever the state of a run is.
        live.retain(|_| stopped.is_none());
        self.publish_runs(&loaded.0, live).await;
        self.runs_checked.send_replace(());
        Ok(())
    }

    /// Returns true if the files of this process are in force, so that it may plan: one set of
    /// files is at a time.
    async fn files_are_in_force(&mut self, loaded: &Loaded) -> Result<bool, StoreError> {
        let known = self.in_force.as_ref();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.loaded, loaded))
            && Instant::now() < known.next_check
        {
            return Ok(known.is_in_force);
        }
        let before = self.context.files_before.lock().ok().and_then(|before| before.clone());
        let (hash, now) = (loaded.0.hash.as_str(), self.context.clock.millis());
        let is_in_force =
            self.context.store.files_activate(self.worker_lease.id, hash, before.as_deref(), now).await?;
        if is_in_force && let Ok(mut before) = self.context.files_before.lock() {
            *before = Some(hash.to_owned());
        }
        let was = self.in_force.as_ref().is_none_or(|known| known.is_in_force);
        if is_in_force != was {
            let note = if is_in_force { "" } else { OTHER_FILES_NOTE };
            self.context.store.lease_note(self.worker_lease.id, note).await?;
            tracing::warn!(is_in_force, "the files of this process were put in or out of force");
        }
        let next_check = Instant::now() + FILES_RETRY_INTERVAL;
        self.in_force = Some(InForce { loaded: Arc::clone(loaded), is_in_force, next_check });
        Ok(is_in_force)
    }

    /// Reads the runs that have not ended, or the only one that this worker works on.
    async fn live(&self) -> Result<Vec<Run>, StoreError> {
        let mut live = self.context.store.run_live().await?;
        if let Some(only) = self.context.only {
            live.retain(|run| run.id == only);
        }
        Ok(live)
    }

    /// Continues large cancellations that the process which began them did not finish, for a
    /// limited time.
    async fn cancel(&self, live: &[Run]) -> Result<(), StoreError> {
        let begun = Instant::now();
        for run in live.iter().filter(|run| run.state == RunState::Cancelled) {
            let mut after = None;
            while let Some(last) =
                self.context.store.run_cancel_more(run.id, after, self.context.clock.millis()).await?
            {
                after = Some(last);
                if begun.elapsed() > TICK_INTERVAL / 2 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads the sends of ended runs for audiences, for a limited time.
    async fn read_sends(&mut self) -> Result<(), StoreError> {
        if self.sends_read_at.is_some_and(|since| since.elapsed() < SENDS_READ_INTERVAL) {
            return Ok(());
        }
        let begun = Instant::now();
        while self.context.store.engagement_advance().await? {
            self.sends_read_at = None;
            if begun.elapsed() > TICK_INTERVAL / 4 {
                return Ok(());
            }
        }
        self.sends_read_at = Some(Instant::now());
        Ok(())
    }

    /// Makes the deliveries of runs that have none, and those of followers whose leaders sent more
    /// meanwhile.
    async fn plan(&mut self, loaded: &Loaded, live: &[Run]) {
        self.follower_checks.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.too_long_until.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.joined.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.planning.retain(|id, _| live.iter().any(|run| run.id == *id));
        for run in live.iter().filter(|run| run.own_clock == 1 && run.state == RunState::Running) {
            self.join(loaded, run).instrument(span(run)).await;
        }
        for run in live {
            let grows = self.grows(run, live);
            if run.state != RunState::Planned && grows.is_none() {
                continue;
            }
            if run.state == RunState::Planned && self.is_planned_elsewhere(run) {
                continue;
            }
            if self.too_long_until.get(&run.id).is_some_and(|next| Instant::now() < *next) {
                continue;
            }
            let begun = Instant::now();
            let planning = fire::plan(&self.context.store, loaded, run, self.context.clock.now());
            match planning.instrument(span(run)).await {
                Ok(_) => {
                    if let Some(leader_ended) = grows {
                        let interval =
                            if leader_ended { LEADER_ENDED_INTERVAL } else { LEADER_SENDING_INTERVAL };
                        // A check of a large leader takes long: the database stays free most of the
                        // time.
                        let next = Instant::now() + interval.max(begun.elapsed() * 20);
                        self.follower_checks.insert(run.id, FollowerCheck { next, leader_ended });
                    }
                    if run.state == RunState::Planned && run.note.is_some() {
                        self.note(run.id, "").await;
                    }
                }
                Err(error) => {
                    if matches!(error, FireError::TooLong(_)) {
                        self.too_long_until.insert(run.id, Instant::now() + TOO_LONG_RETRY_INTERVAL);
                    }
                    self.note(run.id, &format!("waits: failed to {error}")).await;
                }
            }
        }
    }

    /// Returns true if another process may be making the deliveries of a run: `chorus send`, or
    /// another worker whose planning made progress within [`PLANNING_TAKEOVER_AFTER`].
    fn is_planned_elsewhere(&mut self, run: &Run) -> bool {
        if run.kind == RunKind::Scheduled && run.planned_through == 0 {
            return false;
        }
        let (through, since) = self.planning.entry(run.id).or_insert((run.planned_through, Instant::now()));
        if *through != run.planned_through {
            (*through, *since) = (run.planned_through, Instant::now());
        }
        since.elapsed() < PLANNING_TAKEOVER_AFTER
    }

    /// Adds contacts to a run in contacts' own time zones who were added or moved since it was
    /// planned.
    async fn join(&mut self, loaded: &Loaded, run: &Run) {
        let now = self.context.clock.now();
        let (last, since) = match self.joined.get(&run.id) {
            Some((last, since)) => (Some(*last), *since),
            None => (None, run.planned_at.unwrap_or(run.created_at)),
        };
        if last.is_some_and(|last| last.elapsed() < JOIN_INTERVAL) {
            return;
        }
        // The times that other processes write may be a little behind the clock.
        let next = Millis::from(now).saturating_sub(2_000).max(since);
        match fire::join_contacts(&self.context.store, loaded, run, since, now).await {
            Ok(count) => {
                if count > 0 {
                    tracing::info!(run = run.id.0, count, "added contacts to a run");
                }
                self.joined.insert(run.id, (Instant::now(), next));
            }
            Err(error) => tracing::warn!(run = run.id.0, %error, "cannot add contacts to a run"),
        }
    }

    /// Returns, when it is time to check for more recipients of a run that follows another, whether
    /// its leader has ended; `None` when it is not time.
    fn grows(&self, run: &Run, live: &[Run]) -> Option<bool> {
        let parent = run.parent_id.filter(|_| run.state == RunState::Running)?;
        let leader_ended = !live.iter().any(|other| other.id == parent);
        let check = self.follower_checks.get(&run.id);
        check
            .is_none_or(|check| check.leader_ended != leader_ended || Instant::now() >= check.next)
            .then_some(leader_ended)
    }

    /// Stores a note for the page of a run, and logs it once.
    async fn note(&self, run: RunId, note: &str) {
        match self.context.store.run_note(run, note).await {
            Ok(true) if !note.is_empty() => tracing::error!(run = run.0, note, "a run waits"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot note why a run waits"),
        }
    }

    /// Stops the lanes whose channel changed in the files, and removes those that have ended. A
    /// lane ends when every answer is in.
    fn retire_lanes(&mut self, workspace: &Workspace) {
        for (id, lane) in &self.lanes {
            if workspace.channels.get(id) != Some(&lane.channel) {
                lane.stop.cancel();
            }
        }
        self.lanes.retain(|_, lane| !(lane.task.is_finished() && lane.stop.is_cancelled()));
    }

    /// Gives each lane its running runs; starts the lanes that are missing.
    async fn publish_runs(&mut self, workspace: &Workspace, live: Vec<Run>) {
        let mut by_channel: HashMap<String, Vec<Run>> = HashMap::new();
        for run in live {
            if run.state == RunState::Running {
                by_channel.entry(run.channel.clone()).or_default().push(run);
            }
        }
        for (id, lane) in &self.lanes {
            let runs = by_channel.remove(id.as_str()).unwrap_or_default();
            lane.runs.send_if_modified(|known| {
                let changed = {
                    let identity = |run: &Run| (run.id, run.revision_id);
                    known.iter().map(identity).ne(runs.iter().map(identity))
                };
                *known = runs.into();
                changed
            });
        }
        for (name, runs) in by_channel {
            self.open_lane(workspace, &name, runs).await;
        }
    }

    async fn open_lane(&mut self, workspace: &Workspace, name: &str, runs: Vec<Run>) {
        let found = workspace.channels.get(name).ok_or_else(|| "it is not in chorus.toml".to_owned());
        let made = found.and_then(|channel| {
            Sender::new(channel, self.context.limits, self.context.proxy.clone())
                .map(|sender| (channel.clone(), sender))
                .map_err(|error| error.to_string())
        });
        let (channel, sender) = match made {
            Ok(made) => made,
            Err(why) => {
                for run in &runs {
                    self.note(run.id, &format!("waits for the channel {name}: {why}")).await;
                }
                return;
            }
        };
        let (runs_sender, runs) = watch::channel(runs.into());
        let signals = Signals {
            stop: self.stop.child_token(),
            shutdown: self.stop.clone(),
            lost: self.lost.clone(),
            idle: Arc::clone(&self.idle),
            in_doubt: Arc::clone(&self.in_doubt),
        };
        let stop = signals.stop.clone();
        let lane = Lane {
            store: self.context.store.clone(),
            clock: self.context.clock.clone(),
            signer: self.context.signer.clone(),
            renderers: self.renderers.clone(),
            lease: self.worker_lease.id,
            journal: self.worker_lease.journal.clone(),
            channel: channel.clone(),
            sender,
            zone: workspace.brand.timezone.clone(),
            runs,
            runs_checked: self.runs_checked.subscribe(),
            signals,
        };
        let span = tracing::info_span!("lane", channel = %channel.id);
        let task = tokio::spawn(lane.run().instrument(span));
        self.lanes.insert(channel.id.clone(), LaneHandle { channel, runs: runs_sender, stop, task });
    }

    /// Ends every lane, each as soon as its answers are in.
    async fn end_lanes(&mut self) {
        for lane in self.lanes.values() {
            lane.stop.cancel();
        }
        for (channel, lane) in self.lanes.drain() {
            match lane.task.await {
                Ok(true) => {}
                Ok(false) => self.in_doubt.store(true, Ordering::Relaxed),
                Err(error) => {
                    tracing::error!(%channel, %error, "a lane ended badly");
                    self.in_doubt.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Closes the lease. Where deliveries may still be in doubt, lease and journal are left as a
    /// dead worker leaves them, and the next worker recovers the deliveries with the journal.
    async fn end(self) {
        if let Err(error) = self.context.store.run_finish(self.context.clock.millis()).await {
            tracing::warn!(%error, "cannot end runs");
        }
        if self.lost.is_cancelled() {
            self.worker_lease.abandon();
        } else if !self.in_doubt.load(Ordering::Relaxed) {
            self.worker_lease.close(self.context).await;
        }
    }
}
