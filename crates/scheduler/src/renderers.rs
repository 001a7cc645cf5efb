//! Compiled steps, ready to render: loaded once per revision and shared by all tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use channel::{Compiled, RenderError, Renderer};
use store::{RevisionId, Store, StoreError};
use tracking::Signer;

/// How many revisions are kept at once; the rest are loaded again when needed.
const KEPT: usize = 64;

/// Renderers by revision.
#[derive(Debug, Clone)]
pub(crate) struct Renderers {
    store: Store,
    signer: Signer,
    loaded: Arc<Mutex<HashMap<RevisionId, Arc<Renderer>>>>,
}

/// Why a revision cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("read what the run says: it is not there")]
    Missing,
    #[error("read what the run says: {0}")]
    Json(#[from] serde_json::Error),
    #[error("read what the run says: {0}")]
    Render(#[from] RenderError),
}

impl Renderers {
    pub(crate) fn new(store: Store, signer: Signer) -> Self {
        Self { store, signer, loaded: Arc::default() }
    }

    /// The renderer of a revision.
    pub(crate) async fn get(&self, id: RevisionId) -> Result<Arc<Renderer>, LoadError> {
        if let Some(renderer) = self.lock().get(&id) {
            return Ok(Arc::clone(renderer));
        }
        let renderer = Arc::new(self.load(id).await?);
        let mut loaded = self.lock();
        if loaded.len() >= KEPT {
            loaded.clear();
        }
        loaded.insert(id, Arc::clone(&renderer));
        Ok(renderer)
    }

    async fn load(&self, id: RevisionId) -> Result<Renderer, LoadError> {
        let revision = self.store.revision_get(id).await?.ok_or(LoadError::Missing)?;
        let compiled: Compiled = serde_json::from_str(&revision.compiled)?;
        Ok(Renderer::new(&compiled, &self.signer.starts(&revision.links))?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RevisionId, Arc<Renderer>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
