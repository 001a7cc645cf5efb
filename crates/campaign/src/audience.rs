//! Who: a saved segment of contacts as a tree of rules. `store` compiles it to one parameterised expression.

use std::time::Duration;

use crate::ids::{AudienceId, CampaignId};

/// One audience file.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The file's stem.
    pub id: AudienceId,
    /// What people call it.
    pub title: String,
    /// Who belongs to it. A file without rules is everybody: `Rule::All(vec![])`.
    pub rule: Rule,
}

/// The most rules that an audience may have, groups and those of audiences that it names included.
pub const MOST_RULES: usize = 1_000;

/// The most levels of rules, groups and named audiences in one another.
pub const DEEPEST: usize = 32;

/// One condition on a contact.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Every one holds; holds when empty.
    All(Vec<Rule>),
    /// At least one holds; does not hold when empty.
    Any(Vec<Rule>),
    /// Not one holds.
    None(Vec<Rule>),
    /// A fact about the contact.
    Attribute {
        /// `email`, `phone`, `external_id`, `language`, `timezone`, `created_at`, or any attribute's name.
        name: String,
        /// What must be true of it. A contact without the attribute matches only `Exists(false)` and `IsNot`.
        test: Test,
    },
    /// Something the contact did, as posted to `/api/v1/events`.
    Event {
        /// The event's name, such as `purchase`.
        name: String,
        /// Only events this recent, if set.
        within: Option<Duration>,
        /// At least this many: 1 or more.
        at_least: u32,
    },
    /// What the contact did with a campaign's messages.
    Engagement {
        /// The campaign; `None` is any.
        campaign: Option<CampaignId>,
        /// What they did.
        did: Did,
        /// Only this recent, if set.
        within: Option<Duration>,
    },
    /// Belongs to another audience; cycles are refused when the workspace is loaded.
    Audience(AudienceId),
}

/// A test on one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal to one of these.
    In(Vec<Value>),
    /// Different from all of these, or absent.
    NotIn(Vec<Value>),
    /// Present (true) or absent or empty (false).
    Exists(bool),
    /// The text contains this, ignoring ASCII case.
    Contains(String),
    /// The text starts with this, ignoring ASCII case.
    StartsWith(String),
    /// Less than, for numbers and dates.
    LessThan(Value),
    /// At most.
    AtMost(Value),
    /// More than.
    MoreThan(Value),
    /// At least.
    AtLeast(Value),
}

/// A value in a file, compared with an attribute as its own kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Compared as text.
    Text(String),
    /// Compared as a number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A day, `YYYY-MM-DD`, compared as text with the first ten characters of the attribute.
    Date(String),
}

/// What a person can do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// It was sent to them.
    Sent,
    /// They opened it.
    Opened,
    /// They followed a link of it.
    Clicked,
    /// They did what the campaign is for.
    Converted,
}
