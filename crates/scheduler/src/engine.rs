//! One worker: a lease, a planner, and a lane for each channel that has something to send.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::{ChannelId, Diagnostics, Workspace};
use channel::Sender;
use store::{Clock, LeaseId, Run, RunId, RunState, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracking::Signer;

use crate::fire::{self, FireError};
use crate::lane::Lane;
use crate::planner::Planner;
use crate::renderers::Renderers;

/// How often schedules and runs are looked at: what a page or another process writes is seen within a second.
const TICK: Duration = Duration::from_millis(500);
/// A worker that says nothing for this long is taken to be dead.
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The workspace as it was last read, with what is wrong with it.
pub type Files = watch::Receiver<Loaded>;

/// One reading of the workspace.
pub type Loaded = Arc<(Workspace, Diagnostics)>;

/// What a worker works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Rows.
    pub store: Store,
    /// Files; swapped whole when they change.
    pub files: Files,
    /// Links.
    pub signer: Signer,
    /// Time.
    pub clock: Clock,
    /// The worker's name in the database: host and process.
    pub worker: String,
    /// Work on this run alone and fire no schedule: for `chorus send`.
    pub only: Option<RunId>,
}

/// A worker at work. Dropping it does not stop it; [`Engine::stop`] does.
#[derive(Debug)]
pub struct Engine {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Engine {
    /// Starts a worker.
    #[must_use]
    pub fn start(context: Context) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(context, stop.clone()));
        Self { stop, task }
    }

    /// Begins nothing more, waits for answers that are under way (at most ten seconds), records them, gives the
    /// rest back, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the worker ended badly");
        }
    }
}

/// Works under one lease after another until told to stop.
async fn work(context: Context, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let now = &context.clock;
        match context.store.lease_open(&context.worker, now.millis(), now.millis_after(LEASE)).await {
            Ok(lease) => Shift::new(&context, lease, stop.child_token()).run().await,
            Err(error) => {
                tracing::warn!(%error, "cannot begin; trying again");
                let _ = tokio::time::timeout(HEARTBEAT, stop.cancelled()).await;
            }
        }
    }
}

/// The time between a lease's beginning and its end.
struct Shift<'a> {
    context: &'a Context,
    lease: LeaseId,
    stop: CancellationToken,
    planner: Planner,
    renderers: Renderers,
    lanes: HashMap<ChannelId, LaneHandle>,
    /// When the followers among the runs were last looked after.
    grown: HashMap<RunId, Grown>,
    /// Runs whose channel was told to be unusable, so that it is told once.
    unusable: std::collections::HashSet<RunId>,
}

/// A run that follows another gets more recipients while the other is still going, and once after its end.
struct Grown {
    at: Instant,
    last: bool,
}

/// How often a run whose leader is still sending gets those whom the leader reached meanwhile.
const GROW: Duration = Duration::from_secs(5);

