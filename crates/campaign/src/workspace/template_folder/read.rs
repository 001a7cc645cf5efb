//! Reads `templates/` and derives the role of each file from its name.

use std::collections::BTreeMap;
use std::path::Path;

use source::{ConfinedDir, Diagnostic, Diagnostics, Entry, nearest};

use crate::ids::TemplateId;
use crate::network::{NETWORKS, Network};
use crate::text::Language;
use crate::workspace::definitions::Registry;
use crate::workspace::{Template, TemplateFile, TemplateRole};

/// Maximum size of a template file, in MiB.
const MAX_TEMPLATE_MIB: u64 = 1;

/// Maximum depth of folders below `partials` and `layouts`.
const MAX_SHARED_DEPTH: usize = 4;

/// Folders shared by all templates.
const SHARED_FOLDERS: [&str; 2] = ["partials", "layouts"];

/// File extensions of templates.
const EXTENSIONS: [&str; 5] = ["mjml", "html", "md", "txt", "json"];

/// Reads the templates and reports what is wrong with them.
pub(crate) struct TemplateReader<'a> {
    pub(crate) dir: &'a ConfinedDir,
    pub(crate) findings: &'a mut Diagnostics,
    /// True once the template being read has an error.
    pub(crate) has_errors: bool,
}

impl TemplateReader<'_> {
    /// Reads every folder below `templates/`, and the files of `partials` and `layouts` by name.
    pub(crate) fn templates(&mut self) -> (Registry<Template>, BTreeMap<String, TemplateFile>) {
        let mut templates = Registry::new();
        let mut shared = BTreeMap::new();
        for entry in self.list(Path::new("templates")) {
            if !entry.is_folder {
                self.warn_not_read(
                    &entry,
                    "Templates are folders: move it into one, such as templates/newsletter/email.mjml.",
                );
            } else if SHARED_FOLDERS.contains(&entry.name.as_str()) {
                self.shared(&entry, MAX_SHARED_DEPTH, &mut shared);
            } else {
                let template = self.template(&entry);
                templates.insert(entry.name, template);
            }
        }
        (templates, shared)
    }

    /// Reads one folder; `None` if something in it cannot be used.
    fn template(&mut self, folder: &Entry) -> Option<Template> {
        self.has_errors = false;
        let id = TemplateId::parse(&folder.name);
        if let Err(error) = &id {
            let help = "Call the folder something like `newsletter`.";
            self.error("bad-name", &folder.path, format!("this folder's name: {error}"), help);
        }
        let mut files = Vec::new();
        for entry in self.list(&folder.path) {
            if entry.is_folder {
                self.warn_not_read(&entry, "Parts shared by templates belong in templates/partials.");
            } else if let Some((role, language)) = self.role(&entry) {
                files.extend(self.read(&entry, role, language));
            }
        }
        self.refuse_duplicate_bodies(&files);
        let template = Template { id: id.ok()?, files };
        (!self.has_errors).then_some(template)
    }

    /// Reports two bodies for the same purpose in the same language, because the choice would be
    /// ambiguous.
    fn refuse_duplicate_bodies(&mut self, files: &[TemplateFile]) {
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
                let (name, other) = (name_of(&file.path), name_of(&other.path));
                let message = format!("{name} has the same purpose as {other}");
                self.error("twice", &file.path, message, "Keep one of them.");
            }
        }
    }

    /// Derives the role and language of a file from its name: `email.zh-CN.mjml` is a purpose, a
    /// language and an extension.
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
                self.warn_not_read(entry, &help);
                return None;
            }
        };
        Some((role, language))
    }

    /// Splits a file's name into purpose, language and extension.
    fn parts(&mut self, entry: &Entry) -> Option<(String, Option<Language>, String)> {
        let (stem, extension) = entry.name.rsplit_once('.').unwrap_or((&entry.name, ""));
        if !EXTENSIONS.contains(&extension) {
            self.warn_not_read(
                entry,
                "Templates are .mjml, .html, .md, .txt or .json; pictures belong in images/.",
            );
            return None;
        }
        let Some((purpose, tag)) = stem.split_once('.') else {
            return Some((stem.to_owned(), None, extension.to_owned()));
        };
        match Language::parse(tag) {
            Ok(language) => Some((purpose.to_owned(), Some(language), extension.to_owned())),
            Err(error) => {
                let help =
                    format!("Call it {purpose}.{extension}, or {purpose}.zh-CN.{extension} for a language.");
                self.error("bad-language", &entry.path, format!("this file's name: {error}"), &help);
                None
            }
        }
    }

    /// Adds the files of a shared folder and its subfolders to `shared`, under their path without
    /// extension.
    fn shared(&mut self, folder: &Entry, depth: usize, shared: &mut BTreeMap<String, TemplateFile>) {
        for entry in self.list(&folder.path) {
            if entry.is_folder && depth > 0 {
                self.shared(&entry, depth - 1, shared);
                continue;
            }
            if entry.is_folder {
                self.warn_not_read(&entry, "Folders are nested too deep here.");
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
        match self.dir.read(&entry.path, MAX_TEMPLATE_MIB) {
            Ok(source) => Some(TemplateFile { path: entry.path.clone(), role, language, source }),
            Err(error) => {
                let help = "Templates are UTF-8 texts inside the workspace, of at most 1 MiB.";
                self.error("unreadable", &entry.path, error.to_string(), help);
                None
            }
        }
    }

    fn list(&mut self, path: &Path) -> Vec<Entry> {
        self.dir.list(path).unwrap_or_else(|error| {
            self.error("unreadable", path, error.to_string(), &error.help());
            Vec::new()
        })
    }

    fn error(&mut self, code: &'static str, path: &Path, message: String, help: &str) {
        self.has_errors = true;
        self.findings.push(Diagnostic::error(code, path, message).help(help));
    }

    fn warn_not_read(&mut self, entry: &Entry, help: &str) {
        let kind = if entry.is_folder { "folder" } else { "file" };
        let message = format!("this {kind} is not read");
        self.findings.push(Diagnostic::warning("not-read", &entry.path, message).help(help));
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns the name of a shared file: `partials/button` for `templates/partials/button.mjml`.
fn shared_name(path: &Path) -> String {
    let below: Vec<_> = path.iter().skip(1).map(|part| part.to_string_lossy()).collect();
    let name = below.join("/");
    name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())
}
