//! Reading runs.

use std::collections::HashMap;

use super::{CameBack, Run, Tally, run_columns};
use crate::sql::{Sql, args, ids, sql};
use crate::{RunId, Store, StoreError};

const GET: Sql = sql!("select " run_columns!() " from runs r where r.id = $1");

const LIVE: Sql = sql!("select " run_columns!() " from runs r where r.finished_at is null order by r.id");

const LIST: Sql = sql!(
    "select " run_columns!() " from runs r where $1 is null or r.campaign = $1 order by r.id desc limit $2"
);

const TALLIES: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select t.run_id, t.state, t.reason, t.count from input i join run_tallies t on t.run_id = i.id where t.count <> 0"
);

impl Store {
    /// One run.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_get(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.with_tallies(self.rows(&GET, args![id]).await?).await?.pop())
    }

    /// Runs that have not ended, oldest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_live(&self) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&LIVE, args![]).await?).await
    }

    /// The latest runs first, of one campaign if given, of kind `test` too.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_list(&self, campaign: Option<&str>, limit: i64) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&LIST, args![campaign, limit]).await?).await
    }

    pub(crate) async fn with_tallies(&self, mut runs: Vec<Run>) -> Result<Vec<Run>, StoreError> {
        if runs.is_empty() {
            return Ok(runs);
        }
        let ids = ids(runs.iter().map(|run| run.id))?;
        let rows: Vec<(RunId, String, String, i64)> = self.rows(&TALLIES, args![ids]).await?;
        let mut tallies: HashMap<RunId, Vec<Tally>> = HashMap::new();
        for (run, state, reason, count) in rows {
            tallies.entry(run).or_default().push(Tally { state, reason, count });
        }
        for run in &mut runs {
            run.tallies = tallies.remove(&run.id).unwrap_or_default();
            run.came_back = CameBack::split_off(&mut run.tallies);
            // Sorted here, because databases differ in how they sort texts.
            run.tallies.sort_by(|a, b| (&a.state, &a.reason).cmp(&(&b.state, &b.reason)));
        }
        Ok(runs)
    }
}
