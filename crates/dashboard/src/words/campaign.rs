//! Texts of the campaign page.

use super::ACTIONS;
use crate::format::percent;

pub(crate) const A_CAMPAIGN: &str = "campaign";
pub(crate) const NO_FILE: &str = "There is no file of this campaign any more, or it has errors; these are the \
     figures of what went out.";
pub(crate) const OWNED_BY: &str = "owned by";
pub(crate) const GOAL: &str = "Goal";
pub(crate) const SPENT: &str = "Spent";
pub(crate) const NO_GOAL: &str = "No goal is set: give the file a [goal] with the event that counts.";
pub(crate) const NO_BUDGET: &str = "No budget is set.";
pub(crate) const STEPS: &str = "Steps";
pub(crate) const STEP_NOT_YET: &str = "Nothing has gone out yet.";
pub(crate) const TRIED: &str = "tried";
pub(crate) const POSTED: &str = "Posted";
pub(crate) const CLICKS_ALL: &str = "Clicks";
pub(crate) const COMPLAINED: &str = "Marked as spam";
pub(crate) const BOUNCED: &str = "Bounced";
pub(crate) const WHAT_IT_SAYS: &str = "What it says";
pub(crate) const FACTS: &str = "Facts";
pub(crate) const FACTS_MORE: &str = "Every channel repeats these unchanged.";
pub(crate) const A_STEP: &str = "step";
pub(crate) const SEE_EVERYWHERE: &str = "See it on every channel, side by side";
pub(crate) const SEE_MESSAGES: &str = "See the messages themselves";

pub(crate) fn campaign_question(title: &str) -> String {
    format!("How is “{title}” doing?")
}

pub(crate) fn goes_to(audience: &str) -> String {
    format!("To {audience}")
}

pub(crate) fn a_return(roi: &str) -> String {
    format!("a return of {roi} on cost")
}

pub(crate) fn machines(count: i64) -> String {
    format!("{} by machines, not counted", crate::format::count(count, ACTIONS))
}

pub(crate) fn share_done(part: i64, whole: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "a ratio read to a per cent")]
    let share = if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    format!("({})", percent(share))
}

pub(crate) fn counts_as_goal(event: &str) -> String {
    format!("a conversion is the event “{event}”")
}

pub(crate) fn step_facts(channel: &str, template: &str, audience: &str) -> String {
    format!("On {channel}, as {template}, to {audience}")
}

pub(crate) fn no_runs(campaign: &str) -> String {
    format!(
        "No step has run yet. It runs by itself while `chorus serve` is running; `chorus send {campaign}` \
         runs a step now."
    )
}

/// Returns the text with a capital first letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

pub(crate) fn also_in<'a>(languages: impl Iterator<Item = &'a str>) -> String {
    format!("Also in {}.", languages.collect::<Vec<_>>().join(", "))
}
