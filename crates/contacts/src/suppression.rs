//! Suppressions: addresses that must not be written to again.

use database::{Millis, Sql, StoreError, Tx, args, batch, enum_names, sql};

use crate::{AddressKind, Contacts, ErasedAddress};

/// The reason for which an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// The contact unsubscribed from messages.
    Unsubscribed,
    /// Mail bounced: the address does not exist.
    Bounced,
    /// The contact marked a message as spam.
    Complained,
    /// A person of this organisation suppressed the address.
    Manual,
}

/// A suppressed address, as stored in `suppressions`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct Suppression {
    /// The kind of the address.
    #[sqlx(try_from = "String")]
    pub kind: AddressKind,
    /// The address in normal form: a lower-case e-mail address, or E.164.
    pub address: String,
    /// The reason for which it is suppressed.
    #[sqlx(try_from = "String")]
    pub reason: SuppressionReason,
    /// The origin of the suppression: `one-click`, `unsubscribe-page`, `smtp 550 5.1.1`, `sms
    /// 21211`, `import`.
    pub source: String,
    /// The time since which it is suppressed.
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub created_at: Millis,
}

enum_names!(SuppressionReason, {
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

/// Suppresses addresses whose earlier owner must not be written to, as if they had unsubscribed:
/// their own yes takes it back.
pub(crate) async fn suppress_in(
    tx: &mut Tx,
    addresses: &[ErasedAddress<'_>],
    source: &str,
    now: Millis,
) -> Result<(), StoreError> {
    if addresses.is_empty() {
        return Ok(());
    }
    let reason = SuppressionReason::Unsubscribed.as_str();
    let row = |(kind, address): &(&'static str, &str)| {
        serde_json::json!({
            "kind": kind, "address": address, "reason": reason, "source": source, "created_at": now,
        })
    };
    let rows: Vec<_> = addresses.iter().map(row).collect();
    tx.execute(&ADD, args![batch(&rows)?]).await?;
    Ok(())
}

impl Contacts {
    /// Adds suppressions; addresses that are suppressed already stay as they are. Returns the
    /// number of new ones.
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

    /// Deletes the suppression of an address. Returns whether there was one.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn suppression_remove(&self, kind: AddressKind, address: &str) -> Result<bool, StoreError> {
        Ok(self.execute(&REMOVE, args![kind.as_str(), address]).await? > 0)
    }

    /// Returns the suppression of an address, if there is one.
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

    /// Lists the latest `limit` suppressions, newest first.
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
