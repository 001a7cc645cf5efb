//! A campaign file as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use source::{Entries, Field, Scalar};

use crate::workspace::OnUncertain;

/// What to say, to whom, on which channels, when, at what cost, and what counts as success.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignFile {
    /// What people call it.
    pub(crate) title: Field<String>,
    /// What it is for.
    #[serde(default)]
    pub(crate) objective: Field<String>,
    /// Who answers for it: an e-mail address.
    #[serde(default)]
    pub(crate) owner: Field<String>,
    /// To whom, unless a step says otherwise: the name of a file in audiences/.
    pub(crate) audience: Field<String>,
    /// The name that this file had before, without `.toml`: what it sent and when carries over to the new name.
    #[serde(default)]
    pub(crate) was: Field<String>,
    /// true: nothing of it goes out until the line is taken away; what falls due meanwhile is held.
    #[serde(default)]
    pub(crate) hold: Field<bool>,
    /// Nothing runs before it: a date, or a date and time in the brand's time zone or with an offset.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) starts: Field<Scalar>,
    /// Nothing runs after it. A date alone means the end of that day.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) ends: Field<Scalar>,
    /// What it says, said once.
    pub(crate) message: Field<MessageFile>,
    /// What counts as success.
    #[serde(default)]
    pub(crate) goal: Field<GoalFile>,
    /// What it may cost.
    #[serde(default)]
    pub(crate) budget: Field<BudgetFile>,
    /// When a run of it stops itself and waits for somebody to look.
    #[serde(default)]
    pub(crate) stop_at: Field<StopAtFile>,
    /// Findings of `chorus check` that somebody has looked at and answers for.
    #[serde(default)]
    pub(crate) silence: Field<Vec<Field<SilenceFile>>>,
    /// Its touchpoints; at least one.
    pub(crate) steps: Field<Vec<Field<StepFile>>>,
}

/// What is said. Texts may refer to `{{facts.…}}`, `{{contact.…}}`, `{{brand.…}}` and `{{campaign.…}}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageFile {
    /// The subject of an e-mail.
    #[serde(default)]
    pub(crate) subject: Field<String>,
    /// What an inbox shows beside the subject.
    #[serde(default)]
    pub(crate) preheader: Field<String>,
    /// The first thing said.
    #[serde(default)]
    pub(crate) headline: Field<String>,
    /// The rest of it: Markdown.
    #[serde(default)]
    pub(crate) body: Field<String>,
    /// What the button says.
    #[serde(default)]
    pub(crate) call_to_action: Field<String>,
    /// Where the button goes: http or https.
    #[serde(default)]
    pub(crate) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(crate) image: Field<String>,
    /// What the picture shows, in words.
    #[serde(default)]
    pub(crate) image_alt: Field<String>,
    /// The parts that every channel must repeat unchanged.
    #[serde(default)]
    pub(crate) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, relative to the workspace.
    #[serde(default)]
    pub(crate) attachments: Field<Vec<Field<String>>>,
    /// The people a post calls, such as @channel; nobody if not given. Each network knows its own words.
    #[serde(default)]
    pub(crate) mention: Field<Vec<Field<String>>>,
    /// The same in other languages, by tags such as zh-CN; what is not said there is said as here.
    #[serde(default)]
    pub(crate) translations: Field<Entries<TranslationFile>>,
}

/// The message in another language.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranslationFile {
    /// The subject of an e-mail.
    #[serde(default)]
    pub(crate) subject: Field<String>,
    /// What an inbox shows beside the subject.
    #[serde(default)]
    pub(crate) preheader: Field<String>,
    /// The first thing said.
    #[serde(default)]
    pub(crate) headline: Field<String>,
    /// The rest of it: Markdown.
    #[serde(default)]
    pub(crate) body: Field<String>,
    /// What the button says.
    #[serde(default)]
    pub(crate) call_to_action: Field<String>,
    /// Where the button goes: http or https.
    #[serde(default)]
    pub(crate) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(crate) image: Field<String>,
    /// What the picture shows, in words.
    #[serde(default)]
    pub(crate) image_alt: Field<String>,
    /// The facts in this language.
    #[serde(default)]
    pub(crate) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, in place of the message's.
    #[serde(default)]
    pub(crate) attachments: Field<Vec<Field<String>>>,
}

/// What counts as success.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoalFile {
    /// The name of the event that counts, such as purchase.
    pub(crate) event: Field<String>,
    /// How many are wanted.
    #[serde(default)]
    pub(crate) target: Field<u64>,
    /// How long after the touch it still counts, such as 14d; 7d if not given.
    #[serde(default)]
    pub(crate) window: Field<String>,
}

