//! Merges the messages of campaign, step and translations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use source::{Entries, Field, Located, SourceFile};

use crate::text::Language;
use crate::workspace::CampaignMessage;
use crate::workspace::campaign_file::format::{MessageFile, TranslationFile};

/// A message that keeps its places in the file, so that findings can point at them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageDraft {
    /// The message in the brand's language, without its translations.
    pub(crate) original: MessageFile,
    /// The parts that differ in other languages, by tag.
    pub(crate) translations: BTreeMap<Language, MessageFile>,
}

impl MessageDraft {
    /// Reads a message as written and reports tags that are no languages or come twice.
    pub(crate) fn read(source: &SourceFile, file: &MessageFile) -> Self {
        let mut translations = BTreeMap::new();
        for (name, field) in file.translations.value().into_iter().flat_map(|entries| &entries.0) {
            let help = "Write a tag such as `zh-CN`.";
            let tag = source.ok_or_report(
                "bad-language",
                &name.span,
                Language::parse(&name.text),
                "this translation",
                help,
            );
            let (Some(tag), Some(translation)) = (tag, field.value()) else { continue };
            if translations.insert(tag.clone(), MessageFile::from(translation.clone())).is_some() {
                let message = format!("there are two translations for `{tag}`");
                source.error("twice", name.span.clone(), message, "Keep one.");
            }
        }
        Self { original: MessageFile { translations: Field::Absent, ..file.clone() }, translations }
    }

    /// Merges two drafts, language by language: parts of `self`, and for the rest those of `base`.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let tags = self.translations.keys().chain(base.translations.keys());
        let empty = MessageFile::default();
        let part = |draft: &Self, tag| draft.translations.get(tag).cloned().unwrap_or_else(|| empty.clone());
        let translations = tags.map(|tag| (tag.clone(), over(&part(self, tag), &part(base, tag)))).collect();
        Self { original: over(&self.original, &base.original), translations }
    }

    /// Returns the complete message in every language it is written in; the brand's own first,
    /// without a tag.
    pub(crate) fn complete(&self) -> Vec<(Option<&Language>, MessageFile)> {
        let others = self.translations.iter().map(|(tag, own)| (Some(tag), over(own, &self.original)));
        std::iter::once((None, self.original.clone())).chain(others).collect()
    }

    /// Returns the message without places. Each translation is complete: parts that it lacks are
    /// those of the message.
    pub(crate) fn message(&self) -> CampaignMessage {
        let mut message = CampaignMessage::default();
        for (tag, file) in self.complete() {
            match tag {
                None => message = without_places(&file),
                Some(tag) => {
                    message.translations.insert(tag.to_string(), without_places(&file));
                }
            }
        }
        message
    }
}

impl From<TranslationFile> for MessageFile {
    fn from(file: TranslationFile) -> Self {
        Self {
            subject: file.subject,
            preheader: file.preheader,
            headline: file.headline,
            body: file.body,
            call_to_action: file.call_to_action,
            link: file.link,
            image: file.image,
            image_alt: file.image_alt,
            facts: file.facts,
            attachments: file.attachments,
            mention: Field::Absent,
            translations: Field::Absent,
        }
    }
}

impl MessageFile {
    /// Returns its texts with their keys, in reading order.
    pub(crate) fn texts(&self) -> [(&'static str, &Field<String>); 6] {
        [
            ("subject", &self.subject),
            ("preheader", &self.preheader),
            ("headline", &self.headline),
            ("body", &self.body),
            ("call_to_action", &self.call_to_action),
            ("image_alt", &self.image_alt),
        ]
    }

    /// Iterates over its facts with their names and places.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&str, &Located<String>)> {
        let entries = self.facts.value().into_iter().flat_map(|entries| &entries.0);
        entries.filter_map(|(name, field)| Some((name.text.as_str(), field.get()?)))
    }
}

fn over(own: &MessageFile, base: &MessageFile) -> MessageFile {
    MessageFile {
        subject: or(&own.subject, &base.subject),
        preheader: or(&own.preheader, &base.preheader),
        headline: or(&own.headline, &base.headline),
        body: or(&own.body, &base.body),
        call_to_action: or(&own.call_to_action, &base.call_to_action),
        link: or(&own.link, &base.link),
        image: or(&own.image, &base.image),
        image_alt: or(&own.image_alt, &base.image_alt),
        facts: both(&own.facts, &base.facts),
        attachments: or(&own.attachments, &base.attachments),
        mention: or(&own.mention, &base.mention),
        translations: Field::Absent,
    }
}

fn or<T: Clone>(own: &Field<T>, base: &Field<T>) -> Field<T> {
    if own.is_given() { own.clone() } else { base.clone() }
}

/// Merges the facts of both; for a fact in both, the one of `own` counts.
fn both(own: &Field<Entries<String>>, base: &Field<Entries<String>>) -> Field<Entries<String>> {
    let (Field::Present(own), Field::Present(base)) = (own, base) else { return or(own, base) };
    let rest = base.value.0.iter().filter(|(name, _)| own.value.get(&name.text).is_none());
    let entries = own.value.0.iter().chain(rest).cloned().collect();
    Field::Present(Located { value: Entries(entries), span: own.span.clone() })
}

fn without_places(file: &MessageFile) -> CampaignMessage {
    let text = |field: &Field<String>| field.value().cloned();
    let attachments = file.attachments.value().into_iter().flatten().filter_map(Field::value);
    let mention = file.mention.value().into_iter().flatten().filter_map(Field::value);
    CampaignMessage {
        subject: text(&file.subject),
        preheader: text(&file.preheader),
        headline: text(&file.headline),
        body: text(&file.body),
        call_to_action: text(&file.call_to_action),
        link: text(&file.link),
        image: text(&file.image),
        image_alt: text(&file.image_alt),
        facts: file.facts().map(|(name, fact)| (name.to_owned(), fact.value.clone())).collect(),
        attachments: attachments.map(PathBuf::from).collect(),
        mention: mention.cloned().collect(),
        translations: BTreeMap::new(),
    }
}
