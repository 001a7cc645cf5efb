//! The state that all pages share.

use std::sync::Arc;

use campaign::Workspace;
use source::Diagnostics;
use store::{Clock, Store};

/// The database, the files and the settings of the pages. The workspace is replaced as a whole when
/// files change.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// The store that the pages read.
    pub store: Store,
    /// The loaded files with the findings of their check.
    pub workspace: tokio::sync::watch::Receiver<Arc<(Workspace, Diagnostics)>>,
    /// The source of the current time.
    pub clock: Clock,
    /// The access key: a browser sends it once as `/?key=…` and then in a cookie. With `None`, only
    /// requests to this machine are answered.
    pub access_key: Option<String>,
    /// True in the demo: every page shows that its numbers are simulated.
    pub simulated: bool,
}
