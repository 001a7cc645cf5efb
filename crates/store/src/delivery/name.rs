//! Identities of deliveries outside the database: in tokens, Message-IDs and idempotency keys.

use database::{ContactId, DeliveryId, RunId, RunName, Sql, StoreError, args, id_space, sql};

use crate::{RunKind, Store};

/// The identity of a delivery in tokens, Message-IDs and idempotency keys: the same on each try. A
/// database restored from an older copy gives row numbers a second time, although deliveries that
/// it lost may have been sent; random names are never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryName {
    /// The row number, in a run made before runs had names.
    Unnamed(DeliveryId),
    /// The random name of the run, and the contact.
    Named {
        /// The name of the run.
        run: RunName,
        /// The id of the contact; [`ContactId::FEED`] for a feed.
        contact: ContactId,
    },
}

impl DeliveryName {
    /// Creates the identity of the delivery `id` in a run of this name.
    #[must_use]
    pub const fn new(run: Option<RunName>, id: DeliveryId) -> Self {
        match run {
            Some(run) => Self::Named { run, contact: id.contact() },
            None => Self::Unnamed(id),
        }
    }
}

/// A reference to a delivery, by row or by identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryRef {
    /// A row number that was read from this database.
    Row(DeliveryId),
    /// An identity that was received from outside.
    Name(DeliveryName),
}

impl From<DeliveryId> for DeliveryRef {
    fn from(id: DeliveryId) -> Self {
        Self::Row(id)
    }
}

impl From<DeliveryName> for DeliveryRef {
    fn from(name: DeliveryName) -> Self {
        Self::Name(name)
    }
}

/// The delivery that an identity refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedDelivery {
    /// The id of the delivery.
    pub id: DeliveryId,
    /// True if it belongs to a run of kind `test`: events about it change nothing.
    pub is_test_copy: bool,
}

const BY_NAME: Sql = sql!(
    "select r.id, r.kind from runs r join deliveries d on d.id = r.id * " id_space!() " + $2 where r.name = $1"
);

const BY_ROW: Sql = sql!("select name, kind from runs where id = $1");

impl Store {
    /// Finds the delivery with this identity. `None` where the database does not have it: a run or
    /// delivery that a restored database lost, or an identity without a name whose number belongs
    /// to a run with a name. An identity without a name whose run is missing is returned too: it
    /// still contains the contact.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_find(&self, name: DeliveryName) -> Result<Option<NamedDelivery>, StoreError> {
        let (id, kind) = match name {
            DeliveryName::Named { run, contact } => {
                let row: Option<(RunId, String)> = self.row(&BY_NAME, args![run, contact]).await?;
                let Some((run, kind)) = row else { return Ok(None) };
                (DeliveryId::new(run, contact), Some(kind))
            }
            DeliveryName::Unnamed(id) => {
                let row: Option<(Option<RunName>, String)> = self.row(&BY_ROW, args![id.run()]).await?;
                match row {
                    Some((Some(_), _)) => return Ok(None),
                    Some((None, kind)) => (id, Some(kind)),
                    None => (id, None),
                }
            }
        };
        let is_test_copy = kind.is_some_and(|kind| kind == RunKind::Test.as_str());
        Ok(Some(NamedDelivery { id, is_test_copy }))
    }
}
