//! The signals of a process that serves: reading the files again, and those that mean nothing here.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, which asks for the files to be read again; heard from the moment this is made.
#[derive(Debug)]
pub(crate) struct ReloadSignal(Signal);

impl ReloadSignal {
    /// Listens from now on. SIGUSR1, by which other servers open their logs again, does nothing from now on: without
    /// this it would end the process.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        // Its handler stays for the life of the process.
        drop(signal(SignalKind::user_defined1())?);
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next one.
    pub(crate) async fn heard(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
