//! Whether a message can be said: its links, pictures, facts and promises.

use source::{Field, Located, SourceFile, advice};

use crate::text::phrase;
use crate::workspace::campaign_file::format::MessageFile;
use crate::workspace::definitions::Known;
use crate::workspace::message::mention::mentions;
use crate::workspace::message::merge::Draft;
use crate::workspace::value::{one_line, web};
use crate::workspace::{Channel, ChannelKind};

/// The parts of a message that `{{message.…}}` can name.
const FIELDS: [&str; 8] =
    ["subject", "preheader", "headline", "body", "call_to_action", "link", "image", "image_alt"];

/// Checks what stands in the file, each text once, in every language.
pub(crate) fn as_written(source: &SourceFile, known: &Known, draft: &Draft) {
    for said in std::iter::once(&draft.own).chain(draft.translations.values()) {
        for (key, text) in said.texts() {
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
            never_say(source, known, key, text);
        }
        facts(source, known, said);
        link(source, &said.link);
        files(source, known, said);
    }
}

fn never_say(source: &SourceFile, known: &Known, key: &str, text: &Located<String>) {
    for promise in &known.never_say {
        if let Some(place) = phrase(text, promise) {
            let message = format!("`{key}` says \"{promise}\", which the brand never says");
            let help = "Say it otherwise, or take the phrase out of `never_say` in chorus.toml.";
            source.error("never-say", source.inside(text, place), message, help);
        }
    }
}

fn facts(source: &SourceFile, known: &Known, said: &MessageFile) {
    for (name, _) in said.facts.value().into_iter().flat_map(|entries| &entries.0) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.text.is_empty() || name.text.len() > 64 || !name.text.chars().all(fits) {
            let message = "a fact's name is letters, digits and `_`";
            source.error("bad-name", name.span.clone(), message, "Call it something like `deadline`.");
        }
    }
    for (name, fact) in said.facts() {
        one_line(source, name, fact);
        never_say(source, known, name, fact);
        if let Some(at) = fact.find("{{") {
            let help = "Write the fact itself; texts refer to it.";
            source.error(
                "fact-not-plain",
                source.inside(fact, at..at + 2),
                format!("fact `{name}` refers to something else"),
                help,
            );
        }
    }
}

fn link(source: &SourceFile, field: &Field<String>) {
    let Some(link) = field.get() else { return };
    // What a template puts in is only known later; where it leads to is not its to say.
    match link.find("{{") {
        None => {
            web(source, "link", link);
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

fn files(source: &SourceFile, known: &Known, said: &MessageFile) {
    if let Some(image) = said.image.get() {
        if image.contains("://") {
            web(source, "image", image);
        } else {
            file(source, known, "image", image);
        }
    }
    for attachment in said.attachments.value().into_iter().flatten().filter_map(Field::get) {
        file(source, known, "attachments", attachment);
    }
}

fn file(source: &SourceFile, known: &Known, key: &str, path: &Located<String>) {
    let what = format!("`{key}` {:?}", path.chars().take(80).collect::<String>());
    let help = "Write the path of a file in the workspace, such as `images/spring.png`.";
    source.take("bad-path", &path.span, known.dir.file(path), &what, help);
}

/// A step as its message is checked: where it goes and how it looks, as far as that is known.
pub(crate) struct Said<'a> {
    pub(crate) step: &'a str,
    pub(crate) place: &'a std::ops::Range<usize>,
    pub(crate) channel: Option<&'a Channel>,
}

/// Checks what a step says once campaign, step and translations are put together.
pub(crate) fn as_said(source: &SourceFile, draft: &Draft, said: &Said<'_>) {
    let complete = draft.complete();
    for (_, message) in &complete {
        for (_, text) in message.texts().into_iter().chain([("link", &message.link)]) {
            if let Some(text) = text.get() {
                refers(source, message, text);
            }
        }
        described(source, message);
    }
    mentioned(source, &draft.own, said);
    let mail = said.channel.is_some_and(|channel| channel.kind.is_mail());
    if mail && !draft.own.subject.is_given() {
        let message = format!("step `{}` is an e-mail without a subject", said.step);
        let help = "Add `subject = \"…\"` to [message], or to the step's own message.";
        source.error("missing-subject", said.place.clone(), message, help);
    }
}

/// Tells whom a channel's network has no word for.
fn mentioned(source: &SourceFile, message: &MessageFile, said: &Said<'_>) {
    let Some(channel) = said.channel else { return };
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
        let message = format!("step `{}`: {title} has nobody called {:?}", said.step, name.as_str());
        source.error("unknown-mention", name.span.clone(), message, &help);
    }
}

/// Tells what a text refers to and nobody says.
fn refers(source: &SourceFile, message: &MessageFile, text: &Located<String>) {
    for mention in mentions(text) {
        let place = || source.inside(text, mention.place.clone());
        let names = || message.facts().map(|(name, _)| name);
        if let Some(fact) = mention.fact().filter(|fact| !is_fact(message, fact)) {
            let help = advice(fact, "facts", names());
            source.error("unknown-fact", place(), format!("there is no fact `{fact}`"), help);
        }
        if let Some(field) = mention.field().filter(|field| !is_said(message, field)) {
            let said = FIELDS.into_iter().filter(|field| is_said(message, field));
            let help = advice(field, "parts of this message", said);
            source.error("unknown-part", place(), format!("the message says no `{field}`"), help);
        }
    }
}

fn is_fact(message: &MessageFile, name: &str) -> bool {
    message.facts.value().is_none_or(|facts| facts.get(name).is_some())
        && !matches!(message.facts, Field::Absent)
}

fn is_said(message: &MessageFile, field: &str) -> bool {
    let others = [("link", &message.link), ("image", &message.image)];
    message.texts().into_iter().chain(others).any(|(key, text)| key == field && text.is_given())
}

/// Tells a picture that nobody describes to those who do not see it.
fn described(source: &SourceFile, message: &MessageFile) {
    if let (Some(image), Field::Absent) = (message.image.get(), &message.image_alt) {
        let help = "Add `image_alt = \"…\"`: what the picture shows, in words.";
        source.error("missing-image-alt", image.span.clone(), "the picture has no description", help);
    }
}

/// Tells facts that only a translation or a step has, and so nobody else can say.
pub(crate) fn stray_facts(source: &SourceFile, draft: &Draft) {
    for said in draft.translations.values() {
        for (name, _) in said.facts.value().into_iter().flat_map(|entries| &entries.0) {
            if !is_fact(&draft.own, &name.text) {
                let message = format!("only this translation has a fact `{}`", name.text);
                let facts = draft.own.facts().map(|(name, _)| name);
                let help = format!(
                    "{} Facts are declared in [message.facts] first.",
                    advice(&name.text, "facts", facts)
                );
                source.error("unknown-fact", name.span.clone(), message, help);
            }
        }
    }
}
