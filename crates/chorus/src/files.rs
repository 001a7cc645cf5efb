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
/// `known` is the files' fingerprint from before they were last read.
pub(crate) async fn watch(
    root: PathBuf,
    mut known: u64,
    tell: watch::Sender<Loaded>,
    stop: CancellationToken,
) {
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
                if fixed(&loaded) != fixed(&tell.borrow()) {
                    tracing::warn!("[server], [database] and the brand's name take effect after a restart");
                }
                let _ = tell.send(loaded);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the files changed and cannot be read; going on as before");
            }
            Err(error) => tracing::error!(%error, "the files cannot be read"),
        }
    }
}

/// What is read once, at the start.
fn fixed(loaded: &Loaded) -> (std::net::SocketAddr, &str, Option<&str>, &str) {
    let workspace = &loaded.0;
    let database = workspace.database.url.expose().ok();
    (workspace.server.listen, workspace.server.public_url.as_str(), database, &workspace.brand.name)
}
