//! What a step is compiled from, and what its languages share.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use campaign::{Campaign, Channel, Message, Per, Step, Template, TemplateFile, TemplateRole, Workspace};

use super::evaluate::{Dialect, Partials, evaluate};
use super::files::Files;
use super::finding::{Findings, Place, Source};
use super::hole::{Hole, Holes, without_holes};
use super::link::Links;
use super::scope::{Scope, in_language};
use super::syntax::{Parsed, parse};
use crate::language::primary_language;

/// What compilations of one workspace in one thread have in common.
#[derive(Debug, Default)]
pub struct Cache {
    /// Template files without findings, by path.
    parsed: RefCell<BTreeMap<PathBuf, Rc<Parsed>>>,
    /// The file of the last campaign, and its text.
    campaign: RefCell<Option<(PathBuf, Rc<str>)>>,
}

impl Cache {
    /// The text of a campaign's file, to point into; empty if it cannot be read again.
    #[must_use]
    pub fn text(&self, workspace: &Workspace, campaign: &Campaign) -> Rc<str> {
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

/// Everything a step is compiled from.
pub(super) struct Job<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) campaign: &'a Campaign,
    pub(super) step: &'a Step,
    pub(super) channel: &'a Channel,
    pub(super) template: &'a Template,
    /// The campaign's file, to point into; empty if it cannot be read again.
    campaign_text: Rc<str>,
    cache: &'a Cache,
    /// The template files that cannot be parsed: their findings are told once.
    unreadable: RefCell<BTreeSet<PathBuf>>,
}

/// What the variants of a step share.
pub(super) struct Shared {
    pub(super) links: Links,
    pub(super) files: Files,
}

/// One language of a step, worked out as far as its message.
pub(super) struct Saying {
    /// Its tag.
    pub(super) language: String,
    /// The message in it, as written.
    pub(super) message: Message,
    /// All names; `message.body` is an open place.
    pub(super) scope: Scope,
    /// The texts of the message, worked out.
    pub(super) texts: BTreeMap<&'static str, Option<String>>,
    /// The open places of all of them.
    pub(super) holes: Holes,
}

impl Saying {
    /// A text of the message, if there is one.
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
            let message = format!("step `{}` needs the {what} `{name}`, which is not there", step.id);
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
        let campaign_text = cache.text(workspace, campaign);
        let unreadable = RefCell::default();
        Some(Self { workspace, campaign, step, channel, template, campaign_text, cache, unreadable })
    }

    /// The language of those whose own is not known, and of a feed: as the message is translated, where it is.
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

    /// The brand's language and every other that a translation or a template file is in.
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

    /// The template's file for a role: in this language, in none, or in the same one of another country.
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

    /// A template file, parsed once.
    pub(super) fn parsed(&self, file: &TemplateFile, findings: &mut Findings) -> Option<Rc<Parsed>> {
        if let Some(parsed) = self.cache.parsed.borrow().get(&file.path) {
            return Some(Rc::clone(parsed));
        }
        if !self.unreadable.borrow_mut().insert(file.path.clone()) {
            return None;
        }
        let parsed = Rc::new(parse(Source::file(&file.path, file.source.clone()), findings)?);
        self.unreadable.borrow_mut().remove(&file.path);
        self.cache.parsed.borrow_mut().insert(file.path.clone(), Rc::clone(&parsed));
        Some(parsed)
    }

    /// A template file, worked out for a language.
    pub(super) fn written(
        &self,
        file: &TemplateFile,
        dialect: Dialect,
        scope: &Scope,
        saying: &mut Saying,
        findings: &mut Findings,
    ) -> Option<String> {
        let parsed = self.parsed(file, findings)?;
        let partials = PartialsOf { job: self, language: &saying.language };
        evaluate(&parsed, dialect, scope, &partials, &mut saying.holes, findings)
    }

    /// The message in `language`, its texts worked out.
    pub(super) fn saying(&self, language: &str, findings: &mut Findings) -> Option<Saying> {
        let message = in_language(&self.step.message, Some(language));
        let mut holes = Holes::default();
        let unsubscribe = holes.put(Hole::Unsubscribe);
        let scope =
            Scope::of_texts(self.workspace, self.campaign, self.step, &message).with_links(unsubscribe);
        let mut texts = BTreeMap::new();
        let mut whole = true;
        for (name, source) in fields(&message) {
            let dialect = if name == "body" { Dialect::Markdown } else { Dialect::Plain };
            let text = match source {
                Some(source) => {
                    let text = self.text(source, dialect, &scope, language, &mut holes, findings);
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
        let body = texts.get("body").cloned().flatten().map(|_| holes.put(Hole::Body).to_string());
        let scope = scope.with_message(&texts).with_text("body", body);
        Some(Saying { language: language.to_owned(), message, scope, texts, holes })
    }

    fn text(
        &self,
        source: &str,
        dialect: Dialect,
        scope: &Scope,
        language: &str,
        holes: &mut Holes,
        findings: &mut Findings,
    ) -> Option<String> {
        if !source.contains("{{") && !source.contains('\\') {
            return Some(without_holes(source));
        }
        let source = Source::value(&self.campaign.file, source.to_owned(), &self.campaign_text);
        let parsed = Rc::new(parse(source, findings)?);
        evaluate(&parsed, dialect, scope, &PartialsOf { job: self, language }, holes, findings)
    }

    /// Where `words` stand: in the template, in what it includes, or in the campaign.
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

    /// The campaign's file.
    pub(super) fn campaign_place(&self) -> Place {
        Place::file(&self.campaign.file)
    }

    /// Whether messages are for contacts, or for the channel's own feed.
    pub(super) fn is_for_contacts(&self) -> bool {
        self.channel.kind.per() == Per::Contact
    }
}

fn fields(message: &Message) -> [(&'static str, Option<&str>); 8] {
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

/// `templates/partials` and `templates/layouts`, seen from one language.
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
