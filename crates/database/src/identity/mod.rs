//! Copy detection: distinguishes the database that was last used from a copy of it, which must not
//! go on sending by itself.
//!
//! SQLite has a marker file beside it (`marker`); PostgreSQL stores the identity of its server
//! (`server`). A database in memory has no copies. A database without runs has nothing to send
//! twice, unless it takes the place of one with runs.

mod comparison;
mod evidence;
mod high_water_marks;
mod server;

use std::io;
use std::sync::Arc;

use comparison::{Comparison, Snapshot, compare_with_marker};
pub use evidence::{CopyEvidence, Shortfall};
use server::{ServerAnswer, ServerIdentity};

use crate::database::{Database, Pools};
use crate::marker::{Marker, MarkerFile};
use crate::{InputError, Millis, RowError, Sql, StopReason, Stopped, StoreError, args, sql};

/// The relation of an open database to the one that was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is the same database.
    Original,
    /// It has no identity yet: it has no runs, or an older version of Chorus made it.
    Unmarked,
    /// It is a copy, or an older state of the same database.
    Copy(CopyEvidence),
    /// PostgreSQL does not report its identity to this role, for the reason given.
    Unknown(String),
}

/// The setting that holds the random id of a SQLite database's installation.
const INSTALLATION: &str = "installation";

/// The setting that holds a [`ServerIdentity`] as JSON.
const DATABASE_IDENTITY: &str = "database_identity";

/// The note for runs that are paused because the database is a copy.
const NOTE: &str =
    "paused: the database is a copy; `chorus doctor` says what may have gone out, `chorus start` goes on";

const GET: Sql = sql!("select value from settings where name = $1");

const SET: Sql = sql!(
    "insert into settings (name, value) values ($1, $2)
     on conflict (name) do update set value = excluded.value"
);

