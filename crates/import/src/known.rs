//! The columns with a meaning of their own, and the limits of a header.

/// The largest number of columns.
pub(crate) const MAX_COLUMNS: usize = 256;

/// The longest name of an attribute, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// A column that has a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
    /// The sender's own id of the contact.
    ExternalId,
    /// The language.
    Language,
    /// The time zone.
    Timezone,
    /// The answer to the question for consent.
    Consent,
    /// The place where the contact consented.
    ConsentSource,
    /// The time at which the contact consented.
    ConsentTime,
}

impl Known {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Email,
        Self::Phone,
        Self::ExternalId,
        Self::Language,
        Self::Timezone,
        Self::Consent,
        Self::ConsentSource,
        Self::ConsentTime,
    ];

    /// Returns the name of the column in files, such as `external_id`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::ExternalId => "external_id",
            Self::Language => "language",
            Self::Timezone => "timezone",
            Self::Consent => "consent",
            Self::ConsentSource => "consent_source",
            Self::ConsentTime => "consent_time",
        }
    }
}
