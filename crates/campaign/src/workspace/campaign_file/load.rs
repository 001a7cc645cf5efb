//! Loads all campaign files: reads them on several threads, then compares them with one another.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::thread;

use source::{Diagnostic, Diagnostics};

use crate::ids::CampaignId;
use crate::workspace::Campaign;
use crate::workspace::campaign_file::format::CampaignFile;
use crate::workspace::campaign_file::read;
use crate::workspace::definitions::Definitions;
use crate::workspace::toml_file::{TomlFile, open, read_document};

/// Minimum number of files for each thread.
const FILES_PER_THREAD: usize = 32;

/// Stack size of a thread that reads files, in bytes, as large as a main thread's on Linux.
const THREAD_STACK_BYTES: usize = 8 << 20;

/// The `was` of one campaign, kept until all files are read.
struct PreviousId {
    was: String,
    file: PathBuf,
    span: Range<usize>,
    /// The text of the file, to show the place of a finding.
    text: String,
}

/// The outcome of reading some of the files.
#[derive(Default)]
struct Batch {
    campaigns: Vec<Campaign>,
    previous_ids: Vec<PreviousId>,
    findings: Diagnostics,
}

/// Returns the campaigns without errors, in the order of their files.
pub(crate) fn read(
    definitions: &Definitions,
    files: &[TomlFile],
    findings: &mut Diagnostics,
) -> Vec<Campaign> {
    let mut campaigns = Vec::new();
    let mut previous_ids = Vec::new();
    for batch in read_in_batches(definitions, files) {
        campaigns.extend(batch.campaigns);
        previous_ids.extend(batch.previous_ids);
        findings.merge(batch.findings);
    }
    let refused = refuse_shared_previous_ids(previous_ids, findings);
    campaigns.retain(|campaign| !refused.contains(&campaign.file));
    campaigns
}

/// Reads the files on at most as many threads as there are processors.
fn read_in_batches(definitions: &Definitions, files: &[TomlFile]) -> Vec<Batch> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(files.len() / FILES_PER_THREAD).max(1);
    if threads == 1 {
        return vec![read_batch(definitions, files)];
    }
    thread::scope(|scope| {
        let parts: Vec<_> = files.chunks(files.len().div_ceil(threads)).collect();
        let running: Vec<_> = parts
            .iter()
            .map(|&part| {
                let builder = thread::Builder::new().name("read".to_owned()).stack_size(THREAD_STACK_BYTES);
                builder.spawn_scoped(scope, move || read_batch(definitions, part)).ok()
            })
            .collect();
        let finished = running.into_iter().zip(parts).map(|(thread, part)| match thread {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system refused another thread.
            None => read_batch(definitions, part),
        });
        finished.collect()
    })
}

fn read_batch(definitions: &Definitions, files: &[TomlFile]) -> Batch {
    let mut batch = Batch::default();
    files.iter().for_each(|file| read_one(definitions, file, &mut batch));
    batch
}

fn read_one(definitions: &Definitions, file: &TomlFile, batch: &mut Batch) {
    let Some((source, id)) = open(&definitions.dir, file, CampaignId::parse, &mut batch.findings) else {
        return;
    };
    // A file with a bad name is read all the same, so that everything wrong with it is reported.
    let stand_in = id.is_none().then(|| CampaignId::parse("unnamed").ok()).flatten();
    if let Some(read) = read_document::<CampaignFile>(&source, &|_| false) {
        if let Some(was) = read.was.get().filter(|was| !definitions.campaigns.contains(&was.value)) {
            batch.previous_ids.push(PreviousId {
                was: was.value.clone(),
                file: file.path.clone(),
                span: was.span.clone(),
                text: source.text.clone(),
            });
        }
        let id = id.or(stand_in);
        batch.campaigns.extend(id.and_then(|id| read::campaign(&source, definitions, id, &read)));
    }
    source.report_into(&mut batch.findings, |text| text);
}

/// Reports every `was` that several files have, and returns those files.
fn refuse_shared_previous_ids(previous_ids: Vec<PreviousId>, findings: &mut Diagnostics) -> Vec<PathBuf> {
    let mut by_name: BTreeMap<String, Vec<PreviousId>> = BTreeMap::new();
    for previous in previous_ids {
        by_name.entry(previous.was.clone()).or_default().push(previous);
    }
    let shared: Vec<_> = by_name.into_values().filter(|previous_ids| previous_ids.len() > 1).collect();
    for previous_ids in &shared {
        for previous in previous_ids {
            let other = previous_ids.iter().find(|other| other.file != previous.file).unwrap_or(previous);
            let was: String = previous.was.chars().take(64).collect();
            let message = format!("`was` names `{was}`, and so does {}", other.file.display());
            let help =
                "Keep `was` in the campaign that goes on with that history, and take it out of the others.";
            let finding = Diagnostic::error("was-twice", &previous.file, message);
            findings.push(finding.at(previous.span.clone()).help(help));
            findings.add_source(&previous.file, || previous.text.clone());
        }
    }
    shared.into_iter().flatten().map(|previous| previous.file).collect()
}
