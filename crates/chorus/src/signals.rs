//! SIGHUP, which reloads the files, and SIGUSR1, which is ignored.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A listener for SIGHUP, which reloads the files.
#[derive(Debug)]
pub(crate) struct ReloadSignal(Signal);

impl ReloadSignal {
    /// Starts listening. From now on SIGUSR1, with which other servers reopen their logs, is
    /// ignored instead of ending the process.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        // The handler remains installed after the drop.
        drop(signal(SignalKind::user_defined1())?);
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next SIGHUP.
    pub(crate) async fn received(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
