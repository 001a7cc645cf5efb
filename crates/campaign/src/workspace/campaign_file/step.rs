//! From `[[steps]]` as written to steps.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use schedule::{Schedule, Trigger};
use source::{Field, Located, SourceFile};

use crate::ids::{AudienceId, StepId};
use crate::network::Again;
use crate::workspace::campaign_file::format::{MessageFile, StepFile};
use crate::workspace::campaign_file::schedule::{Around, Earlier, by_hand, duration_or, schedule};
use crate::workspace::definitions::{AUDIENCE, CHANNEL, Known, TEMPLATE, find};
use crate::workspace::message::check::{Said, as_said, as_written};
use crate::workspace::message::merge::Draft;
use crate::workspace::{Channel, ChannelKind, Message, OnUncertain, Per, Step, Template, TemplateRole};

const DEFAULT_EXPIRES: Duration = Duration::from_secs(48 * 3600);

/// What the steps read so far leave behind.
#[derive(Default)]
struct Above {
    steps: Vec<Earlier>,
    taken: BTreeSet<String>,
}

/// Reads the steps of one campaign, from the first to the last.
pub(crate) struct Reading<'a> {
    pub(crate) source: &'a SourceFile,
    pub(crate) known: &'a Known,
    /// The campaign's message.
    pub(crate) message: &'a Draft,
    /// The campaign's audience, if it can be used.
    pub(crate) audience: Option<&'a AudienceId>,
    /// The campaign's bounds, if it has them.
    pub(crate) starts: Option<Timestamp>,
    pub(crate) ends: Option<Timestamp>,
}

