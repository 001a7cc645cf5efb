//! The HTTP servers: listeners, routes, access keys and graceful shutdown.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use dashboard::Dashboard;
use scheduler::{Files, Loaded};
use store::AttributionGoal;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracking::{Goals, Tracking};

use crate::http_span;
use crate::operations::{Operations, Visibility};
use crate::setup::App;

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that open requests get to finish after a server was stopped.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// A running server of links, pages, API and metrics.
pub(crate) struct Server {
    /// Address of the links and, unless `admin` is set, of everything else.
    pub(crate) address: SocketAddr,
    /// Address of pages, API and metrics, if they have their own listener.
    pub(crate) admin: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    tracking: Tracking,
    goals: JoinHandle<()>,
}

/// The bound listeners of a server.
pub(crate) struct Listeners {
    /// Listener of links and their pages, and of everything else if `admin` is `None`.
    pub(crate) public: TcpListener,
    /// Listener of pages, API and metrics.
    pub(crate) admin: Option<TcpListener>,
}

/// A running server of metrics and readiness only, for a process that only sends.
pub(crate) struct AdminServer {
    /// Address of the server.
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The keys that the dashboard and the events API require; `None` requires no key.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessKeys {
    pub(crate) dashboard: Option<String>,
    pub(crate) api: Option<String>,
}

impl AccessKeys {
    /// Returns the keys that a workspace requires: none if its public URL and all its listeners are
    /// on the loopback interface, as on a developer's machine.
    ///
    /// `listen` and `admin` override the workspace's addresses of links, and of pages and API.
    pub(crate) fn of(app: &App, listen: Option<SocketAddr>, admin: Option<SocketAddr>) -> Self {
        let server = &app.workspace().server;
        let host = server.public_url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let admin_is_local = admin.or(server.admin_listen).is_none_or(|address| address.ip().is_loopback());
        if local && listen.unwrap_or(server.listen).ip().is_loopback() && admin_is_local {
            return Self::default();
        }
        let key = |purpose| Some(app.signer.access_key(purpose));
        Self { dashboard: key("dashboard"), api: key("api") }
    }
}

impl Server {
    /// Starts serving links, pages, API and metrics on the listeners.
    pub(crate) async fn start(
        app: &App,
        listeners: Listeners,
        files: Files,
        keys: AccessKeys,
        simulated: bool,
        operations: &Arc<Operations>,
    ) -> anyhow::Result<Self> {
        let Listeners { public, admin } = listeners;
        let address = public.local_addr().context("listen")?;
        let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose().context("listen")?;
        let goals: Goals = Arc::new(RwLock::new(goals_of(&files.borrow())));
        let (store, clock) = (app.store.clone(), app.clock.clone());
        let brand = app.workspace().brand.name.clone();
        let signer = app.signer.clone();
        let (tracking_clock, tracking_goals) = (clock.clone(), Arc::clone(&goals));
        let tracking = Tracking::start(
            store.clone(),
            signer,
            tracking_clock,
            tracking_goals,
            keys.api,
            brand,
            simulated,
        )
        .await?;
        operations.set_events(tracking.queue());
        let pages =
            Dashboard { store, workspace: files.clone(), clock, access_key: keys.dashboard, simulated };
        let pages = tracking.api_router().merge(pages.router());
        let stop = CancellationToken::new();
        let links = tracking.contacts_router();
        let tasks = match admin {
            None => {
                let all = links.merge(pages).merge(operations.router(Visibility::Local));
                vec![serve(public, all, &stop)]
            }
            Some(admin) => {
                let links = links.merge(operations.router(Visibility::Status));
                let pages = pages.merge(operations.router(Visibility::Full)).merge(health_router());
                vec![serve(public, links, &stop), serve(admin, pages, &stop)]
            }
        };
        let goals = tokio::spawn(update_goals(files, goals));
        Ok(Self { address, admin: admin_address, stop, tasks, tracking, goals })
    }

    /// Returns the address of the pages.
    pub(crate) fn pages(&self) -> SocketAddr {
        self.admin.unwrap_or(self.address)
    }

    /// Stops accepting requests, waits for open ones, and writes the queued events.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.goals.abort();
        finish(self.tasks).await;
        self.tracking.finish().await;
    }
}

impl AdminServer {
    /// Starts serving metrics and readiness on the listener.
    pub(crate) fn start(listener: TcpListener, operations: &Arc<Operations>) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("listen")?;
        let stop = CancellationToken::new();
        let task = serve(listener, operations.router(Visibility::Full).merge(health_router()), &stop);
        Ok(Self { address, stop, task })
    }

    /// Stops accepting requests and waits for open ones.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        finish(vec![self.task]).await;
    }
}

/// Returns the route `/healthz`, which answers as long as the process runs.
fn health_router() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

/// Spawns a task that serves `paths` until `stop` is cancelled.
fn serve(listener: TcpListener, paths: Router, stop: &CancellationToken) -> JoinHandle<()> {
    let paths = paths
        .layer(from_fn(http_span::traced))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::new());
    let serve = axum::serve(listener, paths.into_make_service_with_connect_info::<SocketAddr>());
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = serve.with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the server ended");
        }
    })
}

/// Waits for stopped servers, at most [`SHUTDOWN_GRACE`] in total, then aborts them.
async fn finish(tasks: Vec<JoinHandle<()>>) {
    let until = tokio::time::Instant::now() + SHUTDOWN_GRACE;
    for task in tasks {
        let abort = task.abort_handle();
        if tokio::time::timeout_at(until, task).await.is_err() {
            abort.abort();
        }
    }
}

/// Binds an address of the workspace. `setting` is the key of the address under `[server]`.
///
/// # Errors
/// Returns the reason why the address cannot be bound, with its fix, such as a port that is in use.
pub(crate) async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there, perhaps another `chorus serve`: stop it".to_owned()
            }
            ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
            ErrorKind::PermissionDenied => {
                "this user may not listen on a port below 1024: allow it, or take a higher one".to_owned()
            }
            _ => error.to_string(),
        };
        anyhow::anyhow!("listen on {address}: {why}; or name another address as `{setting}` under [server]")
    })
}

/// Replaces the goals whenever the files change.
async fn update_goals(mut files: Files, goals: Goals) {
    while files.changed().await.is_ok() {
        let new = goals_of(&files.borrow_and_update());
        *goals.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

/// Returns the goals of all campaigns by event name.
fn goals_of(loaded: &Loaded) -> BTreeMap<String, Vec<AttributionGoal>> {
    let mut goals: BTreeMap<String, Vec<AttributionGoal>> = BTreeMap::new();
    for campaign in loaded.0.campaigns.values() {
        if let Some(goal) = &campaign.goal {
            let window = i64::try_from(goal.window.as_millis()).unwrap_or(i64::MAX);
            goals
                .entry(goal.event.clone())
                .or_default()
                .push(AttributionGoal { campaign: campaign.id.to_string(), window });
        }
    }
    goals
}

/// A listener for SIGTERM and SIGINT.
pub(crate) struct StopSignal {
    term: Signal,
    int: Signal,
}

impl StopSignal {
    /// Starts listening. From now on these signals no longer end the process by themselves.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for either signal.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// Makes the next signal end the process immediately.
    pub(crate) fn exit_on_next(mut self) {
        tokio::spawn(async move {
            self.received().await;
            std::process::exit(130);
        });
    }
}
