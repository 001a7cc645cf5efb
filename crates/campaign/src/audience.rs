//! Audiences: saved segments of contacts as trees of rules. `contacts` compiles them to one
//! parameterised SQL expression.

use std::time::Duration;

use crate::ids::{AudienceId, CampaignId};

/// One audience file, read and checked.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The stem of the file's name.
    pub id: AudienceId,
    /// The display name of the audience.
    pub title: String,
    /// The rule that members fulfil. A file without rules means every contact: `Rule::All(vec![])`.
    pub rule: Rule,
}

/// Maximum number of rules of an audience, groups and the rules of audiences that it names
/// included.
pub const MAX_AUDIENCE_RULES: usize = 1_000;

/// Maximum nesting depth of rules, groups and named audiences.
pub const MAX_AUDIENCE_DEPTH: usize = 32;

/// One condition on a contact.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// All of the rules hold; holds when empty.
    All(Vec<Rule>),
    /// At least one rule holds; does not hold when empty.
    Any(Vec<Rule>),
    /// None of the rules holds; holds when empty.
    None(Vec<Rule>),
    /// A test on an attribute of the contact.
    Attribute {
        /// `email`, `phone`, `external_id`, `language`, `timezone`, `created_at`, or any
        /// attribute's name.
        name: String,
        /// The test on its value. A contact without the attribute matches only `Exists(false)` and
        /// `NotIn`.
        test: Test,
    },
    /// An event of the contact, as posted to `/api/v1/events`.
    Event {
        /// The event's name, such as `purchase`.
        name: String,
        /// Maximum age of events that count, if set.
        within: Option<Duration>,
        /// Minimum number of events: 1 or more.
        at_least: u32,
    },
    /// An engagement of the contact with a campaign's messages.
    Engagement {
        /// The campaign; `None` means any campaign.
        campaign: Option<CampaignId>,
        /// The kind of engagement.
        did: MessageEvent,
        /// Maximum age of the engagement, if set.
        within: Option<Duration>,
    },
    /// Membership in another audience; cycles are refused when the workspace is loaded.
    Audience(AudienceId),
}

/// A test on one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The value equals one of these.
    In(Vec<Value>),
    /// The value differs from all of these, or the attribute is absent.
    NotIn(Vec<Value>),
    /// The attribute is present (true), or absent or empty (false).
    Exists(bool),
    /// The text contains this, ignoring ASCII case.
    Contains(String),
    /// The text starts with this, ignoring ASCII case.
    StartsWith(String),
    /// The number or date is less than this.
    LessThan(Value),
    /// The number or date is at most this.
    AtMost(Value),
    /// The number or date is more than this.
    MoreThan(Value),
    /// The number or date is at least this.
    AtLeast(Value),
}

/// A value in a file, compared with an attribute according to its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, compared as text.
    Text(String),
    /// A number, compared as a number.
    Number(f64),
    /// A boolean, compared as a boolean.
    Boolean(bool),
    /// A day, `YYYY-MM-DD`, compared as text with the first ten characters of the attribute.
    Date(String),
}

/// A kind of engagement of a contact with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Did")]
pub enum MessageEvent {
    /// A message was sent to the contact.
    Sent,
    /// The contact opened a message.
    Opened,
    /// The contact followed a link of a message.
    Clicked,
    /// The contact reached the campaign's goal.
    Converted,
}
