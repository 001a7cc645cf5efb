//! The tracking routes: `/c/…`, `/o/…`, `/u/…`, `POST /api/v1/events` and `/healthz`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::routing::{get, post};
use store::{Clock, Store};
use tower_http::timeout::TimeoutLayer;

use crate::event_writer::{EventSender, EventWriter, QUEUE_CAPACITY};
use crate::goals::Goals;
use crate::link_cache::LinkCache;
use crate::state::TrackingState;
use crate::{LinkSigner, events_api, open_pixel, pages, redirect, unsubscribe};

/// Maximum size of a request body on the routes of contacts, in bytes.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// Maximum size of a request body of the events API, in bytes.
const MAX_EVENTS_BYTES: usize = 1024 * 1024;
/// Timeout of a request, from its headers to its response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The state of the tracking routes and the task that writes their events.
#[derive(Debug)]
pub struct Tracking {
    state: Arc<TrackingState>,
    writer: EventWriter,
}

/// Handle to the statistics of the queue of opens and clicks that are answered but not yet written.
#[derive(Debug, Clone)]
pub struct EventQueue(EventSender);

impl EventQueue {
    /// Returns the number of opens and clicks in the queue.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// Returns the number of opens and clicks since the start that were answered but dropped
    /// because the queue was full.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.0.shed()
    }
}

impl Tracking {
    /// Loads the registered links and starts the task that writes events. `POST /api/v1/events`
    /// requires `api_key` as `Authorization: Bearer …`; `None` disables the check. `brand` is shown
    /// on the unsubscribe page. `is_simulated` is for the demo: hits state their own time in the
    /// header [`SIMULATED_AT`](crate::SIMULATED_AT).
    ///
    /// # Errors
    /// Returns the store's error if the links cannot be read.
    pub async fn start(
        store: Store,
        signer: LinkSigner,
        clock: Clock,
        goals: Goals,
        api_key: Option<String>,
        brand: String,
        is_simulated: bool,
    ) -> Result<Self, store::StoreError> {
        let links = LinkCache::load(store.clone()).await?;
        let (events, writer) =
            EventWriter::start(store.clone(), clock.clone(), Arc::clone(&goals), QUEUE_CAPACITY);
        let state =
            TrackingState { store, signer, clock, goals, api_key, brand, links, events, is_simulated };
        Ok(Self { state: Arc::new(state), writer })
    }

    /// Returns the router of all tracking routes.
    pub fn router(&self) -> Router {
        self.contacts_router().merge(self.api_router())
    }

    /// Returns the router of the routes for contacts and their browsers, and `/healthz`.
    pub fn contacts_router(&self) -> Router {
        let paths = Router::new()
            .route("/c/{link}", get(redirect::click))
            .route("/o/{token}", get(open_pixel::open))
            .route("/u/{token}", get(unsubscribe::show).post(unsubscribe::post))
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .route("/healthz", get(|| async { "ok\n" }));
        self.with_layers(paths)
    }

    /// Returns the router of `POST /api/v1/events`, for the operator's own servers.
    pub fn api_router(&self) -> Router {
        let events = post(events_api::post).layer(DefaultBodyLimit::max(MAX_EVENTS_BYTES));
        self.with_layers(Router::new().route("/api/v1/events", events))
    }

    fn with_layers(&self, paths: Router<Arc<TrackingState>>) -> Router {
        paths
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
            .layer(map_response(pages::add_security_headers))
            .with_state(Arc::clone(&self.state))
    }

    /// Returns a handle to the statistics of the queue of opens and clicks.
    #[must_use]
    pub fn queue(&self) -> EventQueue {
        EventQueue(self.state.events.clone())
    }

    /// Returns the number of opens and clicks that were answered but dropped because the queue was
    /// full.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.state.events.shed()
    }

    /// Writes the queued events and ends the writing task. Call it after the server stopped
    /// accepting requests.
    pub async fn finish(self) {
        self.writer.finish().await;
    }
}