/// What it may cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetFile {
    /// The most; at most six decimals.
    #[schemars(with = "f64")]
    pub(crate) amount: Field<Scalar>,
    /// Three capital letters, such as CNY.
    pub(crate) currency: Field<String>,
}

/// Shares between 0 and 1 at which a run stops itself; 1 is never.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopAtFile {
    /// Of those whom it was sent to, who call it spam; 0.003 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) complaints: Field<Scalar>,
    /// Of those who were tried, whose address does not exist; 0.05 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) bounces: Field<Scalar>,
    /// Of the last 50 answers, those that refuse the sender; 0.4 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) refusals: Field<Scalar>,
}

/// A rule of consistency that is silenced, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceFile {
    /// The rule, as findings name it, such as claim-not-a-fact.
    pub(crate) rule: Field<String>,
    /// Why it may be so.
    pub(crate) reason: Field<String>,
    /// Only in this step.
    #[serde(default)]
    pub(crate) step: Field<String>,
    /// Only findings about words that contain this.
    #[serde(default)]
    pub(crate) text: Field<String>,
}

/// One touchpoint: a channel, a template, an audience, a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFile {
    /// Its name in the campaign.
    pub(crate) id: Field<String>,
    /// The name it had before: what it sent and when carries over to the new name.
    #[serde(default)]
    pub(crate) was: Field<String>,
    /// The way out: a name under [channels] in chorus.toml.
    pub(crate) channel: Field<String>,
    /// How it looks: a folder in templates/.
    pub(crate) template: Field<String>,
    /// To whom, if not to the campaign's audience.
    #[serde(default)]
    pub(crate) audience: Field<String>,
    /// What this step says otherwise; the rest is as in the campaign's message.
    #[serde(default)]
    pub(crate) message: Field<MessageFile>,
    /// When: one of cron, every, at, or after with a delay. Without it the step goes only by `chorus send`.
    #[serde(default)]
    pub(crate) when: Field<WhenFile>,
    /// What to do with a delivery whose answer a crash swallowed; resend if not given.
    #[serde(default)]
    pub(crate) on_uncertain: Field<OnUncertain>,
    /// How long after falling due a delivery may still go out, such as 24h; 48h if not given.
    #[serde(default)]
    pub(crate) expires: Field<String>,
}

/// When: exactly one of cron, every, at, dates and after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenFile {
    /// Five fields: minute, hour, day of month, month, day of week. 0 10 * * TUE is Tuesdays at ten.
    #[serde(default)]
    pub(crate) cron: Field<String>,
    /// In words: tuesday 10:00, day 09:00, 2 weeks tuesday 10:00, month 1 09:00, month second tuesday 10:00, month last
    /// friday 17:00.
    #[serde(default)]
    pub(crate) every: Field<String>,
    /// Once: a date and time, such as 2027-03-02T10:05:00.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) at: Field<Scalar>,
    /// At each of these dates and times, at most 400.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) dates: Field<Vec<Field<Scalar>>>,
    /// After this earlier step reached the contact.
    #[serde(default)]
    pub(crate) after: Field<String>,
    /// after: how long after it, such as 3d.
    #[serde(default)]
    pub(crate) delay: Field<String>,
    /// after: only for those who did not.
    #[serde(default)]
    pub(crate) unless: Field<ReactionFile>,
    /// after: only for those who did.
    #[serde(default)]
    pub(crate) r#if: Field<ReactionFile>,
    /// brand (if not given), contact, or a name such as Asia/Shanghai.
    #[serde(default)]
    pub(crate) timezone: Field<String>,
    /// What happens to occurrences missed while nothing ran; latest if not given.
    #[serde(default)]
    pub(crate) catch_up: Field<CatchUpFile>,
    /// How long ago a missed occurrence may be and still fire, such as 6h; 1h if not given.
    #[serde(default)]
    pub(crate) catch_up_window: Field<String>,
    /// What happens when the last run of the step is still going; skip if not given.
    #[serde(default)]
    pub(crate) overlap: Field<OverlapFile>,
}

/// What a contact can do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReactionFile {
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
pub(crate) enum CatchUpFile {
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
pub(crate) enum OverlapFile {
    /// The new occurrence is passed over.
    Skip,
    /// It waits until the last one has been handed out.
    Queue,
    /// It fires beside the last one.
    Allow,
}
