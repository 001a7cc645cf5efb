//! One worker: a lease, a planner, and a lane for each channel that has something to send.

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
use crate::fire;
use crate::fire_error::FireError;
use crate::hold::Hold;
use crate::lane::{Lane, Signals};
use crate::planning::Planner;
use crate::renderers::Renderers;
use crate::status::WorkerStatus;
use crate::upkeep;
use crate::watch::Watch;

/// How often schedules and runs are looked at: what a page or another process writes is seen within a second.
const TICK: Duration = Duration::from_millis(500);
/// How long a worker that cannot begin waits before it tries again.
const AGAIN: Duration = Duration::from_secs(5);

/// What is said of a process whose files do not count.
const OTHER_FILES: &str =
    "it plans nothing: another process has other files in force; give both the same files";

/// A worker at work. Dropping it does not stop it; [`Engine::stop`] does.
#[derive(Debug)]
pub struct Engine {
    stop: CancellationToken,
    task: JoinHandle<()>,
    status: WorkerStatus,
}

impl Engine {
    /// Starts a worker.
    #[must_use]
    pub fn start(context: Context) -> Self {
        let stop = CancellationToken::new();
        let status = WorkerStatus::default();
        let task = tokio::spawn(work(context, status.clone(), stop.clone()));
        Self { stop, task, status }
    }

    /// The worker's state, which outlives the borrow of the worker.
    #[must_use]
    pub fn status(&self) -> WorkerStatus {
        self.status.clone()
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

/// The span of work on one run.
fn span(run: &Run) -> tracing::Span {
    tracing::info_span!("run", run = run.id.0)
}

/// Works under one lease after another until told to stop.
async fn work(context: Context, status: WorkerStatus, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match Hold::open(&context).await {
            Ok(hold) => {
                status.working(hold.journal.clone());
                Shift::new(&context, hold, stop.child_token()).run().await;
                status.between();
            }
            Err(error) => {
                status.failed(error.to_string());
                tracing::warn!(%error, "cannot begin; trying again");
                let _ = tokio::time::timeout(AGAIN, stop.cancelled()).await;
            }
        }
    }
}

/// The time between a lease's beginning and its end.
struct Shift<'a> {
    context: &'a Context,
    hold: Hold,
    /// The worker is told to end.
    stop: CancellationToken,
    /// The lease is somebody else's.
    lost: CancellationToken,
    unclear: Arc<AtomicBool>,
    /// A lane has nothing left to do.
    idle: Arc<Notify>,
    /// Tells the lanes that the runs were looked at, and what that came to.
    looked: watch::Sender<()>,
    planner: Planner,
    renderers: Renderers,
    lanes: HashMap<ChannelId, LaneHandle>,
    watch: Watch,
    /// When the followers among the runs were last looked after.
    grown: HashMap<RunId, Grown>,
    /// When to measure again what was too long for somebody.
    refused: HashMap<RunId, Instant>,
    /// When people were last taken into runs by contacts' own clocks: by our clock, and in the database's time.
    joined: HashMap<RunId, (Instant, Millis)>,
    /// The files that this process had in force last.
    in_force: Option<InForce>,
    /// The last time at which the sends of all ended runs had been read.
    all_read: Option<Instant>,
    /// The contact that the planning of a run by others had reached, and the time at which that was first seen.
    planning: HashMap<RunId, (i64, Instant)>,
}

/// The files of this process, and whether they are those that count.
struct InForce {
    loaded: Loaded,
    counts: bool,
    next: Instant,
}

/// How often a process whose files do not count asks again.
const FILES_RETRY: Duration = Duration::from_secs(5);

/// How often runs by contacts' own clocks take people in.
const JOIN_INTERVAL: Duration = Duration::from_secs(20);

/// A run that follows another gets more recipients while the other is still going, and after its end.
struct Grown {
    /// When to look again.
    next: Instant,
    /// Whether the other had ended.
    last: bool,
}

/// How often a run whose leader is still sending gets those whom the leader reached meanwhile; and one whose
/// leader has ended, because somebody may have sent it again to those who failed.
const GROW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// After this without progress, the planning of a run that somebody else began is taken over.
const PLANNED_BY_OTHERS: Duration = Duration::from_secs(3);

