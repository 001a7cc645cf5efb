//! What the files say so far, for those that refer to it by name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{AttributeKind, Channel, Template};
use crate::audience::Audience;
use crate::file::nearest::advice;
use crate::file::{Jail, Located, Sheet};

/// Things by name. `None` is one that is there and has errors of its own.
pub(super) type Shelf<T> = BTreeMap<String, Option<T>>;

/// What a campaign or an audience can refer to.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) jail: Jail,
    /// The brand's zone; UTC while it is not known.
    pub(super) zone: TimeZone,
    pub(super) never_say: Vec<String>,
    pub(super) attributes: BTreeMap<String, AttributeKind>,
    pub(super) channels: Shelf<Channel>,
    /// Whether `chorus.toml` is so wrong that a channel or attribute may only seem to be missing.
    pub(super) hidden: bool,
    pub(super) audiences: Shelf<Audience>,
    pub(super) templates: Shelf<Template>,
    /// The stems of all campaign files.
    pub(super) campaigns: BTreeSet<String>,
}

/// A kind of thing that has a name, as messages call it.
pub(super) struct Sort {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    /// The code of a name that nothing has.
    pub(super) unknown: &'static str,
    /// Where the one called NAME stands.
    pub(super) place: &'static str,
}

pub(super) const CHANNEL: Sort = Sort {
    one: "channel",
    many: "channels",
    unknown: "unknown-channel",
    place: "[channels.NAME] in chorus.toml",
};
pub(super) const AUDIENCE: Sort =
    Sort { one: "audience", many: "audiences", unknown: "unknown-audience", place: "audiences/NAME.toml" };
pub(super) const TEMPLATE: Sort =
    Sort { one: "template", many: "templates", unknown: "unknown-template", place: "templates/NAME" };
pub(super) const CAMPAIGN: Sort =
    Sort { one: "campaign", many: "campaigns", unknown: "unknown-campaign", place: "campaigns/NAME.toml" };

/// The thing that `name` refers to; a finding if there is none, or if it cannot be used.
pub(super) fn find<'k, T>(
    sheet: &Sheet,
    sort: &Sort,
    name: &Located<String>,
    shelf: &'k Shelf<T>,
) -> Option<&'k T> {
    match shelf.get(&name.value) {
        Some(Some(thing)) => Some(thing),
        Some(None) => {
            let message = format!("{} `{}` has errors of its own", sort.one, name.value);
            sheet.error("uses-broken", name.span.clone(), message, mend(sort, &name.value));
            None
        }
        None => {
            unknown(sheet, sort, name, shelf.keys().map(String::as_str));
            None
        }
    }
}

/// What to do about a thing with errors of its own.
pub(super) fn mend(sort: &Sort, name: &str) -> String {
    format!("Mend {} first; this needs no change.", sort.place.replace("NAME", name))
}

/// Tells that nothing has this name.
pub(super) fn unknown<'a>(
    sheet: &Sheet,
    sort: &Sort,
    name: &Located<String>,
    names: impl Iterator<Item = &'a str>,
) {
    let shown: String = name.chars().take(64).collect();
    let message = format!("there is no {} `{shown}`", sort.one);
    let help = format!("{} A new one is made in {}.", advice(&name.value, sort.many, names), sort.place);
    sheet.error(sort.unknown, name.span.clone(), message, help);
}
