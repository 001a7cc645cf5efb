//! The input of a compilation, and the state that the languages of a step share.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use campaign::{
    Campaign, CampaignMessage, Channel, Per, Step, Template, TemplateFile, TemplateRole, Workspace,
};

use super::evaluate::{Partials, TextFormat, evaluate};
use super::files::Files;
use super::finding::{Findings, Place, Source};
use super::link::Links;
use super::placeholder::{Placeholder, Placeholders, without_placeholders};
use super::scope::{Scope, in_language};
use super::syntax::{Parsed, parse};
use crate::language::primary_language;

/// A cache of parsed templates, for compilations of one workspace in one thread.
#[derive(Debug, Default)]
pub struct Cache {
    /// The template files that were parsed without findings, by path.
    parsed: RefCell<BTreeMap<PathBuf, Rc<Parsed>>>,
    /// The path and the text of the last campaign's file.
    campaign: RefCell<Option<(PathBuf, Rc<str>)>>,
}

impl Cache {
    /// Returns the text of a campaign's file, for locating findings; empty if it cannot be read
    /// again.
    #[must_use]
    pub fn campaign_text(&self, workspace: &Workspace, campaign: &Campaign) -> Rc<str> {
        let mut last = self.campaign.borrow_mut();
        match &*last {
            Some((file, text)) if *file == campaign.file => Rc::clone(text),
            _ => {
                let path = workspace.root.join(&campaign.file);
                let text: Rc<str> = std::fs::read_to_string(path).unwrap_or_default().into();
                *last = Some((campaign.file.clone(), Rc::clone(&text)));
                text
            }
        }
    }
}

/// The compilation of one step: its definitions, and the cache.
pub(super) struct Job<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) campaign: &'a Campaign,
    pub(super) step: &'a Step,
    pub(super) channel: &'a Channel,
    pub(super) template: &'a Template,
    /// The text of the campaign's file, for locating findings; empty if it cannot be read again.
    campaign_text: Rc<str>,
    cache: &'a Cache,
    /// The template files that cannot be parsed, so that their findings are reported only once.
    unparsable: RefCell<BTreeSet<PathBuf>>,
}

/// The links and files that all languages of a step share.
pub(super) struct Shared {
    pub(super) links: Links,
    pub(super) files: Files,
}

/// The message of a step in one language, with its texts evaluated.
pub(super) struct LocalizedMessage {
    /// The BCP 47 language tag.
    pub(super) language: String,
    /// The message as written in the campaign.
    pub(super) message: CampaignMessage,
    /// The names for the templates; `message.body` is a placeholder.
    pub(super) scope: Scope,
    /// The evaluated texts of the message by name.
    pub(super) texts: BTreeMap<&'static str, Option<String>>,
    /// The placeholders of all texts.
    pub(super) placeholders: Placeholders,
}

impl LocalizedMessage {
    /// Returns a text of the message, if there is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).and_then(Option::as_deref)
    }
}

