//! The compilation of a step, once per revision, into texts that depend on nothing but the contact.

mod evaluate;
mod files;
mod finding;
mod html_to_text;
mod html_tokenizer;
mod inspect;
mod job;
mod link;
mod mail;
mod markdown;
mod mjml;
mod placeholder;
mod post;
mod sample_render;
mod scope;
mod split;
mod step;
mod syntax;

use std::panic::{AssertUnwindSafe, catch_unwind};

use campaign::{Campaign, Step, Workspace};
use source::{Diagnostic, Severity};

use crate::compiled::Compiled;
use crate::large_stack;
pub use finding::{Place, Source};
pub(crate) use html_to_text::html_to_text;
pub use job::Cache;
pub(crate) use placeholder::Placeholders;
pub use scope::in_language;

/// Compiles one step, and renders it for made-up contacts to find mistakes before a run starts.
/// Returns the compiled step with its warnings.
///
/// # Errors
/// The findings, of which at least one is an error.
pub fn compile(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    let work = || compile_with(workspace, campaign, step, &Cache::default());
    large_stack::run(work).unwrap_or_else(|| Err(vec![compiler_failure(campaign, step)]))
}

/// Compiles one step in the calling thread, which needs a stack as large as that of
/// [`large_stack::run`]. Uses the templates in `cache` that other steps have parsed.
///
/// # Errors
/// The same as [`compile`].
pub fn compile_with(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    cache: &Cache,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    tracing::debug!(campaign = %campaign.id, step = %step.id, "step compiled");
    let work = AssertUnwindSafe(|| step::compile(workspace, campaign, step, cache));
    catch_unwind(work).unwrap_or_else(|_| Err(vec![compiler_failure(campaign, step)]))
}

/// Returns the finding for a step on which the compiler itself failed.
#[must_use]
pub fn compiler_failure(campaign: &Campaign, step: &Step) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "template-failed",
        message: format!("the templates of step `{}` cannot be compiled", step.id),
        file: campaign.file.clone(),
        span: None,
        help: Some("simplify them until they compile, and report this as a bug".to_owned()),
    }
}
