//! Watching and reloading of the workspace's files, so that an edit takes effect without a restart.

mod change_detector;
#[cfg(target_os = "linux")]
mod inotify;
mod status;

use std::path::PathBuf;
use std::time::Duration;

use campaign::Server;
use scheduler::Loaded;
use store::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::status::FilesStatus;

use self::change_detector::ChangeDetector;
use crate::setup;
use crate::signals::ReloadSignal;

/// Interval between two checks for file system events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The watcher of the files of a workspace.
pub(crate) struct FileWatcher {
    /// The root folder of the workspace.
    pub(crate) root: PathBuf,
    /// Fingerprint of the files, taken before they were last read.
    pub(crate) fingerprint: u64,
    /// Receives the workspace each time it is loaded successfully.
    pub(crate) updates: watch::Sender<Loaded>,
    /// Status of the files in force, for readiness.
    pub(crate) status: FilesStatus,
    /// The clock for the time of loading.
    pub(crate) clock: Clock,
    /// The signal that forces a reload.
    pub(crate) reload: ReloadSignal,
}

impl FileWatcher {
    /// Reloads the workspace whenever its files change, and on the reload signal, until `stop` is
    /// cancelled. If the files cannot be loaded, the last loaded ones remain in force.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        let (folder, fingerprint) = (self.root.clone(), self.fingerprint);
        let create = tokio::task::spawn_blocking(move || ChangeDetector::new(folder, fingerprint));
        let Ok(mut detector) = create.await else { return };
        loop {
            let is_forced = tokio::select! {
                () = stop.cancelled() => return,
                () = self.reload.received() => true,
                () = tokio::time::sleep(POLL_INTERVAL) => false,
            };
            if !is_forced && !detector.is_check_due() {
                continue;
            }
            let check = tokio::task::spawn_blocking(move || {
                let changed = detector.check();
                (detector, changed)
            });
            let Ok((returned, changed)) = check.await else { return };
            detector = returned;
            if is_forced {
                tracing::info!("SIGHUP: the files are read again");
            }
            if is_forced || changed {
                self.read().await;
            }
        }
    }

    async fn read(&self) {
        let folder = self.root.clone();
        match tokio::task::spawn_blocking(move || setup::load(&folder)).await {
            // Without a listing, a deleted campaign cannot be distinguished from an unreadable one.
            Ok(Ok(loaded)) if !loaded.0.campaigns_listed => {
                tracing::error!("campaigns/ cannot be listed; going on as before: `chorus check` says why");
                self.status.refused("campaigns/ cannot be listed");
            }
            Ok(Ok(loaded)) => {
                tracing::info!(
                    campaigns = loaded.0.campaigns.len(),
                    errors = loaded.1.errors().count(),
                    "the files were reloaded"
                );
                if startup_settings(&loaded) != startup_settings(&self.updates.borrow()) {
                    tracing::warn!("[server], [database] and the brand's name take effect after a restart");
                }
                self.status.accepted(self.clock.now());
                let _ = self.updates.send(loaded);
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

/// Returns the settings that only take effect at the start.
fn startup_settings(loaded: &Loaded) -> (&Server, Option<&str>, &str) {
    let workspace = &loaded.0;
    (&workspace.server, workspace.database.url.expose().ok(), &workspace.brand.name)
}
