//! Queries that read runs with their tallies.

use std::collections::HashMap;

use database::{RunId, Sql, StoreError, args, batch_of_ids, sql};

use super::{FeedbackCounts, Run, run_columns};
use crate::{Store, Tally, TallyState};

const GET: Sql = sql!("select " run_columns!() " from runs r where r.id = $1");

const LIST_LIVE: Sql =
    sql!("select " run_columns!() " from runs r where r.finished_at is null order by r.id");

const LIST: Sql = sql!(
    "select " run_columns!() " from runs r where $1 is null or r.campaign = $1 order by r.id desc limit $2"
);

const TALLIES: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select t.run_id, t.state, t.reason, t.count from input i join run_tallies t on t.run_id = i.id where t.count <> 0"
);

#[derive(sqlx::FromRow)]
struct TallyRow {
    run_id: RunId,
    #[sqlx(flatten)]
    tally: Tally,
}

impl Run {
    /// Returns the number of deliveries in an end state, or of repeats, for all reasons.
    #[must_use]
    pub fn tally(&self, state: impl Into<TallyState>) -> i64 {
        let state = state.into();
        self.tally_sum(|tally| tally.state == state)
    }

    /// Returns the number of deliveries that are in any end state.
    #[must_use]
    pub fn ended(&self) -> i64 {
        self.tally_sum(|tally| matches!(tally.state, TallyState::Ended(_)))
    }

    fn tally_sum(&self, fits: impl Fn(&Tally) -> bool) -> i64 {
        let counts = self.tallies.iter().filter(|tally| fits(tally)).map(|tally| tally.count);
        counts.fold(0, i64::saturating_add)
    }
}

impl Store {
    /// Returns one run with its tallies.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_get(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.with_tallies(self.rows(&GET, args![id]).await?).await?.pop())
    }

    /// Lists runs that have not ended, oldest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_live(&self) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&LIST_LIVE, args![]).await?).await
    }

    /// Lists runs, the latest first, of one campaign if given, including those of kind `test`.
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
        let ids = batch_of_ids(runs.iter().map(|run| run.id))?;
        let rows: Vec<TallyRow> = self.rows(&TALLIES, args![ids]).await?;
        let mut tallies: HashMap<RunId, Vec<Tally>> = HashMap::new();
        for TallyRow { run_id, tally } in rows {
            tallies.entry(run_id).or_default().push(tally);
        }
        for run in &mut runs {
            run.tallies = tallies.remove(&run.id).unwrap_or_default();
            run.feedback = FeedbackCounts::split_off(&mut run.tallies);
            // Sorted here, because the databases sort texts differently.
            run.tallies.sort_by(|a, b| (a.state.as_str(), &a.reason).cmp(&(b.state.as_str(), &b.reason)));
        }
        Ok(runs)
    }
}
