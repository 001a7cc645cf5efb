//! The format of a campaign file, for serde and for the JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;
use source::{Entries, Field, Scalar};

use crate::workspace::OnUncertain;

/// A campaign: its message, audience, channels, times, costs and goal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignFile {
    /// The display name of the campaign.
    pub(crate) title: Field<String>,
    /// The objective of the campaign.
    #[serde(default)]
    pub(crate) objective: Field<String>,
    /// The e-mail address of the person responsible for it.
    #[serde(default)]
    pub(crate) owner: Field<String>,
    /// The audience, unless a step has its own: the name of a file in audiences/.
    pub(crate) audience: Field<String>,
    /// The purpose for which it is sent, as in `[purposes]`; the only marketing purpose if not
    /// given.
    #[serde(default)]
    pub(crate) purpose: Field<String>,
    /// The name that this file had before, without `.toml`: its history of sends is carried over to
    /// the new name.
    #[serde(default)]
    pub(crate) was: Field<String>,
    /// true: nothing of it is sent until this line is removed; deliveries that fall due meanwhile
    /// are held.
    #[serde(default)]
    pub(crate) hold: Field<bool>,
    /// Nothing runs before it: a date, or a date and time in the brand's time zone or with an
    /// offset.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) starts: Field<Scalar>,
    /// Nothing runs after it. A date alone means the end of that day.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) ends: Field<Scalar>,
    /// The message that all steps share.
    pub(crate) message: Field<MessageFile>,
    /// The event that counts as success.
    #[serde(default)]
    pub(crate) goal: Field<GoalFile>,
    /// The most that it may cost.
    #[serde(default)]
    pub(crate) budget: Field<BudgetFile>,
    /// The shares at which a run of it stops itself and waits for a person to look.
    #[serde(default)]
    pub(crate) stop_at: Field<StopAtFile>,
    /// Findings of `chorus check` that a person has looked at and accepts.
    #[serde(default)]
    pub(crate) silence: Field<Vec<Field<SilenceFile>>>,
    /// The steps of the campaign; at least one.
    pub(crate) steps: Field<Vec<Field<StepFile>>>,
}

/// A message. Texts may refer to `{{facts.…}}`, `{{contact.…}}`, `{{brand.…}}` and
/// `{{campaign.…}}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageFile {
    /// The subject of an e-mail.
    #[serde(default)]
    pub(crate) subject: Field<String>,
    /// The preview text that an inbox shows beside the subject.
    #[serde(default)]
    pub(crate) preheader: Field<String>,
    /// The headline, shown first.
    #[serde(default)]
    pub(crate) headline: Field<String>,
    /// The main text, in Markdown.
    #[serde(default)]
    pub(crate) body: Field<String>,
    /// The label of the button.
    #[serde(default)]
    pub(crate) call_to_action: Field<String>,
    /// The address that the button opens: http or https.
    #[serde(default)]
    pub(crate) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(crate) image: Field<String>,
    /// A description of the picture for readers who do not see it.
    #[serde(default)]
    pub(crate) image_alt: Field<String>,
    /// Facts by name, which every channel must repeat unchanged.
    #[serde(default)]
    pub(crate) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, relative to the workspace.
    #[serde(default)]
    pub(crate) attachments: Field<Vec<Field<String>>>,
    /// The mentions of a post, such as @channel; none if not given. Each network has its own words.
    #[serde(default)]
    pub(crate) mention: Field<Vec<Field<String>>>,
    /// The message in other languages, by tags such as zh-CN; parts that are left out are those of
    /// the message.
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
    /// The preview text that an inbox shows beside the subject.
    #[serde(default)]
    pub(crate) preheader: Field<String>,
    /// The headline, shown first.
    #[serde(default)]
    pub(crate) headline: Field<String>,
    /// The main text, in Markdown.
    #[serde(default)]
    pub(crate) body: Field<String>,
    /// The label of the button.
    #[serde(default)]
    pub(crate) call_to_action: Field<String>,
    /// The address that the button opens: http or https.
    #[serde(default)]
    pub(crate) link: Field<String>,
    /// A picture inside the workspace, or an http(s) address.
    #[serde(default)]
    pub(crate) image: Field<String>,
    /// A description of the picture for readers who do not see it.
    #[serde(default)]
    pub(crate) image_alt: Field<String>,
    /// The facts in this language.
    #[serde(default)]
    pub(crate) facts: Field<Entries<String>>,
    /// Files that go with an e-mail, in place of the message's.
    #[serde(default)]
    pub(crate) attachments: Field<Vec<Field<String>>>,
}

/// The event that counts as success.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoalFile {
    /// The name of the event that counts, such as purchase.
    pub(crate) event: Field<String>,
    /// The number of events aimed at.
    #[serde(default)]
    pub(crate) target: Field<u64>,
    /// The time after a message within which an event counts, such as 14d; 7d if not given.
    #[serde(default)]
    pub(crate) window: Field<String>,
}

