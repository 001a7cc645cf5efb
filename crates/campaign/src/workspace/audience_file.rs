//! An audience file as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::audience::Did;
use crate::file::{Field, Scalar};

/// Who belongs to it. One of all, any and none; without any of them it is everybody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceFile {
    /// What people call it.
    pub(super) title: Field<String>,
    /// Every one of these holds.
    #[serde(default)]
    pub(super) all: Field<Vec<Field<RuleFile>>>,
    /// At least one of these holds.
    #[serde(default)]
    pub(super) any: Field<Vec<Field<RuleFile>>>,
    /// Not one of these holds.
    #[serde(default)]
    pub(super) none: Field<Vec<Field<RuleFile>>>,
}

/// One condition: a group, or something about an attribute, an event, a campaign or another audience.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// A group: every one of these holds.
    #[serde(default)]
    pub(super) all: Field<Vec<Field<RuleFile>>>,
    /// A group: at least one of these holds.
    #[serde(default)]
    pub(super) any: Field<Vec<Field<RuleFile>>>,
    /// A group: not one of these holds.
    #[serde(default)]
    pub(super) none: Field<Vec<Field<RuleFile>>>,
    /// A fact about the contact, such as city.
    #[serde(default)]
    pub(super) attribute: Field<String>,
    /// attribute: equal to one of these.
    #[serde(default)]
    pub(super) r#in: Field<Vec<Field<Scalar>>>,
    /// attribute: equal to this.
    #[serde(default)]
    pub(super) is: Field<Scalar>,
    /// attribute: different from this, or not known.
    #[serde(default)]
    pub(super) is_not: Field<Scalar>,
    /// attribute: different from all of these, or not known.
    #[serde(default)]
    pub(super) not_in: Field<Vec<Field<Scalar>>>,
    /// attribute: known (true) or not (false).
    #[serde(default)]
    pub(super) exists: Field<bool>,
    /// attribute: the text contains this.
    #[serde(default)]
    pub(super) contains: Field<String>,
    /// attribute: the text starts with this.
    #[serde(default)]
    pub(super) starts_with: Field<String>,
    /// attribute: less than this number, or earlier than this date.
    #[serde(default)]
    pub(super) less_than: Field<Scalar>,
    /// attribute: this number or date, or less.
    #[serde(default)]
    pub(super) at_most: Field<Scalar>,
    /// attribute: more than this number, or later than this date.
    #[serde(default)]
    pub(super) more_than: Field<Scalar>,
    /// attribute: this number or date, or more. event: at least this many times.
    #[serde(default)]
    pub(super) at_least: Field<Scalar>,
    /// attribute: earlier than this date.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(super) before: Field<Scalar>,
    /// attribute: later than this date.
    #[serde(default)]
    #[schemars(with = "String")]
    pub(super) after: Field<Scalar>,
    /// Something the contact did, such as purchase.
    #[serde(default)]
    pub(super) event: Field<String>,
    /// event, did: only this recent, such as 365d.
    #[serde(default)]
    pub(super) within: Field<String>,
    /// did: with which campaign's messages; any if not given.
    #[serde(default)]
    pub(super) campaign: Field<String>,
    /// What the contact did with messages.
    #[serde(default)]
    pub(super) did: Field<Did>,
    /// Belongs to this other audience.
    #[serde(default)]
    pub(super) audience: Field<String>,
}
