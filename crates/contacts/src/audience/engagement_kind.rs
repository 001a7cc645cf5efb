//! Kinds of engagement of a contact with a campaign, and the numbers that stand for them in rows.

use campaign::audience::MessageEvent;

/// A kind of engagement of a contact with a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngagementKind {
    /// The contact was sent a message.
    Sent,
    /// The contact opened a message.
    Opened,
    /// The contact clicked a link in a message.
    Clicked,
    /// The contact reached the campaign's goal.
    Converted,
}

impl From<MessageEvent> for EngagementKind {
    fn from(did: MessageEvent) -> Self {
        match did {
            MessageEvent::Sent => Self::Sent,
            MessageEvent::Opened => Self::Opened,
            MessageEvent::Clicked => Self::Clicked,
            MessageEvent::Converted => Self::Converted,
        }
    }
}

impl EngagementKind {
    /// Returns the number of the kind in `engagement.kind`.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Sent => 1,
            Self::Opened => 2,
            Self::Clicked => 3,
            Self::Converted => 4,
        }
    }

    /// Returns the column of `deliveries` that holds the time of the engagement.
    #[must_use]
    pub fn delivery_column(self) -> &'static str {
        match self {
            Self::Sent => "sent_at",
            Self::Opened => "opened_at",
            Self::Clicked => "clicked_at",
            Self::Converted => "converted_at",
        }
    }
}
