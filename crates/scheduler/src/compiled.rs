//! A cache of compiled steps, so that a step that is checked, measured and sent is compiled once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use campaign::{Campaign, Step, Workspace};
use channel::Compiled;
use source::Diagnostics;

use crate::Loaded;
use crate::fire_error::{CompileError, FireError};

/// The number of compiled steps in the cache: enough for one command, not for a whole workspace.
const MAX_CACHED: usize = 16;

/// A compiled step, with the files that it was compiled from.
struct CachedStep {
    files: Weak<(Workspace, Diagnostics)>,
    campaign: String,
    step: String,
    compiled: Arc<Compiled>,
}

static CACHE: Mutex<VecDeque<CachedStep>> = Mutex::new(VecDeque::new());

/// Compiles a step, or takes it from the cache where it was compiled from the same files.
///
/// # Errors
/// The step does not compile.
pub(crate) async fn compiled(
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
) -> Result<Arc<Compiled>, FireError> {
    if let Some(cached) = cached(loaded, campaign, step) {
        return Ok(cached);
    }
    let compiled = Arc::new(compile(loaded, campaign.clone(), step.clone()).await?);
    cache(loaded, campaign.id.as_str(), step.id.as_str(), Arc::clone(&compiled));
    Ok(compiled)
}

/// Adds a step to the cache that was compiled while the files were read.
pub fn cache_compiled(loaded: &Loaded, campaign: &str, step: &str, compiled: Compiled) {
    cache(loaded, campaign, step, Arc::new(compiled));
}

/// Compiles a step that may have another name than in the files.
///
/// # Errors
/// The step does not compile.
pub(crate) async fn compile(loaded: &Loaded, campaign: Campaign, step: Step) -> Result<Compiled, FireError> {
    let files = Arc::clone(loaded);
    let compiled = run_blocking(move || channel::compile(&files.0, &campaign, &step)).await?;
    compiled.map(|(compiled, _)| compiled).map_err(|findings| CompileError::Findings(findings).into())
}

/// Runs CPU-bound work, such as rendering templates, off the reactor.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FireError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(CompileError::Task)?)
}

fn cached(loaded: &Loaded, campaign: &Campaign, step: &Step) -> Option<Arc<Compiled>> {
    let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |entry: &&CachedStep| {
        std::ptr::eq(entry.files.as_ptr(), Arc::as_ptr(loaded))
            && entry.campaign == campaign.id.as_str()
            && entry.step == step.id.as_str()
    };
    cache.iter().find(is_same).map(|entry| Arc::clone(&entry.compiled))
}

fn cache(loaded: &Loaded, campaign: &str, step: &str, compiled: Arc<Compiled>) {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    // A weak reference keeps the address of its files from being reused.
    cache.retain(|entry| entry.files.strong_count() > 0);
    cache.truncate(MAX_CACHED - 1);
    cache.push_front(CachedStep {
        files: Arc::downgrade(loaded),
        campaign: campaign.to_owned(),
        step: step.to_owned(),
        compiled,
    });
}
