//! The public paths: `/c/…`, `/o/…`, `/u/…`, `POST /api/v1/events`.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use store::{Clock, Goal, Store};

use crate::Signer;

/// Which campaigns count which event as their goal: event name to goals. Swapped whole when files change.
pub type Goals = Arc<RwLock<BTreeMap<String, Vec<Goal>>>>;

/// Everything the public paths need.
#[derive(Debug)]
pub struct Tracking {}

impl Tracking {
    /// Loads the registered links and starts the writer of events. `api_key`: what `POST /api/v1/events` must
    /// bring as `Authorization: Bearer …`; `None` asks for nothing. `brand` is shown on the unsubscribe page.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn start(
        _store: Store,
        _signer: Signer,
        _clock: Clock,
        _goals: Goals,
        _api_key: Option<String>,
        _brand: String,
    ) -> Result<Self, store::StoreError> {
        todo!()
    }

    /// The paths.
    #[must_use]
    pub fn router(&self) -> axum::Router {
        todo!()
    }

    /// Writes what is still in memory, then ends. Call it after the server stopped taking requests.
    pub async fn finish(self) {
        todo!()
    }
}
