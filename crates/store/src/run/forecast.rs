//! Forecasts of a run: the domains it goes to, and the time until which it goes on.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{Assembled, Millis, RunId, Sql, SqlDialect, StoreError, args, sql};

use super::recipients::recipients_query;
use crate::{RecipientAddress, Store};

const LAST_DUE: Sql = sql!("select max(due_at) from deliveries where run_id = $1 and due_at is not null");

impl Store {
    /// Returns the time at which the last of a run's open deliveries is due; `None` if none is
    /// open. Deliveries that a receiver's rate does not allow yet are due when it does.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_last_due(&self, run: RunId) -> Result<Option<Millis>, StoreError> {
        Ok(self.row::<(Option<Millis>,)>(&LAST_DUE, args![run]).await?.and_then(|row| row.0))
    }

    /// Returns the numbers of contacts in an audience who would get an e-mail, by domain, the
    /// largest first.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_domains(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        purpose: Option<&str>,
        now: Millis,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let (dialect, address) = (self.dialect(), RecipientAddress::Email.stored()?);
        let mut expression =
            Expression::new(dialect, audiences, now, ContactRange::ALL, args![address.as_str(), purpose]);
        let members = expression.members(audience)?;
        let query = recipients_query("contacts c", "0", "$1", "$2", &members, "");
        let domain = match dialect {
            SqlDialect::Sqlite => "substr(c.email, instr(c.email, '@') + 1)",
            SqlDialect::Postgres => "split_part(c.email, '@', 2)",
        };
        let text = format!(
            "select {domain} as domain, count(*) as count from ({query}) judged join contacts c on c.id = judged.id
             where judged.reason is null group by domain order by count desc, domain"
        );
        let rows: Vec<(String, i64)> = self.rows(Assembled(text), expression.args()).await?;
        Ok(rows.into_iter().map(|(domain, count)| (domain, count.unsigned_abs())).collect())
    }
}