/// The interval at which ended runs are looked for whose sends are to be read.
const READ_INTERVAL: Duration = Duration::from_secs(5);

/// How long a run waits that says too much to somebody: measuring goes through the whole audience.
const REFUSED: Duration = Duration::from_secs(10);

struct LaneHandle {
    channel: Channel,
    runs: watch::Sender<Arc<[Run]>>,
    stop: CancellationToken,
    /// True when everything was recorded and given back.
    task: JoinHandle<bool>,
}

impl<'a> Shift<'a> {
    fn new(context: &'a Context, hold: Hold, stop: CancellationToken) -> Self {
        let (store, clock) = (context.store.clone(), context.clock.clone());
        Self {
            context,
            hold,
            stop,
            lost: CancellationToken::new(),
            unclear: Arc::default(),
            idle: Arc::default(),
            looked: watch::Sender::new(()),
            planner: Planner::new(store.clone(), clock),
            renderers: Renderers::new(store, context.signer.clone()),
            lanes: HashMap::new(),
            watch: Watch::default(),
            grown: HashMap::new(),
            refused: HashMap::new(),
            joined: HashMap::new(),
            in_force: None,
            all_read: None,
            planning: HashMap::new(),
        }
    }

    async fn run(mut self) {
        let over = CancellationToken::new();
        let beat = self.hold.clone().keep(self.context.clone(), self.lost.clone(), over.clone());
        let beat = tokio::spawn(beat);
        let (stop, lost, idle) = (self.stop.clone(), self.lost.clone(), Arc::clone(&self.idle));
        let mut tick = tokio::time::interval(TICK);
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
                    Err(error) => tracing::warn!(%error, "cannot look at runs; trying again"),
                },
                () = stop.cancelled() => break,
                () = lost.cancelled() => break,
            }
        }
        self.end_lanes().await;
        over.cancel();
        let _ = beat.await;
        self.end().await;
    }

    /// Whether rows may be in nobody's hands, though the database answers: because it did not say what became of
    /// a commit, or because a lane failed. Closing the lease gives them back.
    fn must_end(&self) -> bool {
        let failed = self.lanes.values().any(|lane| lane.task.is_finished() && !lane.stop.is_cancelled());
        if failed {
            tracing::error!("a lane failed; the worker starts anew");
        }
        failed || self.unclear.load(Ordering::Relaxed)
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        let loaded = Arc::clone(&self.context.files.borrow());
        self.retire_lanes(&loaded.0);
        let mut live = self.live().await?;
        let stopped = self.context.store.stopped().await?;
        if self.context.only.is_none() && self.files_are_in_force(&loaded).await? {
            // What goes wrong with one step or run is logged, and keeps nothing else from going out.
            if let Err(error) = self.planner.tick(&loaded, &live, stopped.as_ref()).await {
                tracing::warn!(%error, "cannot look at schedules; trying again");
            }
            let absent = self.planner.look_after_absent(&loaded, &live).await?;
            if absent | upkeep::upkeep(&self.context.store, &loaded, &live).await? {
                live = self.live().await?;
            }
            self.plan(&loaded, &live).await;
        }
        if !live.is_empty() {
            self.context.store.run_finish(self.context.clock.millis()).await?;
            live = self.live().await?;
        }
        self.watch.look(&self.context.store, &loaded.0, &mut live).await?;
        self.cancel(&live).await?;
        self.read_sends().await?;
        // Whatever a run's state says meanwhile, nothing is handed out while everything stands still.
        live.retain(|_| stopped.is_none());
        self.hand_out(&loaded.0, live).await;
        self.looked.send_replace(());
        Ok(())
    }

    /// Whether this process may plan what its files say: one set of files counts at a time.
    async fn files_are_in_force(&mut self, loaded: &Loaded) -> Result<bool, StoreError> {
        let known = self.in_force.as_ref();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.loaded, loaded))
            && Instant::now() < known.next
        {
            return Ok(known.counts);
        }
        let before = self.context.files_before.lock().ok().and_then(|before| before.clone());
        let (hash, now) = (loaded.0.hash.as_str(), self.context.clock.millis());
        let counts =
            self.context.store.files_put_in_force(self.hold.lease, hash, before.as_deref(), now).await?;
        if counts && let Ok(mut before) = self.context.files_before.lock() {
            *before = Some(hash.to_owned());
        }
        let was = self.in_force.as_ref().is_none_or(|known| known.counts);
        if counts != was {
            let note = if counts { "" } else { OTHER_FILES };
            self.context.store.lease_note(self.hold.lease, note).await?;
            tracing::warn!(counts, "whether the files of this process are in force");
        }
        self.in_force =
            Some(InForce { loaded: Arc::clone(loaded), counts, next: Instant::now() + FILES_RETRY });
        Ok(counts)
    }

    async fn live(&self) -> Result<Vec<Run>, StoreError> {
        let mut live = self.context.store.run_live().await?;
        if let Some(only) = self.context.only {
            live.retain(|run| run.id == only);
        }
        Ok(live)
    }

    /// Goes on with large cancellations that whoever asked for them did not finish, a while each time.
    async fn cancel(&self, live: &[Run]) -> Result<(), StoreError> {
        let begun = Instant::now();
        for run in live.iter().filter(|run| run.state == RunState::Cancelled) {
            let mut after = None;
            while let Some(last) =
                self.context.store.run_cancel_more(run.id, after, self.context.clock.millis()).await?
            {
                after = Some(last);
                if begun.elapsed() > TICK / 2 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads the sends of ended runs for audiences, a while each time.
    async fn read_sends(&mut self) -> Result<(), StoreError> {
        if self.all_read.is_some_and(|since| since.elapsed() < READ_INTERVAL) {
            return Ok(());
        }
        let begun = Instant::now();
        while self.context.store.engagement_advance().await? {
            self.all_read = None;
            if begun.elapsed() > TICK / 4 {
                return Ok(());
            }
        }
        self.all_read = Some(Instant::now());
        Ok(())
    }

    /// Makes the deliveries of runs that have none, and those of followers whose leaders sent more meanwhile.
    async fn plan(&mut self, loaded: &Loaded, live: &[Run]) {
        self.grown.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.refused.retain(|id, _| live.iter().any(|run| run.id == *id));
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
            if run.state == RunState::Planned && self.somebody_plans(run) {
                continue;
            }
            if self.refused.get(&run.id).is_some_and(|next| Instant::now() < *next) {
                continue;
            }
            let begun = Instant::now();
            let planning = fire::plan(&self.context.store, loaded, run, self.context.clock.now());
            match planning.instrument(span(run)).await {
                Ok(_) => {
                    if let Some(last) = grows {
                        let rest = if last { GROW.1 } else { GROW.0 };
                        // A look at a large leader takes its time; most of it is left to others.
                        let next = Instant::now() + rest.max(begun.elapsed() * 20);
                        self.grown.insert(run.id, Grown { next, last });
                    }
                    if run.state == RunState::Planned && run.note.is_some() {
                        self.note(run.id, "").await;
                    }
                }
                Err(error) => {
                    if matches!(error, FireError::TooLong(_)) {
                        self.refused.insert(run.id, Instant::now() + REFUSED);
                    }
                    self.note(run.id, &format!("waits: failed to {error}")).await;
                }
            }
        }
    }

    /// Returns true if somebody else may be making the deliveries of a run: who sends by hand does so, and so does
    /// another worker whose planning went on within the last seconds.
    fn somebody_plans(&mut self, run: &Run) -> bool {
        if run.kind == RunKind::Scheduled && run.planned_through == 0 {
            return false;
        }
        let (through, since) = self.planning.entry(run.id).or_insert((run.planned_through, Instant::now()));
        if *through != run.planned_through {
            (*through, *since) = (run.planned_through, Instant::now());
        }
        since.elapsed() < PLANNED_BY_OTHERS
    }

    /// Takes people into a run by contacts' own clocks who were added or moved since it was planned.
    async fn join(&mut self, loaded: &Loaded, run: &Run) {
        let now = self.context.clock.now();
        let (last, since) = match self.joined.get(&run.id) {
            Some((last, since)) => (Some(*last), *since),
            None => (None, run.planned_at.unwrap_or(run.created_at)),
        };
        if last.is_some_and(|last| last.elapsed() < JOIN_INTERVAL) {
            return;
        }
        // Writers may be a little behind the clock with what they write.
        let next = Millis::from(now).saturating_sub(2_000).max(since);
        match fire::join(&self.context.store, loaded, run, since, now).await {
            Ok(count) => {
                if count > 0 {
                    tracing::info!(run = run.id.0, count, "took people in");
                }
                self.joined.insert(run.id, (Instant::now(), next));
            }
            Err(error) => tracing::warn!(run = run.id.0, %error, "cannot take people in"),
        }
    }

    /// Whether it is time to look for more recipients of a run that follows another; true when for the last
    /// time, because the other has ended.
    fn grows(&self, run: &Run, live: &[Run]) -> Option<bool> {
        let parent = run.parent_id.filter(|_| run.state == RunState::Running)?;
        let last = !live.iter().any(|other| other.id == parent);
        let grown = self.grown.get(&run.id);
        grown.is_none_or(|grown| grown.last != last || Instant::now() >= grown.next).then_some(last)
    }

    /// Says what people should know of a run: on its page, and once in the log.
    async fn note(&self, run: RunId, note: &str) {
        match self.context.store.run_note(run, note).await {
            Ok(true) if !note.is_empty() => tracing::error!(run = run.0, note, "a run waits"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot note why a run waits"),
        }
    }

    /// Tells the lanes whose channel changed in the files to end when every answer is in, and forgets those that
    /// have. Others go on undisturbed.
    fn retire_lanes(&mut self, workspace: &Workspace) {
        for (id, lane) in &self.lanes {
            if workspace.channels.get(id) != Some(&lane.channel) {
                lane.stop.cancel();
            }
        }
        self.lanes.retain(|_, lane| !(lane.task.is_finished() && lane.stop.is_cancelled()));
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
                let changed = {
                    let said = |run: &Run| (run.id, run.revision_id);
                    known.iter().map(said).ne(runs.iter().map(said))
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
        let (tell, runs) = watch::channel(runs.into());
        let signals = Signals {
            stop: self.stop.child_token(),
            hurry: self.stop.clone(),
            lost: self.lost.clone(),
            idle: Arc::clone(&self.idle),
            unclear: Arc::clone(&self.unclear),
        };
        let stop = signals.stop.clone();
        let lane = Lane {
            store: self.context.store.clone(),
            clock: self.context.clock.clone(),
            signer: self.context.signer.clone(),
            renderers: self.renderers.clone(),
            lease: self.hold.lease,
            journal: self.hold.journal.clone(),
            channel: channel.clone(),
            sender,
            zone: workspace.brand.timezone.clone(),
            runs,
            looked: self.looked.subscribe(),
            signals,
        };
        let span = tracing::info_span!("lane", channel = %channel.id);
        let task = tokio::spawn(lane.run().instrument(span));
        self.lanes.insert(channel.id.clone(), LaneHandle { channel, runs: tell, stop, task });
    }

    /// Ends every lane, each as soon as its answers are in.
    async fn end_lanes(&mut self) {
        for lane in self.lanes.values() {
            lane.stop.cancel();
        }
        for (channel, lane) in self.lanes.drain() {
            match lane.task.await {
                Ok(true) => {}
                Ok(false) => self.unclear.store(true, Ordering::Relaxed),
                Err(error) => {
                    tracing::error!(%channel, %error, "a lane ended badly");
                    self.unclear.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Ends the lease. Where something may still be in doubt it is left as a dead worker leaves it: the next one
    /// reads the journal and knows.
    async fn end(self) {
        if let Err(error) = self.context.store.run_finish(self.context.clock.millis()).await {
            tracing::warn!(%error, "cannot end runs");
        }
        if self.lost.is_cancelled() {
            self.hold.abandon();
        } else if !self.unclear.load(Ordering::Relaxed) {
            self.hold.close(self.context).await;
        }
    }
}
