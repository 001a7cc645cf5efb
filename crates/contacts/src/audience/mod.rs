//! Audiences as one parameterised set expression; no SQL and no text of a file or contact ever
//! becomes part of a statement.

mod attribute;
mod engagement_kind;
mod expression;
mod rules;

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use database::{Assembled, ContactId, Millis, Sql, SqlDialect, StoreError, args, sql};

use crate::{Contact, Contacts, contact_columns};

pub use attribute::is_json_label;
pub use engagement_kind::EngagementKind;
pub use expression::{ContactRange, Expression};

const MAX_ID: Sql = sql!("select coalesce(max(id), 0) from contacts");

/// The number of contact ids that one statement of a count covers, so that its sets stay small.
const COUNT_RANGE_SIZE: i64 = 100_000;

impl Contacts {
    /// Returns the number of contacts in `audience`.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_count(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let last = self.row::<(i64,)>(&MAX_ID, args![]).await?.map_or(0, |(id,)| id);
        let count = async |first: usize| {
            let mut sum = 0;
            for range in ContactRange::cover(last, COUNT_RANGE_SIZE).skip(first).step_by(2) {
                let mut expression = Expression::new(self.dialect(), audiences, now, range, args![]);
                let members = expression.members(audience)?;
                let text = format!("select count(*) from contacts c where {members}");
                sum +=
                    self.row(Assembled(text), expression.args()).await?.map_or(0, |(count,): (i64,)| count);
            }
            Ok::<i64, StoreError>(sum)
        };
        // Two statements run concurrently; the dashboard keeps the other connections.
        let (even, odd) = tokio::try_join!(count(0), count(1))?;
        Ok(even + odd)
    }

    /// Returns the database's query plan for counting `audience`, line by line, to diagnose slow
    /// audiences.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_query_plan(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
    ) -> Result<Vec<String>, StoreError> {
        let dialect = self.dialect();
        let mut expression = Expression::new(dialect, audiences, now, ContactRange::ALL, args![]);
        let text = format!("select count(*) from contacts c where {}", expression.members(audience)?);
        Ok(match dialect {
            SqlDialect::Sqlite => {
                let text = Assembled(format!("explain query plan {text}"));
                let rows: Vec<(i64, i64, i64, String)> = self.rows(text, expression.args()).await?;
                rows.into_iter().map(|(.., line)| line).collect()
            }
            SqlDialect::Postgres => {
                let rows: Vec<(String,)> =
                    self.rows(Assembled(format!("explain {text}")), expression.args()).await?;
                rows.into_iter().map(|(line,)| line).collect()
            }
        })
    }

    /// Returns whether `contact` belongs to `audience`.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_contains(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        contact: ContactId,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let range = ContactRange::one(contact);
        let mut expression = Expression::new(self.dialect(), audiences, now, range, args![]);
        let members = expression.members(audience)?;
        let text = format!("select c.id from contacts c where {members}");
        Ok(self.row::<(i64,)>(Assembled(text), expression.args()).await?.is_some())
    }

    /// Lists up to `limit` members of `audience`, by id.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn audience_sample(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Contact>, StoreError> {
        let mut expression = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args![limit]);
        let members = expression.members(audience)?;
        let text = format!(
            concat!("select ", contact_columns!(), " from contacts c where {} order by c.id limit $1"),
            members
        );
        self.rows(Assembled(text), expression.args()).await
    }
}
