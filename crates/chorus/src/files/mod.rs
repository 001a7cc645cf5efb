//! Watches the workspace's files, so that an edit takes effect without a restart.

mod changes;
#[cfg(target_os = "linux")]
mod events;
mod status;

use std::path::PathBuf;
use std::time::Duration;

use campaign::Server;
use scheduler::Loaded;
use store::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::status::FilesStatus;

use self::changes::Changes;
use crate::setup;
use crate::signals::ReloadSignal;

/// The time between two looks for events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What watching the files of a workspace needs.
pub(crate) struct Watcher {
    /// The workspace's folder.
    pub(crate) root: PathBuf,
    /// The files' fingerprint from before they were last read.
    pub(crate) known: u64,
    /// Gets each reading that can be used.
    pub(crate) tell: watch::Sender<Loaded>,
    /// Notes which reading is in force.
    pub(crate) status: FilesStatus,
    /// The time.
    pub(crate) clock: Clock,
    /// Asks for a reading at once.
    pub(crate) reload: ReloadSignal,
}

impl Watcher {
    /// Reads the workspace anew whenever its files change, and when asked to, until told to stop. What cannot be read
    /// at all leaves the last reading in place.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        let (folder, known) = (self.root.clone(), self.known);
        let Ok(mut changes) = tokio::task::spawn_blocking(move || Changes::new(folder, known)).await else {
            return;
        };
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = self.reload.heard() => true,
                () = tokio::time::sleep(POLL_INTERVAL) => false,
            };
            if !asked && !changes.is_look_due() {
                continue;
            }
            let looked = tokio::task::spawn_blocking(move || {
                let changed = changes.look();
                (changes, changed)
            });
            let Ok((after, changed)) = looked.await else { return };
            changes = after;
            if asked {
                tracing::info!("SIGHUP: the files are read again");
            }
            if asked || changed {
                self.read().await;
            }
        }
    }

    async fn read(&self) {
        let folder = self.root.clone();
        match tokio::task::spawn_blocking(move || setup::load(&folder)).await {
            // Whether a campaign is gone cannot be said, so none is.
            Ok(Ok(loaded)) if !loaded.0.campaigns_listed => {
                tracing::error!("campaigns/ cannot be listed; going on as before: `chorus check` says why");
                self.status.refused("campaigns/ cannot be listed");
            }
            Ok(Ok(loaded)) => {
                tracing::info!(
                    campaigns = loaded.0.campaigns.len(),
                    errors = loaded.1.errors().count(),
                    "the files changed; read anew"
                );
                if fixed(&loaded) != fixed(&self.tell.borrow()) {
                    tracing::warn!("[server], [database] and the brand's name take effect after a restart");
                }
                self.status.accepted(self.clock.now());
                let _ = self.tell.send(loaded);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the files changed and cannot be read; going on as before");
                self.status.refused("chorus.toml cannot be used");
            }
            Err(error) => {
                tracing::error!(%error, "the files cannot be read");
                self.status.refused("the files cannot be read");
            }
        }
    }
}

/// What is read once, at the start.
fn fixed(loaded: &Loaded) -> (&Server, Option<&str>, &str) {
    let workspace = &loaded.0;
    (&workspace.server, workspace.database.url.expose().ok(), &workspace.brand.name)
}
