//! Watches the workspace's files, so that an edit takes effect without a restart.

use std::path::PathBuf;
use std::time::Duration;

use campaign::Workspace;
use scheduler::Loaded;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::setup;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Reads the workspace anew whenever its files change, until told to stop. What cannot be read at all leaves the
/// last reading in place.
pub(crate) async fn watch(root: PathBuf, tell: watch::Sender<Loaded>, stop: CancellationToken) {
    let mut known = Workspace::fingerprint(&root);
    while tokio::time::timeout(LOOK, stop.cancelled()).await.is_err() {
        let folder = root.clone();
        let Ok(seen) = tokio::task::spawn_blocking(move || Workspace::fingerprint(&folder)).await else {
            continue;
        };
        if seen == known {
            continue;
        }
        known = seen;
        let folder = root.clone();
        match tokio::task::spawn_blocking(move || setup::load(&folder)).await {
            Ok(Ok(loaded)) => {
                tracing::info!(
                    campaigns = loaded.0.campaigns.len(),
                    errors = loaded.1.errors().count(),
                    "the files changed; read anew"
                );
                let _ = tell.send(loaded);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the files changed and cannot be read; going on as before");
            }
            Err(error) => tracing::error!(%error, "the files cannot be read"),
        }
    }
}
