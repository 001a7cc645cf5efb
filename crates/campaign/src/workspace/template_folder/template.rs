//! What a folder of templates holds.

use std::path::PathBuf;

use crate::ids::TemplateId;
use crate::text::Language;

/// One folder below `templates/`.
#[derive(Debug, Clone)]
pub struct Template {
    /// The folder's name.
    pub id: TemplateId,
    /// Its files, in the order of their names.
    pub files: Vec<TemplateFile>,
}

/// One template file: `email.mjml`, `email.zh-CN.mjml`, `email.txt`, `post.md`, `webhook.json`.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Relative to the workspace.
    pub path: PathBuf,
    /// What it is for.
    pub role: TemplateRole,
    /// The language in its name, if any.
    pub language: Option<Language>,
    /// Its text: at most 1 MiB of UTF-8.
    pub source: String,
}

/// What a template file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateRole {
    /// `email.mjml`
    EmailMjml,
    /// `email.html`
    EmailHtml,
    /// `email.md`
    EmailMarkdown,
    /// `email.txt`
    EmailText,
    /// `post.md`: every social and IM channel.
    Post,
    /// `<kind>.<ext>`: one kind's own; the kind's name.
    Kind(String),
    /// A partial or layout.
    Shared,
}
