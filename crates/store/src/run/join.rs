//! A run by contacts' own clocks takes in people who were added, and zones that changed, until each one's own instant.

use contacts::ContactRange;
use database::{Assembled, Millis, RunId, Sql, StoreError, args, sql};

use super::Planned;
use super::people::{People, Zones};
use super::plan::add;
use crate::Store;
use crate::moves::Moves;

const CHANGED: Sql = sql!("select id from contacts where updated_at > $1 limit 1");

const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'running' and own_clock = 1"
    { sqlite: "", postgres: " for no key update" }
);

impl Store {
    /// Adds those of the audience who were added or changed after `since` and whose own instant is still to come, and
    /// moves those whose zone changed to their new instant. Says how many rows were added or moved. Costs one look at
    /// an index while nobody changed.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_join(
        &self,
        run: RunId,
        whom: &Planned<'_>,
        since: Millis,
        now: Millis,
    ) -> Result<i64, StoreError> {
        if self.row::<(i64,)>(&CHANGED, args![since]).await?.is_none() {
            return Ok(0);
        }
        let zones = Zones::read(self, whom).await?;
        let people = || People::of(self.dialect(), run, whom, &zones, ContactRange::ALL, now);
        let (there, mut people) = (people()?, people()?);
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let (text, args) = there.moved(since, now);
        let moved = tx.execute(Assembled(text), args).await?;
        people.only_new(since, now);
        let mut moves = Moves::default();
        let count = add(&mut tx, run, &people, &mut moves).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(count.saturating_add(i64::try_from(moved).unwrap_or(i64::MAX)))
    }
}
