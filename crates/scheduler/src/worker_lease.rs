//! The lease of a worker on the deliveries that it claims: a row in the database and a journal
//! beside it. Also recovers the deliveries of workers that are dead.

use std::io;
use std::path::Path;
use std::time::Duration;

use store::{Denied, Lease, LeaseId, Millis, Store, StoreError, TakeoverCounts};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Context;
use crate::journal::{self, Journal, OtherJournal};

/// The duration of a lease. A worker that does not renew it within this time is taken to be dead.
const LEASE_DURATION: Duration = Duration::from_secs(25);
/// The interval at which a worker renews its lease, and looks for dead workers.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// The time by which a worker stops trusting its lease before it expires for others.
const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// The time after its expiry during which a lease is left to workers that may have its journal.
const TAKEOVER_GRACE: Duration = Duration::from_secs(5);

/// The shortest interval at which the database's marker is updated.
const MARKER_INTERVAL: Duration = Duration::from_secs(1);

/// A worker's lease, with its journal.
#[derive(Debug, Clone)]
pub(crate) struct WorkerLease {
    pub(crate) id: LeaseId,
    pub(crate) journal: Journal,
}

/// The error of a worker that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkerStartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the journals belongs to another account.
    #[error("keep a journal in {folder}: {denied}; {}", .denied.advice())]
    Denied {
        /// The folder of the journals.
        folder: String,
        /// The path that may not be written, and its owner.
        denied: Denied,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
    /// The disk of the journals is full.
    #[error("keep a journal in {folder}: the disk is full; make room on it")]
    Full {
        /// The folder of the journals.
        folder: String,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
    /// The folder of the journals cannot be written, for another reason.
    #[error("keep a journal in {folder}: {error}; make room there, and let Chorus write to it")]
    Journal {
        /// The folder of the journals.
        folder: String,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
}

impl WorkerStartError {
    fn of_journal(path: &Path, error: io::Error) -> Self {
        let folder = path.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied { folder, denied: Denied::at(path), error },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { folder, error },
            _ => Self::Journal { folder, error },
        }
    }
}

/// Checks that a worker can begin: writes to the database and to `journal`, the folder of the
/// journals. A worker itself would try again for ever. Takes at most 15 seconds.
///
/// # Errors
/// The database or the folder cannot be written.
pub async fn require_writable(store: &Store, journal: &Path, now: Millis) -> Result<(), WorkerStartError> {
    store.require_writable(now).await?;
    journal::require_writable(journal).map_err(|error| WorkerStartError::of_journal(journal, error))
}

impl WorkerLease {
    /// Opens a new lease and creates its journal.
    pub(crate) async fn open(context: &Context) -> Result<Self, WorkerStartError> {
        let (started, now) = (Instant::now(), context.clock.millis());
        // A server may have been restored while the worker ran: then its lease is gone, too, and it
        // opens a new one here.
        refuse_copy(context).await?;
        let until = context.clock.millis_after(LEASE_DURATION);
        let id = context.store.lease_open(&context.worker, context.only.is_none(), now, until).await?;
        match Journal::create(&context.journal, id, now) {
            Ok(journal) => {
                journal.trust_until(started + LEASE_DURATION - LEASE_MARGIN);
                Ok(Self { id, journal })
            }
            Err(error) => {
                context.store.lease_close(id, now).await?;
                Err(WorkerStartError::of_journal(&context.journal, error))
            }
        }
    }

    /// Renews the lease, and recovers the deliveries of dead workers, until `stop`. Cancels `lost`
    /// when another worker has taken the lease over. Runs in a separate task, so that long planning
    /// does not delay it.
    pub(crate) async fn maintain(self, context: Context, lost: CancellationToken, stop: CancellationToken) {
        tokio::select! {
            () = self.heartbeat(&context, lost, stop) => {}
            () = renew_marker(&context) => {}
        }
    }

    /// Renews the lease at [`HEARTBEAT_INTERVAL`], and recovers dead workers after each renewal.
    async fn heartbeat(&self, context: &Context, lost: CancellationToken, stop: CancellationToken) {
        loop {
            // The expiry of other leases is compared with the time before the renewal: a clock that
            // is set forward after it, or a machine that wakes up, must not make the worker's own
            // lease seem expired.
            let (started, now) = (Instant::now(), context.clock.millis());
            match context.store.lease_renew(self.id, context.clock.millis_after(LEASE_DURATION)).await {
                Ok(true) => self.journal.trust_until(started + LEASE_DURATION - LEASE_MARGIN),
                Ok(false) => {
                    tracing::error!("this worker was taken for dead; it starts again");
                    return lost.cancel();
                }
                Err(error) => tracing::warn!(%error, "cannot renew the lease"),
            }
            if let Err(error) = self.recover_dead_workers(context, now).await {
                tracing::warn!(%error, "cannot look for dead workers");
            }
            if tokio::time::timeout(HEARTBEAT_INTERVAL, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Takes over the deliveries of dead workers. Workers of this machine are recovered as soon as
    /// their process is dead, with the entries of their journal; others when their lease has
    /// expired.
    async fn recover_dead_workers(&self, context: &Context, now: Millis) -> Result<(), StoreError> {
        for other in context.store.lease_list().await? {
            if other.id == self.id {
                continue;
            }
            let found = journal::find(&context.journal, other.id, other.acquired_at);
            let found = found.inspect_err(|error| tracing::warn!(%error, "cannot read a journal"));
            let (expired_by, entries) = match found.unwrap_or(OtherJournal::Missing) {
                OtherJournal::Dead(entries) => (None, entries),
                OtherJournal::Alive(entries) if other.expires_at <= now => (Some(now), entries),
                OtherJournal::Alive(_) | OtherJournal::Missing => continue,
            };
            let taken = context.store.lease_take_over(other.id, expired_by, &entries, now).await?;
            log_takeover(&other.worker, taken);
            self.remove_journal(context, &other);
        }
        let before = now - (context.clock.millis_after(TAKEOVER_GRACE) - now);
        log_takeover("elsewhere", context.store.lease_sweep(before).await?);
        Ok(())
    }

    fn remove_journal(&self, context: &Context, other: &Lease) {
        if let Ok(OtherJournal::Dead(_)) = journal::find(&context.journal, other.id, other.acquired_at) {
            journal::remove_journal(&context.journal, other.id);
        }
    }

    /// Closes the lease when nothing is under way any more, and removes the journal.
    pub(crate) async fn close(self, context: &Context) {
        match context.store.lease_close(self.id, context.clock.millis()).await {
            Ok(()) => self.journal.remove(),
            Err(error) => tracing::warn!(%error, "cannot give the lease back; it is taken over later"),
        }
    }

    /// Removes the journal of a lease that another worker has taken over.
    pub(crate) fn abandon(self) {
        self.journal.remove();
    }
}

/// Keeps the database's marker up to date. Reads the database and writes a small file; never waits
/// for SQLite's writer.
async fn renew_marker(context: &Context) {
    loop {
        let started = Instant::now();
        if let Err(error) = refuse_copy(context).await {
            tracing::warn!(%error, "cannot update the database's marker");
        }
        // Where reading the tallies of very many runs takes long, the database stays free most of
        // the time.
        tokio::time::sleep(MARKER_INTERVAL.max(started.elapsed() * 20)).await;
    }
}

/// Stops everything where the database is a copy.
async fn refuse_copy(context: &Context) -> Result<(), StoreError> {
    if let Some(stopped) = context.store.identity_renew(context.clock.millis()).await? {
        tracing::error!(detail = stopped.detail, "the database is a copy: everything is stopped");
    }
    Ok(())
}

fn log_takeover(worker: &str, taken: TakeoverCounts) {
    if taken != TakeoverCounts::default() {
        tracing::warn!(
            worker,
            queued = taken.released,
            sent = taken.sent,
            repeated = taken.resent,
            uncertain = taken.uncertain,
            "took over from a dead worker"
        );
    }
}
