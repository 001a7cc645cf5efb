//! A worker's hold on what it claims: a lease in the database and a journal beside it. And what becomes of the
//! hold of a worker that is gone.

use std::io;
use std::path::Path;
use std::time::Duration;

use store::{Denied, Lease, LeaseId, Millis, Store, StoreError, TakenOver};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Context;
use crate::journal::{self, Found, Journal};

/// A worker that says nothing for this long is taken to be dead.
const LEASE: Duration = Duration::from_secs(25);
/// How often a worker says that it lives, and looks for others that do not.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A worker trusts its lease so much shorter than others do.
const MARGIN: Duration = Duration::from_secs(2);
/// Who has no journal of a dead worker leaves it so much longer to those who may have it.
const COURTESY: Duration = Duration::from_secs(5);

/// How often the database's marker is brought up to date.
const MARKER: Duration = Duration::from_secs(1);

/// A lease and its journal.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) lease: LeaseId,
    pub(crate) journal: Journal,
}

/// A worker that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the journals belongs to somebody else.
    #[error("keep a journal in {folder}: {denied}; {}", .denied.advice())]
    Denied {
        /// The folder of the journals.
        folder: String,
        /// What may not be written, and its owner.
        denied: Denied,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The disk of the journals is full.
    #[error("keep a journal in {folder}: the disk is full; make room on it")]
    Full {
        /// The folder of the journals.
        folder: String,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The folder of the journals cannot be written.
    #[error("keep a journal in {folder}: {error}; make room there, and let Chorus write to it")]
    Journal {
        /// The folder of the journals.
        folder: String,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}

impl StartError {
    fn of_journal(path: &Path, error: io::Error) -> Self {
        let folder = path.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied { folder, denied: Denied::at(path), error },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { folder, error },
            _ => Self::Journal { folder, error },
        }
    }
}

/// Writes to the database and to `journal`, the folder of the journals, as a worker does when it begins. A worker that cannot begin
/// tries again for ever; whoever starts one can find out first.
///
/// # Errors
/// The database or the folder cannot be written. Known within 15 seconds.
pub async fn require_writable(store: &Store, journal: &Path, now: Millis) -> Result<(), StartError> {
    store.require_writable(now).await?;
    journal::require_writable(journal).map_err(|error| StartError::of_journal(journal, error))
}

impl Hold {
    /// A new lease, with its journal.
    pub(crate) async fn open(context: &Context) -> Result<Self, StartError> {
        let (begun, now) = (Instant::now(), context.clock.millis());
        // A server may have been restored while the worker lived: then its lease is gone, too, and it comes by here.
        refuse_copy(context).await?;
        let until = context.clock.millis_after(LEASE);
        let lease = context.store.lease_open(&context.worker, context.only.is_none(), now, until).await?;
        match Journal::create(&context.journal, lease, now) {
            Ok(journal) => {
                journal.trust(begun + LEASE - MARGIN);
                Ok(Self { lease, journal })
            }
            Err(error) => {
                context.store.lease_close(lease, now).await?;
                Err(StartError::of_journal(&context.journal, error))
            }
        }
    }

    /// Keeps the lease, and takes over what dead workers left, until told to stop. `lost` is set when the lease
    /// is somebody else's. In a task of its own: no planning, however long, keeps it from beating.
    pub(crate) async fn keep(self, context: Context, lost: CancellationToken, stop: CancellationToken) {
        tokio::select! {
            () = self.beat(&context, lost, stop) => {}
            () = renew_marker(&context) => {}
        }
    }

    async fn beat(&self, context: &Context, lost: CancellationToken, stop: CancellationToken) {
        loop {
            // Whoever has died is judged by the time before the renewal: a clock that is set forward after it, or a
            // machine that wakes up, must not have the worker take its own lease for expired.
            let (begun, now) = (Instant::now(), context.clock.millis());
            match context.store.lease_renew(self.lease, context.clock.millis_after(LEASE)).await {
                Ok(true) => self.journal.trust(begun + LEASE - MARGIN),
                Ok(false) => {
                    tracing::error!("this worker was taken for dead; it starts anew");
                    return lost.cancel();
                }
                Err(error) => tracing::warn!(%error, "cannot renew the lease"),
            }
            if let Err(error) = self.look_after_others(context, now).await {
                tracing::warn!(%error, "cannot look for dead workers");
            }
            if tokio::time::timeout(HEARTBEAT, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Takes over from workers of this machine as soon as they are dead, knowing what they were at; from others
    /// when their lease has run out.
    async fn look_after_others(&self, context: &Context, now: Millis) -> Result<(), StoreError> {
        for other in context.store.lease_list().await? {
            if other.id == self.lease {
                continue;
            }
            let found = journal::find(&context.journal, other.id, other.acquired_at);
            let found = found.inspect_err(|error| tracing::warn!(%error, "cannot read a journal"));
            let (expired_by, traces) = match found.unwrap_or(Found::Nothing) {
                Found::Dead(traces) => (None, traces),
                Found::Alive(traces) if other.expires_at <= now => (Some(now), traces),
                Found::Alive(_) | Found::Nothing => continue,
            };
            let taken = context.store.lease_take_over(other.id, expired_by, &traces, now).await?;
            tell(&other.worker, taken);
            self.forget(context, &other);
        }
        let before = now - (context.clock.millis_after(COURTESY) - now);
        tell("elsewhere", context.store.lease_sweep(before).await?);
        Ok(())
    }

    fn forget(&self, context: &Context, other: &Lease) {
        if let Ok(Found::Dead(_)) = journal::find(&context.journal, other.id, other.acquired_at) {
            journal::forget(&context.journal, other.id);
        }
    }

    /// Ends the hold when nothing is under way any more.
    pub(crate) async fn close(self, context: &Context) {
        match context.store.lease_close(self.lease, context.clock.millis()).await {
            Ok(()) => self.journal.remove(),
            Err(error) => tracing::warn!(%error, "cannot give the lease back; it is taken over later"),
        }
    }

    /// Ends the hold when it was lost: what it held is somebody else's.
    pub(crate) fn abandon(self) {
        self.journal.remove();
    }
}

/// Keeps the database's marker up to date. Reads the database and writes a small file; never waits for SQLite's writer.
async fn renew_marker(context: &Context) {
    loop {
        let begun = Instant::now();
        if let Err(error) = refuse_copy(context).await {
            tracing::warn!(%error, "cannot bring the database's marker up to date");
        }
        // Where the tallies of very many runs are read, most of the time is left to others.
        tokio::time::sleep(MARKER.max(begun.elapsed() * 20)).await;
    }
}

/// Stops everything where the database turns out to be a copy.
async fn refuse_copy(context: &Context) -> Result<(), StoreError> {
    if let Some(stopped) = context.store.identity_renew(context.clock.millis()).await? {
        tracing::error!(detail = stopped.detail, "the database is a copy: everything is stopped");
    }
    Ok(())
}

fn tell(worker: &str, taken: TakenOver) {
    if taken != TakenOver::default() {
        tracing::warn!(
            worker,
            queued = taken.released,
            sent = taken.sent,
            repeated = taken.resent,
            uncertain = taken.held,
            "took over from a worker that is gone"
        );
    }
}
