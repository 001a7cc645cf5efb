//! What operators and their tools ask for: `/metrics`, `/readyz`, and `/healthz` where no other page stands.

mod answer;
mod cached;
mod figures;
mod readiness;
mod visitor;

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
use telemetry::Readings;
use tracking::EventQueue;

use self::answer::NoAnswer;
use self::cached::Cached;
use self::figures::Figures;
use self::readiness::{Check, Found};
use crate::files::FilesStatus;
use crate::setup::Opened;

/// What the pages of operators show.
#[derive(Debug)]
pub(crate) struct Operations {
    store: Store,
    clock: Clock,
    files: Files,
    status: FilesStatus,
    /// The SQLite file.
    database: Option<PathBuf>,
    /// True if this process sends: then it has to hold a lease and to keep to the schedule.
    sends: bool,
    worker: OnceLock<WorkerStatus>,
    events: OnceLock<EventQueue>,
    figures: Cached<Result<Figures, NoAnswer>>,
    written: Cached<Result<(), NoAnswer>>,
}

/// How much a listener shows, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everything to everybody who can reach it.
    Full,
    /// Everything to programs of this machine; to others nothing but whether the process is ready.
    Local,
    /// Nothing but whether the process is ready.
    Status,
}

impl Operations {
    /// The pages of a process, which `sends` or only serves pages.
    pub(crate) fn new(opened: &Opened, files: Files, status: FilesStatus, sends: bool) -> Arc<Self> {
        telemetry::started(env!("CARGO_PKG_VERSION"), Clock::machine().micros() as f64 / 1e6);
        let url = opened.workspace().database.url.expose().ok();
        Arc::new(Self {
            store: opened.store.clone(),
            clock: opened.clock.clone(),
            files,
            status,
            database: url.and_then(|url| url.strip_prefix("sqlite:")).map(PathBuf::from),
            sends,
            worker: OnceLock::new(),
            events: OnceLock::new(),
            figures: Cached::empty(),
            written: Cached::empty(),
        })
    }

    /// Shows the state of this process's worker from now on.
    pub(crate) fn show_worker(&self, worker: WorkerStatus) {
        let _ = self.worker.set(worker);
    }

    /// Shows the queue of this process's events from now on.
    pub(crate) fn show_events(&self, events: EventQueue) {
        let _ = self.events.set(events);
    }

    /// `/metrics` and `/readyz`.
    pub(crate) fn router(self: &Arc<Self>, visibility: Visibility) -> Router {
        let state = (Arc::clone(self), visibility);
        Router::new().route("/metrics", get(metrics)).route("/readyz", get(readyz)).with_state(state)
    }

    async fn figures(&self) -> Result<Figures, NoAnswer> {
        let loaded = Arc::clone(&self.files.borrow());
        self.figures.get(Figures::read(&self.store, &loaded, &self.clock)).await
    }

    async fn readings(&self) -> Readings {
        for channel in self.files.borrow().0.channels.keys() {
            // What a channel has not done yet counts as 0, not as unknown.
            let _ = telemetry::Channel::of(channel.as_str());
        }
        let figures = self.figures().await.ok();
        let (queued, lag) = figures.map(|figures| (figures.queued, figures.lag)).unzip();
        let seconds = |(channel, lag): (String, std::time::Duration)| (channel, lag.as_secs_f64());
        let events = self.events.get();
        Readings {
            queued,
            lag: lag.map(|lag| lag.into_iter().map(seconds).collect()),
            waiting_events: events.map(|events| events.waiting() as u64),
            shed_events: events.map_or(0, EventQueue::shed),
        }
    }

    async fn checks(&self) -> Vec<Check> {
        let loaded = Arc::clone(&self.files.borrow());
        let write = self.written.get(readiness::write(&self.store, &self.clock));
        let (figures, written) = tokio::join!(self.figures(), write);
        let stopped =
            figures.as_ref().ok().and_then(|figures| figures.stopped.clone()).filter(|_| self.sends);
        let lag = match &figures {
            _ if !self.sends => Found::Good("this process sends nothing".to_owned()),
            Ok(figures) => readiness::lag(figures, &loaded.0),
            Err(error) => Found::Bad(format!("the database does not tell: {error}")),
        };
        let other_files = figures.ok().and_then(|figures| figures.other_files).filter(|_| self.sends);
        let (database, errors) = (self.database.clone(), loaded.1.errors().count());
        let disk = tokio::task::spawn_blocking(move || readiness::disk(database.as_deref())).await;
        vec![
            Check::new("database", readiness::database(written, stopped)),
            Check::new("lease", self.lease()),
            Check::new("lag", lag),
            Check::new("disk", disk.unwrap_or_else(|error| Found::Bad(error.to_string()))),
            Check::new("files", self.files_in_force(other_files, errors)),
        ]
    }

    fn lease(&self) -> Found {
        if !self.sends {
            return Found::Good("this process sends nothing".to_owned());
        }
        match self.worker.get() {
            Some(worker) => Found::of(worker.lease().map(|()| "the worker holds its lease")),
            None => Found::Bad("the worker has not begun".to_owned()),
        }
    }

    fn files_in_force(&self, other_files: Option<String>, errors: usize) -> Found {
        let read_at = match self.status.check() {
            Ok(read_at) => read_at,
            Err(refused) => return Found::Bad(refused.to_string()),
        };
        if let Some(worker) = other_files {
            return Found::Bad(format!(
                "the files of the worker {worker} are in force: give both the same files"
            ));
        }
        let since = read_at.strftime("%Y-%m-%dT%H:%M:%SZ");
        Found::Good(match errors {
            0 => format!("those read at {since} are in force"),
            _ => format!("those read at {since} are in force; what has one of {errors} errors is left out"),
        })
    }
}

type Shown = State<(Arc<Operations>, Visibility)>;

fn sees_all(visibility: Visibility, request: &Request) -> bool {
    match visibility {
        Visibility::Full => true,
        Visibility::Local => visitor::is_local(request),
        Visibility::Status => false,
    }
}

async fn metrics(State((operations, visibility)): Shown, request: Request) -> Response {
    if !sees_all(visibility, &request) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [(CONTENT_TYPE, telemetry::CONTENT_TYPE), (CACHE_CONTROL, "no-store")];
    (headers, telemetry::text(&operations.readings().await)).into_response()
}

async fn readyz(State((operations, visibility)): Shown, request: Request) -> Response {
    let checks = Box::pin(operations.checks()).await;
    let is_ready = checks.iter().all(|check| check.ok);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = if sees_all(visibility, &request) {
        json!({ "ready": is_ready, "checks": checks })
    } else {
        json!({ "ready": is_ready })
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
