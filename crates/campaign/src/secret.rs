//! Secrets: values that are redacted wherever they could be printed.

use std::fmt;

/// A text that a log, an error, a template or an export never shows. `${NAME}` in a secret field is
/// read from the environment when the workspace is loaded.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Resolved);

#[derive(Clone, PartialEq, Eq)]
enum Resolved {
    Value(String),
    Missing(String),
}

impl Secret {
    /// Creates a secret with a known value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(Resolved::Value(value.into()))
    }

    /// Creates a secret that needs the environment variable `name`, which is not set.
    #[must_use]
    pub fn missing(name: impl Into<String>) -> Self {
        Self(Resolved::Missing(name.into()))
    }

    /// Returns the secret value itself.
    ///
    /// # Errors
    /// [`MissingVariable`] if the secret needs an environment variable that is not set.
    pub fn expose(&self) -> Result<&str, MissingVariable> {
        match &self.0 {
            Resolved::Value(value) => Ok(value),
            Resolved::Missing(name) => Err(MissingVariable(name.clone())),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The error that an environment variable, named here, is needed by a secret but not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingVariable(pub String);