impl Reading<'_> {
    /// The steps; `None` if one of them has errors.
    pub(crate) fn steps(&self, steps: &Located<Vec<Field<StepFile>>>) -> Option<Vec<Step>> {
        if steps.is_empty() {
            let help = "Add one: [[steps]] with id, channel, template and when.";
            self.source.error("missing-steps", steps.span.clone(), "this campaign has no steps", help);
        }
        let mut above = Above::default();
        let mut read = Vec::new();
        for step in steps.iter() {
            read.push(step.get().and_then(|step| self.step(step, &mut above)));
        }
        self.check_was(steps, &above.taken);
        read.into_iter().collect()
    }

    /// Reports a `was` that names a step that is still there, or one that two steps claim.
    fn check_was(&self, steps: &Located<Vec<Field<StepFile>>>, taken: &BTreeSet<String>) {
        let mut claimed = BTreeSet::new();
        for step in steps.iter().filter_map(Field::get) {
            let Some(was) = step.was.get() else { continue };
            if step.id.value() == Some(&was.value) {
                let help = "Write the id it had before, or take `was` out.";
                self.source.error("was-itself", was.span.clone(), "`was` is this step's own id", help);
            } else if taken.contains(&was.value) {
                let message = format!("`was` names the step `{}`, which is still there", was.value);
                let help =
                    "Take `was` out, or the step that it names: only one of them can have that history.";
                self.source.error("was-still-there", was.span.clone(), message, help);
            } else if !claimed.insert(was.value.clone()) {
                let message = format!("two steps say that they were `{}`", was.value);
                self.source.error("was-twice", was.span.clone(), message, "Keep `was` in one of them.");
            }
        }
    }

    fn step(&self, step: &Located<StepFile>, above: &mut Above) -> Option<Step> {
        let owner = Some(&step.span);
        let id = self
            .source
            .need(&step.id, "id", "id = \"mail\"", owner)
            .and_then(|id| self.id(id, &mut above.taken));
        let channel = self.source.need(&step.channel, "channel", "channel = \"email\"", owner);
        let hidden = self.known.hidden;
        let channel = channel.filter(|name| !hidden || self.known.channels.contains_key(&name.value));
        let channel = channel.and_then(|name| find(self.source, &CHANNEL, name, &self.known.channels));
        let name = self.source.need(&step.template, "template", "template = \"newsletter\"", owner);
        let template = name.and_then(|name| find(self.source, &TEMPLATE, name, &self.known.templates));
        if let (Some(name), Some(template), Some(channel)) = (name, template, channel) {
            self.fits(name, template, channel);
        }
        let audience = self.audience(step);
        let message = self.message(step, channel);
        let to_contacts = channel.map(|channel| channel.kind.per() == Per::Contact);
        let around = Around {
            source: self.source,
            zone: &self.known.zone,
            earlier: &above.steps,
            to_contacts,
            starts: self.starts,
        };
        let schedule = match &step.when {
            Field::Absent => Some(by_hand(&self.known.zone)),
            Field::Bad => None,
            Field::Here(when) => schedule(&around, when),
        };
        self.check_bounds(step, schedule.as_ref());
        let on_uncertain = on_uncertain(self.source, &step.on_uncertain, channel);
        let expires = duration_or(self.source, "expires", &step.expires, DEFAULT_EXPIRES);
        if let Some(id) = step.id.value() {
            above.steps.push(Earlier { id: id.clone(), to_contacts });
        }
        let was = self.was(step);
        Some(Step {
            id: id?,
            was,
            channel: channel?.id.clone(),
            template: template?.id.clone(),
            audience: audience?,
            message,
            schedule: schedule?,
            on_uncertain: on_uncertain?,
            expires: expires?,
        })
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
        let message = format!("`at` lies {bound}: this step never goes out");
        self.source.warning(
            "never-goes-out",
            at,
            message,
            "Change `at`, or the campaign's `starts` or `ends`.",
        );
    }

    fn id(&self, id: &Located<String>, taken: &mut BTreeSet<String>) -> Option<StepId> {
        if !taken.insert(id.value.clone()) {
            let message = format!("there are two steps `{}`", id.value);
            self.source.error("twice", id.span.clone(), message, "Give each step a name of its own.");
            return None;
        }
        let help = "Call it something like `mail` or `reminder-2`.";
        self.source.take("bad-name", &id.span, StepId::parse(id), "this step's id", help)
    }

    /// The name that the step had before; the other names of the campaign are looked at by `check_was`.
    fn was(&self, step: &StepFile) -> Option<StepId> {
        let was = step.was.get()?;
        let help = "Write the id that this step had before, such as `mail`.";
        self.source.take("bad-name", &was.span, StepId::parse(was), "`was`", help)
    }

    fn audience(&self, step: &StepFile) -> Option<AudienceId> {
        match &step.audience {
            Field::Absent => self.audience.cloned(),
            Field::Bad => None,
            Field::Here(name) => {
                find(self.source, &AUDIENCE, name, &self.known.audiences).map(|audience| audience.id.clone())
            }
        }
    }

    fn message(&self, step: &Located<StepFile>, channel: Option<&Channel>) -> Message {
        let own = step.message.value().map(|file| self.override_of(file)).unwrap_or_default();
        let draft = own.over(self.message);
        let name = step.id.value().map_or("?", String::as_str);
        as_said(self.source, &draft, &Said { step: name, place: &step.span, channel });
        self.untranslated(name, &own);
        draft.message()
    }

    fn override_of(&self, file: &MessageFile) -> Draft {
        let own = Draft::read(self.source, file);
        as_written(self.source, self.known, &own);
        own
    }

    /// Tells texts that a step says otherwise, but not in every language of the campaign: readers of the
    /// others would get the campaign's text.
    fn untranslated(&self, step: &str, own: &Draft) {
        for tag in self.message.translations.keys() {
            let Some(base) = self.message.translations.get(tag) else { continue };
            let said = own.translations.get(tag);
            for ((key, text), (_, base)) in own.own.texts().into_iter().zip(base.texts()) {
                let there = said
                    .is_some_and(|said| said.texts().iter().any(|(k, text)| *k == key && text.is_given()));
                if let Some(text) = text.get().filter(|_| base.is_given() && !there) {
                    let message = format!("step `{step}` says another `{key}`, but not in {tag}");
                    let help = format!(
                        "Add it to the step's translations.\"{tag}\"; until then readers of {tag} get the campaign's."
                    );
                    self.source.warning("not-translated", text.span.clone(), message, help);
                }
            }
        }
    }

    /// Tells a template that has nothing for the channel.
    fn fits(&self, name: &Located<String>, template: &Template, channel: &Channel) {
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
                format!("{kind}.json, which fills the places of the approved template,")
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

/// What becomes of a delivery whose answer a crash swallowed. Where a second try posts twice, somebody looks first.
fn on_uncertain(
    source: &SourceFile,
    field: &Field<OnUncertain>,
    channel: Option<&Channel>,
) -> Option<OnUncertain> {
    let kind = channel.map(|channel| &channel.kind);
    let twice = match kind {
        Some(ChannelKind::Network(account)) if account.network.again == Again::Twice => Some(account.network),
        _ => None,
    };
    match (field, twice) {
        (Field::Absent, None) => Some(OnUncertain::default()),
        (Field::Absent, Some(_)) => Some(OnUncertain::Hold),
        (Field::Bad, _) => None,
        (Field::Here(choice), Some(network)) if choice.value == OnUncertain::Resend => {
            let message = format!("{} cannot tell a second try from a second post", network.title);
            let help =
                "Leave the line out: what is uncertain is held until somebody says whether it went out.";
            source.error("would-post-twice", choice.span.clone(), message, help);
            None
        }
        (Field::Here(choice), _) => Some(choice.value),
    }
}
