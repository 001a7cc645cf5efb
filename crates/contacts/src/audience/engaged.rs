//! The kinds of engagement of a contact with a campaign, as rows number them.

use campaign::audience::Did;

/// A kind of engagement, as `engagement.kind` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engaged {
    /// Got a message.
    Sent,
    /// Opened one.
    Opened,
    /// Clicked in one.
    Clicked,
    /// Did what a goal asks for.
    Converted,
}

impl From<Did> for Engaged {
    fn from(did: Did) -> Self {
        match did {
            Did::Sent => Self::Sent,
            Did::Opened => Self::Opened,
            Did::Clicked => Self::Clicked,
            Did::Converted => Self::Converted,
        }
    }
}

impl Engaged {
    /// `engagement.kind`.
    #[must_use]
    pub fn kind(self) -> i64 {
        match self {
            Self::Sent => 1,
            Self::Opened => 2,
            Self::Clicked => 3,
            Self::Converted => 4,
        }
    }

    /// The column of `deliveries` that says when.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Sent => "sent_at",
            Self::Opened => "opened_at",
            Self::Clicked => "clicked_at",
            Self::Converted => "converted_at",
        }
    }
}
