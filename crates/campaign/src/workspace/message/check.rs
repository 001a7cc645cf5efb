//! Checks a message: its texts, links, pictures, facts, mentions and forbidden phrases.

use source::{Field, Located, SourceFile, suggestion};

use crate::text::find_phrase;
use crate::workspace::campaign_file::format::MessageFile;
use crate::workspace::definitions::Definitions;
use crate::workspace::message::merge::MessageDraft;
use crate::workspace::message::tag_paths::tag_paths;
use crate::workspace::value::{one_line, web_address};
use crate::workspace::{Channel, ChannelKind};

/// Names of the parts of a message that `{{message.…}}` can refer to.
const FIELDS: [&str; 8] =
    ["subject", "preheader", "headline", "body", "call_to_action", "link", "image", "image_alt"];

/// Checks a message as written in the file, in every language, so that each text is checked once.
pub(crate) fn check_written(source: &SourceFile, definitions: &Definitions, draft: &MessageDraft) {
    for message in std::iter::once(&draft.original).chain(draft.translations.values()) {
        for (key, text) in message.texts() {
            let Some(text) = text.get() else { continue };
            if key != "body" {
                one_line(source, key, text);
            } else if text.trim().is_empty() {
                source.error(
                    "empty-text",
                    text.span.clone(),
                    "`body` is empty",
                    "Say something, or leave the line out.",
                );
            }
            never_say(source, definitions, key, text);
        }
        facts(source, definitions, message);
        link(source, &message.link);
        files(source, definitions, message);
    }
}

fn never_say(source: &SourceFile, definitions: &Definitions, key: &str, text: &Located<String>) {
    for forbidden in &definitions.never_say {
        if let Some(place) = find_phrase(text, forbidden) {
            let message = format!("`{key}` says \"{forbidden}\", which the brand never says");
            let help = "Say it in other words, or take the phrase out of `never_say` in chorus.toml.";
            source.error("never-say", source.span_within(text, place), message, help);
        }
    }
}

fn facts(source: &SourceFile, definitions: &Definitions, message: &MessageFile) {
    for (name, _) in message.facts.value().into_iter().flat_map(|entries| &entries.0) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.text.is_empty() || name.text.len() > 64 || !name.text.chars().all(fits) {
            let message = "a fact's name is letters, digits and `_`";
            source.error("bad-name", name.span.clone(), message, "Call it something like `deadline`.");
        }
    }
    for (name, fact) in message.facts() {
        one_line(source, name, fact);
        never_say(source, definitions, name, fact);
        if let Some(at) = fact.find("{{") {
            let help = "Write the fact itself; texts refer to it.";
            source.error(
                "fact-not-plain",
                source.span_within(fact, at..at + 2),
                format!("fact `{name}` refers to something else"),
                help,
            );
        }
    }
}

fn link(source: &SourceFile, field: &Field<String>) {
    let Some(link) = field.get() else { return };
    // The value of a variable is known only later, so the host must not depend on one.
    match link.find("{{") {
        None => {
            web_address(source, "link", link);
        }
        Some(at) => {
            let host = link.get(..at).and_then(|start| start.split_once("://"));
            let fits =
                host.is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.contains('/'));
            if !fits {
                let message = "`link` must name its host before the first `{{`";
                let help = "Begin with something like https://harbour.example/.";
                source.error("bad-address", link.span.clone(), message, help);
            }
        }
    }
}

fn files(source: &SourceFile, definitions: &Definitions, message: &MessageFile) {
    if let Some(image) = message.image.get() {
        if image.contains("://") {
            web_address(source, "image", image);
        } else {
            file(source, definitions, "image", image);
        }
    }
    for attachment in message.attachments.value().into_iter().flatten().filter_map(Field::get) {
        file(source, definitions, "attachments", attachment);
    }
}

fn file(source: &SourceFile, definitions: &Definitions, key: &str, path: &Located<String>) {
    let subject = format!("`{key}` {:?}", path.chars().take(80).collect::<String>());
    let help = "Write the path of a file in the workspace, such as `images/spring.png`.";
    source.ok_or_report("bad-path", &path.span, definitions.dir.file(path), &subject, help);
}

/// The step whose message is checked, with its channel as far as that is known.
pub(crate) struct CheckedStep<'a> {
    pub(crate) id: &'a str,
    pub(crate) span: &'a std::ops::Range<usize>,
    pub(crate) channel: Option<&'a Channel>,
}

