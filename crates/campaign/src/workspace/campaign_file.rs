//! A campaign file as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OnUncertain;
use crate::file::{Entries, Field, Scalar};

/// What to say, to whom, on which channels, when, at what cost, and what counts as success.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignFile {
    /// What people call it.
    pub(super) title: Field<String>,
    /// What it is for.
    #[serde(default)]
    pub(super) objective: Field<String>,
    /// Who answers for it: an e-mail address.
    #[serde(default)]
    pub(super) owner: Field<String>,
    /// To whom, unless a step says otherwise: the name of a file in audiences/.
    pub(super) audience: Field<String>,
    /// The name that this file had before, without `.toml`: what it sent and when carries over to the new name.
    #[serde(default)]
    pub(super) was: Field<String>,
    /// true: nothing of it goes out until the line is taken away; what falls due meanwhile is held.
    #[serde(default)]
    pub(super) hold: Field<bool>,
    /// Nothing runs before it: a date, or a date and time in the brand's time zone or with an offset.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(super) starts: Field<Scalar>,
    /// Nothing runs after it. A date alone means the end of that day.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(super) ends: Field<Scalar>,
    /// What it says, said once.
    pub(super) message: Field<MessageFile>,
    /// What counts as success.
    #[serde(default)]
    pub(super) goal: Field<GoalFile>,
    /// What it may cost.
    #[serde(default)]
    pub(super) budget: Field<BudgetFile>,
    /// When a run of it stops itself and waits for somebody to look.
    #[serde(default)]
    pub(super) stop_at: Field<StopAtFile>,
    /// Findings of `chorus check` that somebody has looked at and answers for.
    #[serde(default)]
    pub(super) silence: Field<Vec<Field<SilenceFile>>>,
    /// Its touchpoints; at least one.
    pub(super) steps: Field<Vec<Field<StepFile>>>,
}

/// What is said. Texts may refer to `{{facts.…}}`, `{{contact.…}}`, `{{brand.…}}` and `{{campaign.…}}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageFile {
    /// The subject of an e-mail.
    #[serde(default)]
    pub(super) subject: Field<String>,
    /// What an inbox shows beside the subject.
    #[serde(default)]
    pub(super) preheader: Field<String>,
    /// The first thing said.
    #[serde(default)]
    pub(super) headline: Field<String>,
    /// The rest of it: Markdown.
    #[serde(default)]
    pub(super) body: Field<String>,
    /// What the button says.
    #[serde(default)]
    pub(super) call_to_action: Field<String>,
    /// Where the button goes: http or https.
    #[serde(default)]
    pub(super) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(super) image: Field<String>,
    /// What the picture shows, in words.
    #[serde(default)]
    pub(super) image_alt: Field<String>,
    /// The parts that every channel must repeat unchanged.
    #[serde(default)]
    pub(super) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, relative to the workspace.
    #[serde(default)]
    pub(super) attachments: Field<Vec<Field<String>>>,
    /// The people a post calls, such as @channel; nobody if not given. Each network knows its own words.
    #[serde(default)]
    pub(super) mention: Field<Vec<Field<String>>>,
    /// The same in other languages, by tags such as zh-CN; what is not said there is said as here.
    #[serde(default)]
    pub(super) translations: Field<Entries<TranslationFile>>,
}

/// The message in another language.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TranslationFile {
    /// The subject of an e-mail.
    #[serde(default)]
    pub(super) subject: Field<String>,
    /// What an inbox shows beside the subject.
    #[serde(default)]
    pub(super) preheader: Field<String>,
    /// The first thing said.
    #[serde(default)]
    pub(super) headline: Field<String>,
    /// The rest of it: Markdown.
    #[serde(default)]
    pub(super) body: Field<String>,
    /// What the button says.
    #[serde(default)]
    pub(super) call_to_action: Field<String>,
    /// Where the button goes: http or https.
    #[serde(default)]
    pub(super) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(super) image: Field<String>,
    /// What the picture shows, in words.
    #[serde(default)]
    pub(super) image_alt: Field<String>,
    /// The facts in this language.
    #[serde(default)]
    pub(super) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, in place of the message's.
    #[serde(default)]
    pub(super) attachments: Field<Vec<Field<String>>>,
}

/// What counts as success.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GoalFile {
    /// The name of the event that counts, such as purchase.
    pub(super) event: Field<String>,
    /// How many are wanted.
    #[serde(default)]
    pub(super) target: Field<u64>,
    /// How long after the touch it still counts, such as 14d; 7d if not given.
    #[serde(default)]
    pub(super) window: Field<String>,
}

