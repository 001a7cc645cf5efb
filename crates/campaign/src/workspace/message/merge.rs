//! A message as campaign, step and translation say it together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use source::{Entries, Field, Located, SourceFile};

use crate::text::Language;
use crate::workspace::Message;
use crate::workspace::campaign_file::format::{MessageFile, TranslationFile};

/// A message still with its places, so that what is wrong with it can be shown where it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// In the brand's language; its translations are in the next field.
    pub(crate) own: MessageFile,
    /// What is said otherwise in other languages, by tag.
    pub(crate) translations: BTreeMap<Language, MessageFile>,
}

impl Draft {
    /// The draft of a message as written.
    pub(crate) fn read(source: &SourceFile, file: &MessageFile) -> Self {
        let mut translations = BTreeMap::new();
        for (name, field) in file.translations.value().into_iter().flat_map(|entries| &entries.0) {
            let help = "Write a tag such as `zh-CN`.";
            let tag = source.take(
                "bad-language",
                &name.span,
                Language::parse(&name.text),
                "this translation",
                help,
            );
            let (Some(tag), Some(said)) = (tag, field.value()) else { continue };
            if translations.insert(tag.clone(), MessageFile::from(said.clone())).is_some() {
                let message = format!("there are two translations for `{tag}`");
                source.error("twice", name.span.clone(), message, "Keep one.");
            }
        }
        Self { own: MessageFile { translations: Field::Absent, ..file.clone() }, translations }
    }

    /// What `self` says, and for the rest what `base` says, language by language.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let tags = self.translations.keys().chain(base.translations.keys());
        let nothing = MessageFile::default();
        let said =
            |draft: &Self, tag| draft.translations.get(tag).cloned().unwrap_or_else(|| nothing.clone());
        let translations = tags.map(|tag| (tag.clone(), over(&said(self, tag), &said(base, tag)))).collect();
        Self { own: over(&self.own, &base.own), translations }
    }

    /// The complete message in every language it is written in; the brand's own first, without a tag.
    pub(crate) fn complete(&self) -> Vec<(Option<&Language>, MessageFile)> {
        let others = self.translations.iter().map(|(tag, said)| (Some(tag), over(said, &self.own)));
        std::iter::once((None, self.own.clone())).chain(others).collect()
    }

    /// The message without places. Each translation is complete: what is not said there is said as here.
    pub(crate) fn message(&self) -> Message {
        let mut message = Message::default();
        for (tag, said) in self.complete() {
            match tag {
                None => message = plain(&said),
                Some(tag) => {
                    message.translations.insert(tag.to_string(), plain(&said));
                }
            }
        }
        message
    }
}

impl From<TranslationFile> for MessageFile {
    fn from(said: TranslationFile) -> Self {
        Self {
            subject: said.subject,
            preheader: said.preheader,
            headline: said.headline,
            body: said.body,
            call_to_action: said.call_to_action,
            link: said.link,
            image: said.image,
            image_alt: said.image_alt,
            facts: said.facts,
            attachments: said.attachments,
            mention: Field::Absent,
            translations: Field::Absent,
        }
    }
}

impl MessageFile {
    /// Its texts with their keys, as people read them.
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

    /// Its facts with their places.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&str, &Located<String>)> {
        let entries = self.facts.value().into_iter().flat_map(|entries| &entries.0);
        entries.filter_map(|(name, field)| Some((name.text.as_str(), field.get()?)))
    }
}

fn over(said: &MessageFile, base: &MessageFile) -> MessageFile {
    MessageFile {
        subject: or(&said.subject, &base.subject),
        preheader: or(&said.preheader, &base.preheader),
        headline: or(&said.headline, &base.headline),
        body: or(&said.body, &base.body),
        call_to_action: or(&said.call_to_action, &base.call_to_action),
        link: or(&said.link, &base.link),
        image: or(&said.image, &base.image),
        image_alt: or(&said.image_alt, &base.image_alt),
        facts: both(&said.facts, &base.facts),
        attachments: or(&said.attachments, &base.attachments),
        mention: or(&said.mention, &base.mention),
        translations: Field::Absent,
    }
}

fn or<T: Clone>(said: &Field<T>, base: &Field<T>) -> Field<T> {
    if said.is_given() { said.clone() } else { base.clone() }
}

/// The facts of both, those of `said` first in doubt.
fn both(said: &Field<Entries<String>>, base: &Field<Entries<String>>) -> Field<Entries<String>> {
    let (Field::Here(said), Field::Here(base)) = (said, base) else { return or(said, base) };
    let rest = base.value.0.iter().filter(|(name, _)| said.value.get(&name.text).is_none());
    let entries = said.value.0.iter().chain(rest).cloned().collect();
    Field::Here(Located { value: Entries(entries), span: said.span.clone() })
}

fn plain(said: &MessageFile) -> Message {
    let text = |field: &Field<String>| field.value().cloned();
    let attachments = said.attachments.value().into_iter().flatten().filter_map(Field::value);
    let mention = said.mention.value().into_iter().flatten().filter_map(Field::value);
    Message {
        subject: text(&said.subject),
        preheader: text(&said.preheader),
        headline: text(&said.headline),
        body: text(&said.body),
        call_to_action: text(&said.call_to_action),
        link: text(&said.link),
        image: text(&said.image),
        image_alt: text(&said.image_alt),
        facts: said.facts().map(|(name, fact)| (name.to_owned(), fact.value.clone())).collect(),
        attachments: attachments.map(PathBuf::from).collect(),
        mention: mention.cloned().collect(),
        translations: BTreeMap::new(),
    }
}
