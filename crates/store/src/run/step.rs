//! Queries about the runs of a step: whether it has any, what they sent, and the contacts they
//! reached.

use std::collections::{BTreeMap, BTreeSet};

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{Assembled, ID_SPACE, Millis, RunId, Sql, StoreError, args, id_space, sql};

use super::{Run, run_columns};
use crate::Store;

const HAS_RUNS: Sql =
    sql!("select cast(1 as bigint) from runs where campaign = $1 and step = $2 and kind <> 'test' limit 1");

/// The latest run of a one-time step. A run made before triggers were stored counts too: a step
/// that is not sent is better than one that is sent twice.
const ONE_SHOT: Sql = sql!(
    "select id from runs where campaign = $1 and step = $2 and kind <> 'test' and coalesce(trigger, 'at') = 'at'
     order by id desc limit 1"
);

const ONE_SHOTS: Sql =
    sql!("select distinct campaign, step from runs where kind <> 'test' and coalesce(trigger, 'at') = 'at'");

/// Selects a delivery that is due and was never tried. Deliveries that the other side deferred do
/// not count, nor do those whose own due time is still to come.
const UNTRIED: Sql = sql!(
    "select id from deliveries where run_id = $1 and due_at is not null and state = 'queued' and attempts = 0
       and scheduled_at <= $2 limit 1"
);

const TEXTS: Sql = sql!(
    "select r.campaign, r.step, max(r.id) as run, v.hash, v.campaign as compiled_campaign, v.step as compiled_step
     from runs r join revisions v on v.id = r.revision_id
     where r.kind <> 'test' and r.channel = $1 and r.created_at > $2
     group by r.campaign, r.step, v.hash, v.campaign, v.step order by run desc"
);

const REACHED_FEED: Sql =
    sql!("select id from deliveries where id = $1 * " id_space!() " and state in ('sent', 'uncertain')");

const RECENT: Sql = sql!(
    "select " run_columns!() " from runs r
     where r.kind <> 'test' and (r.created_at > $1 or r.finished_at is null or r.finished_at > $1) order by r.id"
);

const OF_STEP: Sql = sql!(
    "select " run_columns!() " from runs r
     where r.campaign = $1 and r.step = $2 and r.kind <> 'test' order by r.id desc limit $3"
);

const LATEST: Sql = sql!(
    "select " run_columns!() " from runs r
     where r.kind <> 'test' and r.id in (select max(id) from runs where kind <> 'test' group by campaign, step)"
);

const TEXT: Sql =
    sql!("select hash, campaign as compiled_campaign, step as compiled_step from revisions where id = $1");

const SET_ENDS: Sql =
    sql!("update runs set ends_at = $2 where id = $1 and coalesce(ends_at, -1) <> coalesce($2, -1)");

const SET_ACCOUNT: Sql = sql!("update runs set account = $2 where id = $1 and coalesce(account, '') <> $2");

const REVISE: Sql = sql!(
    "update runs set revision_id = $2 where id = $1 and finished_at is null and coalesce(revision_id, 0) <> $2"
);

/// The compiled text that a step sent in some of its runs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepText {
    /// The id of the campaign.
    pub campaign: String,
    /// The id of the step.
    pub step: String,
    /// The latest run that sent it.
    pub run: RunId,
    /// The compiled step that was sent.
    #[sqlx(flatten)]
    pub text: RevisionText,
}

/// A compiled step by its hash.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RevisionText {
    /// The hash of the compiled step.
    pub hash: String,
    /// The campaign's name when it was compiled, which may be another by now.
    pub compiled_campaign: String,
    /// The step's name when it was compiled.
    pub compiled_step: String,
}

impl Store {
    /// Returns whether a step has a run that is not a test.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_has_runs(&self, campaign: &str, step: &str) -> Result<bool, StoreError> {
        Ok(self.row::<(i64,)>(&HAS_RUNS, args![campaign, step]).await?.is_some())
    }

    /// Returns the latest run of a step that happens once, after which it does not happen again: by
    /// its time or by hand, cancelled or not.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_of_one_shot(&self, campaign: &str, step: &str) -> Result<Option<RunId>, StoreError> {
        Ok(self.row::<(RunId,)>(&ONE_SHOT, args![campaign, step]).await?.map(|(id,)| id))
    }

    /// Returns the steps that happen once and have happened.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn one_shots(&self) -> Result<BTreeSet<crate::StepKey>, StoreError> {
        Ok(self.rows(&ONE_SHOTS, args![]).await?.into_iter().collect())
    }

    /// Returns whether a delivery of a run is due and was never tried.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_has_untried(&self, run: RunId, now: Millis) -> Result<bool, StoreError> {
        Ok(self.row::<(i64,)>(&UNTRIED, args![run, now]).await?.is_some())
    }

    /// Lists the texts that the steps of a channel sent in their runs after `since`, the latest
    /// first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_texts(&self, channel: &str, since: Millis) -> Result<Vec<StepText>, StoreError> {
        self.rows(&TEXTS, args![channel, since]).await
    }

    /// Returns whether a run reached a contact of an audience, or its feed if there is no audience.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_reached_audience(
        &self,
        run: RunId,
        audience: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let Some((audiences, audience)) = audience else {
            return Ok(self.row::<(i64,)>(&REACHED_FEED, args![run]).await?.is_some());
        };
        let mut expression = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args![run]);
        let members = expression.members(audience)?;
        let text = format!(
            "select c.id from deliveries d join contacts c on c.id = d.contact_id
             where d.id > $1 * {ID_SPACE} and d.id < ($1 + 1) * {ID_SPACE} and d.state in ('sent', 'uncertain')
               and {members} limit 1"
        );
        Ok(self.row::<(i64,)>(Assembled(text), expression.args()).await?.is_some())
    }

    /// Lists runs that were inserted or ended after `since`, or have not ended, oldest first,
    /// without tests and without tallies.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_recent(&self, since: Millis) -> Result<Vec<Run>, StoreError> {
        self.rows(&RECENT, args![since]).await
    }

    /// Lists the latest `limit` runs of a step, without tests.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_of_step(&self, campaign: &str, step: &str, limit: i64) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&OF_STEP, args![campaign, step, limit]).await?).await
    }

    /// Lists the latest run of each step, without tests.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_latest(&self) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&LATEST, args![]).await?).await
    }

    /// Returns the hash of a compiled step, with the names under which it was compiled.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revision_text(&self, id: crate::RevisionId) -> Result<Option<RevisionText>, StoreError> {
        self.row(&TEXT, args![id]).await
    }

    /// Sets the end of the campaign for a run. Returns whether it changed.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_set_ends(&self, run: RunId, ends_at: Option<Millis>) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_ENDS, args![run, ends_at]).await? > 0)
    }

    /// Sets the account that a run uses. Returns whether it changed.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_set_account(&self, run: RunId, account: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_ACCOUNT, args![run, account]).await? > 0)
    }

    /// Sets another revision for the deliveries of a run that are not handed out yet. Returns false
    /// if the run had that revision already, or has ended.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_revise(&self, run: RunId, revision: crate::RevisionId) -> Result<bool, StoreError> {
        Ok(self.execute(&REVISE, args![run, revision]).await? > 0)
    }
}
