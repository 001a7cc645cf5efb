//! Updates of a running run in each contact's time zone: contacts that were added to its audience,
//! and changed zones, until each contact's own due time.

use contacts::ContactRange;
use database::{Assembled, Millis, RunId, Sql, StoreError, args, sql};

use super::RecipientSource;
use super::plan::add_recipients;
use super::recipients::{RecipientQuery, Zones};
use crate::Store;
use crate::counter_deltas::CounterDeltas;

const CHANGED: Sql = sql!("select id from contacts where updated_at > $1 limit 1");

const LOCK: Sql = sql!(
    "select id from runs where id = $1 and state = 'running' and own_clock = 1"
    { sqlite: "", postgres: " for no key update" }
);

impl Store {
    /// Adds contacts of the audience who were added or changed after `since` and whose own due time
    /// is still to come, and moves the deliveries of those whose zone changed to their new due
    /// time. Returns the number of rows added or moved. While no contact changed, it costs one
    /// index look-up.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_add_changed_contacts(
        &self,
        run: RunId,
        recipients: &RecipientSource<'_>,
        since: Millis,
        now: Millis,
    ) -> Result<i64, StoreError> {
        if self.row::<(i64,)>(&CHANGED, args![since]).await?.is_none() {
            return Ok(0);
        }
        let zones = Zones::read(self, recipients).await?;
        let query = || RecipientQuery::build(self.dialect(), run, recipients, &zones, ContactRange::ALL, now);
        let (existing, mut new) = (query()?, query()?);
        let mut tx = self.begin().await?;
        if tx.row::<(i64,)>(&LOCK, args![run]).await?.is_none() {
            return Ok(0);
        }
        let (text, args) = existing.update_due_statement(since, now);
        let moved = tx.execute(Assembled(text), args).await?;
        new.keep_new(since, now);
        let mut deltas = CounterDeltas::default();
        let count = add_recipients(&mut tx, run, &new, &mut deltas).await?;
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(count.saturating_add(i64::try_from(moved).unwrap_or(i64::MAX)))
    }
}
