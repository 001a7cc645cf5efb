//! What a worker works with: rows, files, links, time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use campaign::Workspace;
use channel::{Limits, Proxy};
use source::Diagnostics;
use store::{Clock, RunId, Store};
use tokio::sync::watch;
use tracking::Signer;

/// The workspace as it was last read, with what is wrong with it.
pub type Files = watch::Receiver<Loaded>;

/// One reading of the workspace.
pub type Loaded = Arc<(Workspace, Diagnostics)>;

/// What a worker works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Rows.
    pub store: Store,
    /// Files; swapped whole when they change.
    pub files: Files,
    /// Links.
    pub signer: Signer,
    /// Time.
    pub clock: Clock,
    /// The worker's name in the database: host and process.
    pub worker: String,
    /// Where the worker keeps its journal: a folder of this machine, the same for all its workers.
    pub journal: PathBuf,
    /// How long to wait for other sides.
    pub limits: Limits,
    /// The proxy that posts go through.
    pub proxy: Option<Proxy>,
    /// Work on this run alone and fire no schedule: for `chorus send`.
    pub only: Option<RunId>,
    /// The hash of the files that this process put in force last, over all its leases.
    pub files_before: Arc<Mutex<Option<String>>>,
}
