//! The names that files give to things: lower-case words joined by hyphens.

use std::fmt;

/// Makes a newtype over a checked slug: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit.
macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes `text` if it is 1 to 64 of `a-z`, `0-9`, `-` and `_`, and starts with a letter or digit.
            ///
            /// # Errors
            /// [`BadName`] says what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The name as it stands in the file.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

slug!(
    /// A campaign: the stem of its file.
    CampaignId
);
slug!(
    /// A step within its campaign.
    StepId
);
slug!(
    /// A channel: its key under `[channels]`.
    ChannelId
);
slug!(
    /// An audience: the stem of its file.
    AudienceId
);
slug!(
    /// A template: the name of its folder.
    TemplateId
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

fn check(text: &str) -> Result<(), BadName> {
    if text.is_empty() {
        return Err(BadName::Empty);
    }
    if text.len() > 64 {
        return Err(BadName::TooLong(text.len()));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bad = text.char_indices().find(|&(i, c)| !(fits(c) || i > 0 && (c == '-' || c == '_')));
    bad.map_or(Ok(()), |(_, c)| Err(BadName::BadCharacter(c)))
}
