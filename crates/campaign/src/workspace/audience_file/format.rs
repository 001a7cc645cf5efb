//! The format of an audience file, for serde and for the JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;
use source::{Field, Scalar};

use crate::audience::MessageEvent;

/// An audience, by one of all, any and none; without any of them it is every contact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceFile {
    /// The display name of the audience.
    pub(crate) title: Field<String>,
    /// Every one of these holds.
    #[serde(default)]
    pub(crate) all: Field<Vec<Field<RuleFile>>>,
    /// At least one of these holds.
    #[serde(default)]
    pub(crate) any: Field<Vec<Field<RuleFile>>>,
    /// Not one of these holds.
    #[serde(default)]
    pub(crate) none: Field<Vec<Field<RuleFile>>>,
}

/// One condition: a group, or something about an attribute, an event, a campaign or another
/// audience.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    /// A group: every one of these holds.
    #[serde(default)]
    pub(crate) all: Field<Vec<Field<RuleFile>>>,
    /// A group: at least one of these holds.
    #[serde(default)]
    pub(crate) any: Field<Vec<Field<RuleFile>>>,
    /// A group: not one of these holds.
    #[serde(default)]
    pub(crate) none: Field<Vec<Field<RuleFile>>>,
    /// An attribute of the contact, such as city.
    #[serde(default)]
    pub(crate) attribute: Field<String>,
    /// attribute: equal to one of these.
    #[serde(default)]
    pub(crate) r#in: Field<Vec<Field<Scalar>>>,
    /// attribute: equal to this.
    #[serde(default)]
    pub(crate) is: Field<Scalar>,
    /// attribute: different from this, or unknown.
    #[serde(default)]
    pub(crate) is_not: Field<Scalar>,
    /// attribute: different from all of these, or unknown.
    #[serde(default)]
    pub(crate) not_in: Field<Vec<Field<Scalar>>>,
    /// attribute: known (true) or unknown (false).
    #[serde(default)]
    pub(crate) exists: Field<bool>,
    /// attribute: the text contains this.
    #[serde(default)]
    pub(crate) contains: Field<String>,
    /// attribute: the text starts with this.
    #[serde(default)]
    pub(crate) starts_with: Field<String>,
    /// attribute: less than this number, or earlier than this date.
    #[serde(default)]
    pub(crate) less_than: Field<Scalar>,
    /// attribute: this number or date, or less.
    #[serde(default)]
    pub(crate) at_most: Field<Scalar>,
    /// attribute: more than this number, or later than this date.
    #[serde(default)]
    pub(crate) more_than: Field<Scalar>,
    /// attribute: this number or date, or more. event: at least this many times.
    #[serde(default)]
    pub(crate) at_least: Field<Scalar>,
    /// attribute: earlier than this date.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) before: Field<Scalar>,
    /// attribute: later than this date.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(crate) after: Field<Scalar>,
    /// An event of the contact, such as purchase.
    #[serde(default)]
    pub(crate) event: Field<String>,
    /// event, did: at most this long ago, such as 365d.
    #[serde(default)]
    pub(crate) within: Field<String>,
    /// did: the campaign whose messages count; any if not given.
    #[serde(default)]
    pub(crate) campaign: Field<String>,
    /// An engagement of the contact with messages.
    #[serde(default)]
    pub(crate) did: Field<MessageEvent>,
    /// Membership in this other audience.
    #[serde(default)]
    pub(crate) audience: Field<String>,
}
