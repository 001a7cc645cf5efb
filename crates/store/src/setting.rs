//! Keys that this installation made for itself.

use crate::{Store, StoreError};

impl Store {
    /// The value of `name`; `fresh` becomes it if there is none yet. Safe against a second process.
    pub async fn setting_init(&self, _name: &str, _fresh: &str) -> Result<String, StoreError> {
        todo!()
    }
}
