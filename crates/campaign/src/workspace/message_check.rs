//! Whether a message can be said: its links, pictures, facts and promises.

use super::campaign_file::MessageFile;
use super::chorus_read::{one_line, web};
use super::known::Known;
use super::mention::{Mention, mentions, phrase};
use super::message_merge::Draft;
use super::{Channel, ChannelKind, Template};
use crate::file::nearest::advice;
use crate::file::{Field, Located, Sheet};
use crate::text::Language;

/// The parts of a message that `{{message.…}}` can name.
const FIELDS: [&str; 8] =
    ["subject", "preheader", "headline", "body", "call_to_action", "link", "image", "image_alt"];

/// Checks what stands in the file, each text once, in every language.
pub(super) fn as_written(sheet: &Sheet, known: &Known, draft: &Draft) {
    for said in std::iter::once(&draft.own).chain(draft.translations.values()) {
        for (key, text) in said.texts() {
            let Some(text) = text.get() else { continue };
            if key != "body" {
                one_line(sheet, key, text);
            } else if text.trim().is_empty() {
                sheet.error(
                    "empty-text",
                    text.span.clone(),
                    "`body` is empty",
                    "Say something, or leave the line out.",
                );
            }
            never_say(sheet, known, key, text);
        }
        facts(sheet, known, said);
        link(sheet, &said.link);
        files(sheet, known, said);
    }
}

fn never_say(sheet: &Sheet, known: &Known, key: &str, text: &Located<String>) {
    for promise in &known.never_say {
        if let Some(place) = phrase(text, promise) {
            let message = format!("`{key}` says \"{promise}\", which the brand never says");
            let help = "Say it otherwise, or take the phrase out of `never_say` in chorus.toml.";
            sheet.error("never-say", sheet.inside(text, place), message, help);
        }
    }
}

fn facts(sheet: &Sheet, known: &Known, said: &MessageFile) {
    for (name, _) in said.facts.value().into_iter().flat_map(|entries| &entries.0) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.text.is_empty() || name.text.len() > 64 || !name.text.chars().all(fits) {
            let message = "a fact's name is letters, digits and `_`";
            sheet.error("bad-name", name.span.clone(), message, "Call it something like `deadline`.");
        }
    }
    for (name, fact) in said.facts() {
        one_line(sheet, name, fact);
        never_say(sheet, known, name, fact);
        if let Some(at) = fact.find("{{") {
            let help = "Write the fact itself; texts refer to it.";
            sheet.error(
                "fact-not-plain",
                sheet.inside(fact, at..at + 2),
                format!("fact `{name}` refers to something else"),
                help,
            );
        }
    }
}

fn link(sheet: &Sheet, field: &Field<String>) {
    let Some(link) = field.get() else { return };
    // What a template puts in is only known later; where it leads to is not its to say.
    match link.find("{{") {
        None => {
            web(sheet, "link", link);
        }
        Some(at) => {
            let host = link.get(..at).and_then(|start| start.split_once("://"));
            let fits =
                host.is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.contains('/'));
            if !fits {
                let message = "`link` must name its host before the first `{{`";
                let help = "Begin with something like https://harbour.example/.";
                sheet.error("bad-address", link.span.clone(), message, help);
            }
        }
    }
}

fn files(sheet: &Sheet, known: &Known, said: &MessageFile) {
    if let Some(image) = said.image.get() {
        if image.contains("://") {
            web(sheet, "image", image);
        } else {
            file(sheet, known, "image", image);
        }
    }
    for attachment in said.attachments.value().into_iter().flatten().filter_map(Field::get) {
        file(sheet, known, "attachments", attachment);
    }
}

fn file(sheet: &Sheet, known: &Known, key: &str, path: &Located<String>) {
    let what = format!("`{key}` {:?}", path.chars().take(80).collect::<String>());
    let help = "Write the path of a file in the workspace, such as `images/spring.png`.";
    sheet.take("bad-path", &path.span, known.jail.file(path), &what, help);
}

/// A step as its message is checked: where it goes and how it looks, as far as that is known.
pub(super) struct Said<'a> {
    pub(super) step: &'a str,
    pub(super) place: &'a std::ops::Range<usize>,
    pub(super) channel: Option<&'a Channel>,
    pub(super) template: Option<&'a Template>,
}

/// Checks what a step says once campaign, step and translations are put together; gives the facts it does
/// not say.
pub(super) fn as_said(sheet: &Sheet, draft: &Draft, said: &Said<'_>) -> Vec<Unsaid> {
    let complete = draft.complete();
    let mut unsaid = Vec::new();
    for (language, message) in &complete {
        for (_, text) in message.texts().into_iter().chain([("link", &message.link)]) {
            if let Some(text) = text.get() {
                refers(sheet, message, text);
            }
        }
        described(sheet, message);
        unsaid.extend(unsaid_facts(*language, message, said));
    }
    let mail = said.channel.is_some_and(|channel| is_mail(&channel.kind));
    if mail && !draft.own.subject.is_given() {
        let message = format!("step `{}` is an e-mail without a subject", said.step);
        let help = "Add `subject = \"…\"` to [message], or to the step's own message.";
        sheet.error("missing-subject", said.place.clone(), message, help);
    }
    unsaid
}

