//! Loads all audience files: reads them one by one, then resolves their references to one another.

use std::collections::{BTreeMap, BTreeSet};

use source::{Diagnostics, SourceFile};

use crate::audience::Audience;
use crate::ids::AudienceId;
use crate::workspace::audience_file::read::AudienceReader;
use crate::workspace::audience_file::references::{self, AudienceDraft};
use crate::workspace::audience_file::scope::Scope;
use crate::workspace::definitions::{Definitions, Registry};
use crate::workspace::toml_file::{TomlFile, open, read_document};

/// Reads every audience; an audience with errors is registered as `None`.
pub(crate) fn read(
    definitions: &Definitions,
    files: Vec<TomlFile>,
    findings: &mut Diagnostics,
) -> Registry<Audience> {
    let mut drafts = BTreeMap::new();
    let mut unreadable = BTreeSet::new();
    for file in files {
        match open(&definitions.dir, &file, AudienceId::parse, findings) {
            Some((source, id)) => {
                drafts.insert(file.stem, draft(definitions, source, id));
            }
            None => {
                unreadable.insert(file.stem);
            }
        }
    }
    let registry = references::resolve(&mut drafts, unreadable);
    drafts.into_values().for_each(|draft| draft.source.report_into(findings, |text| text));
    registry
}

fn draft(definitions: &Definitions, source: SourceFile, id: Option<AudienceId>) -> AudienceDraft {
    let mut reader = AudienceReader {
        scope: Scope {
            source: &source,
            attributes: (!definitions.settings_incomplete).then_some(&definitions.attributes),
            campaigns: &definitions.campaigns,
        },
        references: Vec::new(),
        count: 0,
    };
    let file = read_document(&source, &|_| false);
    // A file with a bad name is read all the same, so that everything wrong with it is reported.
    let stand_in = id.is_none().then(|| AudienceId::parse("unnamed").ok()).flatten();
    let audience = file.zip(id.or(stand_in)).and_then(|(file, id)| reader.audience(id, &file));
    let references = reader.references;
    AudienceDraft { source, audience, references }
}
