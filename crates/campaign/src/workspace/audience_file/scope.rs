//! The names that conditions of an audience can refer to.

use std::collections::{BTreeMap, BTreeSet};

use source::{Field, SourceFile};

use crate::ids::CampaignId;
use crate::workspace::AttributeKind;
use crate::workspace::definitions::{CAMPAIGN, unknown};

/// The file at hand, and the attributes and campaigns that its conditions can name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) source: &'a SourceFile,
    /// What is declared; `None` if that cannot be known.
    pub(crate) attributes: Option<&'a BTreeMap<String, AttributeKind>>,
    pub(crate) campaigns: &'a BTreeSet<String>,
}

impl Scope<'_> {
    /// The campaign that a condition names; `Some(None)` is any.
    pub(crate) fn campaign(&self, field: &Field<String>) -> Option<Option<CampaignId>> {
        match field {
            Field::Absent => Some(None),
            Field::Bad => None,
            Field::Here(name) if name.value == "any" => Some(None),
            Field::Here(name) if self.campaigns.contains(&name.value) => {
                CampaignId::parse(name).ok().map(Some)
            }
            Field::Here(name) => {
                unknown(
                    self.source,
                    &CAMPAIGN,
                    name,
                    self.campaigns.iter().map(String::as_str).chain(["any"]),
                );
                None
            }
        }
    }
}
