//! All audience files together: read one by one, then compared with one another.

use std::collections::{BTreeMap, BTreeSet};

use source::{Diagnostics, SourceFile};

use crate::audience::Audience;
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
        match open(&known.dir, &file, AudienceId::parse, findings) {
            Some((source, id)) => {
                drafts.insert(file.stem, draft(known, source, id));
            }
            None => {
                unreadable.insert(file.stem);
            }
        }
    }
    let shelf = references::settle(&mut drafts, unreadable);
    drafts.into_values().for_each(|draft| draft.source.hand_over(findings, |text| text));
    shelf
}

fn draft(known: &Known, source: SourceFile, id: Option<AudienceId>) -> Draft {
    let mut reading = Reading {
        scope: Scope {
            source: &source,
            attributes: (!known.hidden).then_some(&known.attributes),
            campaigns: &known.campaigns,
        },
        mentions: Vec::new(),
        count: 0,
    };
    let file = read_document(&source, &|_| false);
    // A file with a bad name is read all the same, so that everything wrong with it is told.
    let stand_in = id.is_none().then(|| AudienceId::parse("unnamed").ok()).flatten();
    let audience = file.zip(id.or(stand_in)).and_then(|(file, id)| reading.audience(id, &file));
    let mentions = reading.mentions;
    Draft { source, audience, mentions }
}
