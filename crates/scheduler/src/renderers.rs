//! A cache of renderers: each revision of a step is loaded once and shared by all tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use channel::{Compiled, RenderError, Renderer};
use store::{RevisionId, Store, StoreError};
use tracking::LinkSigner;

/// The number of revisions at which the cache is emptied; they are loaded again when needed.
const MAX_CACHED: usize = 64;

/// The cache of renderers, by revision.
#[derive(Debug, Clone)]
pub(crate) struct Renderers {
    store: Store,
    signer: LinkSigner,
    cache: Arc<Mutex<HashMap<RevisionId, Arc<Renderer>>>>,
}

/// The reason for which a revision cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("read the compiled step of the run: it is not there")]
    Missing,
    #[error("read the compiled step of the run: {0}")]
    Json(#[from] serde_json::Error),
    #[error("read the compiled step of the run: {0}")]
    Render(#[from] RenderError),
}

impl Renderers {
    pub(crate) fn new(store: Store, signer: LinkSigner) -> Self {
        Self { store, signer, cache: Arc::default() }
    }

    /// Returns the renderer of a revision, and loads it where it is not in the cache.
    pub(crate) async fn get(&self, id: RevisionId) -> Result<Arc<Renderer>, LoadError> {
        if let Some(renderer) = self.lock().get(&id) {
            return Ok(Arc::clone(renderer));
        }
        let renderer = Arc::new(self.load(id).await?);
        let mut cache = self.lock();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(id, Arc::clone(&renderer));
        Ok(renderer)
    }

    async fn load(&self, id: RevisionId) -> Result<Renderer, LoadError> {
        let revision = self.store.revision_get(id).await?.ok_or(LoadError::Missing)?;
        let compiled: Compiled = serde_json::from_str(&revision.compiled)?;
        Ok(Renderer::new(&compiled, &self.signer.prefixes(&revision.links))?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RevisionId, Arc<Renderer>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
