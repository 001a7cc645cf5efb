//! Watches the workspace's files, so that an edit takes effect without a restart.

mod changes;
#[cfg(target_os = "linux")]
mod events;

use std::path::PathBuf;
use std::time::Duration;

use scheduler::Loaded;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::changes::Changes;
use crate::setup;

/// The time between two looks for events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the workspace anew whenever its files change, until told to stop. What cannot be read at all leaves the
/// last reading in place.
/// `known` is the files' fingerprint from before they were last read.
pub(crate) async fn watch(root: PathBuf, known: u64, tell: watch::Sender<Loaded>, stop: CancellationToken) {
    let folder = root.clone();
    let Ok(mut changes) = tokio::task::spawn_blocking(move || Changes::new(folder, known)).await else {
        return;
    };
    while tokio::time::timeout(POLL_INTERVAL, stop.cancelled()).await.is_err() {
        if !changes.is_look_due() {
            continue;
        }
        let looked = tokio::task::spawn_blocking(move || {
            let changed = changes.look();
            (changes, changed)
        });
        let Ok((after, changed)) = looked.await else { return };
        changes = after;
        if changed {
            read(root.clone(), &tell).await;
        }
    }
}

async fn read(folder: PathBuf, tell: &watch::Sender<Loaded>) {
    match tokio::task::spawn_blocking(move || setup::load(&folder)).await {
        // Whether a campaign is gone cannot be said, so none is.
        Ok(Ok(loaded)) if !loaded.0.campaigns_listed => {
            tracing::error!("campaigns/ cannot be listed; going on as before: `chorus check` says why");
        }
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

/// What is read once, at the start.
fn fixed(loaded: &Loaded) -> (std::net::SocketAddr, &str, Option<&str>, &str) {
    let workspace = &loaded.0;
    let database = workspace.database.url.expose().ok();
    (workspace.server.listen, workspace.server.public_url.as_str(), database, &workspace.brand.name)
}