impl<'a> Job<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        campaign: &'a Campaign,
        step: &'a Step,
        cache: &'a Cache,
        findings: &mut Findings,
    ) -> Option<Self> {
        let mut missing = |what: &str, name: &str, help: &str| {
            let message = format!("step `{}` needs the {what} `{name}`, which does not exist", step.id);
            findings.error("unknown-name", message, Place::file(&campaign.file), help);
        };
        let Some(channel) = workspace.channels.get(&step.channel) else {
            missing("channel", step.channel.as_str(), "define it in chorus.toml");
            return None;
        };
        let Some(template) = workspace.templates.get(&step.template) else {
            missing("template", step.template.as_str(), "make a folder of this name in templates/");
            return None;
        };
        let campaign_text = cache.campaign_text(workspace, campaign);
        let unparsable = RefCell::default();
        Some(Self { workspace, campaign, step, channel, template, campaign_text, cache, unparsable })
    }

    /// Returns the language tag for contacts without a known language, and for a feed: that of the
    /// channel or the brand, or that of a translation in the same language.
    pub(super) fn language(&self) -> &str {
        let wanted = self.channel.language.as_ref().unwrap_or(&self.workspace.brand.language).as_str();
        let translations = &self.step.message.translations;
        let alike = || translations.keys().find(|tag| primary_language(tag) == primary_language(wanted));
        let is_brands = primary_language(wanted) == primary_language(self.workspace.brand.language.as_str());
        match alike().filter(|_| !is_brands && !translations.contains_key(wanted)) {
            Some(tag) => tag,
            None => wanted,
        }
    }

    /// Returns the tags of the default language and of every translation and template file. A feed
    /// has the default language only.
    pub(super) fn languages(&self) -> BTreeSet<String> {
        let base = self.language().to_owned();
        if !self.is_for_contacts() {
            return [base].into();
        }
        let translated = self.step.message.translations.keys().cloned();
        let files = self.template.files.iter().filter_map(|file| file.language.as_ref());
        let files = files.map(|language| language.as_str().to_owned());
        std::iter::once(base).chain(translated).chain(files).collect()
    }

    /// Returns the template's file for a role: the one in this language, else the one without a
    /// language, else one in the same language of another country, else any.
    pub(super) fn file(&self, role: &TemplateRole, language: &str) -> Option<&'a TemplateFile> {
        let files = || self.template.files.iter().filter(move |file| file.role == *role);
        let tag = |file: &TemplateFile| file.language.as_ref().map(|tag| tag.as_str().to_owned());
        files()
            .find(|file| tag(file).as_deref() == Some(language))
            .or_else(|| files().find(|file| file.language.is_none()))
            .or_else(|| {
                files().find(|file| {
                    tag(file).is_some_and(|tag| primary_language(&tag) == primary_language(language))
                })
            })
            .or_else(|| files().next())
    }

    /// Parses a template file, or returns it from the cache. Reports the findings of a file once.
    pub(super) fn parsed(&self, file: &TemplateFile, findings: &mut Findings) -> Option<Rc<Parsed>> {
        if let Some(parsed) = self.cache.parsed.borrow().get(&file.path) {
            return Some(Rc::clone(parsed));
        }
        if !self.unparsable.borrow_mut().insert(file.path.clone()) {
            return None;
        }
        let parsed = Rc::new(parse(Source::file(&file.path, file.source.clone()), findings)?);
        self.unparsable.borrow_mut().remove(&file.path);
        self.cache.parsed.borrow_mut().insert(file.path.clone(), Rc::clone(&parsed));
        Some(parsed)
    }

    /// Evaluates a template file in a language.
    pub(super) fn evaluate_file(
        &self,
        file: &TemplateFile,
        format: TextFormat,
        scope: &Scope,
        localized: &mut LocalizedMessage,
        findings: &mut Findings,
    ) -> Option<String> {
        let parsed = self.parsed(file, findings)?;
        let partials = PartialsOf { job: self, language: &localized.language };
        evaluate(&parsed, format, scope, &partials, &mut localized.placeholders, findings)
    }

    /// Returns the message in `language` with its texts evaluated; `None` if one of them has an
    /// error.
    pub(super) fn localize(&self, language: &str, findings: &mut Findings) -> Option<LocalizedMessage> {
        let message = in_language(&self.step.message, Some(language));
        let mut placeholders = Placeholders::default();
        let unsubscribe = placeholders.insert(Placeholder::Unsubscribe);
        let scope =
            Scope::of_texts(self.workspace, self.campaign, self.step, &message).with_links(unsubscribe);
        let mut texts = BTreeMap::new();
        let mut whole = true;
        for (name, source) in fields(&message) {
            let format = if name == "body" { TextFormat::Markdown } else { TextFormat::Plain };
            let text = match source {
                Some(source) => {
                    let text = self.text(source, format, &scope, language, &mut placeholders, findings);
                    whole &= text.is_some();
                    text
                }
                None => None,
            };
            texts.insert(name, text);
        }
        texts.insert("language", Some(language.to_owned()));
        if !whole {
            return None;
        }
        let body =
            texts.get("body").cloned().flatten().map(|_| placeholders.insert(Placeholder::Body).to_string());
        let scope = scope.with_message(&texts).with_text("body", body);
        Some(LocalizedMessage { language: language.to_owned(), message, scope, texts, placeholders })
    }

    fn text(
        &self,
        source: &str,
        format: TextFormat,
        scope: &Scope,
        language: &str,
        placeholders: &mut Placeholders,
        findings: &mut Findings,
    ) -> Option<String> {
        if !source.contains("{{") && !source.contains('\\') {
            return Some(without_placeholders(source));
        }
        let source = Source::value(&self.campaign.file, source.to_owned(), &self.campaign_text);
        let parsed = Rc::new(parse(source, findings)?);
        evaluate(&parsed, format, scope, &PartialsOf { job: self, language }, placeholders, findings)
    }

    /// Returns the place of `words` in the template, the shared templates or the campaign; the
    /// template's first file if they are not found.
    pub(super) fn place_of(&self, words: &str) -> Place {
        let words = words.trim();
        let files = self.template.files.iter().chain(self.workspace.shared.values());
        let sources = files.map(|file| Source::file(&file.path, file.source.clone()));
        let campaign = Source::file(&self.campaign.file, self.campaign_text.to_string());
        let found = sources.chain(std::iter::once(campaign)).find_map(|source| source.line_of(words));
        found.unwrap_or_else(|| {
            Place::file(self.template.files.first().map_or(Path::new(""), |file| &file.path))
        })
    }

    /// Returns the campaign's file as a place.
    pub(super) fn campaign_place(&self) -> Place {
        Place::file(&self.campaign.file)
    }

    /// Returns true if messages are for contacts, and false if they are for the channel's feed.
    pub(super) fn is_for_contacts(&self) -> bool {
        self.channel.kind.per() == Per::Contact
    }
}

fn fields(message: &CampaignMessage) -> [(&'static str, Option<&str>); 8] {
    [
        ("subject", message.subject.as_deref()),
        ("preheader", message.preheader.as_deref()),
        ("headline", message.headline.as_deref()),
        ("body", message.body.as_deref()),
        ("call_to_action", message.call_to_action.as_deref()),
        ("link", message.link.as_deref()),
        ("image", message.image.as_deref()),
        ("image_alt", message.image_alt.as_deref()),
    ]
}

/// The shared templates, from `templates/partials` and `templates/layouts`, in one language.
struct PartialsOf<'a> {
    job: &'a Job<'a>,
    language: &'a str,
}

impl Partials for PartialsOf<'_> {
    fn partial(&self, name: &str, findings: &mut Findings) -> Option<Rc<Parsed>> {
        let shared = &self.job.workspace.shared;
        let own = shared.get(&format!("{name}.{}", self.language));
        self.job.parsed(own.or_else(|| shared.get(name))?, findings)
    }

    fn names(&self) -> Vec<&str> {
        self.job.workspace.shared.keys().map(String::as_str).collect()
    }
}
