//! The last engagement of each contact with each campaign, stored so that audiences read sets and
//! not every delivery.
//!
//! Reactions are stored in the transactions that mark deliveries. Sends are read from the
//! deliveries of a run after it has ended, some thousands at a time; until then audiences read the
//! deliveries of that run themselves.

use contacts::EngagementKind;
use database::{
    ContactId, DeliveryId, Millis, RunId, Sql, StoreError, Tx, args, batch, batch_of_ids, id_space,
    retry_on_deadlock, sql,
};

use crate::Store;

/// SQL fragment that stores the later of two times and skips the write otherwise.
macro_rules! later_wins {
    () => {
        " on conflict (campaign, kind, contact_id) do update set last_at = excluded.last_at
          where engagement.last_at < excluded.last_at"
    };
}

#[derive(serde::Serialize)]
struct Input {
    id: DeliveryId,
    kind: i64,
    at: Millis,
}

const UPSERT_REACTIONS: Sql = sql!(
    "with " [batch 1 as input: id bigint, kind bigint, at bigint]
    "insert into engagement (campaign, kind, contact_id, last_at)
     select campaign, kind, contact_id, max(at) from (
       select cast(0 as bigint) as campaign, kind, id % " id_space!() " as contact_id, at from input
       union all
       select n.number, i.kind, i.id % " id_space!() ", i.at
       from input i join runs r on r.id = i.id / " id_space!() " join campaign_numbers n on n.campaign = r.campaign) reacted
     where contact_id > 0
     group by campaign, kind, contact_id order by campaign, kind, contact_id"
    later_wins!() ""
);

/// Stores reactions of contacts to deliveries. The deliveries must not be test copies.
pub(crate) async fn record_reactions(
    tx: &mut Tx,
    kind: EngagementKind,
    at: impl Iterator<Item = (DeliveryId, Millis)>,
) -> Result<(), StoreError> {
    let kind = kind.number();
    let of_people = at.filter(|(id, _)| id.contact() != ContactId::FEED);
    let input: Vec<_> = of_people.map(|(id, at)| Input { id, kind, at }).collect();
    if !input.is_empty() {
        tx.execute(&UPSERT_REACTIONS, args![batch(&input)?]).await?;
    }
    Ok(())
}

/// The contacts of a batch of deliveries, each with its campaign and once more for all campaigns
/// together (number 0, no name).
macro_rules! contacts_of_input {
    () => {
        concat!(
            "(select cast(0 as bigint) as number, cast(null as text) as campaign, id % ",
            database::id_space!(),
            " as contact_id from input
          union
          select n.number, n.campaign, i.id % ",
            database::id_space!(),
            "
          from input i join runs r on r.id = i.id / ",
            database::id_space!(),
            " join campaign_numbers n on n.campaign = r.campaign)"
        )
    };
}

const FORGET_REACTIONS: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "delete from engagement where (campaign, kind, contact_id) in (
       select k.number, t.kind, k.contact_id from " contacts_of_input!() " k
       cross join (select cast(2 as bigint) as kind union all select 3 union all select 4) t)"
);

/// Builds the statement that reads one kind of reaction of a batch's contacts from all their
/// deliveries.
macro_rules! reread_reactions {
    ($kind:literal, $column:literal) => {
        sql!(
            "with " [batch 1 as input: id bigint]
            "insert into engagement (campaign, kind, contact_id, last_at)
             select k.number, " $kind ", k.contact_id, max(d." $column ")
             from " contacts_of_input!() " k cross join runs q cross join deliveries d
             where q.kind <> 'test' and (k.campaign is null or q.campaign = k.campaign)
               and d.id = q.id * " id_space!() " + k.contact_id and d." $column " is not null
             group by k.number, k.contact_id order by k.number, k.contact_id"
            later_wins!() ""
        )
    };
}

const REREAD_OPENED: Sql = reread_reactions!("2", "opened_at");
const REREAD_CLICKED: Sql = reread_reactions!("3", "clicked_at");
const REREAD_CONVERTED: Sql = reread_reactions!("4", "converted_at");

/// Recomputes the last reactions of the contacts of some deliveries, after some reactions were
/// taken back.
pub(crate) async fn recompute_reactions(
    tx: &mut Tx,
    deliveries: impl Iterator<Item = DeliveryId>,
) -> Result<(), StoreError> {
    let input = batch_of_ids(deliveries)?;
    for statement in [&FORGET_REACTIONS, &REREAD_OPENED, &REREAD_CLICKED, &REREAD_CONVERTED] {
        tx.execute(statement, vec![input.clone()]).await?;
    }
    Ok(())
}

const INSERT_NUMBERS: Sql = sql!(
    "insert into campaign_numbers (campaign)
     select distinct campaign from runs where id >= $1 and id <= $2 and kind <> 'test' order by campaign
     on conflict (campaign) do nothing"
);

/// Assigns numbers to those campaigns of a range of runs that have none.
pub(crate) async fn number_campaigns(tx: &mut Tx, first: RunId, last: RunId) -> Result<(), StoreError> {
    tx.execute(&INSERT_NUMBERS, args![first, last]).await.map(|_| ())
}

const RESET_PROGRESS: Sql =
    sql!("update runs set engaged = 0, engaged_through = 0 where campaign = $1 and kind <> 'test'");

const DROP_NAME: Sql = sql!("update campaign_numbers set campaign = null where campaign = $1");

