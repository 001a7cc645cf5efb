//! The public paths: `/c/…`, `/o/…`, `/u/…`, `POST /api/v1/events`, `/healthz`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::routing::{get, post};
use store::{Clock, Store};
use tower_http::timeout::TimeoutLayer;

use crate::goals::Goals;
use crate::links::Links;
use crate::public::Public;
use crate::writer::{Intake, QUEUE, Writer};
use crate::{Signer, api, follow, page, unsubscribe};

/// The most that a page is sent, in bytes.
const FORM: usize = 16 * 1024;
/// The most that the API is sent, in bytes.
const EVENTS: usize = 1024 * 1024;
/// How long a request may take, from its first header to its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything the public paths need.
#[derive(Debug)]
pub struct Tracking {
    public: Arc<Public>,
    writer: Writer,
}

/// The queue of opens and clicks that are answered and not yet written. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventQueue(Intake);

impl EventQueue {
    /// The number of opens and clicks in it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// The number of opens and clicks since the start that were answered and not kept, because it was full.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.0.shed()
    }
}

impl Tracking {
    /// Loads the registered links and starts the writer of events. `api_key`: what `POST /api/v1/events` must
    /// bring as `Authorization: Bearer …`; `None` asks for nothing. `brand` is shown on the unsubscribe page.
    /// `is_simulated`, for the demo: hits say themselves when they happen, in [`SIMULATED_AT`](crate::SIMULATED_AT).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn start(
        store: Store,
        signer: Signer,
        clock: Clock,
        goals: Goals,
        api_key: Option<String>,
        brand: String,
        is_simulated: bool,
    ) -> Result<Self, store::StoreError> {
        let links = Links::load(store.clone()).await?;
        let (intake, writer) = Writer::start(store.clone(), clock.clone(), Arc::clone(&goals), QUEUE);
        let public = Public { store, signer, clock, goals, api_key, brand, links, intake, is_simulated };
        Ok(Self { public: Arc::new(public), writer })
    }

    /// Every path.
    pub fn router(&self) -> Router {
        self.contacts_router().merge(self.api_router())
    }

    /// The paths that contacts and their browsers ask for, and `/healthz`.
    pub fn contacts_router(&self) -> Router {
        let paths = Router::new()
            .route("/c/{link}", get(follow::click))
            .route("/o/{token}", get(follow::open))
            .route("/u/{token}", get(unsubscribe::ask).post(unsubscribe::post))
            .layer(DefaultBodyLimit::max(FORM))
            .route("/healthz", get(|| async { "ok\n" }));
        self.finished(paths)
    }

    /// `POST /api/v1/events`, which the operator's own servers ask for.
    pub fn api_router(&self) -> Router {
        let events = post(api::post).layer(DefaultBodyLimit::max(EVENTS));
        self.finished(Router::new().route("/api/v1/events", events))
    }

    fn finished(&self, paths: Router<Arc<Public>>) -> Router {
        paths
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, PATIENCE))
            .layer(map_response(page::harden))
            .with_state(Arc::clone(&self.public))
    }

    /// The queue of opens and clicks, to be looked at.
    #[must_use]
    pub fn queue(&self) -> EventQueue {
        EventQueue(self.public.intake.clone())
    }

    /// How many opens and clicks were answered but not kept, because the queue was full.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.public.intake.shed()
    }

    /// Writes what is still in memory, then ends. Call it after the server stopped taking requests.
    pub async fn finish(self) {
        self.writer.finish().await;
    }
}
