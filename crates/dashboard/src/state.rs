//! The state that the pages share.

use std::sync::Arc;

use campaign::Workspace;
use source::Diagnostics;
use store::{Clock, Store};

/// The database, the files and the settings of the pages. The workspace is swapped whole when files change.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// The database.
    pub store: Store,
    /// The files, and the findings in them.
    pub workspace: tokio::sync::watch::Receiver<Arc<(Workspace, Diagnostics)>>,
    /// The clock.
    pub clock: Clock,
    /// The key that a browser has to bring once as `/?key=…` and then keeps in a cookie; `None` asks for none.
    pub access_key: Option<String>,
    /// Shows on every page that the numbers are simulated, for the demo.
    pub simulated: bool,
}
