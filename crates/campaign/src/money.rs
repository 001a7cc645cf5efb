//! Amounts of money: whole millionths of a currency unit, so that sums are exact.

use std::fmt;

/// Millionths of one unit of some currency.
pub type Micros = i64;

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Takes three capital ASCII letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())).then(|| Self(text.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one message on a channel costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Millionths of `currency` for each message sent.
    pub per_message: Micros,
    /// The unit.
    pub currency: Currency,
}
