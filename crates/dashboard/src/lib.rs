//! Showing it: pages and API, drawn on the server, without scripts.

use std::sync::Arc;

use campaign::{Diagnostics, Workspace};
use store::{Clock, Store};

/// Everything the pages need. The workspace is swapped whole when files change.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Rows.
    pub store: Store,
    /// Files, and what is wrong with them.
    pub workspace: tokio::sync::watch::Receiver<Arc<(Workspace, Diagnostics)>>,
    /// The time.
    pub clock: Clock,
    /// What a browser must bring once as `/?key=…` (then kept in a cookie); `None` asks for nothing.
    pub access_key: Option<String>,
    /// Shown on every page of the demo: that the numbers are simulated.
    pub simulated: bool,
}

impl Dashboard {
    /// The pages: `/`, `/campaigns/{id}`, `/contacts/{id}`, `/outbox`, `/outbox/{delivery}`, `/runs/{id}`.
    #[must_use]
    pub fn router(self) -> axum::Router {
        todo!()
    }
}
