//! Addresses nobody may write to again.

use database::{Millis, Sql, StoreError, args, batch, sql, words};

use crate::{AddressKind, Contacts};

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// They asked.
    Unsubscribed,
    /// The address does not exist.
    Bounced,
    /// They called it spam.
    Complained,
    /// Somebody here decided it.
    Manual,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct Suppression {
    /// What kind of address.
    #[sqlx(try_from = "String")]
    pub kind: AddressKind,
    /// In normal form.
    pub address: String,
    /// Why.
    #[sqlx(try_from = "String")]
    pub reason: SuppressionReason,
    /// Where it came from: `one-click`, `unsubscribe-page`, `smtp 550 5.1.1`, `sms 21211`, `import`.
    pub source: String,
    /// Since when.
    pub created_at: Millis,
}

words!(SuppressionReason, {
    Unsubscribed => "unsubscribed",
    Bounced => "bounced",
    Complained => "complained",
    Manual => "manual",
});

#[derive(serde::Serialize)]
struct Input<'a> {
    kind: &'static str,
    address: &'a str,
    reason: &'static str,
    source: &'a str,
    created_at: Millis,
}

const ADD: Sql = sql!(
    "with " [batch 1 as input: kind text, address text, reason text, source text, created_at bigint]
    "insert into suppressions (kind, address, reason, source, created_at)
     select kind, address, reason, source, created_at from input where true order by kind, address
     on conflict (kind, address) do nothing"
);

const REMOVE: Sql = sql!("delete from suppressions where kind = $1 and address = $2");

const GET: Sql = sql!(
    "select kind, address, reason, source, created_at from suppressions where kind = $1 and address = $2"
);

const LIST: Sql = sql!(
    "select kind, address, reason, source, created_at from suppressions
     order by created_at desc, kind, address limit $1"
);

impl Contacts {
    /// Adds addresses; those already there stay as they are. Says how many were new.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn suppression_add(&self, rows: &[Suppression]) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let input: Vec<_> = rows.iter().map(Input::from).collect();
        self.execute(&ADD, args![batch(&input)?]).await
    }

    /// Takes one away. Says whether it was there.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn suppression_remove(&self, kind: AddressKind, address: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&REMOVE, args![kind.as_str(), address]).await? > 0)
    }

    /// The row of one address.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn suppression_get(
        &self,
        kind: AddressKind,
        address: &str,
    ) -> Result<Option<Suppression>, StoreError> {
        self.row(&GET, args![kind.as_str(), address]).await
    }

    /// The latest `limit` of them, newest first.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn suppression_list(&self, limit: i64) -> Result<Vec<Suppression>, StoreError> {
        self.rows(&LIST, args![limit]).await
    }
}

impl<'a> From<&'a Suppression> for Input<'a> {
    fn from(row: &'a Suppression) -> Self {
        Self {
            kind: row.kind.as_str(),
            address: &row.address,
            reason: row.reason.as_str(),
            source: &row.source,
            created_at: row.created_at,
        }
    }
}
