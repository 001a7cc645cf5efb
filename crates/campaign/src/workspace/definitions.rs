//! The definitions read so far, which other files refer to by name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use source::{ConfinedDir, Located, SourceFile, suggestion};

use crate::audience::Audience;
use crate::workspace::{AttributeKind, Channel, Purpose, Template};

/// Entities by name. `None` marks one that exists but has errors.
pub(crate) type Registry<T> = BTreeMap<String, Option<T>>;

/// Everything that a campaign or an audience can refer to.
#[derive(Debug)]
pub(crate) struct Definitions {
    /// The folder of the workspace.
    pub(crate) dir: ConfinedDir,
    /// The brand's time zone; UTC if the brand has errors.
    pub(crate) zone: TimeZone,
    /// Phrases that no message may contain.
    pub(crate) never_say: Vec<String>,
    pub(crate) attributes: BTreeMap<String, AttributeKind>,
    pub(crate) channels: Registry<Channel>,
    pub(crate) purposes: Registry<Purpose>,
    /// True if `chorus.toml` could not be read completely, so that a channel or attribute may only
    /// seem to be missing.
    pub(crate) settings_incomplete: bool,
    pub(crate) audiences: Registry<Audience>,
    pub(crate) templates: Registry<Template>,
    /// The stems of the names of all campaign files.
    pub(crate) campaigns: BTreeSet<String>,
}

/// A kind of named entity, with its words for messages.
pub(crate) struct EntityKind {
    /// Its singular, such as `channel`.
    pub(crate) singular: &'static str,
    /// Its plural, such as `channels`.
    pub(crate) plural: &'static str,
    /// Code of the finding that no entity has a name.
    pub(crate) unknown_code: &'static str,
    /// Place of the definition of the entity NAME.
    pub(crate) location: &'static str,
}

pub(crate) const CHANNEL: EntityKind = EntityKind {
    singular: "channel",
    plural: "channels",
    unknown_code: "unknown-channel",
    location: "[channels.NAME] in chorus.toml",
};
pub(crate) const PURPOSE: EntityKind = EntityKind {
    singular: "purpose",
    plural: "purposes",
    unknown_code: "unknown-purpose",
    location: "[purposes.NAME] in chorus.toml",
};
pub(crate) const AUDIENCE: EntityKind = EntityKind {
    singular: "audience",
    plural: "audiences",
    unknown_code: "unknown-audience",
    location: "audiences/NAME.toml",
};
pub(crate) const TEMPLATE: EntityKind = EntityKind {
    singular: "template",
    plural: "templates",
    unknown_code: "unknown-template",
    location: "templates/NAME",
};
pub(crate) const CAMPAIGN: EntityKind = EntityKind {
    singular: "campaign",
    plural: "campaigns",
    unknown_code: "unknown-campaign",
    location: "campaigns/NAME.toml",
};

/// Returns the entity that `name` refers to, or reports that there is none or that it has errors.
pub(crate) fn find_or_report<'k, T>(
    source: &SourceFile,
    kind: &EntityKind,
    name: &Located<String>,
    registry: &'k Registry<T>,
) -> Option<&'k T> {
    match registry.get(&name.value) {
        Some(Some(entity)) => Some(entity),
        Some(None) => {
            let message = format!("{} `{}` has errors", kind.singular, name.value);
            source.error("uses-broken", name.span.clone(), message, fix_hint(kind, &name.value));
            None
        }
        None => {
            report_unknown(source, kind, name, registry.keys().map(String::as_str));
            None
        }
    }
}

/// Returns the fix for a reference to an entity with errors.
pub(crate) fn fix_hint(kind: &EntityKind, name: &str) -> String {
    format!("Fix {} first; this needs no change.", kind.location.replace("NAME", name))
}

/// Reports that no entity has this name.
pub(crate) fn report_unknown<'a>(
    source: &SourceFile,
    kind: &EntityKind,
    name: &Located<String>,
    names: impl Iterator<Item = &'a str>,
) {
    let shown: String = name.chars().take(64).collect();
    let message = format!("there is no {} `{shown}`", kind.singular);
    let suggestion = suggestion(&name.value, kind.plural, names);
    let help = format!("{suggestion} A new one is made in {}.", kind.location);
    source.error(kind.unknown_code, name.span.clone(), message, help);
}