impl Database {
    /// Compares the database with the one that was last used. Changes nothing.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost, or the marker cannot be read.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_check(&self) -> Result<Identity, StoreError> {
        Ok(match self.pools() {
            Pools::Sqlite { .. } => match self.compare().await? {
                Some((comparison, ..)) => comparison.into(),
                None => Identity::Original,
            },
            Pools::Postgres(pool) => match server::read(self, pool).await? {
                ServerAnswer::Refused(refusal) => Identity::Unknown(refusal),
                ServerAnswer::Identity(now) => match self.server_identity().await? {
                    None => Identity::Unmarked,
                    Some(last) => match now.difference_from(&last) {
                        None => Identity::Original,
                        Some(_) if !server::holds_runs(self, pool).await? => Identity::Unmarked,
                        Some(evidence) => Identity::Copy(evidence),
                    },
                },
            },
        })
    }

    /// Checks the identity when a database is opened, before anything is sent. A database without
    /// an identity gets one, with the random id `fresh`; a copy is stopped. Returns the stop, if
    /// this call made it.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost, or the marker cannot be read
    /// or written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_open(&self, fresh: &str, now: Millis) -> Result<Option<Stopped>, StoreError> {
        match self.identity_check().await? {
            Identity::Unmarked => self.identity_adopt(fresh).await.map(|()| None),
            Identity::Unknown(refusal) => {
                tracing::warn!(
                    refusal,
                    "PostgreSQL does not report which database this is: copies are not detected"
                );
                Ok(None)
            }
            Identity::Original | Identity::Copy(_) => self.identity_renew(now).await,
        }
    }

    /// Makes this database the original, whatever it was before. `fresh` becomes its random id
    /// where it has none.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost, or the marker cannot be
    /// written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_adopt(&self, fresh: &str) -> Result<(), StoreError> {
        match self.pools() {
            Pools::Sqlite { readers, .. } => {
                let Some(place) = self.marker().cloned() else { return Ok(()) };
                let installation = self.setting_init(INSTALLATION, fresh).await?;
                let (progress, _) = high_water_marks::read(self.place(), readers).await?;
                let (place, file) = self.on_disk(place, MarkerFile::open_file).await?;
                let Some(file) = file else { return Ok(()) };
                let marker = Marker { installation, file, progress };
                self.on_disk(place, move |place| place.write(&marker)).await.map(|_| ())
            }
            Pools::Postgres(pool) => {
                let ServerAnswer::Identity(now) = server::read(self, pool).await? else { return Ok(()) };
                let json = serde_json::to_string(&now).map_err(InputError::Json)?;
                self.execute(&SET, args![DATABASE_IDENTITY, json.as_str()]).await.map(|_| ())
            }
        }
    }

    /// Checks the identity again while the database is in use. Updates the marker where the
    /// high-water marks have risen, and stops everything where the database is now a copy. Reads
    /// the database and writes a small file; SQLite's one writer is used only for a stop. Returns
    /// the stop, if this call made it.
    ///
    /// # Errors
    /// The database refuses the statement, or the connection is lost, or the marker cannot be read
    /// or written.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn identity_renew(&self, now: Millis) -> Result<Option<Stopped>, StoreError> {
        // Read before the comparison: `chorus start` adopts a copy before it ends the stop, so that
        // a copy without a stop is a new one.
        let stopped = self.stopped().await;
        let Some(evidence) = self.identity_keep().await? else { return stopped.map(|_| None) };
        // A reading connection that was opened after the file was replaced reads another file: then
        // the writer decides.
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

    /// Updates the marker of an original. Returns the evidence where the database is a copy.
    pub(crate) async fn identity_keep(&self) -> Result<Option<CopyEvidence>, StoreError> {
        if let Pools::Postgres(_) = self.pools() {
            return Ok(match self.identity_check().await? {
                Identity::Copy(evidence) => Some(evidence),
                _ => None,
            });
        }
        let Some((comparison, place, new_marker)) = self.compare().await? else { return Ok(None) };
        match (comparison, new_marker) {
            (Comparison::Copy(evidence), _) => return Ok(Some(evidence)),
            (Comparison::Original, Some(marker)) => {
                self.on_disk(place, move |place| place.write(&marker)).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Compares a SQLite database with its marker; `None` in memory. Also returns the new content
    /// of the marker, where it has to be written.
    async fn compare(&self) -> Result<Option<(Comparison, Arc<MarkerFile>, Option<Marker>)>, StoreError> {
        let (Pools::Sqlite { readers, .. }, Some(place)) = (self.pools(), self.marker().cloned()) else {
            return Ok(None);
        };
        // Before the database is read: a connection that is opened after the file was replaced
        // reads another file.
        let (place, open) = self.on_disk(place, MarkerFile::open_file).await?;
        if open.is_none() {
            let evidence = CopyEvidence::Replaced { file: place.name() };
            return Ok(Some((Comparison::Copy(evidence), place, None)));
        }
        let installation = self.row::<(String,)>(&GET, args![INSTALLATION]).await?.map(|(id,)| id);
        let (place, marker) = self.on_disk(place, MarkerFile::read).await?;
        // After the marker: its marks were in the database before they were in the marker.
        let (progress, holds_runs) = high_water_marks::read(self.place(), readers).await?;
        let (place, file) = self.on_disk(place, MarkerFile::open_file).await?;
        let name = place.name();
        let copy = |evidence| Ok(Some((Comparison::Copy(evidence), Arc::clone(&place), None)));
        let Some(file) = file else { return copy(CopyEvidence::Replaced { file: name }) };
        place.set_replaced(false);
        let marker = match marker {
            Some(None) if holds_runs => return copy(CopyEvidence::BadMarker { file: name }),
            marker => marker.flatten(),
        };
        let found = Snapshot { installation, holds_runs, file, progress };
        let comparison = compare_with_marker(&name, marker.as_ref(), &found);
        let new_marker = found.installation.map(|installation| Marker {
            installation,
            file: found.file,
            progress: found.progress,
        });
        let new_marker = new_marker.filter(|new_marker| marker.as_ref() != Some(new_marker));
        Ok(Some((comparison, place, new_marker)))
    }

    /// Reads the identity of the PostgreSQL database that was last used; `None` where none is
    /// stored.
    async fn server_identity(&self) -> Result<Option<ServerIdentity>, StoreError> {
        let Some((json,)) = self.row::<(String,)>(&GET, args![DATABASE_IDENTITY]).await? else {
            return Ok(None);
        };
        let problem = || format!("the setting {DATABASE_IDENTITY} is not known");
        let read = serde_json::from_str(&json);
        read.map(Some).map_err(|error| RowError::Json { problem: problem(), error }.into())
    }

    /// Runs file work on the marker on a blocking thread, off the reactor.
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

impl From<Comparison> for Identity {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::Original => Self::Original,
            Comparison::Unmarked => Self::Unmarked,
            Comparison::Copy(evidence) => Self::Copy(evidence),
        }
    }
}