struct LaneHandle {
    runs: watch::Sender<Arc<[Run]>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl<'a> Shift<'a> {
    fn new(context: &'a Context, lease: LeaseId, stop: CancellationToken) -> Self {
        let (store, clock) = (context.store.clone(), context.clock.clone());
        let renderers = Renderers::new(store.clone(), context.signer.clone());
        let planner = Planner::new(store, clock);
        Self {
            context,
            lease,
            stop,
            planner,
            renderers,
            lanes: HashMap::new(),
            grown: HashMap::new(),
            unusable: std::collections::HashSet::new(),
        }
    }

    async fn run(mut self) {
        let mut files = self.context.files.clone();
        files.mark_unchanged();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                _ = heartbeat.tick() => if !self.beat().await { break },
                _ = tick.tick() => {
                    if files.has_changed().unwrap_or(false) {
                        files.mark_unchanged();
                        // Channels may have changed: the lanes start anew from the new files.
                        self.stop_lanes().await;
                    }
                    if let Err(error) = self.tick().await {
                        tracing::warn!(%error, "cannot look at schedules and runs; trying again");
                    }
                }
            }
        }
        self.end().await;
    }

    /// Keeps the lease, and takes over what dead workers left. False when the lease was lost.
    async fn beat(&mut self) -> bool {
        let clock = &self.context.clock;
        match self.context.store.lease_renew(self.lease, clock.millis_after(LEASE)).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("this worker was taken for dead; it starts anew");
                return false;
            }
            Err(error) => tracing::warn!(%error, "cannot renew the lease"),
        }
        match self.context.store.lease_sweep(clock.millis()).await {
            Ok(found) if found != store::TakenOver::default() => {
                tracing::warn!(?found, "took over from a worker that is gone");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot look for dead workers"),
        }
        true
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        let loaded = Arc::clone(&self.context.files.borrow());
        let mut live = self.live().await?;
        if self.context.only.is_none() {
            self.planner.tick(&loaded, &live).await?;
            self.plan(&loaded.0, &live).await?;
        }
        if !live.is_empty() {
            self.context.store.run_finish(self.context.clock.millis()).await?;
            live = self.live().await?;
        }
        self.hand_out(&loaded.0, live).await;
        Ok(())
    }

    async fn live(&self) -> Result<Vec<Run>, StoreError> {
        let mut live = self.context.store.run_live().await?;
        if let Some(only) = self.context.only {
            live.retain(|run| run.id == only);
        }
        Ok(live)
    }

    /// Makes the deliveries of runs that have none, and those of followers whose leaders sent more meanwhile.
    async fn plan(&mut self, workspace: &Workspace, live: &[Run]) -> Result<(), StoreError> {
        self.grown.retain(|id, _| live.iter().any(|run| run.id == *id));
        let now = self.context.clock.now();
        for run in live {
            if run.state != RunState::Planned && !self.grows(run, live) {
                continue;
            }
            match fire::plan(&self.context.store, workspace, run, now).await {
                Ok(_) => {}
                Err(FireError::Store(error)) => return Err(error),
                Err(error) => {
                    self.context.store.run_pause(run.id, &format!("failed to {error}")).await?;
                    tracing::error!(run = run.id.0, %error, "a run cannot be planned; it is paused");
                }
            }
        }
        Ok(())
    }

    /// Whether it is time to look for more recipients of a run that follows another.
    fn grows(&mut self, run: &Run, live: &[Run]) -> bool {
        let Some(parent) = run.parent_id.filter(|_| run.state == RunState::Running) else { return false };
        let last = !live.iter().any(|other| other.id == parent);
        let due =
            self.grown.get(&run.id).is_none_or(|grown| !grown.last && (last || grown.at.elapsed() >= GROW));
        if due {
            self.grown.insert(run.id, Grown { at: Instant::now(), last });
        }
        due
    }

    /// Tells each lane its running runs; starts those that are missing.
    async fn hand_out(&mut self, workspace: &Workspace, live: Vec<Run>) {
        let mut by_channel: HashMap<String, Vec<Run>> = HashMap::new();
        for run in live {
            if run.state == RunState::Running {
                by_channel.entry(run.channel.clone()).or_default().push(run);
            }
        }
        for (id, lane) in &self.lanes {
            let runs = by_channel.remove(id.as_str()).unwrap_or_default();
            lane.runs.send_if_modified(|known| {
                let changed = known.iter().map(|run| run.id).ne(runs.iter().map(|run| run.id));
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
            Sender::new(channel).map(|sender| (channel.clone(), sender)).map_err(|error| error.to_string())
        });
        let (channel, sender) = match made {
            Ok(made) => made,
            Err(why) => return self.tell_unusable(name, &runs, &why).await,
        };
        let (tell, runs) = watch::channel(runs.into());
        let stop = CancellationToken::new();
        let lane = Lane {
            store: self.context.store.clone(),
            clock: self.context.clock.clone(),
            signer: self.context.signer.clone(),
            renderers: self.renderers.clone(),
            lease: self.lease,
            channel: channel.clone(),
            sender,
            runs,
            stop: stop.clone(),
        };
        let task = tokio::spawn(lane.run());
        self.lanes.insert(channel.id, LaneHandle { runs: tell, stop, task });
    }

    /// Runs wait, and say why, while their channel cannot be used.
    async fn tell_unusable(&mut self, name: &str, runs: &[Run], why: &str) {
        for run in runs.iter().filter(|run| self.unusable.insert(run.id)) {
            tracing::error!(run = run.id.0, channel = name, why, "a run waits: its channel cannot be used");
            let note = format!("waits for the channel {name}: {why}");
            if let Err(error) = self.context.store.run_note(run.id, &note).await {
                tracing::warn!(%error, "cannot note why a run waits");
            }
        }
    }

    async fn stop_lanes(&mut self) {
        for lane in self.lanes.values() {
            lane.stop.cancel();
        }
        for (channel, lane) in self.lanes.drain() {
            if let Err(error) = lane.task.await {
                tracing::error!(%channel, %error, "a lane ended badly");
            }
        }
        self.unusable.clear();
    }

    async fn end(mut self) {
        self.stop_lanes().await;
        let (store, now) = (&self.context.store, self.context.clock.millis());
        if let Err(error) = store.run_finish(now).await {
            tracing::warn!(%error, "cannot end runs");
        }
        if let Err(error) = store.lease_close(self.lease, now).await {
            tracing::warn!(%error, "cannot give the lease back; it runs out by itself");
        }
    }
}
