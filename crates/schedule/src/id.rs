//! Ids: the names that files give to things.

/// Defines the id of a kind of thing: a newtype over a checked text of 1 to 64 of `a-z`, `0-9`, `-` and `_`, whose
/// first character is a letter or digit.
///
/// [`StepId`](crate::StepId) is defined here, because a schedule may follow another step; `campaign` defines the
/// others.
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes `text` if it is 1 to 64 of `a-z`, `0-9`, `-` and `_`, and starts with a letter or digit.
            ///
            /// # Errors
            /// [`BadName`]($crate::BadName) says what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, $crate::BadName> {
                $crate::BadName::check(text).map(|()| Self(text.to_owned()))
            }

            /// The name as it stands in the file.
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
    /// A step within its campaign.
    StepId
);

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing there.
    #[error("a name may not be empty")]
    Empty,
    /// More than 64 bytes.
    #[error("a name has at most 64 characters, this one has {0}")]
    TooLong(usize),
    /// A character that a name may not have, or not there.
    #[error(
        "a name is lower-case letters, digits, `-` and `_`, and starts with a letter or digit; `{0}` does not fit"
    )]
    BadCharacter(char),
}

impl BadName {
    /// Checks that `text` can be a name, for the types that [`id`](crate::id) defines.
    ///
    /// # Errors
    /// [`BadName`] says what is wrong with the text.
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
