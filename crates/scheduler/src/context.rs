//! The context of a worker: the store, the workspace, the signer of links and the clock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use campaign::Workspace;
use channel::{Proxy, Timeouts};
use source::Diagnostics;
use store::{Clock, RunId, Store};
use tokio::sync::watch;
use tracking::LinkSigner;

/// The latest version of the workspace; it changes when files are edited.
pub type Files = watch::Receiver<Loaded>;

/// One loaded version of the workspace, with its findings.
pub type Loaded = Arc<(Workspace, Diagnostics)>;

/// The context that a worker needs.
#[derive(Debug, Clone)]
pub struct Context {
    /// The database with all rows.
    pub store: Store,
    /// The workspace; replaced as a whole when its files change.
    pub files: Files,
    /// The signer of links and message ids.
    pub signer: LinkSigner,
    /// The clock by which schedules run.
    pub clock: Clock,
    /// The worker's name in the database: host and process.
    pub worker: String,
    /// The folder of the journals, the same for all workers of this machine.
    pub journal: PathBuf,
    /// The time-outs of connections to servers and networks.
    pub limits: Timeouts,
    /// The proxy for posts to networks, if any.
    pub proxy: Option<Proxy>,
    /// The only run to work on, without firing schedules: for `chorus send`.
    pub only: Option<RunId>,
    /// The hash of the files that this process last put in force, kept across its leases.
    pub files_before: Arc<Mutex<Option<String>>>,
}
