//! The listener, and the pages and paths behind it.

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
use store::Goal;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracking::{Goals, Tracking};

use crate::http_span;
use crate::operations::{Operations, Visibility};
use crate::setup::Opened;

/// The longest that one request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// How long requests that are under way may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// A server at work.
pub(crate) struct Server {
    /// Where links and, unless there is another address for them, pages are.
    pub(crate) address: SocketAddr,
    /// Where pages, API and metrics are, when they stand by themselves.
    pub(crate) admin: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    tracking: Tracking,
    goals: JoinHandle<()>,
}

/// The listeners of a server.
pub(crate) struct Listeners {
    /// For links and their pages, and for all the rest where `admin` is `None`.
    pub(crate) public: TcpListener,
    /// For pages, API and metrics.
    pub(crate) admin: Option<TcpListener>,
}

/// The pages of operators alone, for a process that only sends.
pub(crate) struct AdminServer {
    /// Where they are.
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
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
    ///
    /// `admin` is where pages and API are instead of at the workspace's own address for them.
    pub(crate) fn of(opened: &Opened, admin: Option<SocketAddr>) -> Self {
        let server = &opened.workspace().server;
        let host = server.public_url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let admin_is_local = admin.or(server.admin_listen).is_none_or(|address| address.ip().is_loopback());
        if local && server.listen.ip().is_loopback() && admin_is_local {
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
        listeners: Listeners,
        files: Files,
        keys: Keys,
        simulated: bool,
        operations: &Arc<Operations>,
    ) -> anyhow::Result<Self> {
        let Listeners { public, admin } = listeners;
        let address = public.local_addr().context("listen")?;
        let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose().context("listen")?;
        let goals: Goals = Arc::new(RwLock::new(goals_of(&files.borrow())));
        let (store, clock) = (opened.store.clone(), opened.clock.clone());
        let brand = opened.workspace().brand.name.clone();
        let signer = opened.signer.clone();
        let (clock_of_hits, goals_of_hits) = (clock.clone(), Arc::clone(&goals));
        let tracking =
            Tracking::start(store.clone(), signer, clock_of_hits, goals_of_hits, keys.api, brand, simulated)
                .await?;
        operations.show_events(tracking.queue());
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
                let pages = pages.merge(operations.router(Visibility::Full)).merge(alive());
                vec![serve(public, links, &stop), serve(admin, pages, &stop)]
            }
        };
        let goals = tokio::spawn(follow_goals(files, goals));
        Ok(Self { address, admin: admin_address, stop, tasks, tracking, goals })
    }

    /// Where the pages are.
    pub(crate) fn pages(&self) -> SocketAddr {
        self.admin.unwrap_or(self.address)
    }

    /// Takes no more requests, lets those under way end, and writes what is in memory.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.goals.abort();
        finish(self.tasks).await;
        self.tracking.finish().await;
    }
}

impl AdminServer {
    /// Listens and serves.
    pub(crate) fn start(listener: TcpListener, operations: &Arc<Operations>) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("listen")?;
        let stop = CancellationToken::new();
        let task = serve(listener, operations.router(Visibility::Full).merge(alive()), &stop);
        Ok(Self { address, stop, task })
    }

    /// Takes no more requests, and lets those under way end.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        finish(vec![self.task]).await;
    }
}

/// `/healthz`: the process answers.
fn alive() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

/// Serves until told to stop.
fn serve(listener: TcpListener, paths: Router, stop: &CancellationToken) -> JoinHandle<()> {
    let paths = paths
        .layer(from_fn(http_span::traced))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::GATEWAY_TIMEOUT, REQUEST))
        .layer(CatchPanicLayer::new());
    let serve = axum::serve(listener, paths.into_make_service_with_connect_info::<SocketAddr>());
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = serve.with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the server ended");
        }
    })
}

/// Waits for servers that were told to stop, for [`GRACE`] in all.
async fn finish(tasks: Vec<JoinHandle<()>>) {
    let until = tokio::time::Instant::now() + GRACE;
    for task in tasks {
        let abort = task.abort_handle();
        if tokio::time::timeout_at(until, task).await.is_err() {
            abort.abort();
        }
    }
}

/// Binds an address of the workspace, or says what to do. `setting` is what the address is called under `[server]`.
///
/// # Errors
/// The machine's trouble: somebody else has the port, or it is not to be had.
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
