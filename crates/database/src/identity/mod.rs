//! Copy detection: tells the database that was last worked with from a copy of it, which does not go on by itself.
//!
//! SQLite has a marker file beside it (`marker`); PostgreSQL remembers where it stood (`server`). A database in
//! memory has no copies, and one that holds no runs has nothing to repeat, unless it stands where another one was.

mod evidence;
mod judgement;
mod progress;
mod server;

use std::io;
use std::sync::Arc;

pub use evidence::{Behind, CopyEvidence};
use judgement::{Judgement, Snapshot, judge};
use server::{ServerIdentity, Told};

use crate::database::{Database, Pools};
use crate::marker::{Marker, MarkerFile};
use crate::{InputError, Millis, RowError, Sql, StopReason, Stopped, StoreError, args, sql};

/// A database's relation to the one that was last worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The same database.
    Original,
    /// A database without runs, or made by an older version: it has no identity yet.
    Unmarked,
    /// A copy of it, or an older state.
    Copy(CopyEvidence),
    /// PostgreSQL does not tell this role, for the reason given.
    Unknown(String),
}

/// The setting that holds the random id of a SQLite database's installation.
const INSTALLATION: &str = "installation";

/// The setting that holds a [`ServerIdentity`].
const DATABASE_IDENTITY: &str = "database_identity";

/// The note on runs that were paused because the database is a copy.
const NOTE: &str =
    "paused: the database is a copy; `chorus doctor` says what may have gone out, `chorus start` goes on";

const GET: Sql = sql!("select value from settings where name = $1");

const SET: Sql = sql!(
    "insert into settings (name, value) values ($1, $2)
     on conflict (name) do update set value = excluded.value"
);