/// Checks the message of a step once campaign, step and translations are merged.
pub(crate) fn check_merged(source: &SourceFile, draft: &MessageDraft, step: &CheckedStep<'_>) {
    let complete = draft.complete();
    for (_, message) in &complete {
        for (_, text) in message.texts().into_iter().chain([("link", &message.link)]) {
            if let Some(text) = text.get() {
                check_references(source, message, text);
            }
        }
        check_image_alt(source, message);
    }
    check_mentions(source, &draft.original, step);
    let mail = step.channel.is_some_and(|channel| channel.kind.is_mail());
    if mail && !draft.original.subject.is_given() {
        let message = format!("step `{}` is an e-mail without a subject", step.id);
        let help = "Add `subject = \"…\"` to [message], or to the step's own message.";
        source.error("missing-subject", step.span.clone(), message, help);
    }
}

/// Reports mentions that the channel's network does not know.
fn check_mentions(source: &SourceFile, message: &MessageFile, step: &CheckedStep<'_>) {
    let Some(channel) = step.channel else { return };
    let network = match &channel.kind {
        ChannelKind::Network(account) => Some(account.network),
        ChannelKind::Outbox { .. } | ChannelKind::Smtp { .. } => None,
    };
    for name in message.mention.value().into_iter().flatten().filter_map(Field::get) {
        if network.is_some_and(|network| network.can_mention(name)) {
            continue;
        }
        let title = network.map_or("an e-mail", |network| network.title);
        let known = network.map_or(&[][..], |network| network.mentions);
        let help = match known {
            [] => "Write `mention` under the message of the steps that can: [steps.message].".to_owned(),
            known => format!("It knows {}.", known.join(", ")),
        };
        let message = format!("step `{}`: {title} has no mention {:?}", step.id, name.as_str());
        source.error("unknown-mention", name.span.clone(), message, &help);
    }
}

/// Reports references of a text to facts and parts that the message does not have.
fn check_references(source: &SourceFile, message: &MessageFile, text: &Located<String>) {
    for path in tag_paths(text) {
        let span = || source.span_within(text, path.span.clone());
        let names = || message.facts().map(|(name, _)| name);
        if let Some(fact) = path.fact().filter(|fact| !is_fact(message, fact)) {
            let help = suggestion(fact, "facts", names());
            source.error("unknown-fact", span(), format!("there is no fact `{fact}`"), help);
        }
        if let Some(field) = path.field().filter(|field| !is_given(message, field)) {
            let given = FIELDS.into_iter().filter(|field| is_given(message, field));
            let help = suggestion(field, "parts of this message", given);
            source.error("unknown-part", span(), format!("the message has no `{field}`"), help);
        }
    }
}

fn is_fact(message: &MessageFile, name: &str) -> bool {
    message.facts.value().is_none_or(|facts| facts.get(name).is_some())
        && !matches!(message.facts, Field::Absent)
}

fn is_given(message: &MessageFile, field: &str) -> bool {
    let others = [("link", &message.link), ("image", &message.image)];
    message.texts().into_iter().chain(others).any(|(key, text)| key == field && text.is_given())
}

/// Reports a picture without a description for readers who do not see it.
fn check_image_alt(source: &SourceFile, message: &MessageFile) {
    if let (Some(image), Field::Absent) = (message.image.get(), &message.image_alt) {
        let help = "Add `image_alt = \"…\"`: what the picture shows, in words.";
        source.error("missing-image-alt", image.span.clone(), "the picture has no description", help);
    }
}

/// Reports facts that only a translation has, so that the other languages cannot use them.
pub(crate) fn check_translated_facts(source: &SourceFile, draft: &MessageDraft) {
    for translation in draft.translations.values() {
        for (name, _) in translation.facts.value().into_iter().flat_map(|entries| &entries.0) {
            if !is_fact(&draft.original, &name.text) {
                let message = format!("only this translation has a fact `{}`", name.text);
                let facts = draft.original.facts().map(|(name, _)| name);
                let help = format!(
                    "{} Facts are declared in [message.facts] first.",
                    suggestion(&name.text, "facts", facts)
                );
                source.error("unknown-fact", name.span.clone(), message, help);
            }
        }
    }
}
