//! What is kept of erased contacts: keyed hashes of their addresses, so that an address that is
//! imported again gets nothing.

use database::{Millis, Sql, StoreError, Tx, args, batch, sql};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::chance;

const SET_KEY: Sql =
    sql!("insert into settings (name, value) values ('erasure_key', $1) on conflict (name) do nothing");

const GET_KEY: Sql = sql!("select value from settings where name = 'erasure_key'");

#[derive(serde::Serialize)]
struct Hashed<'a> {
    kind: &'static str,
    hash: String,
    #[serde(skip)]
    address: &'a str,
}

const ADD: Sql = sql!(
    "with " [batch 1 as input: kind text, hash text]
    "insert into erased_addresses (kind, hash, erased_at) select kind, hash, $2 from input where true
     on conflict (kind, hash) do nothing"
);

const FIND: Sql = sql!(
    "with " [batch 1 as input: kind text, hash text]
    "select i.kind, i.hash from input i join erased_addresses e on e.kind = i.kind and e.hash = i.hash"
);

/// An address: its kind (`email`, `phone` or `external_id`), and its value in normal form.
pub type ErasedAddress<'a> = (&'static str, &'a str);

/// Keeps the hashes of a contact's addresses.
///
/// # Errors
/// The database refused or went away.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn remember_erased(
    tx: &mut Tx,
    addresses: &[ErasedAddress<'_>],
    now: Millis,
) -> Result<(), StoreError> {
    tx.execute(&SET_KEY, args![chance::key().as_str()]).await?;
    let key: Option<(String,)> = tx.row(&GET_KEY, args![]).await?;
    let rows = hashed(&key.unwrap_or_default().0, addresses);
    tx.execute(&ADD, args![batch(&rows)?, now]).await?;
    Ok(())
}

/// Returns those of the addresses that belonged to a contact who was erased.
pub(crate) async fn erased_before<'a>(
    tx: &mut Tx,
    addresses: &[ErasedAddress<'a>],
) -> Result<Vec<ErasedAddress<'a>>, StoreError> {
    let key: Option<(String,)> = tx.row(&GET_KEY, args![]).await?;
    let Some((key,)) = key.filter(|_| !addresses.is_empty()) else { return Ok(Vec::new()) };
    let rows = hashed(&key, addresses);
    let found: Vec<(String, String)> = tx.rows(&FIND, args![batch(&rows)?]).await?;
    let is_found = |row: &&Hashed<'_>| found.iter().any(|(kind, hash)| kind == row.kind && *hash == row.hash);
    Ok(rows.iter().filter(is_found).map(|row| (row.kind, row.address)).collect())
}

fn hashed<'a>(key: &str, addresses: &[ErasedAddress<'a>]) -> Vec<Hashed<'a>> {
    let hash = |kind: &str, address: &str| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(address.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    addresses.iter().map(|(kind, address)| Hashed { kind, hash: hash(kind, address), address }).collect()
}
