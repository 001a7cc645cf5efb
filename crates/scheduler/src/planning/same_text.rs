//! The comparison of texts: a new step with the same text as a step that is gone, for the same
//! people, was probably renamed.

use std::collections::BTreeMap;

use campaign::{Campaign, CampaignId, Step, StepId};
use jiff::{SignedDuration, Timestamp};
use store::{Millis, RecipientAddress, RevisionId, Store};

use crate::Loaded;
use crate::compiled::{compile, compiled};
use crate::fire_error::FireError;
use crate::recipients::required_address;

/// The time for which steps that are gone are compared.
const HISTORY: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The largest number of compiled names under which a step is compared.
const MAX_COMPARED: usize = 200;

/// Returns `CAMPAIGN/STEP` of a step that is gone from the files, has the same text as this step,
/// and reached a recipient of this step. Returns `None` for a step that has runs.
pub(crate) async fn find(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Timestamp,
) -> Result<Option<String>, FireError> {
    if store.step_has_runs(campaign.id.as_str(), step.id.as_str()).await? {
        return Ok(None);
    }
    let since = now.saturating_sub(HISTORY).unwrap_or(Timestamp::MIN).into();
    let mut gone = store.step_texts(step.channel.as_str(), since).await?;
    gone.retain(|text| !is_in_files(loaded, &text.campaign, &text.step));
    let mut compared = BTreeMap::<(String, String), String>::new();
    for of_step in gone {
        let text = of_step.text;
        let names = (text.compiled_campaign, text.compiled_step);
        let hash = match compared.get(&names) {
            Some(hash) => hash,
            None if compared.len() >= MAX_COMPARED => continue,
            None => {
                let hash = hash_as(loaded, campaign, step, &names.0, &names.1).await?;
                compared.entry(names).or_insert(hash)
            }
        };
        if *hash != text.hash {
            continue;
        }
        let channel = loaded.0.channels.get(&step.channel);
        let reached = match channel.and_then(required_address) {
            None => store.run_reached_audience(of_step.run, None, Millis::from(now)).await?,
            Some(
                RecipientAddress::Anyone
                | RecipientAddress::Attribute(_)
                | RecipientAddress::Email
                | RecipientAddress::Phone,
            ) => {
                let audience = Some((&loaded.0.audiences, &step.audience));
                store.run_reached_audience(of_step.run, audience, Millis::from(now)).await?
            }
        };
        if reached {
            return Ok(Some(format!("{}/{}", of_step.campaign, of_step.step)));
        }
    }
    Ok(None)
}

/// Returns true if a step has the same text today as a revision, whatever names that was compiled
/// under.
pub(crate) async fn has_same_text(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    revision: RevisionId,
) -> Result<bool, FireError> {
    let Some(text) = store.revision_text(revision).await? else { return Ok(false) };
    let (old_campaign, old_step) = (text.compiled_campaign.as_str(), text.compiled_step.as_str());
    let hash = if (campaign.id.as_str(), step.id.as_str()) == (old_campaign, old_step) {
        compiled(loaded, campaign, step).await?.hash()
    } else {
        hash_as(loaded, campaign, step, old_campaign, old_step).await?
    };
    Ok(hash == text.hash)
}

fn is_in_files(loaded: &Loaded, campaign: &str, step: &str) -> bool {
    match loaded.0.campaigns.get(campaign) {
        Some(campaign) => campaign.steps.iter().any(|other| other.id.as_str() == step),
        // A file with errors may still have the step.
        None => !loaded.0.campaigns_listed || loaded.0.campaign_files.contains(campaign),
    }
}

/// Returns the hash of the step compiled under another name: names are part of links and headers.
async fn hash_as(
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    old_campaign: &str,
    old_step: &str,
) -> Result<String, FireError> {
    let (Ok(id), Ok(step_id)) = (CampaignId::parse(old_campaign), StepId::parse(old_step)) else {
        return Ok(String::new());
    };
    let campaign = Campaign { id, ..campaign.clone() };
    let step = Step { id: step_id, ..step.clone() };
    let compiled = compile(loaded, campaign, step).await?;
    Ok(compiled.hash())
}
