//! A step of a campaign as texts in which only the contact is still open: done once per revision.

mod evaluate;
mod files;
mod finding;
mod hole;
mod inspect;
mod job;
mod link;
mod mail;
mod markdown;
mod markup;
mod mjml;
mod plain;
mod post;
mod proof;
mod scope;
mod split;
mod step;
mod syntax;

use std::panic::{AssertUnwindSafe, catch_unwind};

use campaign::{Campaign, Step, Workspace};
use source::{Diagnostic, Severity};

use crate::compiled::Compiled;
use crate::stack;
pub use finding::{Place, Source};
pub(crate) use hole::Holes;
pub use job::Cache;
pub(crate) use plain::from_html;
pub use scope::in_language;

/// Compiles one step and renders it for made-up contacts, so that what is wrong is found before anything runs.
///
/// # Errors
/// The findings, of which at least one is an error.
pub fn compile(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    let work = || compile_with(workspace, campaign, step, &Cache::default());
    stack::with_large(work).unwrap_or_else(|| Err(vec![uncompilable(campaign, step)]))
}

/// The same with what other steps have parsed, in a thread of [`stack::with_large`].
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    cache: &Cache,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    tracing::debug!(campaign = %campaign.id, step = %step.id, "step compiled");
    let work = AssertUnwindSafe(|| step::compile(workspace, campaign, step, cache));
    catch_unwind(work).unwrap_or_else(|_| Err(vec![uncompilable(campaign, step)]))
}

/// Returns the finding about a step at which the compiler itself failed.
#[must_use]
pub fn uncompilable(campaign: &Campaign, step: &Step) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "template-failed",
        message: format!("the templates of step `{}` cannot be compiled", step.id),
        file: campaign.file.clone(),
        span: None,
        help: Some("simplify them until it can, and report what could not".to_owned()),
    }
}
