//! Revisions: compiled steps, and the links in them.

use database::{LinkId, LinkName, Millis, RevisionId, RowError, Sql, StoreError, args, batch, id_space, sql};

use crate::Store;

/// A compiled step as it was stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Revision {
    /// The id of the revision.
    pub id: RevisionId,
    /// The campaign's name when it was compiled. A rename keeps it, because it may stand in the
    /// text.
    pub campaign: String,
    /// The step's name when it was compiled.
    pub step: String,
    /// The compiled step, as JSON.
    pub compiled: String,
    /// The names of the links in it, by position.
    #[sqlx(skip)]
    pub links: Vec<LinkName>,
}

/// A link of a revision: its name and its destination.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LinkRow {
    /// The id of the link.
    pub id: LinkId,
    /// Its name in signed links.
    pub name: LinkName,
    /// The destination of the link.
    pub url: String,
}

const ADD: Sql = sql!(
    "insert into revisions (hash, campaign, step, compiled, created_at) values ($1, $2, $3, $4, $5)
     on conflict (hash) do nothing"
);

const FIND: Sql = sql!("select id, campaign, step, compiled from revisions where hash = $1");

const GET: Sql = sql!("select id, campaign, step, compiled from revisions where id = $1");

/// Inserts links. A link's name consists of 62 random bits from the database's own generator, above
/// every row number, as a run's name does; see `run_insert`.
const LINKS_ADD: Sql = sql!(
    "with " [batch 1 as input: position bigint, url text]
    "insert into links (revision_id, position, url, name)
     select $2, position, url, " id_space!() " + (4611686018427387903 & "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    ") from input where true order by position
     on conflict (revision_id, position) do nothing"
);

/// The names of a revision's links. A running process of an earlier version inserts rows without
/// names; their names are their ids.
const LINKS: Sql =
    sql!("select coalesce(name, id) as name from links where revision_id = $1 order by position");

const AFTER: Sql = sql!("select id, coalesce(name, id) as name, url from links where id > $1 order by id");

#[derive(serde::Serialize)]
struct Input<'a> {
    position: usize,
    url: &'a str,
}

impl Store {
    /// Stores a compiled step with its destinations, or finds the same one by its hash.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revision_put(
        &self,
        hash: &str,
        campaign: &str,
        step: &str,
        compiled: &str,
        links: &[String],
        now: Millis,
    ) -> Result<Revision, StoreError> {
        let mut tx = self.begin().await?;
        // Links become visible in the order of their ids, so that `link_after` never misses one.
        tx.lock("lock table links in share row exclusive mode").await?;
        let made = tx.execute(&ADD, args![hash, campaign, step, compiled, now]).await?;
        let mut revision: Revision = tx
            .row(&FIND, args![hash])
            .await?
            .ok_or_else(|| RowError::Gone { entity: "revision", key: hash.to_owned() })?;
        if made > 0 && !links.is_empty() {
            let input: Vec<_> =
                links.iter().enumerate().map(|(position, url)| Input { position, url }).collect();
            tx.execute(&LINKS_ADD, args![batch(&input)?, revision.id]).await?;
        }
        revision.links = names(tx.rows(&LINKS, args![revision.id]).await?);
        tx.commit().await?;
        Ok(revision)
    }

    /// Returns the revision with this id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revision_get(&self, id: RevisionId) -> Result<Option<Revision>, StoreError> {
        let Some(mut revision) = self.row::<Revision>(&GET, args![id]).await? else {
            return Ok(None);
        };
        revision.links = names(self.rows(&LINKS, args![id]).await?);
        Ok(Some(revision))
    }

    /// Lists all links with an id above `after`, by id.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn link_after(&self, after: LinkId) -> Result<Vec<LinkRow>, StoreError> {
        self.rows(&AFTER, args![after]).await
    }
}

fn names(rows: Vec<(LinkName,)>) -> Vec<LinkName> {
    rows.into_iter().map(|(name,)| name).collect()
}
