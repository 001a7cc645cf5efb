//! Segments as one parameterised set expression: no SQL and no text of a file or contact in SQL, ever.

mod attribute;
mod engaged;
mod expression;
mod rules;

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use database::{Assembled, ContactId, Dialect, Millis, Sql, StoreError, args, sql};

use crate::{Contact, Contacts, contact_columns};

pub use attribute::is_plain;
pub use engaged::Engaged;
pub use expression::{ContactRange, Expression};

const LAST: Sql = sql!("select coalesce(max(id), 0) from contacts");

/// The number of ids that one statement of a count looks at, so that its sets stay small.
const AT_ONCE: i64 = 100_000;

impl Contacts {
    /// How many contacts belong to `audience`.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_count(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let last = self.row::<(i64,)>(&LAST, args![]).await?.map_or(0, |(id,)| id);
        let count = async |first: usize| {
            let mut sum = 0;
            for range in ContactRange::cover(last, AT_ONCE).skip(first).step_by(2) {
                let mut who = Expression::new(self.dialect(), audiences, now, range, args![]);
                let members = who.members(audience)?;
                let text = format!("select count(*) from contacts c where {members}");
                sum += self.row(Assembled(text), who.args()).await?.map_or(0, |(count,): (i64,)| count);
            }
            Ok::<i64, StoreError>(sum)
        };
        // Two statements run at a time; pages keep the other connections.
        let (even, odd) = tokio::try_join!(count(0), count(1))?;
        Ok(even + odd)
    }

    /// Returns the database's plan for counting `audience`, line by line, for people who look for what is slow.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_query_plan(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
    ) -> Result<Vec<String>, StoreError> {
        let dialect = self.dialect();
        let mut who = Expression::new(dialect, audiences, now, ContactRange::ALL, args![]);
        let text = format!("select count(*) from contacts c where {}", who.members(audience)?);
        Ok(match dialect {
            Dialect::Sqlite => {
                let text = Assembled(format!("explain query plan {text}"));
                let rows: Vec<(i64, i64, i64, String)> = self.rows(text, who.args()).await?;
                rows.into_iter().map(|(.., line)| line).collect()
            }
            Dialect::Postgres => {
                let rows: Vec<(String,)> =
                    self.rows(Assembled(format!("explain {text}")), who.args()).await?;
                rows.into_iter().map(|(line,)| line).collect()
            }
        })
    }

    /// Whether `contact` belongs to `audience`.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_contains(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        contact: ContactId,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let range = ContactRange::one(contact);
        let mut who = Expression::new(self.dialect(), audiences, now, range, args![]);
        let members = who.members(audience)?;
        let text = format!("select c.id from contacts c where {members}");
        Ok(self.row::<(i64,)>(Assembled(text), who.args()).await?.is_some())
    }

    /// Up to `limit` members, by id.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_sample(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Contact>, StoreError> {
        let mut who = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args![limit]);
        let members = who.members(audience)?;
        let text = format!(
            concat!("select ", contact_columns!(), " from contacts c where {} order by c.id limit $1"),
            members
        );
        self.rows(Assembled(text), who.args()).await
    }
}
