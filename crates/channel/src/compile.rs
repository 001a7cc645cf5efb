//! A step of a campaign as templates in which only the contact is still open: done once per revision.

use campaign::{Campaign, Diagnostic, Step, Workspace};

/// A step, compiled: constants filled in, MJML turned to HTML, CSS inlined, links found, per language.
/// Serialises to JSON, so that a run says the same on every machine and after every edit of the files.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Compiled {
    /// The destinations in it, by position: http or https, UTM parameters added unless there were some.
    pub links: Vec<String>,
}

/// Compiles one step and renders it for made-up contacts, so that what is wrong is found before anything runs.
///
/// # Errors
/// The findings, of which at least one is an error.
pub fn compile(
    _workspace: &Workspace,
    _campaign: &Campaign,
    _step: &Step,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    todo!()
}

impl Compiled {
    /// SHA-256 of its JSON, in hexadecimal: the same step compiled twice has the same.
    #[must_use]
    pub fn hash(&self) -> String {
        todo!()
    }
}
