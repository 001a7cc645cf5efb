//! What the files say so far, for those that refer to it by name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use source::{ConfinedDir, Located, SourceFile, advice};

use crate::audience::Audience;
use crate::workspace::{AttributeKind, Channel, Template};

/// Things by name. `None` is one that is there and has errors of its own.
pub(crate) type Shelf<T> = BTreeMap<String, Option<T>>;

/// What a campaign or an audience can refer to.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) dir: ConfinedDir,
    /// The brand's zone; UTC while it is not known.
    pub(crate) zone: TimeZone,
    pub(crate) never_say: Vec<String>,
    pub(crate) attributes: BTreeMap<String, AttributeKind>,
    pub(crate) channels: Shelf<Channel>,
    /// Whether `chorus.toml` is so wrong that a channel or attribute may only seem to be missing.
    pub(crate) hidden: bool,
    pub(crate) audiences: Shelf<Audience>,
    pub(crate) templates: Shelf<Template>,
    /// The stems of all campaign files.
    pub(crate) campaigns: BTreeSet<String>,
}

/// A kind of thing that has a name, as messages call it.
pub(crate) struct Sort {
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// The code of a name that nothing has.
    pub(crate) unknown: &'static str,
    /// Where the one called NAME stands.
    pub(crate) place: &'static str,
}

pub(crate) const CHANNEL: Sort = Sort {
    one: "channel",
    many: "channels",
    unknown: "unknown-channel",
    place: "[channels.NAME] in chorus.toml",
};
pub(crate) const AUDIENCE: Sort =
    Sort { one: "audience", many: "audiences", unknown: "unknown-audience", place: "audiences/NAME.toml" };
pub(crate) const TEMPLATE: Sort =
    Sort { one: "template", many: "templates", unknown: "unknown-template", place: "templates/NAME" };
pub(crate) const CAMPAIGN: Sort =
    Sort { one: "campaign", many: "campaigns", unknown: "unknown-campaign", place: "campaigns/NAME.toml" };

/// The thing that `name` refers to; a finding if there is none, or if it cannot be used.
pub(crate) fn find<'k, T>(
    source: &SourceFile,
    sort: &Sort,
    name: &Located<String>,
    shelf: &'k Shelf<T>,
) -> Option<&'k T> {
    match shelf.get(&name.value) {
        Some(Some(thing)) => Some(thing),
        Some(None) => {
            let message = format!("{} `{}` has errors of its own", sort.one, name.value);
            source.error("uses-broken", name.span.clone(), message, mend(sort, &name.value));
            None
        }
        None => {
            unknown(source, sort, name, shelf.keys().map(String::as_str));
            None
        }
    }
}

/// What to do about a thing with errors of its own.
pub(crate) fn mend(sort: &Sort, name: &str) -> String {
    format!("Mend {} first; this needs no change.", sort.place.replace("NAME", name))
}

/// Tells that nothing has this name.
pub(crate) fn unknown<'a>(
    source: &SourceFile,
    sort: &Sort,
    name: &Located<String>,
    names: impl Iterator<Item = &'a str>,
) {
    let shown: String = name.chars().take(64).collect();
    let message = format!("there is no {} `{shown}`", sort.one);
    let help = format!("{} A new one is made in {}.", advice(&name.value, sort.many, names), sort.place);
    source.error(sort.unknown, name.span.clone(), message, help);
}