/// The most that it may cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetFile {
    /// The highest amount; at most six decimals.
    #[schemars(with = "f64")]
    pub(crate) amount: Field<Scalar>,
    /// The currency: three capital letters, such as CNY.
    pub(crate) currency: Field<String>,
}

/// Shares between 0 and 1 at which a run stops itself; 1 means never.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopAtFile {
    /// Share of recipients who mark it as spam; 0.003 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) complaints: Field<Scalar>,
    /// Share of attempted recipients whose address does not exist; 0.05 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) bounces: Field<Scalar>,
    /// Share of the last 50 answers that refuse the sender; 0.4 if not given.
    #[serde(default)]
    #[schemars(with = "f64")]
    pub(crate) refusals: Field<Scalar>,
}

/// A consistency rule that is silenced, with the reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceFile {
    /// The rule, as findings name it, such as claim-not-a-fact.
    pub(crate) rule: Field<String>,
    /// The reason why the findings are acceptable.
    pub(crate) reason: Field<String>,
    /// Silences the rule only in this step.
    #[serde(default)]
    pub(crate) step: Field<String>,
    /// Silences only findings about words that contain this.
    #[serde(default)]
    pub(crate) text: Field<String>,
}

/// One step: a message through a channel, with a template, to an audience, at a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFile {
    /// The id of the step, unique in the campaign.
    pub(crate) id: Field<String>,
    /// The id that it had before: its history of sends is carried over to the new id.
    #[serde(default)]
    pub(crate) was: Field<String>,
    /// The channel to send through: a name under [channels] in chorus.toml.
    pub(crate) channel: Field<String>,
    /// The template to render with: a folder in templates/.
    pub(crate) template: Field<String>,
    /// The audience, if not the campaign's.
    #[serde(default)]
    pub(crate) audience: Field<String>,
    /// The parts of the message that differ in this step; the rest is as in the campaign's message.
    #[serde(default)]
    pub(crate) message: Field<MessageFile>,
    /// The time: one of cron, every, at, dates, or after with a delay. Without it the step is sent
    /// only by `chorus send`.
    #[serde(default)]
    pub(crate) when: Field<WhenFile>,
    /// The treatment of a delivery whose answer was lost in a crash; resend if not given, hold
    /// where a second try would post twice.
    #[serde(default)]
    pub(crate) on_uncertain: Field<OnUncertain>,
    /// The time after a delivery falls due within which it may still be sent, such as 24h; 48h if
    /// not given.
    #[serde(default)]
    pub(crate) expires: Field<String>,
}

/// The time of a step: exactly one of cron, every, at, dates and after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenFile {
    /// Five fields: minute, hour, day of month, month, day of week. 0 10 * * TUE is Tuesdays at
    /// ten.
    #[serde(default)]
    pub(crate) cron: Field<String>,
    /// A schedule in words: tuesday 10:00, day 09:00, 2 weeks tuesday 10:00, month 1 09:00, month
    /// second tuesday 10:00, month last friday 17:00.
    #[serde(default)]
    pub(crate) every: Field<String>,
    /// One date and time, such as 2027-03-02T10:05:00.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) at: Field<Scalar>,
    /// Several dates and times, at most 400.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) dates: Field<Vec<Field<Scalar>>>,
    /// The earlier step that must have reached the contact first.
    #[serde(default)]
    pub(crate) after: Field<String>,
    /// after: the time after the earlier step, such as 3d.
    #[serde(default)]
    pub(crate) delay: Field<String>,
    /// after: only for contacts who did not do this with the earlier step.
    #[serde(default)]
    pub(crate) unless: Field<ReactionFile>,
    /// after: only for contacts who did this with the earlier step.
    #[serde(default)]
    pub(crate) r#if: Field<ReactionFile>,
    /// The time zone: brand (if not given), contact, or a name such as Asia/Shanghai.
    #[serde(default)]
    pub(crate) timezone: Field<String>,
    /// The treatment of occurrences missed while nothing ran; latest if not given.
    #[serde(default)]
    pub(crate) catch_up: Field<CatchUpFile>,
    /// The maximum age of a missed occurrence that still fires, such as 6h; 1h if not given.
    #[serde(default)]
    pub(crate) catch_up_window: Field<String>,
    /// The treatment of an occurrence while the last run of the step is in progress; skip if not
    /// given.
    #[serde(default)]
    pub(crate) overlap: Field<OverlapFile>,
}

/// A reaction of a contact to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReactionFile {
    /// The contact opened the message.
    Opened,
    /// The contact followed a link in the message.
    Clicked,
    /// The contact reached the campaign's goal.
    Converted,
}

/// The treatment of missed occurrences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CatchUpFile {
    /// Only the latest one fires.
    Latest,
    /// None of them fires.
    Skip,
    /// Every one of them fires.
    All,
}

/// The treatment of an occurrence while the last run of the step is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverlapFile {
    /// The new occurrence is skipped.
    Skip,
    /// The new occurrence waits until all deliveries of the last run have been handed out.
    Queue,
    /// The new occurrence fires beside the last run.
    Allow,
}