/// What it may cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetFile {
    /// The most; at most six decimals.
    #[schemars(with = "f64")]
    pub(super) amount: Field<Scalar>,
    /// Three capital letters, such as CNY.
    pub(super) currency: Field<String>,
}

/// Shares between 0 and 1 at which a run stops itself; 1 is never.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopAtFile {
    /// Of those whom it was sent to, who call it spam; 0.003 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(super) complaints: Field<Scalar>,
    /// Of those who were tried, whose address does not exist; 0.05 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(super) bounces: Field<Scalar>,
    /// Of the last 50 answers, those that refuse the sender; 0.4 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(super) refusals: Field<Scalar>,
}

/// A rule of consistency that is silenced, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SilenceFile {
    /// The rule, as findings name it, such as claim-not-a-fact.
    pub(super) rule: Field<String>,
    /// Why it may be so.
    pub(super) reason: Field<String>,
    /// Only in this step.
    #[serde(default)]
    pub(super) step: Field<String>,
    /// Only findings about words that contain this.
    #[serde(default)]
    pub(super) text: Field<String>,
}

/// One touchpoint: a channel, a template, an audience, a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    /// Its name in the campaign.
    pub(super) id: Field<String>,
    /// The name it had before: what it sent and when carries over to the new name.
    #[serde(default)]
    pub(super) was: Field<String>,
    /// The way out: a name under [channels] in chorus.toml.
    pub(super) channel: Field<String>,
    /// How it looks: a folder in templates/.
    pub(super) template: Field<String>,
    /// To whom, if not to the campaign's audience.
    #[serde(default)]
    pub(super) audience: Field<String>,
    /// What this step says otherwise; the rest is as in the campaign's message.
    #[serde(default)]
    pub(super) message: Field<MessageFile>,
    /// When: one of cron, every, at, or after with a delay. Without it the step goes only by `chorus send`.
    #[serde(default)]
    pub(super) when: Field<WhenFile>,
    /// What to do with a delivery whose answer a crash swallowed; resend if not given.
    #[serde(default)]
    pub(super) on_uncertain: Field<OnUncertain>,
    /// How long after falling due a delivery may still go out, such as 24h; 48h if not given.
    #[serde(default)]
    pub(super) expires: Field<String>,
}

/// When: exactly one of cron, every, at, dates and after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenFile {
    /// Five fields: minute, hour, day of month, month, day of week. 0 10 * * TUE is Tuesdays at ten.
    #[serde(default)]
    pub(super) cron: Field<String>,
    /// In words: tuesday 10:00, day 09:00, 2 weeks tuesday 10:00, month 1 09:00, month second tuesday 10:00, month last
    /// friday 17:00.
    #[serde(default)]
    pub(super) every: Field<String>,
    /// Once: a date and time, such as 2027-03-02T10:05:00.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(super) at: Field<Scalar>,
    /// At each of these dates and times, at most 400.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) dates: Field<Vec<Field<Scalar>>>,
    /// After this earlier step reached the contact.
    #[serde(default)]
    pub(super) after: Field<String>,
    /// after: how long after it, such as 3d.
    #[serde(default)]
    pub(super) delay: Field<String>,
    /// after: only for those who did not.
    #[serde(default)]
    pub(super) unless: Field<ReactionFile>,
    /// after: only for those who did.
    #[serde(default)]
    pub(super) r#if: Field<ReactionFile>,
    /// brand (if not given), contact, or a name such as Asia/Shanghai.
    #[serde(default)]
    pub(super) timezone: Field<String>,
    /// What happens to occurrences missed while nothing ran; latest if not given.
    #[serde(default)]
    pub(super) catch_up: Field<CatchUpFile>,
    /// How long ago a missed occurrence may be and still fire, such as 6h; 1h if not given.
    #[serde(default)]
    pub(super) catch_up_window: Field<String>,
    /// What happens when the last run of the step is still going; skip if not given.
    #[serde(default)]
    pub(super) overlap: Field<OverlapFile>,
}

/// What a contact can do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReactionFile {
    /// Opened it.
    Opened,
    /// Followed a link.
    Clicked,
    /// Did what the campaign is for.
    Converted,
}

/// What happens to missed occurrences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CatchUpFile {
    /// Only the latest one fires.
    Latest,
    /// None fires.
    Skip,
    /// Every one fires.
    All,
}

/// What happens when the last run of the step is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OverlapFile {
    /// The new occurrence is passed over.
    Skip,
    /// It waits until the last one has been handed out.
    Queue,
    /// It fires beside the last one.
    Allow,
}
