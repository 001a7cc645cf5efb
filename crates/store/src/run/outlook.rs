//! How a run will go on: to which domains, and until when.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{ContactRange, Expression};
use database::{Assembled, Dialect, Millis, RunId, Sql, StoreError, args, sql};

use super::people::judged;
use crate::{Address, Store};

const LAST_DUE: Sql = sql!("select max(due_at) from deliveries where run_id = $1 and due_at is not null");

impl Store {
    /// When the last of a run's open deliveries falls due; `None` when none is open. Those that a receiver has no
    /// room for are put off to when it has.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn run_last_due(&self, run: RunId) -> Result<Option<Millis>, StoreError> {
        Ok(self.row::<(Option<Millis>,)>(&LAST_DUE, args![run]).await?.and_then(|row| row.0))
    }

    /// How many of an audience would get an e-mail at each domain.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_domains(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        now: Millis,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let (dialect, address) = (self.dialect(), Address::Email.stored()?);
        let mut who = Expression::new(dialect, audiences, now, ContactRange::ALL, args![address.as_str()]);
        let members = who.members(audience)?;
        let people = judged("contacts c", "0", "$1", &members, "");
        let domain = match dialect {
            Dialect::Sqlite => "substr(c.email, instr(c.email, '@') + 1)",
            Dialect::Postgres => "split_part(c.email, '@', 2)",
        };
        let text = format!(
            "select {domain} as domain, count(*) as count from ({people}) judged join contacts c on c.id = judged.id
             where judged.reason is null group by domain order by count desc, domain"
        );
        let rows: Vec<(String, i64)> = self.rows(Assembled(text), who.args()).await?;
        Ok(rows.into_iter().map(|(domain, count)| (domain, count.unsigned_abs())).collect())
    }
}