/// Drops the engagement with a campaign: its runs are about to get another name, and are read again
/// under the number of that name.
pub(crate) async fn forget_campaign(tx: &mut Tx, campaign: &str) -> Result<(), StoreError> {
    for statement in [&RESET_PROGRESS, &DROP_NAME] {
        tx.execute(statement, args![campaign]).await?;
    }
    Ok(())
}

/// The first ended run whose sends have not been read.
const NEXT_RUN: Sql = sql!(
    "select r.id, r.engaged, r.engaged_through, n.number
     from runs r join campaign_numbers n on n.campaign = r.campaign
     where r.engaged < 2 and r.finished_at is not null and r.kind <> 'test' order by r.id limit 1"
);

/// A run whose sends are not all read.
#[derive(sqlx::FromRow)]
struct UnreadRun {
    id: RunId,
    /// 0 before its deliveries were read, 1 if only its sends have to be read again.
    engaged: i64,
    /// The contact up to which deliveries are read.
    engaged_through: i64,
    /// The number of its campaign in `campaign_numbers`.
    number: i64,
}

/// Locks the run until the commit, if its progress has not changed.
const LOCK: Sql = sql!(
    "select id from runs where id = $1 and engaged = $2 and engaged_through = $3 and finished_at is not null"
    { sqlite: "", postgres: " for no key update" }
);

/// The number of deliveries that are read in one transaction, which takes some tens of
/// milliseconds.
const CHUNK_SIZE: i64 = 10_000;

const CHUNK_END: Sql = sql!(
    "select coalesce(max(id), 0), count(*) from (
       select id from deliveries where id > $1 * " id_space!() " + $2 and id < ($1 + 1) * " id_space!() " order by id limit $3) slab"
);

/// Builds the statement that reads one column of the deliveries between $1 and $2; $3 is the
/// campaign's number.
macro_rules! read_column {
    ($kind:literal, $column:literal) => {
        sql!(
            "insert into engagement (campaign, kind, contact_id, last_at)
             select n.number, " $kind ", d.contact_id, d." $column "
             from (select cast(0 as bigint) as number union all select cast($3 as bigint)) n
             cross join deliveries d
             where d.id > $1 and d.id <= $2 and d.contact_id > 0 and d." $column " is not null
             order by n.number, d.contact_id"
            later_wins!() ""
        )
    };
}

const SENT: Sql = read_column!("1", "sent_at");
const OPENED: Sql = read_column!("2", "opened_at");
const CLICKED: Sql = read_column!("3", "clicked_at");
const CONVERTED: Sql = read_column!("4", "converted_at");

const SET_PROGRESS: Sql = sql!("update runs set engaged_through = $2, engaged = $3 where id = $1");

/// A number whose campaign was renamed: its engagement is deleted.
const DROPPED_NUMBER: Sql =
    sql!("select number from campaign_numbers where campaign is null order by number limit 1");

const DROP_SOME: Sql = sql!(
    { sqlite: "delete from engagement where (campaign, kind, contact_id) in (
        select campaign, kind, contact_id from engagement where campaign = $1 limit $2)",
      postgres: "delete from engagement where ctid = any(array(
        select ctid from engagement where campaign = $1 limit $2))" }
);

const DROP_NUMBER: Sql = sql!("delete from campaign_numbers where number = $1");

impl Store {
    /// Reads the sends of some thousand deliveries of an ended run, or deletes engagement of a
    /// campaign that has another name now. Returns false if there is nothing left to do.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn engagement_advance(&self) -> Result<bool, StoreError> {
        if let Some(run) = self.row::<UnreadRun>(&NEXT_RUN, args![]).await? {
            retry_on_deadlock!(self.read_chunk(&run))?;
            self.yield_writer().await;
            return Ok(true);
        }
        let Some((number,)) = self.row::<(i64,)>(&DROPPED_NUMBER, args![]).await? else { return Ok(false) };
        if self.execute(&DROP_SOME, args![number, CHUNK_SIZE]).await? == 0 {
            self.execute(&DROP_NUMBER, args![number]).await?;
        }
        Ok(true)
    }

    async fn read_chunk(&self, run: &UnreadRun) -> Result<(), StoreError> {
        let UnreadRun { id: run, engaged, engaged_through: through, number } = *run;
        let (last, count) =
            self.row::<(i64, i64)>(&CHUNK_END, args![run, through, CHUNK_SIZE]).await?.unwrap_or_default();
        let mut tx = self.begin().await?;
        if tx.row::<(RunId,)>(&LOCK, args![run, engaged, through]).await?.is_none() {
            return Ok(());
        }
        let after = DeliveryId::new(run, ContactId(through));
        let statements: &[&'static Sql] =
            if engaged == 0 { &[&SENT, &OPENED, &CLICKED, &CONVERTED] } else { &[&SENT] };
        if count > 0 {
            for statement in statements {
                tx.execute(*statement, args![after, last, number]).await?;
            }
        }
        let is_last = count < CHUNK_SIZE;
        let through = if count > 0 { DeliveryId(last).contact().0 } else { through };
        tx.execute(&SET_PROGRESS, args![run, through, if is_last { 2 } else { engaged }]).await?;
        tx.commit().await
    }
}

/// SQL assignments for an update of `runs` after which the sends of an ended run are read again.
macro_rules! reread_sends {
    () => {
        "engaged = case when engaged = 2 and kind <> 'test' then 1 else engaged end, engaged_through = 0"
    };
}
pub(crate) use reread_sends;