impl Database {
    /// Compares the database with the one that was last worked with. Changes nothing.
    ///
    /// # Errors
    /// The database refused or went away, or the marker cannot be read.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_check(&self) -> Result<Identity, StoreError> {
        Ok(match self.pools() {
            Pools::Sqlite { .. } => match self.compare().await? {
                Some((judgement, ..)) => judgement.into(),
                None => Identity::Original,
            },
            Pools::Postgres(pool) => match server::read(self, pool).await? {
                Told::Refused(refusal) => Identity::Unknown(refusal),
                Told::Identity(now) => match self.server_identity().await? {
                    None => Identity::Unmarked,
                    Some(last) => match now.differs(&last) {
                        None => Identity::Original,
                        Some(_) if !server::holds_runs(self, pool).await? => Identity::Unmarked,
                        Some(evidence) => Identity::Copy(evidence),
                    },
                },
            },
        })
    }

    /// To be called after the database was opened and before anything is sent. Gives a database that has no identity
    /// its identity (`fresh` is a random id), and stops everything when it is a copy. Returns the stop, if this call
    /// made it.
    ///
    /// # Errors
    /// The database refused or went away, or the marker cannot be read or written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_open(&self, fresh: &str, now: Millis) -> Result<Option<Stopped>, StoreError> {
        match self.identity_check().await? {
            Identity::Unmarked => self.identity_adopt(fresh).await.map(|()| None),
            Identity::Unknown(refusal) => {
                tracing::warn!(
                    refusal,
                    "PostgreSQL does not tell which database this is: copies go unnoticed"
                );
                Ok(None)
            }
            Identity::Original | Identity::Copy(_) => self.identity_renew(now).await,
        }
    }

    /// Makes this database the one that is worked with, whatever it was. `fresh` becomes its random id where it has
    /// none.
    ///
    /// # Errors
    /// The database refused or went away, or the marker cannot be written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_adopt(&self, fresh: &str) -> Result<(), StoreError> {
        match self.pools() {
            Pools::Sqlite { readers, .. } => {
                let Some(place) = self.marker().cloned() else { return Ok(()) };
                let installation = self.setting_init(INSTALLATION, fresh).await?;
                let (progress, _) = progress::read(self.place(), readers).await?;
                let (place, file) = self.on_disk(place, MarkerFile::open_file).await?;
                let Some(file) = file else { return Ok(()) };
                let marker = Marker { installation, file, progress };
                self.on_disk(place, move |place| place.write(&marker)).await.map(|_| ())
            }
            Pools::Postgres(pool) => {
                let Told::Identity(now) = server::read(self, pool).await? else { return Ok(()) };
                let json = serde_json::to_string(&now).map_err(InputError::Json)?;
                self.execute(&SET, args![DATABASE_IDENTITY, json.as_str()]).await.map(|_| ())
            }
        }
    }

    /// Brings the marker up to date where the database has moved on, and stops everything where the database turns
    /// out to be a copy. Reads the database and writes a small file: the one writer is left alone. Returns the stop,
    /// if this call made it.
    ///
    /// # Errors
    /// The database refused or went away, or the marker cannot be read or written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_renew(&self, now: Millis) -> Result<Option<Stopped>, StoreError> {
        // Read before the comparison: `chorus start` adopts a copy before it ends the stop, so that a copy that is
        // seen without a stop is a new one.
        let stopped = self.stopped().await;
        let Some(evidence) = self.identity_keep().await? else { return stopped.map(|_| None) };
        // A connection that was opened after the file was replaced cannot tell: then the writer decides.
        let is_stopped = matches!(&stopped, Ok(Some(stopped)) if stopped.reason == StopReason::Copy);
        let mut new = None;
        if !is_stopped {
            let stopped = Stopped { reason: StopReason::Copy, since: now, detail: evidence.to_string() };
            new = self.stop_all(&stopped, NOTE).await?.then_some(stopped);
        }
        if let (CopyEvidence::Replaced { .. }, Some(place)) = (&evidence, self.marker()) {
            place.set_replaced(true);
        }
        Ok(new)
    }

    /// Brings the marker of an original up to date. Returns the evidence where the database is a copy.
    pub(crate) async fn identity_keep(&self) -> Result<Option<CopyEvidence>, StoreError> {
        if let Pools::Postgres(_) = self.pools() {
            return Ok(match self.identity_check().await? {
                Identity::Copy(evidence) => Some(evidence),
                _ => None,
            });
        }
        let Some((judgement, place, moved_on)) = self.compare().await? else { return Ok(None) };
        match (judgement, moved_on) {
            (Judgement::Copy(evidence), _) => return Ok(Some(evidence)),
            (Judgement::Original, Some(marker)) => {
                self.on_disk(place, move |place| place.write(&marker)).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Compares a SQLite database with its marker; `None` in memory. Also returns the marker as it should be, where
    /// it is not so.
    async fn compare(&self) -> Result<Option<(Judgement, Arc<MarkerFile>, Option<Marker>)>, StoreError> {
        let (Pools::Sqlite { readers, .. }, Some(place)) = (self.pools(), self.marker().cloned()) else {
            return Ok(None);
        };
        // Before the database is read: a connection that is opened after the file was replaced reads another one.
        let (place, open) = self.on_disk(place, MarkerFile::open_file).await?;
        if open.is_none() {
            let evidence = CopyEvidence::Replaced { file: place.name() };
            return Ok(Some((Judgement::Copy(evidence), place, None)));
        }
        let installation = self.row::<(String,)>(&GET, args![INSTALLATION]).await?.map(|(id,)| id);
        let (place, marker) = self.on_disk(place, MarkerFile::read).await?;
        // After the marker: what it says was in the database before.
        let (progress, holds_runs) = progress::read(self.place(), readers).await?;
        let (place, file) = self.on_disk(place, MarkerFile::open_file).await?;
        let name = place.name();
        let copy = |evidence| Ok(Some((Judgement::Copy(evidence), Arc::clone(&place), None)));
        let Some(file) = file else { return copy(CopyEvidence::Replaced { file: name }) };
        place.set_replaced(false);
        let marker = match marker {
            Some(None) if holds_runs => return copy(CopyEvidence::BadMarker { file: name }),
            marker => marker.flatten(),
        };
        let found = Snapshot { installation, holds_runs, file, progress };
        let judgement = judge(&name, marker.as_ref(), &found);
        let moved_on = found.installation.map(|installation| Marker {
            installation,
            file: found.file,
            progress: found.progress,
        });
        let moved_on = moved_on.filter(|moved_on| marker.as_ref() != Some(moved_on));
        Ok(Some((judgement, place, moved_on)))
    }

    async fn server_identity(&self) -> Result<Option<ServerIdentity>, StoreError> {
        let Some((json,)) = self.row::<(String,)>(&GET, args![DATABASE_IDENTITY]).await? else {
            return Ok(None);
        };
        let problem = || format!("the setting {DATABASE_IDENTITY} is not known");
        let read = serde_json::from_str(&json);
        read.map(Some).map_err(|error| RowError::Json { problem: problem(), error }.into())
    }

    /// Reads or writes the marker or looks at the file, away from the reactor.
    async fn on_disk<T: Send + 'static>(
        &self,
        place: Arc<MarkerFile>,
        work: impl FnOnce(&MarkerFile) -> io::Result<T> + Send + 'static,
    ) -> Result<(Arc<MarkerFile>, T), StoreError> {
        let marker = place.path().to_owned();
        let done = tokio::task::spawn_blocking(move || work(&place).map(|done| (place, done))).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| self.place().unusable(&marker, error))
    }
}

impl From<Judgement> for Identity {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Original => Self::Original,
            Judgement::Unmarked => Self::Unmarked,
            Judgement::Copy(evidence) => Self::Copy(evidence),
        }
    }
}
