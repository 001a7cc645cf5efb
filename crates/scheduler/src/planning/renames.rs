//! Renames of steps: the history of a step moves to its declared new name, and back where the old
//! files come back.

use std::collections::{BTreeMap, BTreeSet};

use store::{Millis, ScheduleRow, StepKey, Store, StoreError};

use crate::Loaded;

/// Moves the history of renamed steps to their new names. Returns true if any was moved.
pub(super) async fn apply(
    store: &Store,
    loaded: &Loaded,
    known: &BTreeMap<StepKey, ScheduleRow>,
    now: Millis,
) -> Result<bool, StoreError> {
    let mut changed = false;
    let renames = store.step_renames().await?;
    let declared = declared(store, loaded, &renames).await?;
    for (old, new) in declared.into_iter().chain(undone(loaded, known, &renames)) {
        if store.step_rename(&old, &new, now).await? {
            tracing::info!(
                from = format!("{}/{}", old.0, old.1),
                to = format!("{}/{}", new.0, new.1),
                "a step was renamed, with its history"
            );
            changed = true;
        }
    }
    Ok(changed)
}

/// Returns the renames that the files declare with `was`: from, to. Where the old name was itself
/// renamed to a name that is gone from the files, that name is taken: after two renames `was` can
/// have the first name or the last.
async fn declared(
    store: &Store,
    loaded: &Loaded,
    renames: &BTreeMap<StepKey, StepKey>,
) -> Result<Vec<(StepKey, StepKey)>, StoreError> {
    let mut found = Vec::new();
    let today = |old: StepKey| {
        let mut name = &old;
        for _ in 0..renames.len() {
            match renames.get(name).filter(|to| is_gone(loaded, to)) {
                Some(to) => name = to,
                None => break,
            }
        }
        name.clone()
    };
    for campaign in loaded.0.campaigns.values() {
        let id = campaign.id.to_string();
        if let Some(was) = &campaign.previous_id {
            let before = renames.keys().filter(|old| old.0 == was.as_str()).map(|old| old.1.clone());
            let steps: BTreeSet<String> =
                store.step_names(was.as_str()).await?.into_iter().chain(before).collect();
            for step in steps {
                let old = today((was.to_string(), step.clone()));
                let renamed = campaign.steps.iter().find(|new| {
                    new.previous_id.as_ref().is_some_and(|was| was.as_str() == step || was.as_str() == old.1)
                });
                let new = renamed.map_or_else(|| old.1.clone(), |new| new.id.to_string());
                found.push((old, (id.clone(), new)));
            }
        }
        let was = campaign.steps.iter().filter_map(|step| Some((step.previous_id.as_ref()?, &step.id)));
        found.extend(
            was.map(|(was, new)| (today((id.clone(), was.to_string())), (id.clone(), new.to_string()))),
        );
    }
    found.retain(|(old, new)| old != new);
    Ok(found)
}

/// Returns the renames that the files undo, reversed: the old name is in the files without a stored
/// schedule, and the new one is gone.
fn undone(
    loaded: &Loaded,
    known: &BTreeMap<StepKey, ScheduleRow>,
    renames: &BTreeMap<StepKey, StepKey>,
) -> Vec<(StepKey, StepKey)> {
    let undone = renames
        .iter()
        .filter(|(old, new)| is_in_files(loaded, old) && !known.contains_key(old) && is_gone(loaded, new));
    undone.map(|(old, new)| (new.clone(), old.clone())).collect()
}

fn is_in_files(loaded: &Loaded, key: &StepKey) -> bool {
    let campaign = loaded.0.campaigns.get(key.0.as_str());
    campaign.is_some_and(|campaign| campaign.steps.iter().any(|step| step.id.as_str() == key.1))
}

/// Returns true if a step is not in the files. A file with errors may still have it.
fn is_gone(loaded: &Loaded, key: &StepKey) -> bool {
    let can_tell =
        loaded.0.campaigns.contains_key(key.0.as_str()) || !loaded.0.campaign_files.contains(&key.0);
    loaded.0.campaigns_listed && can_tell && !is_in_files(loaded, key)
}
