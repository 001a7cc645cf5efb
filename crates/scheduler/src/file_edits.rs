//! The effects of edited files on runs in progress: the campaign's end, `hold`, and the channel's
//! account.

use campaign::{Campaign, Channel};
use store::{DeliveryState, Millis, PausedBy, Run, RunKind, RunState, Store, StoreError};

use crate::Loaded;

/// Applies the current files to the live runs. Returns true if a run changed.
pub(crate) async fn apply(store: &Store, loaded: &Loaded, live: &[Run]) -> Result<bool, StoreError> {
    let mut changed = false;
    for run in live.iter().filter(|run| run.kind != RunKind::Test && run.state != RunState::Cancelled) {
        if let Some(campaign) = loaded.0.campaigns.get(run.campaign.as_str()) {
            changed |= apply_end(store, campaign, run).await?;
            changed |= apply_hold(store, campaign, run).await?;
        }
        if let Some(channel) = loaded.0.channels.get(run.channel.as_str()) {
            changed |= apply_account(store, channel, run).await?;
        }
    }
    Ok(changed)
}

/// Changes the end of a run to that of its campaign. Returns true if it changed.
async fn apply_end(store: &Store, campaign: &Campaign, run: &Run) -> Result<bool, StoreError> {
    let ends = campaign.ends.map(Millis::from);
    if ends == run.ends_at {
        return Ok(false);
    }
    store.run_set_ends(run.id, ends).await
}

/// Pauses a run whose campaign has `hold = true`. Returns true if it was paused.
async fn apply_hold(store: &Store, campaign: &Campaign, run: &Run) -> Result<bool, StoreError> {
    if !campaign.hold || !matches!(run.state, RunState::Planned | RunState::Running) {
        return Ok(false);
    }
    let note = format!(
        "{} says hold = true; when that is gone, `chorus runs resume {}` goes on and `chorus runs cancel {}` ends it",
        campaign.file.display(),
        run.id,
        run.id
    );
    store.run_pause_by(run.id, PausedBy::Hold, &note).await
}

/// Pauses a run whose channel has another account than before: some of its messages went out by the
/// old account, the rest would go by the new one. Returns true if it was paused.
async fn apply_account(store: &Store, channel: &Channel, run: &Run) -> Result<bool, StoreError> {
    let Some(account) = channel::account(channel) else { return Ok(false) };
    if run.account.as_deref() == Some(&account) || !store.run_set_account(run.id, &account).await? {
        return Ok(false);
    }
    let Some(before) = &run.account else { return Ok(false) };
    if !matches!(run.state, RunState::Planned | RunState::Running) {
        return Ok(false);
    }
    let sent = run.tally(DeliveryState::Sent);
    let kind = |account: &str| account.split(':').next().unwrap_or_default().to_owned();
    let (old, new) = (kind(before), kind(&account));
    let change =
        if old == new { format!("another {new} account") } else { format!("{new} instead of {old}") };
    let note = format!(
        "the channel {} became {change} in the middle of this run; {sent} went out before; `chorus runs resume {}` \
         sends the rest by it as it is now, `chorus runs cancel {}` ends the run",
        channel.id, run.id, run.id
    );
    store.run_pause_by(run.id, PausedBy::Account, &note).await
}
