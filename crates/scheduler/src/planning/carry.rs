//! Renames: the history of a step follows its declared new name, and goes back where the old files come back.

use std::collections::BTreeMap;

use store::{Millis, ScheduleRow, StepKey, Store, StoreError};

use crate::Loaded;

/// Carries the history of renamed steps over. Says whether anything changed.
pub(super) async fn carry_over(
    store: &Store,
    loaded: &Loaded,
    known: &BTreeMap<StepKey, ScheduleRow>,
    now: Millis,
) -> Result<bool, StoreError> {
    let mut changed = false;
    for (old, new) in declared(store, loaded).await?.into_iter().chain(undone(store, loaded, known).await?) {
        if store.step_rename(&old, &new, now).await? {
            tracing::info!(
                from = format!("{}/{}", old.0, old.1),
                to = format!("{}/{}", new.0, new.1),
                "a step was renamed; its history comes along"
            );
            changed = true;
        }
    }
    Ok(changed)
}

/// What the files declare by `was`.
async fn declared(store: &Store, loaded: &Loaded) -> Result<Vec<(StepKey, StepKey)>, StoreError> {
    let mut renames = Vec::new();
    for campaign in loaded.0.campaigns.values() {
        let id = campaign.id.to_string();
        if let Some(was) = &campaign.was {
            for step in store.step_names(was.as_str()).await? {
                let renamed = campaign
                    .steps
                    .iter()
                    .find(|new| new.was.as_ref().is_some_and(|was| was.as_str() == step));
                let new = renamed.map_or_else(|| step.clone(), |new| new.id.to_string());
                renames.push(((was.to_string(), step), (id.clone(), new)));
            }
        }
        let was = campaign.steps.iter().filter_map(|step| Some((step.was.as_ref()?, &step.id)));
        renames.extend(was.map(|(was, new)| ((id.clone(), was.to_string()), (id.clone(), new.to_string()))));
    }
    Ok(renames)
}

/// Renames that the files take back: the old name is there and unknown, the new one is gone.
async fn undone(
    store: &Store,
    loaded: &Loaded,
    known: &BTreeMap<StepKey, ScheduleRow>,
) -> Result<Vec<(StepKey, StepKey)>, StoreError> {
    let mut renames = Vec::new();
    for (old, new) in store.step_renames().await? {
        if is_in_files(loaded, &old) && !known.contains_key(&old) && is_gone(loaded, &new) {
            renames.push((new, old));
        }
    }
    Ok(renames)
}

fn is_in_files(loaded: &Loaded, key: &StepKey) -> bool {
    let campaign = loaded.0.campaigns.get(key.0.as_str());
    campaign.is_some_and(|campaign| campaign.steps.iter().any(|step| step.id.as_str() == key.1))
}

/// A file with errors may still have it.
fn is_gone(loaded: &Loaded, key: &StepKey) -> bool {
    let can_tell =
        loaded.0.campaigns.contains_key(key.0.as_str()) || !loaded.0.campaign_files.contains(&key.0);
    loaded.0.campaigns_listed && can_tell && !is_in_files(loaded, key)
}
