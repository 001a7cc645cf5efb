//! Runs of one step: whether it has any, whether it happened, what it said, whom it reached.

use std::collections::{BTreeMap, BTreeSet};

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{Assembled, ID_SPACE, Millis, RunId, Sql, StoreError, args, id_space, sql};

use super::{Run, run_columns};
use crate::Store;

const HAS_RUNS: Sql =
    sql!("select cast(1 as bigint) from runs where campaign = $1 and step = $2 and kind <> 'test' limit 1");

/// A run made before triggers were kept counts, too: rather not sent than sent twice.
const ONE_SHOT: Sql = sql!(
    "select id from runs where campaign = $1 and step = $2 and kind <> 'test' and coalesce(trigger, 'at') = 'at'
     order by id desc limit 1"
);

const ONE_SHOTS: Sql =
    sql!("select distinct campaign, step from runs where kind <> 'test' and coalesce(trigger, 'at') = 'at'");

/// Put off by the other side is not untried, nor is one whose own time is still to come.
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

/// What a step said in some of its runs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepText {
    /// Of this campaign.
    pub campaign: String,
    /// And this step.
    pub step: String,
    /// The latest run that said it.
    pub run: RunId,
    /// What was compiled.
    #[sqlx(flatten)]
    pub text: RevisionText,
}

/// A compiled step by its hash.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RevisionText {
    /// The hash.
    pub hash: String,
    /// The campaign's name when it was compiled, which may be another by now.
    pub compiled_campaign: String,
    /// The step's name when it was compiled.
    pub compiled_step: String,
}

impl Store {
    /// Whether a step has a run that is no test.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_has_runs(&self, campaign: &str, step: &str) -> Result<bool, StoreError> {
        Ok(self.row::<(i64,)>(&HAS_RUNS, args![campaign, step]).await?.is_some())
    }

    /// The latest run that makes a step that happens once be over: by its time or by hand, cancelled or not.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_of_one_shot(&self, campaign: &str, step: &str) -> Result<Option<RunId>, StoreError> {
        Ok(self.row::<(RunId,)>(&ONE_SHOT, args![campaign, step]).await?.map(|(id,)| id))
    }

    /// The steps that happened once: they do not happen again by themselves.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn one_shots(&self) -> Result<BTreeSet<crate::StepKey>, StoreError> {
        Ok(self.rows(&ONE_SHOTS, args![]).await?.into_iter().collect())
    }

    /// Whether somebody in a run is due and was never tried.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_is_untried(&self, run: RunId, now: Millis) -> Result<bool, StoreError> {
        Ok(self.row::<(i64,)>(&UNTRIED, args![run, now]).await?.is_some())
    }

    /// What the steps of a channel said in their runs since `since`, the latest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn step_texts(&self, channel: &str, since: Millis) -> Result<Vec<StepText>, StoreError> {
        self.rows(&TEXTS, args![channel, since]).await
    }

    /// Whether a run reached somebody of an audience, or its feed where there is none.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_reached(
        &self,
        run: RunId,
        audience: Option<(&BTreeMap<AudienceId, Audience>, &AudienceId)>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let Some((audiences, audience)) = audience else {
            return Ok(self.row::<(i64,)>(&REACHED_FEED, args![run]).await?.is_some());
        };
        let mut who = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args![run]);
        let members = who.members(audience)?;
        let text = format!(
            "select c.id from deliveries d join contacts c on c.id = d.contact_id
             where d.id > $1 * {ID_SPACE} and d.id < ($1 + 1) * {ID_SPACE} and d.state in ('sent', 'uncertain')
               and {members} limit 1"
        );
        Ok(self.row::<(i64,)>(Assembled(text), who.args()).await?.is_some())
    }

    /// Runs that were made or ended after `since`, or have not ended, oldest first, without tests and without tallies.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_recent(&self, since: Millis) -> Result<Vec<Run>, StoreError> {
        self.rows(&RECENT, args![since]).await
    }

    /// The latest runs of a step, without tests.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_of_step(&self, campaign: &str, step: &str, limit: i64) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&OF_STEP, args![campaign, step, limit]).await?).await
    }

    /// The latest run of every step, without tests.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_latest(&self) -> Result<Vec<Run>, StoreError> {
        self.with_tallies(self.rows(&LATEST, args![]).await?).await
    }

    /// The hash of a compiled step, with the names under which it was compiled.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revision_text(&self, id: crate::RevisionId) -> Result<Option<RevisionText>, StoreError> {
        self.row(&TEXT, args![id]).await
    }

    /// Moves the end of the campaign for a run. Says whether it was another.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_set_ends(&self, run: RunId, ends_at: Option<Millis>) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_ENDS, args![run, ends_at]).await? > 0)
    }

    /// Notes the account that a run goes through. Says whether it was another.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_set_account(&self, run: RunId, account: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&SET_ACCOUNT, args![run, account]).await? > 0)
    }

    /// Gives those of a run who are not handed out yet another revision. False where it had that already, or has ended.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_revise(&self, run: RunId, revision: crate::RevisionId) -> Result<bool, StoreError> {
        Ok(self.execute(&REVISE, args![run, revision]).await? > 0)
    }
}
