//! Reads `[[steps]]` into steps.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use schedule::{Schedule, Trigger};
use source::{Field, Located, SourceFile};

use crate::ids::{AudienceId, StepId};
use crate::network::Idempotency;
use crate::workspace::campaign_file::format::{MessageFile, StepFile};
use crate::workspace::campaign_file::schedule::{
    EarlierStep, StepContext, duration_or_default, manual_schedule, schedule,
};
use crate::workspace::definitions::{AUDIENCE, CHANNEL, Definitions, TEMPLATE, find_or_report};
use crate::workspace::message::check::{CheckedStep, check_merged, check_written};
use crate::workspace::message::merge::MessageDraft;
use crate::workspace::{
    CampaignMessage, Channel, ChannelKind, OnUncertain, Per, Purpose, Step, Template, TemplateRole,
};

const DEFAULT_EXPIRES: Duration = Duration::from_secs(48 * 3600);

/// The steps read so far, and the ids they use.
#[derive(Default)]
struct StepsAbove {
    steps: Vec<EarlierStep>,
    ids: BTreeSet<String>,
}

/// Reads the steps of one campaign, from the first to the last.
pub(crate) struct StepReader<'a> {
    pub(crate) source: &'a SourceFile,
    pub(crate) definitions: &'a Definitions,
    /// The campaign's message.
    pub(crate) message: &'a MessageDraft,
    /// The campaign's audience, if it can be used.
    pub(crate) audience: Option<&'a AudienceId>,
    /// The campaign's purpose, if it can be used.
    pub(crate) purpose: Option<&'a Purpose>,
    /// The campaign's `starts` and `ends`, if given.
    pub(crate) starts: Option<Timestamp>,
    pub(crate) ends: Option<Timestamp>,
}

