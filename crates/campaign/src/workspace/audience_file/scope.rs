//! The names that the conditions of an audience can refer to.

use std::collections::{BTreeMap, BTreeSet};

use source::{Field, SourceFile};

use crate::ids::CampaignId;
use crate::workspace::AttributeKind;
use crate::workspace::definitions::{CAMPAIGN, report_unknown};

/// The file being read, and the attributes and campaigns that its conditions can name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) source: &'a SourceFile,
    /// The declared attributes; `None` if `chorus.toml` could not be read completely.
    pub(crate) attributes: Option<&'a BTreeMap<String, AttributeKind>>,
    pub(crate) campaigns: &'a BTreeSet<String>,
}

impl Scope<'_> {
    /// Reads the campaign that a condition names; `Some(None)` means any campaign.
    pub(crate) fn campaign(&self, field: &Field<String>) -> Option<Option<CampaignId>> {
        match field {
            Field::Absent => Some(None),
            Field::Invalid => None,
            Field::Present(name) if name.value == "any" => Some(None),
            Field::Present(name) if self.campaigns.contains(&name.value) => {
                CampaignId::parse(name).ok().map(Some)
            }
            Field::Present(name) => {
                report_unknown(
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
