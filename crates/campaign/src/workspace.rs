//! What a folder of files says, as types that cannot be wrong. Made by `load`, which tells all findings at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use crate::audience::Audience;
use crate::diagnostic::Diagnostics;
use crate::ids::{AudienceId, CampaignId, ChannelId, StepId, TemplateId};
use crate::money::{Cost, Currency, Micros};
use crate::schedule::Schedule;
use crate::secret::Secret;
use crate::text::{EmailAddress, Language, Mailbox};

/// A whole workspace, read and checked.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its folder.
    pub root: PathBuf,
    /// Who speaks.
    pub brand: Brand,
    /// Where rows are kept.
    pub database: Database,
    /// Where pages and links are served.
    pub server: Server,
    /// Declared attributes of contacts; an attribute nobody declares is text.
    pub attributes: BTreeMap<String, AttributeKind>,
    /// The ways out.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// The segments.
    pub audiences: BTreeMap<AudienceId, Audience>,
    /// The campaigns without findings of severity `Error`. One with an error is not here, and does not run.
    pub campaigns: BTreeMap<CampaignId, Campaign>,
    /// The template folders.
    pub templates: BTreeMap<TemplateId, Template>,
    /// `templates/partials` and `templates/layouts`: name (`partials/button`, without extension) to file.
    pub shared: BTreeMap<String, TemplateFile>,
}

/// What an attribute's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A day or an instant, ISO 8601.
    Date,
}

/// `[brand]`.
#[derive(Debug, Clone)]
pub struct Brand {
    /// What it is called.
    pub name: String,
    /// Its site: http or https.
    pub url: Url,
    /// The postal address that every e-mail carries.
    pub address: String,
    /// The zone of schedules that name none.
    pub timezone: TimeZone,
    /// The language of contacts whose own is not known.
    pub language: Language,
    /// Phrases that no channel may say.
    pub never_say: Vec<String>,
}

/// `[database]`.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:path` (made absolute, inside the workspace) or `postgres://…`.
    pub url: Secret,
}

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens.
    pub listen: std::net::SocketAddr,
    /// The start of every tracked link, without a trailing slash.
    pub public_url: Url,
}

/// One `[channels.NAME]`.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its key.
    pub id: ChannelId,
    /// What it talks to.
    pub kind: ChannelKind,
    /// How fast it may send, if bounded.
    pub rate: Option<Rate>,
    /// How many sends may be under way at once: 1 to 1000; default 8.
    pub connections: usize,
    /// What a message costs.
    pub cost: Option<Cost>,
}

/// What a channel talks to. The name in files is [`ChannelKind::name`].
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// Keeps messages in the database.
    Outbox {
        /// The sender that messages show.
        from: Mailbox,
        /// Where answers go.
        reply_to: Option<Mailbox>,
    },
    /// A mail server.
    Smtp {
        /// `smtp://` (STARTTLS, required unless `tls = "off"` in the query), `smtps://`; user and password inside.
        url: Secret,
        /// The sender.
        from: Mailbox,
        /// Where answers go.
        reply_to: Option<Mailbox>,
    },
    /// Any HTTP endpoint, signed as Standard Webhooks 1.0.0 asks.
    Webhook {
        /// http or https; private addresses only because this file names them.
        url: Secret,
        /// `whsec_…` or base64; signs every request.
        secret: Option<Secret>,
        /// Once to the endpoint, or once for each contact.
        per: Per,
    },
}

/// How often a channel speaks in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Per {
    /// Once, to the channel's own feed or room.
    #[default]
    Feed,
    /// Once for each contact.
    Contact,
}

/// So many messages in so long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many: 1 or more.
    pub count: u32,
    /// In how long: a second, minute, hour or day.
    pub per: Duration,
}

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
    pub amount: Micros,
    /// In this currency.
    pub currency: Currency,
}

/// One `[[steps]]`.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name in the campaign.
    pub id: StepId,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUncertain {
    /// Send it again with the same Message-ID.
    #[default]
    Resend,
    /// Leave it to a person.
    Hold,
}

/// One folder below `templates/`.
#[derive(Debug, Clone)]
pub struct Template {
    /// The folder's name.
    pub id: TemplateId,
    /// Its files, in the order of their names.
    pub files: Vec<TemplateFile>,
}

/// One template file: `email.mjml`, `email.zh-CN.mjml`, `email.txt`, `post.md`, `webhook.json`.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Relative to the workspace.
    pub path: PathBuf,
    /// What it is for.
    pub role: TemplateRole,
    /// The language in its name, if any.
    pub language: Option<Language>,
    /// Its text: at most 1 MiB of UTF-8.
    pub source: String,
}

/// What a template file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateRole {
    /// `email.mjml`
    EmailMjml,
    /// `email.html`
    EmailHtml,
    /// `email.md`
    EmailMarkdown,
    /// `email.txt`
    EmailText,
    /// `post.md`: every social and IM channel.
    Post,
    /// `<kind>.<ext>`: one kind's own; the kind's name.
    Kind(String),
    /// A partial or layout.
    Shared,
}

impl Workspace {
    /// Reads the workspace in `root`. `env` reads an environment variable, for secrets.
    ///
    /// # Errors
    /// The findings, when `chorus.toml` itself is so wrong that nothing can be said about the rest; otherwise
    /// the workspace comes with its findings, and campaigns that have errors are left out of it.
    pub fn load(
        _root: &Path,
        _env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        todo!()
    }
}

impl ChannelKind {
    /// The kind's name in files: `outbox`, `smtp`, `webhook`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Outbox { .. } => "outbox",
            Self::Smtp { .. } => "smtp",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// How often it speaks in one run.
    #[must_use]
    pub const fn per(&self) -> Per {
        match self {
            Self::Outbox { .. } | Self::Smtp { .. } => Per::Contact,
            Self::Webhook { per, .. } => *per,
        }
    }
}
