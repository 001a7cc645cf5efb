//! The listener, and the pages and paths behind it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use dashboard::Dashboard;
use scheduler::{Files, Loaded};
use store::Goal;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracking::{Goals, Tracking};

use crate::output::wrong;
use crate::setup::Opened;

/// The longest that one request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// How long requests that are under way may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// A server at work.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    tracking: Tracking,
    goals: JoinHandle<()>,
}

/// Who may see pages and post events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) dashboard: Option<String>,
    pub(crate) api: Option<String>,
}

impl Keys {
    /// A workspace whose links lead to this machine, served to this machine, is for trying out: it asks for no
    /// key. As soon as either names the world, pages and API ask for one.
    pub(crate) fn of(opened: &Opened) -> Self {
        let server = &opened.workspace().server;
        let host = server.public_url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if local && server.listen.ip().is_loopback() {
            return Self::default();
        }
        let key = |purpose| Some(opened.signer.access_key(purpose));
        Self { dashboard: key("dashboard"), api: key("api") }
    }
}

impl Server {
    /// Listens and serves.
    pub(crate) async fn start(
        opened: &Opened,
        listener: TcpListener,
        files: Files,
        keys: Keys,
        simulated: bool,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("listen")?;
        let goals: Goals = Arc::new(RwLock::new(goals_of(&files.borrow())));
        let (store, clock) = (opened.store.clone(), opened.clock.clone());
        let brand = opened.workspace().brand.name.clone();
        let signer = opened.signer.clone();
        let (clock_of_hits, goals_of_hits) = (clock.clone(), Arc::clone(&goals));
        let tracking =
            Tracking::start(store.clone(), signer, clock_of_hits, goals_of_hits, keys.api, brand, simulated)
                .await?;
        let pages =
            Dashboard { store, workspace: files.clone(), clock, access_key: keys.dashboard, simulated };
        let router = Router::new()
            .merge(tracking.router())
            .merge(pages.router())
            .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::GATEWAY_TIMEOUT, REQUEST))
            .layer(CatchPanicLayer::new());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serve = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the server ended");
            }
        });
        let goals = tokio::spawn(follow_goals(files, goals));
        Ok(Self { address, stop, task, tracking, goals })
    }

    /// Takes no more requests, lets those under way end, and writes what is in memory.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.goals.abort();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(GRACE, self.task).await.is_err() {
            abort.abort();
        }
        self.tracking.finish().await;
    }
}

/// Binds the workspace's address, or says what to do.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        wrong(format!(
            "cannot listen on {address}: {error}; set another `listen` under [server] in chorus.toml"
        ))
    })
}

async fn follow_goals(mut files: Files, goals: Goals) {
    while files.changed().await.is_ok() {
        let fresh = goals_of(&files.borrow_and_update());
        *goals.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

/// Which campaigns count which event.
fn goals_of(loaded: &Loaded) -> BTreeMap<String, Vec<Goal>> {
    let mut goals: BTreeMap<String, Vec<Goal>> = BTreeMap::new();
    for campaign in loaded.0.campaigns.values() {
        if let Some(goal) = &campaign.goal {
            let window = i64::try_from(goal.window.as_millis()).unwrap_or(i64::MAX);
            goals
                .entry(goal.event.clone())
                .or_default()
                .push(Goal { campaign: campaign.id.to_string(), window });
        }
    }
    goals
}

/// SIGTERM and SIGINT, heard from the moment it is made.
pub(crate) struct StopSignal {
    term: Signal,
    int: Signal,
}

impl StopSignal {
    /// Listens from now on; until then a signal ends the process as ever.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for either.
    pub(crate) async fn heard(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// From now on, the next one ends the process at once.
    pub(crate) fn then_exit(mut self) {
        tokio::spawn(async move {
            self.heard().await;
            std::process::exit(130);
        });
    }
}
