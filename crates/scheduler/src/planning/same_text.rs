//! Whether a new step says what a step that is gone said, to people who got that: then it was probably renamed.

use std::collections::BTreeMap;

use campaign::{Campaign, CampaignId, Step, StepId};
use jiff::{SignedDuration, Timestamp};
use store::{Address, Millis, RevisionId, Store};

use crate::Loaded;
use crate::compiled::{compile, compiled};
use crate::fire_error::FireError;
use crate::recipients::address;

/// How far back steps are looked at that are gone.
const BACK: SignedDuration = SignedDuration::from_hours(400 * 24);

/// At most so many steps that are gone are compared.
const MOST: usize = 200;

/// `CAMPAIGN/STEP` of a step that is gone, whose text is the same and that reached somebody whom this step is for. Only
/// for a step that has no run of its own.
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
    let since = now.saturating_sub(BACK).unwrap_or(Timestamp::MIN).into();
    let mut gone = store.step_texts(step.channel.as_str(), since).await?;
    gone.retain(|text| !is_there(loaded, &text.campaign, &text.step));
    let mut compared = BTreeMap::<(String, String), String>::new();
    for of_step in gone {
        let text = of_step.text;
        let names = (text.compiled_campaign, text.compiled_step);
        let hash = match compared.get(&names) {
            Some(hash) => hash,
            None if compared.len() >= MOST => continue,
            None => {
                let hash = said_as(loaded, campaign, step, &names.0, &names.1).await?;
                compared.entry(names).or_insert(hash)
            }
        };
        if *hash != text.hash {
            continue;
        }
        let channel = loaded.0.channels.get(&step.channel);
        let reached = match channel.and_then(address) {
            None => store.run_reached(of_step.run, None, Millis::from(now)).await?,
            Some(Address::Anyone | Address::Attribute(_) | Address::Email | Address::Phone) => {
                let whom = Some((&loaded.0.audiences, &step.audience));
                store.run_reached(of_step.run, whom, Millis::from(now)).await?
            }
        };
        if reached {
            return Ok(Some(format!("{}/{}", of_step.campaign, of_step.step)));
        }
    }
    Ok(None)
}

/// True where a step says today what a revision of it said, whatever the names were under which that was compiled.
pub(crate) async fn says_the_same(
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
        said_as(loaded, campaign, step, old_campaign, old_step).await?
    };
    Ok(hash == text.hash)
}

fn is_there(loaded: &Loaded, campaign: &str, step: &str) -> bool {
    match loaded.0.campaigns.get(campaign) {
        Some(campaign) => campaign.steps.iter().any(|other| other.id.as_str() == step),
        // A file with errors may have it.
        None => !loaded.0.campaigns_listed || loaded.0.campaign_files.contains(campaign),
    }
}

/// The hash of what the step would say under another name: names stand in links and headers.
async fn said_as(
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
