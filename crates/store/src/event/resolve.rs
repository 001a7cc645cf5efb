//! Resolution of the references in events to rows of deliveries.

use std::collections::{BTreeSet, HashMap};

use database::{DeliveryId, RunId, RunName, Sql, StoreError, Tx, args, batch, batch_of_ids, sql};

use super::NewEvent;
use crate::{DeliveryName, DeliveryRef};

#[derive(serde::Serialize)]
struct Name {
    name: RunName,
}

const NAMED_RUNS: Sql = sql!(
    "with " [batch 1 as input: name bigint]
    "select i.name, r.id from input i join runs r on r.name = i.name"
);

/// Selects the deliveries that exist, without test copies, each with whether its run has a name.
/// Their rows stay locked, so that first reactions are decided once.
const EXISTING: Sql = sql!(
    "with " [batch 1 as input: id bigint]
    "select d.id, r.name is not null
     from input i join deliveries d on d.id = i.id join runs r on r.id = d.run_id
     where r.kind <> 'test' order by d.id"
    { sqlite: "", postgres: " for no key update of d" }
);

/// An event and the id of its delivery.
pub(super) struct Resolved<'a> {
    pub(super) delivery: DeliveryId,
    pub(super) event: &'a NewEvent,
}

/// Finds the deliveries of events; drops events whose delivery does not exist or is a test copy.
pub(super) async fn resolve<'a>(
    tx: &mut Tx,
    events: &'a [NewEvent],
) -> Result<Vec<Resolved<'a>>, StoreError> {
    let runs = named_runs(tx, events).await?;
    let with_row = |event: &'a NewEvent| {
        let delivery = match event.delivery {
            DeliveryRef::Row(id) | DeliveryRef::Name(DeliveryName::Unnamed(id)) => id,
            DeliveryRef::Name(DeliveryName::Named { run, contact }) => {
                DeliveryId::new(*runs.get(&run)?, contact)
            }
        };
        Some(Resolved { delivery, event })
    };
    let found: Vec<_> = events.iter().filter_map(with_row).collect();
    let ids = batch_of_ids(found.iter().map(|event| event.delivery))?;
    let rows: Vec<(DeliveryId, bool)> = tx.rows(&EXISTING, args![ids]).await?;
    let existing: HashMap<_, _> = rows.into_iter().collect();
    let exists = |found: &Resolved<'_>| match (existing.get(&found.delivery), found.event.delivery) {
        (None, _) | (Some(true), DeliveryRef::Name(DeliveryName::Unnamed(_))) => false,
        (Some(_), _) => true,
    };
    Ok(found.into_iter().filter(exists).collect())
}

/// Returns the runs that events refer to by name.
async fn named_runs(tx: &mut Tx, events: &[NewEvent]) -> Result<HashMap<RunName, RunId>, StoreError> {
    let name = |event: &NewEvent| match event.delivery {
        DeliveryRef::Name(DeliveryName::Named { run, .. }) => Some(run),
        _ => None,
    };
    let names: BTreeSet<_> = events.iter().filter_map(name).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<_> = names.into_iter().map(|name| Name { name }).collect();
    let rows: Vec<(RunName, RunId)> = tx.rows(&NAMED_RUNS, args![batch(&names)?]).await?;
    Ok(rows.into_iter().collect())
}
