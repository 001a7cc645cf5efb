//! Ids: the checked names of steps, campaigns and other entries in files.

/// Defines an id type: a newtype over a checked text of 1 to 64 of `a-z`, `0-9`, `-` and `_`, whose
/// first character is a letter or digit.
///
/// [`StepId`](crate::StepId) is defined here, because a schedule may follow another step;
/// `campaign` defines the others.
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Accepts `text` if it is 1 to 64 of `a-z`, `0-9`, `-` and `_`, and starts with a
            /// letter or digit.
            ///
            /// # Errors
            /// [`BadName`]($crate::BadName) with the rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, $crate::BadName> {
                $crate::BadName::check(text).map(|()| Self(text.to_owned()))
            }

            /// Returns the name as written in the file.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// The id of a step, unique within its campaign.
    StepId
);

/// Error for a text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text is empty.
    #[error("a name may not be empty")]
    Empty,
    /// The text has more than 64 bytes.
    #[error("a name has at most 64 characters, this one has {0}")]
    TooLong(usize),
    /// The text has a character that is not allowed, or not allowed at the start.
    #[error(
        "a name is lower-case letters, digits, `-` and `_`, and starts with a letter or digit; `{0}` does not fit"
    )]
    BadCharacter(char),
}

impl BadName {
    /// Checks that `text` can be an id, for the types that [`id`](crate::id) defines.
    ///
    /// # Errors
    /// [`BadName`] with the rule that the text breaks.
    pub fn check(text: &str) -> Result<(), Self> {
        if text.is_empty() {
            return Err(Self::Empty);
        }
        if text.len() > 64 {
            return Err(Self::TooLong(text.len()));
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bad = text.char_indices().find(|&(i, c)| !(fits(c) || i > 0 && (c == '-' || c == '_')));
        bad.map_or(Ok(()), |(_, c)| Err(Self::BadCharacter(c)))
    }
}