impl StepReader<'_> {
    /// Reads the steps; `None` if one of them has errors.
    pub(crate) fn steps(&self, steps: &Located<Vec<Field<StepFile>>>) -> Option<Vec<Step>> {
        if steps.is_empty() {
            let help = "Add one: [[steps]] with id, channel, template and when.";
            self.source.error("missing-steps", steps.span.clone(), "this campaign has no steps", help);
        }
        let mut above = StepsAbove::default();
        let mut read = Vec::new();
        for step in steps.iter() {
            read.push(step.get().and_then(|step| self.step(step, &mut above)));
        }
        self.check_previous_ids(steps, &above.ids);
        read.into_iter().collect()
    }

    /// Reports a `was` that names a step that is still there, or one that two steps claim.
    fn check_previous_ids(&self, steps: &Located<Vec<Field<StepFile>>>, ids: &BTreeSet<String>) {
        let mut claimed = BTreeSet::new();
        for step in steps.iter().filter_map(Field::get) {
            let Some(was) = step.was.get() else { continue };
            if step.id.value() == Some(&was.value) {
                let help = "Write the id it had before, or take `was` out.";
                self.source.error("was-itself", was.span.clone(), "`was` is this step's own id", help);
            } else if ids.contains(&was.value) {
                let message = format!("`was` names the step `{}`, which is still there", was.value);
                let help =
                    "Take `was` out, or the step that it names: only one of them can have that history.";
                self.source.error("was-still-there", was.span.clone(), message, help);
            } else if !claimed.insert(was.value.clone()) {
                let message = format!("two steps have `was = \"{}\"`", was.value);
                self.source.error("was-twice", was.span.clone(), message, "Keep `was` in one of them.");
            }
        }
    }

    fn step(&self, step: &Located<StepFile>, above: &mut StepsAbove) -> Option<Step> {
        let owner = Some(&step.span);
        let id = self
            .source
            .require(&step.id, "id", "id = \"mail\"", owner)
            .and_then(|id| self.id(id, &mut above.ids));
        let channel = self.source.require(&step.channel, "channel", "channel = \"email\"", owner);
        let incomplete = self.definitions.settings_incomplete;
        let channels = &self.definitions.channels;
        // The finding in `chorus.toml` says what is wrong: none here repeats it.
        let channel = channel.filter(|name| match channels.get(&name.value) {
            Some(registered) => registered.is_some(),
            None => !incomplete,
        });
        let channel = channel.and_then(|name| find_or_report(self.source, &CHANNEL, name, channels));
        if let (Some(name), Some(channel)) = (step.channel.get(), channel) {
            self.check_purpose(name, channel);
        }
        let name = self.source.require(&step.template, "template", "template = \"newsletter\"", owner);
        let templates = &self.definitions.templates;
        let template = name.and_then(|name| find_or_report(self.source, &TEMPLATE, name, templates));
        if let (Some(name), Some(template), Some(channel)) = (name, template, channel) {
            self.check_template(name, template, channel);
        }
        let audience = self.audience(step);
        let message = self.message(step, channel);
        let to_contacts = channel.map(|channel| channel.kind.per() == Per::Contact);
        let context = StepContext {
            source: self.source,
            zone: &self.definitions.zone,
            earlier: &above.steps,
            to_contacts,
            starts: self.starts,
        };
        let schedule = match &step.when {
            Field::Absent => Some(manual_schedule(&self.definitions.zone)),
            Field::Invalid => None,
            Field::Present(when) => schedule(&context, when),
        };
        self.check_bounds(step, schedule.as_ref());
        let on_uncertain = on_uncertain(self.source, &step.on_uncertain, channel);
        let expires = duration_or_default(self.source, "expires", &step.expires, DEFAULT_EXPIRES);
        if let Some(id) = step.id.value() {
            above.steps.push(EarlierStep { id: id.clone(), to_contacts });
        }
        let previous_id = self.previous_id(step);
        Some(Step {
            id: id?,
            previous_id,
            channel: channel?.id.clone(),
            template: template?.id.clone(),
            audience: audience?,
            message,
            schedule: schedule?,
            on_uncertain: on_uncertain?,
            expires: expires?,
        })
    }

    /// Reports a channel that the campaign's purpose may not use. A post to a feed is written to
    /// nobody in particular.
    fn check_purpose(&self, name: &Located<String>, channel: &Channel) {
        let Some(Purpose { id, channels: Some(allowed), .. }) = self.purpose else { return };
        if allowed.contains(&channel.id) || channel.kind.per() == Per::Feed {
            return;
        }
        let message = format!("the purpose `{id}` may not use the channel `{}`", channel.id);
        let names: Vec<_> = allowed.iter().map(|channel| format!("`{channel}`")).collect();
        let help = format!(
            "Use {}, or add this channel to `channels` of [purposes.{id}] in chorus.toml.",
            names.join(", ")
        );
        self.source.error("channel-of-another-purpose", name.span.clone(), message, help);
    }

    /// Reports an `at` that lies outside the campaign's bounds.
    fn check_bounds(&self, step: &StepFile, schedule: Option<&Schedule>) {
        let at = step.when.value().and_then(|when| when.at.span());
        let (Some(at), Some(schedule)) = (at, schedule) else { return };
        if !matches!(schedule.trigger, Trigger::At(_)) {
            return;
        }
        let Some(once) = schedule.occurrences(Timestamp::MIN, Timestamp::MAX, 1).pop() else { return };
        let bound = if !schedule.within(&once, self.starts, None) {
            "before the campaign's `starts`"
        } else if !schedule.within(&once, None, self.ends) {
            "after the campaign's `ends`"
        } else {
            return;
        };
        let message = format!("`at` lies {bound}: this step is never sent");
        self.source.warning(
            "never-goes-out",
            at,
            message,
            "Change `at`, or the campaign's `starts` or `ends`.",
        );
    }

    fn id(&self, id: &Located<String>, ids: &mut BTreeSet<String>) -> Option<StepId> {
        if !ids.insert(id.value.clone()) {
            let message = format!("there are two steps `{}`", id.value);
            self.source.error("twice", id.span.clone(), message, "Give each step its own name.");
            return None;
        }
        let help = "Call it something like `mail` or `reminder-2`.";
        self.source.ok_or_report("bad-name", &id.span, StepId::parse(id), "this step's id", help)
    }

    /// Reads the id that the step had before; `check_previous_ids` compares it with the other ids.
    fn previous_id(&self, step: &StepFile) -> Option<StepId> {
        let was = step.was.get()?;
        let help = "Write the id that this step had before, such as `mail`.";
        self.source.ok_or_report("bad-name", &was.span, StepId::parse(was), "`was`", help)
    }

    fn audience(&self, step: &StepFile) -> Option<AudienceId> {
        match &step.audience {
            Field::Absent => self.audience.cloned(),
            Field::Invalid => None,
            Field::Present(name) => {
                let audience = find_or_report(self.source, &AUDIENCE, name, &self.definitions.audiences);
                audience.map(|audience| audience.id.clone())
            }
        }
    }

    fn message(&self, step: &Located<StepFile>, channel: Option<&Channel>) -> CampaignMessage {
        let own = step.message.value().map(|file| self.override_of(file)).unwrap_or_default();
        let draft = own.over(self.message);
        let name = step.id.value().map_or("?", String::as_str);
        check_merged(self.source, &draft, &CheckedStep { id: name, span: &step.span, channel });
        self.check_translations(name, &own);
        draft.message()
    }

    fn override_of(&self, file: &MessageFile) -> MessageDraft {
        let own = MessageDraft::read(self.source, file);
        check_written(self.source, self.definitions, &own);
        own
    }

    /// Reports texts that a step overrides, but not in every language of the campaign: readers of
    /// the other languages would get the campaign's text.
    fn check_translations(&self, step: &str, own: &MessageDraft) {
        for tag in self.message.translations.keys() {
            let Some(base) = self.message.translations.get(tag) else { continue };
            let translation = own.translations.get(tag);
            for ((key, text), (_, base)) in own.original.texts().into_iter().zip(base.texts()) {
                let is_translated = translation.is_some_and(|translation| {
                    translation.texts().iter().any(|(k, text)| *k == key && text.is_given())
                });
                if let Some(text) = text.get().filter(|_| base.is_given() && !is_translated) {
                    let message = format!("step `{step}` has another `{key}`, but not in {tag}");
                    let help = format!(
                        "Add it to the step's translations.\"{tag}\"; until then readers of {tag} get the campaign's."
                    );
                    self.source.warning("not-translated", text.span.clone(), message, help);
                }
            }
        }
    }

    /// Reports a template without a file for the channel.
    fn check_template(&self, name: &Located<String>, template: &Template, channel: &Channel) {
        let kind = channel.kind.name();
        let mail = channel.kind.is_mail();
        let approved =
            matches!(&channel.kind, ChannelKind::Network(account) if account.network.approved_only);
        let serves = |role: &TemplateRole| match role {
            TemplateRole::EmailMjml | TemplateRole::EmailHtml | TemplateRole::EmailMarkdown => mail,
            TemplateRole::Post => !mail && !approved,
            TemplateRole::Kind(name) => !mail && name == kind,
            TemplateRole::EmailText | TemplateRole::Shared => false,
        };
        let fits = template.files.iter().any(|file| file.language.is_none() && serves(&file.role));
        if !fits {
            let wanted = if mail {
                "email.mjml, email.html or email.md".to_owned()
            } else if approved {
                format!("{kind}.json, which fills the placeholders of the approved template,")
            } else {
                format!("post.md or {kind}.md")
            };
            let message = format!(
                "template `{}` has nothing for channel `{}`, which is of kind {kind}",
                template.id, channel.id
            );
            let help = format!("Add {wanted} to templates/{}.", template.id);
            self.source.error("template-without-channel", name.span.clone(), message, help);
        }
    }
}

/// Reads the treatment of a delivery whose answer was lost in a crash. Where a retry would post
/// twice, a person has to check first.
fn on_uncertain(
    source: &SourceFile,
    field: &Field<OnUncertain>,
    channel: Option<&Channel>,
) -> Option<OnUncertain> {
    let kind = channel.map(|channel| &channel.kind);
    let unprotected = match kind {
        Some(ChannelKind::Network(account)) if account.network.idempotency == Idempotency::None => {
            Some(account.network)
        }
        _ => None,
    };
    match (field, unprotected) {
        (Field::Absent, None) => Some(OnUncertain::default()),
        (Field::Absent, Some(_)) => Some(OnUncertain::Hold),
        (Field::Invalid, _) => None,
        (Field::Present(choice), Some(network)) if choice.value == OnUncertain::Resend => {
            let message = format!("{} cannot tell a second try from a second post", network.title);
            let help =
                "Leave the line out: what is uncertain is held until a person says whether it was sent.";
            source.error("would-post-twice", choice.span.clone(), message, help);
            None
        }
        (Field::Present(choice), _) => Some(choice.value),
    }
}
