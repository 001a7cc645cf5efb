//! Templates and their files, as read from `templates/`.

use std::path::PathBuf;

use crate::ids::TemplateId;
use crate::text::Language;

/// One template: a folder below `templates/`.
#[derive(Debug, Clone)]
pub struct Template {
    /// The name of the folder.
    pub id: TemplateId,
    /// Its files, in the order of their names.
    pub files: Vec<TemplateFile>,
}

/// One template file: `email.mjml`, `email.zh-CN.mjml`, `email.txt`, `post.md`, `webhook.json`.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Path relative to the workspace.
    pub path: PathBuf,
    /// The role of the file.
    pub role: TemplateRole,
    /// The language in the file's name, if any.
    pub language: Option<Language>,
    /// The text of the file: at most 1 MiB of UTF-8.
    pub source: String,
}

/// The role of a template file, from its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateRole {
    /// An e-mail in MJML, `email.mjml`.
    EmailMjml,
    /// An e-mail in HTML, `email.html`.
    EmailHtml,
    /// An e-mail in Markdown, `email.md`.
    EmailMarkdown,
    /// The text part of an e-mail, `email.txt`.
    EmailText,
    /// A post for every network, `post.md`.
    Post,
    /// A post for one kind of network, `<kind>.md` or `<kind>.json`, with the kind's name.
    Kind(String),
    /// A partial or layout, shared by templates.
    Shared,
}
