//! The routes for operators and monitoring: `/metrics` and `/readyz`.

mod backlog;
mod cached;
mod local_request;
mod query_failure;
mod readiness;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use scheduler::{Files, WorkerStatus};
use serde_json::json;
use store::{Clock, Store};
use telemetry::ScrapeValues;
use tracking::EventQueue;

use self::backlog::BacklogStatus;
use self::cached::Cached;
use self::query_failure::QueryFailure;
use self::readiness::{Check, CheckResult};
use crate::files::FilesStatus;
use crate::setup::App;

/// The state that metrics and readiness are computed from.
#[derive(Debug)]
pub(crate) struct Operations {
    store: Store,
    clock: Clock,
    files: Files,
    status: FilesStatus,
    /// The SQLite file; `None` for a database on a server.
    database: Option<PathBuf>,
    /// True if this process sends, so that it must hold a lease and keep to the schedule.
    sends: bool,
    worker: OnceLock<WorkerStatus>,
    events: OnceLock<EventQueue>,
    backlog: Cached<Result<BacklogStatus, QueryFailure>>,
    written: Cached<Result<(), QueryFailure>>,
}

/// The access that a listener gives to metrics and check results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everything for every client.
    Full,
    /// Everything for programs on this machine; only the readiness for others.
    Local,
    /// Only the readiness, without reasons.
    Status,
}

impl Operations {
    /// Creates the state for a process that `sends` or only serves pages.
    pub(crate) fn new(app: &App, files: Files, status: FilesStatus, sends: bool) -> Arc<Self> {
        telemetry::record_start(env!("CARGO_PKG_VERSION"), Clock::machine().micros() as f64 / 1e6);
        let url = app.workspace().database.url.expose().ok();
        Arc::new(Self {
            store: app.store.clone(),
            clock: app.clock.clone(),
            files,
            status,
            database: url.and_then(|url| url.strip_prefix("sqlite:")).map(PathBuf::from),
            sends,
            worker: OnceLock::new(),
            events: OnceLock::new(),
            backlog: Cached::empty(),
            written: Cached::empty(),
        })
    }

    /// Sets the status of this process's worker.
    pub(crate) fn set_worker(&self, worker: WorkerStatus) {
        let _ = self.worker.set(worker);
    }

    /// Sets the queue of this process's opens and clicks.
    pub(crate) fn set_events(&self, events: EventQueue) {
        let _ = self.events.set(events);
    }

    /// Returns the router of `/metrics` and `/readyz`.
    pub(crate) fn router(self: &Arc<Self>, visibility: Visibility) -> Router {
        let state = (Arc::clone(self), visibility);
        Router::new().route("/metrics", get(metrics)).route("/readyz", get(readyz)).with_state(state)
    }

    async fn backlog(&self) -> Result<BacklogStatus, QueryFailure> {
        let loaded = Arc::clone(&self.files.borrow());
        self.backlog.get(BacklogStatus::read(&self.store, &loaded, &self.clock)).await
    }

    async fn scrape_values(&self) -> ScrapeValues {
        for channel in self.files.borrow().0.channels.keys() {
            // Registers the metrics of the channel, so that unused ones are 0 and not missing.
            let _ = telemetry::ChannelMetrics::of(channel.as_str());
        }
        let backlog = self.backlog().await.ok();
        let (queued, lag) = backlog.map(|backlog| (backlog.queued, backlog.lag)).unzip();
        let seconds = |(channel, lag): (String, std::time::Duration)| (channel, lag.as_secs_f64());
        let events = self.events.get();
        ScrapeValues {
            queued,
            lag: lag.map(|lag| lag.into_iter().map(seconds).collect()),
            waiting_events: events.map(|events| events.waiting() as u64),
            shed_events: events.map_or(0, EventQueue::shed),
        }
    }

    async fn checks(&self) -> Vec<Check> {
        let loaded = Arc::clone(&self.files.borrow());
        let write = self.written.get(readiness::write(&self.store, &self.clock));
        let (backlog, written) = tokio::join!(self.backlog(), write);
        let stopped =
            backlog.as_ref().ok().and_then(|backlog| backlog.stopped.clone()).filter(|_| self.sends);
        let lag = match &backlog {
            _ if !self.sends => CheckResult::Passed("this process sends nothing".to_owned()),
            Ok(backlog) => readiness::lag(backlog, &loaded.0),
            Err(error) => CheckResult::Failed(format!("the database cannot be read: {error}")),
        };
        let other_files = backlog.ok().and_then(|backlog| backlog.other_files).filter(|_| self.sends);
        let (database, errors) = (self.database.clone(), loaded.1.errors().count());
        let disk = tokio::task::spawn_blocking(move || readiness::disk(database.as_deref())).await;
        vec![
            Check::new("database", readiness::database(written, stopped)),
            Check::new("lease", self.lease()),
            Check::new("lag", lag),
            Check::new("disk", disk.unwrap_or_else(|error| CheckResult::Failed(error.to_string()))),
            Check::new("files", self.files_in_force(other_files, errors)),
        ]
    }

    fn lease(&self) -> CheckResult {
        if !self.sends {
            return CheckResult::Passed("this process sends nothing".to_owned());
        }
        match self.worker.get() {
            Some(worker) => CheckResult::of(worker.lease().map(|()| "the worker holds its lease")),
            None => CheckResult::Failed("the worker has not started".to_owned()),
        }
    }

    fn files_in_force(&self, other_files: Option<String>, errors: usize) -> CheckResult {
        let read_at = match self.status.check() {
            Ok(read_at) => read_at,
            Err(refused) => return CheckResult::Failed(refused.to_string()),
        };
        if let Some(worker) = other_files {
            return CheckResult::Failed(format!(
                "the files of the worker {worker} are in force: give both the same files"
            ));
        }
        let since = read_at.strftime("%Y-%m-%dT%H:%M:%SZ");
        CheckResult::Passed(match errors {
            0 => format!("those read at {since} are in force"),
            _ => format!("those read at {since} are in force; parts with errors ({errors}) are left out"),
        })
    }
}

type OperationsState = State<(Arc<Operations>, Visibility)>;

fn may_see_all(visibility: Visibility, request: &Request) -> bool {
    match visibility {
        Visibility::Full => true,
        Visibility::Local => local_request::is_local(request),
        Visibility::Status => false,
    }
}

async fn metrics(State((operations, visibility)): OperationsState, request: Request) -> Response {
    if !may_see_all(visibility, &request) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [(CONTENT_TYPE, telemetry::CONTENT_TYPE), (CACHE_CONTROL, "no-store")];
    (headers, telemetry::render(&operations.scrape_values().await)).into_response()
}

async fn readyz(State((operations, visibility)): OperationsState, request: Request) -> Response {
    let checks = Box::pin(operations.checks()).await;
    let is_ready = checks.iter().all(|check| check.ok);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = if may_see_all(visibility, &request) {
        json!({ "ready": is_ready, "checks": checks })
    } else {
        json!({ "ready": is_ready })
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
