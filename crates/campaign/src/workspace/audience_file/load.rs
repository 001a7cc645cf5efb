//! All audience files together: read one by one, then compared with one another.

use std::collections::{BTreeMap, BTreeSet};

use crate::audience::Audience;
use crate::diagnostic::Diagnostics;
use crate::file::Sheet;
use crate::ids::AudienceId;
use crate::workspace::audience_file::read::Reading;
use crate::workspace::audience_file::references::{self, Draft};
use crate::workspace::audience_file::scope::Scope;
use crate::workspace::definitions::{Known, Shelf};
use crate::workspace::toml_file::{TomlFile, open, read_document};

/// Every audience; one with errors is there, as one that cannot be used.
pub(crate) fn read(known: &Known, files: Vec<TomlFile>, findings: &mut Diagnostics) -> Shelf<Audience> {
    let mut drafts = BTreeMap::new();
    let mut unreadable = BTreeSet::new();
    for file in files {
        match open(&known.jail, &file, AudienceId::parse, findings) {
            Some((sheet, id)) => {
                drafts.insert(file.stem, draft(known, sheet, id));
            }
            None => {
                unreadable.insert(file.stem);
            }
        }
    }
    let shelf = references::settle(&mut drafts, unreadable);
    drafts.into_values().for_each(|draft| draft.sheet.hand_over(findings, |text| text));
    shelf
}

fn draft(known: &Known, sheet: Sheet, id: Option<AudienceId>) -> Draft {
    let mut reading = Reading {
        scope: Scope {
            sheet: &sheet,
            attributes: (!known.hidden).then_some(&known.attributes),
            campaigns: &known.campaigns,
        },
        mentions: Vec::new(),
        count: 0,
    };
    let file = read_document(&sheet, &|_| false);
    // A file with a bad name is read all the same, so that everything wrong with it is told.
    let stand_in = id.is_none().then(|| AudienceId::parse("unnamed").ok()).flatten();
    let audience = file.zip(id.or(stand_in)).and_then(|(file, id)| reading.audience(id, &file));
    let mentions = reading.mentions;
    Draft { sheet, audience, mentions }
}
