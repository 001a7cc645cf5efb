//! From `templates/` to templates: which file is for what, by its name.

use std::collections::BTreeMap;
use std::path::Path;

use source::{ConfinedDir, Diagnostic, Diagnostics, Entry, nearest};

use crate::ids::TemplateId;
use crate::network::{NETWORKS, Network};
use crate::text::Language;
use crate::workspace::definitions::Shelf;
use crate::workspace::{Template, TemplateFile, TemplateRole};

/// The largest template, in MiB.
const LARGEST: u64 = 1;

/// How deep partials may be sorted into folders.
const DEPTH: usize = 4;

/// Folders that belong to all templates.
const SHARED: [&str; 2] = ["partials", "layouts"];

/// What a template can be written in.
const EXTENSIONS: [&str; 5] = ["mjml", "html", "md", "txt", "json"];

/// Reads the templates, telling what is wrong with them.
pub(crate) struct Reading<'a> {
    pub(crate) dir: &'a ConfinedDir,
    pub(crate) findings: &'a mut Diagnostics,
    /// Whether a finding of the template at hand is an error.
    pub(crate) broken: bool,
}

impl Reading<'_> {
    /// Every folder below `templates/`, and the files of `partials` and `layouts` by name.
    pub(crate) fn templates(&mut self) -> (Shelf<Template>, BTreeMap<String, TemplateFile>) {
        let mut templates = Shelf::new();
        let mut shared = BTreeMap::new();
        for entry in self.list(Path::new("templates")) {
            if !entry.is_folder {
                self.not_read(
                    &entry,
                    "Templates are folders: move it into one, such as templates/newsletter/email.mjml.",
                );
            } else if SHARED.contains(&entry.name.as_str()) {
                self.shared(&entry, DEPTH, &mut shared);
            } else {
                let template = self.template(&entry);
                templates.insert(entry.name, template);
            }
        }
        (templates, shared)
    }

    /// One folder; `None` if something in it cannot be used.
    fn template(&mut self, folder: &Entry) -> Option<Template> {
        self.broken = false;
        let id = TemplateId::parse(&folder.name);
        if let Err(fault) = &id {
            let help = "Call the folder something like `newsletter`.";
            self.error("bad-name", &folder.path, format!("this folder's name: {fault}"), help);
        }
        let mut files = Vec::new();
        for entry in self.list(&folder.path) {
            if entry.is_folder {
                self.not_read(&entry, "Parts shared by templates belong into templates/partials.");
            } else if let Some((role, language)) = self.role(&entry) {
                files.extend(self.read(&entry, role, language));
            }
        }
        self.refuse_rivals(&files);
        let template = Template { id: id.ok()?, files };
        (!self.broken).then_some(template)
    }

    /// Tells two bodies of one e-mail in one language: nobody could say which is meant.
    fn refuse_rivals(&mut self, files: &[TemplateFile]) {
        let mut bodies: BTreeMap<(String, Option<&Language>), &TemplateFile> = BTreeMap::new();
        for file in files {
            let purpose = match &file.role {
                TemplateRole::EmailMjml | TemplateRole::EmailHtml | TemplateRole::EmailMarkdown => {
                    "email".to_owned()
                }
                TemplateRole::Kind(kind) => kind.clone(),
                TemplateRole::EmailText | TemplateRole::Post | TemplateRole::Shared => continue,
            };
            if let Some(other) = bodies.insert((purpose, file.language.as_ref()), file) {
                let message = format!("{} says the same as {}", name_of(&file.path), name_of(&other.path));
                self.error("twice", &file.path, message, "Keep one of them.");
            }
        }
    }

    /// What a file is for, by its name: `email.zh-CN.mjml` is a purpose, a language and a form.
    fn role(&mut self, entry: &Entry) -> Option<(TemplateRole, Option<Language>)> {
        let (purpose, language, extension) = self.parts(entry)?;
        let role = match (purpose.as_str(), extension.as_str()) {
            ("email", "mjml") => TemplateRole::EmailMjml,
            ("email", "html") => TemplateRole::EmailHtml,
            ("email", "md") => TemplateRole::EmailMarkdown,
            ("email", "txt") => TemplateRole::EmailText,
            ("post", "md") => TemplateRole::Post,
            (kind, "md" | "json") if Network::find(kind).is_some() => TemplateRole::Kind(kind.to_owned()),
            (other, _) => {
                let known = ["email", "post"].into_iter().chain(NETWORKS.iter().map(|network| network.kind));
                let help = match nearest(other, known).filter(|meant| *meant != other) {
                    Some(meant) => format!("Did you mean `{meant}.{extension}`?"),
                    None => "Files are email.mjml, email.html, email.md, email.txt, post.md, and slack.md or slack.json for each network that needs its own.".to_owned(),
                };
                self.not_read(entry, &help);
                return None;
            }
        };
        Some((role, language))
    }

    /// Purpose, language and extension of a file's name.
    fn parts(&mut self, entry: &Entry) -> Option<(String, Option<Language>, String)> {
        let (stem, extension) = entry.name.rsplit_once('.').unwrap_or((&entry.name, ""));
        if !EXTENSIONS.contains(&extension) {
            self.not_read(
                entry,
                "Templates are .mjml, .html, .md, .txt or .json; pictures belong into images/.",
            );
            return None;
        }
        let Some((purpose, tag)) = stem.split_once('.') else {
            return Some((stem.to_owned(), None, extension.to_owned()));
        };
        match Language::parse(tag) {
            Ok(language) => Some((purpose.to_owned(), Some(language), extension.to_owned())),
            Err(fault) => {
                let help =
                    format!("Call it {purpose}.{extension}, or {purpose}.zh-CN.{extension} for a language.");
                self.error("bad-language", &entry.path, format!("this file's name: {fault}"), &help);
                None
            }
        }
    }

    /// The files of a shared folder and of those in it, under their path without extension.
    fn shared(&mut self, folder: &Entry, depth: usize, shared: &mut BTreeMap<String, TemplateFile>) {
        for entry in self.list(&folder.path) {
            if entry.is_folder && depth > 0 {
                self.shared(&entry, depth - 1, shared);
                continue;
            }
            if entry.is_folder {
                self.not_read(&entry, "Folders stand too deep in one another here.");
                continue;
            }
            let Some((_, language, _)) = self.parts(&entry) else { continue };
            let Some(file) = self.read(&entry, TemplateRole::Shared, language) else { continue };
            let name = shared_name(&entry.path);
            if let Some(other) = shared.get(&name) {
                let message =
                    format!("{} and {} are both called `{name}`", entry.path.display(), other.path.display());
                self.error(
                    "twice",
                    &entry.path,
                    message,
                    "Rename one: templates name them without their extension.",
                );
            } else {
                shared.insert(name, file);
            }
        }
    }

    fn read(
        &mut self,
        entry: &Entry,
        role: TemplateRole,
        language: Option<Language>,
    ) -> Option<TemplateFile> {
        match self.dir.read(&entry.path, LARGEST) {
            Ok(source) => Some(TemplateFile { path: entry.path.clone(), role, language, source }),
            Err(fault) => {
                let help = "Templates are UTF-8 texts inside the workspace, of at most 1 MiB.";
                self.error("unreadable", &entry.path, fault.to_string(), help);
                None
            }
        }
    }

    fn list(&mut self, path: &Path) -> Vec<Entry> {
        self.dir.list(path).unwrap_or_else(|fault| {
            self.error("unreadable", path, fault.to_string(), &fault.help());
            Vec::new()
        })
    }

    fn error(&mut self, code: &'static str, path: &Path, message: String, help: &str) {
        self.broken = true;
        self.findings.push(Diagnostic::error(code, path, message).help(help));
    }

    fn not_read(&mut self, entry: &Entry, help: &str) {
        let what = if entry.is_folder { "folder" } else { "file" };
        let message = format!("nothing reads this {what}");
        self.findings.push(Diagnostic::warning("not-read", &entry.path, message).help(help));
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `partials/button` of `templates/partials/button.mjml`.
fn shared_name(path: &Path) -> String {
    let below: Vec<_> = path.iter().skip(1).map(|part| part.to_string_lossy()).collect();
    let name = below.join("/");
    name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())
}
