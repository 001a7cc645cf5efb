//! Campaigns, steps and messages, as read from campaign files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use schedule::Schedule;

use crate::consistency::SilencedRule;
use crate::ids::{AudienceId, CampaignId, ChannelId, StepId, TemplateId};
use crate::text::{EmailAddress, Language};
use crate::workspace::Purpose;
use money::{Currency, Money};

/// One campaign file, read and checked.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The stem of the file's name.
    pub id: CampaignId,
    /// Path of the file, relative to the workspace.
    pub file: PathBuf,
    /// The display name of the campaign.
    pub title: String,
    /// The objective of the campaign, if given.
    pub objective: Option<String>,
    /// The person responsible for it, if given.
    pub owner: Option<EmailAddress>,
    /// The audience of steps that do not have their own.
    pub audience: AudienceId,
    /// The purpose for which it is sent.
    pub purpose: Purpose,
    /// The id that it had before; its history is carried over.
    pub previous_id: Option<CampaignId>,
    /// True while nothing of it may be sent.
    pub hold: bool,
    /// The first instant at which it may run, if limited.
    pub starts: Option<Timestamp>,
    /// The last instant at which it may run, if limited.
    pub ends: Option<Timestamp>,
    /// The message that all steps share.
    pub message: CampaignMessage,
    /// The event that counts as success, if given.
    pub goal: Option<Goal>,
    /// The most that it may cost, if limited.
    pub budget: Option<Budget>,
    /// The shares at which a run of it stops itself.
    pub stop_at: StopAt,
    /// The findings that a person has looked at and accepts.
    pub silenced_rules: Vec<SilencedRule>,
    /// Its steps, in the order of the file; at least one.
    pub steps: Vec<Step>,
}

/// `[message]`: texts that may refer to `{{facts.…}}`, `{{contact.…}}`, `{{brand.…}}` and
/// `{{campaign.…}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CampaignMessage {
    /// The subject of an e-mail.
    pub subject: Option<String>,
    /// The preview text that an inbox shows beside the subject.
    pub preheader: Option<String>,
    /// The headline, shown first.
    pub headline: Option<String>,
    /// The main text, in Markdown.
    pub body: Option<String>,
    /// The label of the button.
    pub call_to_action: Option<String>,
    /// The address that the button opens: http or https.
    pub link: Option<String>,
    /// A picture inside the workspace, or an http(s) address.
    pub image: Option<String>,
    /// A description of the picture for readers who do not see it.
    pub image_alt: Option<String>,
    /// Facts by name, which every channel must repeat unchanged.
    pub facts: BTreeMap<String, String>,
    /// Files that go with an e-mail, relative to the workspace.
    pub attachments: Vec<PathBuf>,
    /// The mentions of a post, in the network's own words, such as `@channel`.
    pub mention: Vec<String>,
    /// The complete message in other languages, by tag.
    pub translations: BTreeMap<String, CampaignMessage>,
}

/// The goal of a campaign, from `[goal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The name of the event that counts.
    pub event: String,
    /// The number of events aimed at, if given.
    pub target: Option<u64>,
    /// The time after a message within which an event counts; default 7 days.
    pub window: Duration,
}

/// The budget of a campaign, from `[budget]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The most that the campaign may cost.
    pub amount: Money,
    /// The currency of the amount.
    pub currency: Currency,
}

/// The shares at which a run stops itself, from `stop_at`; 1 means never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopAt {
    /// Share of recipients who mark it as spam; default 0.003, at which Gmail and Yahoo stop
    /// trusting a sender.
    pub complaints: f64,
    /// Share of attempted recipients whose address does not exist; default 0.05.
    pub bounces: f64,
    /// Share of the last 50 answers that refuse the sender; default 0.4.
    pub refusals: f64,
}

impl Default for StopAt {
    fn default() -> Self {
        Self { complaints: 0.003, bounces: 0.05, refusals: 0.4 }
    }
}

/// One step of a campaign, from `[[steps]]`.
#[derive(Debug, Clone)]
pub struct Step {
    /// Id of the step, unique in the campaign.
    pub id: StepId,
    /// The id that it had before; its history is carried over.
    pub previous_id: Option<StepId>,
    /// The channel that it is sent through.
    pub channel: ChannelId,
    /// The template that it is rendered with.
    pub template: TemplateId,
    /// The recipients: the campaign's audience unless the step has its own.
    pub audience: AudienceId,
    /// The campaign's message with the step's overrides applied.
    pub message: CampaignMessage,
    /// The times at which it runs.
    pub schedule: Schedule,
    /// The treatment of a delivery whose answer was lost in a crash.
    pub on_uncertain: OnUncertain,
    /// The time after a delivery falls due within which it may still be sent; default 48 hours.
    pub expires: Duration,
}

/// The treatment of a delivery whose answer was lost in a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// It is sent again with the same Message-ID.
    #[default]
    Resend,
    /// It is held until a person decides.
    Hold,
}

impl CampaignMessage {
    /// Returns the message for a reader of `language`: the best translation, or the message itself.
    #[must_use]
    pub fn in_language(&self, language: &Language) -> &Self {
        let tags: Vec<_> = self.translations.keys().filter_map(|tag| Language::parse(tag).ok()).collect();
        language.best_match(&tags).and_then(|tag| self.translations.get(tag.as_str())).unwrap_or(self)
    }
}