/// Whether a channel sends e-mail.
pub(super) fn is_mail(kind: &ChannelKind) -> bool {
    matches!(kind, ChannelKind::Outbox { .. } | ChannelKind::Smtp { .. })
}

/// Tells what a text refers to and nobody says.
fn refers(sheet: &Sheet, message: &MessageFile, text: &Located<String>) {
    for mention in mentions(text) {
        let place = || sheet.inside(text, mention.place.clone());
        let names = || message.facts().map(|(name, _)| name);
        if let Some(fact) = mention.fact().filter(|fact| !is_fact(message, fact)) {
            let help = advice(fact, "facts", names());
            sheet.error("unknown-fact", place(), format!("there is no fact `{fact}`"), help);
        }
        if let Some(field) = mention.field().filter(|field| !is_said(message, field)) {
            let said = FIELDS.into_iter().filter(|field| is_said(message, field));
            let help = advice(field, "parts of this message", said);
            sheet.error("unknown-part", place(), format!("the message says no `{field}`"), help);
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
fn described(sheet: &Sheet, message: &MessageFile) {
    if let (Some(image), Field::Absent) = (message.image.get(), &message.image_alt) {
        let help = "Add `image_alt = \"…\"`: what the picture shows, in words.";
        sheet.error("missing-image-alt", image.span.clone(), "the picture has no description", help);
    }
}

/// A fact that a step says nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unsaid {
    /// Where the fact is declared: first byte and end.
    place: (usize, usize),
    fact: String,
    /// `None` is the brand's language.
    language: Option<Language>,
    step: String,
}

/// The facts that a step says neither by name, nor in the same words, nor in its template.
fn unsaid_facts(language: Option<&Language>, message: &MessageFile, said: &Said<'_>) -> Vec<Unsaid> {
    let texts: Vec<_> = message.texts().into_iter().filter_map(|(_, text)| text.value()).collect();
    let sources = said.template.into_iter().flat_map(|template| &template.files).map(|file| &file.source);
    let named: Vec<Mention<'_>> =
        texts.iter().copied().chain(sources).flat_map(|text| mentions(text)).collect();
    if named.iter().any(Mention::is_all_facts) {
        return Vec::new();
    }
    let is_said = |name: &str, fact: &str| {
        named.iter().any(|mention| mention.fact() == Some(name))
            || texts.iter().any(|text| phrase(text, fact).is_some())
    };
    let unsaid = message.facts().filter(|(name, fact)| !is_said(name, fact)).map(|(name, fact)| Unsaid {
        place: (fact.span.start, fact.span.end),
        fact: name.to_owned(),
        language: language.cloned(),
        step: said.step.to_owned(),
    });
    unsaid.collect()
}

/// Tells the facts that steps do not say: once for each fact and language.
pub(super) fn tell_unsaid(sheet: &Sheet, mut unsaid: Vec<Unsaid>) {
    unsaid.sort();
    for same in unsaid.chunk_by(|a, b| (&a.place, &a.fact, &a.language) == (&b.place, &b.fact, &b.language)) {
        let Some(Unsaid { place: (start, end), fact, language, .. }) = same.first() else { continue };
        // What is not said at all need not be told again for a language that repeats the fact.
        let told = |other: &Unsaid| other.place == (*start, *end) && other.language.is_none();
        if language.is_some() && unsaid.iter().any(told) {
            continue;
        }
        let steps: Vec<_> = same.iter().map(|unsaid| format!("`{}`", unsaid.step)).collect();
        let (noun, verb) = if steps.len() == 1 { ("step", "does") } else { ("steps", "do") };
        let among = language.as_ref().map(|tag| format!(" in {tag}")).unwrap_or_default();
        let message = format!("{noun} {} {verb} not say the fact `{fact}`{among}", steps.join(", "));
        let help = format!(
            "Put {{{{facts.{fact}}}}} into a text of the message, so that every channel says the same."
        );
        sheet.warning("fact-not-said", *start..*end, message, help);
    }
}

/// Tells facts that only a translation or a step has, and so nobody else can say.
pub(super) fn stray_facts(sheet: &Sheet, draft: &Draft) {
    for said in draft.translations.values() {
        for (name, _) in said.facts.value().into_iter().flat_map(|entries| &entries.0) {
            if !is_fact(&draft.own, &name.text) {
                let message = format!("only this translation has a fact `{}`", name.text);
                let facts = draft.own.facts().map(|(name, _)| name);
                let help = format!(
                    "{} Facts are declared in [message.facts] first.",
                    advice(&name.text, "facts", facts)
                );
                sheet.error("unknown-fact", name.span.clone(), message, help);
            }
        }
    }
}
