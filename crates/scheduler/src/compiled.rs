//! Steps as they were compiled last, so that one that is looked at, measured and sent is compiled once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use campaign::{Campaign, Step, Workspace};
use channel::Compiled;
use source::Diagnostics;

use crate::Loaded;
use crate::fire_error::{CompileError, FireError};

/// The number of compiled steps that are kept: those of one action, not all of a workspace.
const KEPT: usize = 16;

/// A step of certain files, compiled.
struct Kept {
    files: Weak<(Workspace, Diagnostics)>,
    campaign: String,
    step: String,
    compiled: Arc<Compiled>,
}

static CACHE: Mutex<VecDeque<Kept>> = Mutex::new(VecDeque::new());

/// A step, compiled as the files say it; once for the same files while it is among the last few.
///
/// # Errors
/// The step does not compile.
pub(crate) async fn compiled(
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
) -> Result<Arc<Compiled>, FireError> {
    if let Some(known) = known(loaded, campaign, step) {
        return Ok(known);
    }
    let compiled = Arc::new(compile(loaded, campaign.clone(), step.clone()).await?);
    keep(loaded, campaign.id.as_str(), step.id.as_str(), Arc::clone(&compiled));
    Ok(compiled)
}

/// Takes over a step that was compiled while the files were read.
pub fn keep_compiled(loaded: &Loaded, campaign: &str, step: &str, compiled: Compiled) {
    keep(loaded, campaign, step, Arc::new(compiled));
}

/// Compiles a step that may stand under another name than in the files.
///
/// # Errors
/// The step does not compile.
pub(crate) async fn compile(loaded: &Loaded, campaign: Campaign, step: Step) -> Result<Compiled, FireError> {
    let files = Arc::clone(loaded);
    let compiled = off(move || channel::compile(&files.0, &campaign, &step)).await?;
    compiled.map(|(compiled, _)| compiled).map_err(|findings| CompileError::Findings(findings).into())
}

/// Runs work for a processor, such as templates, off the reactor.
pub(crate) async fn off<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FireError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(CompileError::Task)?)
}

fn known(loaded: &Loaded, campaign: &Campaign, step: &Step) -> Option<Arc<Compiled>> {
    let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_it = |kept: &&Kept| {
        std::ptr::eq(kept.files.as_ptr(), Arc::as_ptr(loaded))
            && kept.campaign == campaign.id.as_str()
            && kept.step == step.id.as_str()
    };
    cache.iter().find(is_it).map(|kept| Arc::clone(&kept.compiled))
}

fn keep(loaded: &Loaded, campaign: &str, step: &str, compiled: Arc<Compiled>) {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    // A weak reference keeps the address of its files from being given to others.
    cache.retain(|kept| kept.files.strong_count() > 0);
    cache.truncate(KEPT - 1);
    cache.push_front(Kept {
        files: Arc::downgrade(loaded),
        campaign: campaign.to_owned(),
        step: step.to_owned(),
        compiled,
    });
}
