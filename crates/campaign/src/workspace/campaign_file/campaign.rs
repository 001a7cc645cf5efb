//! What a campaign file says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use schedule::Schedule;

use crate::consistency::Silence;
use crate::ids::{AudienceId, CampaignId, ChannelId, StepId, TemplateId};
use crate::text::{EmailAddress, Language};
use money::{Currency, Money};

/// One campaign file.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The file's stem.
    pub id: CampaignId,
    /// The file, relative to the workspace.
    pub file: PathBuf,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub objective: Option<String>,
    /// Who answers for it.
    pub owner: Option<EmailAddress>,
    /// To whom, unless a step says otherwise.
    pub audience: AudienceId,
    /// The id it had before: its history is carried over.
    pub was: Option<CampaignId>,
    /// Whether nothing of it goes out for now.
    pub hold: bool,
    /// No occurrence before it.
    pub starts: Option<Timestamp>,
    /// No occurrence after it.
    pub ends: Option<Timestamp>,
    /// What it says, said once.
    pub message: Message,
    /// What counts as success.
    pub goal: Option<Goal>,
    /// What it may cost.
    pub budget: Option<Budget>,
    /// When a run of it stops itself.
    pub stop_at: StopAt,
    /// The findings that somebody answers for.
    pub silences: Vec<Silence>,
    /// Its touchpoints, in the order of the file; at least one.
    pub steps: Vec<Step>,
}

/// `[message]`: texts that may refer to `{{facts.…}}`, `{{contact.…}}`, `{{brand.…}}` and `{{campaign.…}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Message {
    /// The subject of an e-mail.
    pub subject: Option<String>,
    /// What an inbox shows beside the subject.
    pub preheader: Option<String>,
    /// The first thing said.
    pub headline: Option<String>,
    /// The rest of it: Markdown.
    pub body: Option<String>,
    /// What the button says.
    pub call_to_action: Option<String>,
    /// Where the button goes: http or https.
    pub link: Option<String>,
    /// A picture inside the workspace, or an http(s) address.
    pub image: Option<String>,
    /// What the picture shows, in words.
    pub image_alt: Option<String>,
    /// The parts that every channel must repeat unchanged.
    pub facts: BTreeMap<String, String>,
    /// Files that go with an e-mail, relative to the workspace.
    pub attachments: Vec<PathBuf>,
    /// The people a post calls, in words that the network knows: `@channel`.
    pub mention: Vec<String>,
    /// The same in other languages: what is not said there is said as here.
    pub translations: BTreeMap<String, Message>,
}

/// `[goal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The name of the event that counts.
    pub event: String,
    /// How many are wanted.
    pub target: Option<u64>,
    /// How long after the touch it still counts; default 7 days.
    pub window: Duration,
}

/// `[budget]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The most it may cost.
    pub amount: Money,
    /// In this currency.
    pub currency: Currency,
}

/// `stop_at`: shares at which a run stops itself; 1 is never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopAt {
    /// Of those whom it was sent to, who call it spam: 0.003, where Gmail and Yahoo stop believing a sender.
    pub complaints: f64,
    /// Of those who were tried, who are not there: 0.05.
    pub bounces: f64,
    /// Of the last 50 answers, those that refuse us: 0.4.
    pub refusals: f64,
}

impl Default for StopAt {
    fn default() -> Self {
        Self { complaints: 0.003, bounces: 0.05, refusals: 0.4 }
    }
}

/// One `[[steps]]`.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name in the campaign.
    pub id: StepId,
    /// The name it had before: its history is carried over.
    pub was: Option<StepId>,
    /// The way out.
    pub channel: ChannelId,
    /// How it looks.
    pub template: TemplateId,
    /// To whom: the campaign's audience unless the step has its own.
    pub audience: AudienceId,
    /// The campaign's message with the step's overrides applied.
    pub message: Message,
    /// When.
    pub schedule: Schedule,
    /// What to do with a delivery whose answer a crash swallowed.
    pub on_uncertain: OnUncertain,
    /// How long after falling due a delivery may still go out; default 48 hours.
    pub expires: Duration,
}

/// What to do with a delivery whose answer a crash swallowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// Send it again with the same Message-ID.
    #[default]
    Resend,
    /// Leave it to a person.
    Hold,
}

impl Message {
    /// The message as a reader of `language` gets it: the best translation, or the message itself.
    #[must_use]
    pub fn in_language(&self, language: &Language) -> &Self {
        let tags: Vec<_> = self.translations.keys().filter_map(|tag| Language::parse(tag).ok()).collect();
        language.choose(&tags).and_then(|tag| self.translations.get(tag.as_str())).unwrap_or(self)
    }
}
