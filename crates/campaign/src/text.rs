//! Addresses and languages as types that cannot be wrong.

use std::fmt;

/// One e-mail address in its normal form: lower case, the domain in ASCII (A-labels), at most 254 bytes,
/// without control characters, spaces or comments (RFC 5321 §4.1.2, RFC 5322 §3.4.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name with an address: `Harbour Coffee <news@harbour.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name people see, if one is given; no control characters.
    pub name: Option<String>,
    /// Where it goes.
    pub address: EmailAddress,
}

/// A BCP 47 tag such as `en` or `zh-CN`, in its usual case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
