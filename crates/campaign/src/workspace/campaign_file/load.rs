//! All campaign files together: read by several threads, then compared with one another.

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
use crate::workspace::definitions::Known;
use crate::workspace::toml_file::{TomlFile, open, read_document};

/// The smallest number of files for which a second thread is worth its start.
const FILES_PER_THREAD: usize = 32;

/// The stack of a thread that reads files, in bytes: as much as a main thread has on Linux.
const STACK: usize = 8 << 20;

/// A campaign's `was`, kept until all files are read.
struct Claim {
    was: String,
    file: PathBuf,
    span: Range<usize>,
    /// The text of the file, to show the place in.
    text: String,
}

/// The outcome of reading some of the files.
#[derive(Default)]
struct Batch {
    campaigns: Vec<Campaign>,
    claims: Vec<Claim>,
    findings: Diagnostics,
}

/// The campaigns without errors, in the order of their files.
pub(crate) fn read(known: &Known, files: &[TomlFile], findings: &mut Diagnostics) -> Vec<Campaign> {
    let mut campaigns = Vec::new();
    let mut claims = Vec::new();
    for batch in batches(known, files) {
        campaigns.extend(batch.campaigns);
        claims.extend(batch.claims);
        findings.merge(batch.findings);
    }
    let refused = refuse_shared_claims(claims, findings);
    campaigns.retain(|campaign| !refused.contains(&campaign.file));
    campaigns
}

/// Reads the files, as many at once as there are processors.
fn batches(known: &Known, files: &[TomlFile]) -> Vec<Batch> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(files.len() / FILES_PER_THREAD).max(1);
    if threads == 1 {
        return vec![read_batch(known, files)];
    }
    thread::scope(|scope| {
        let parts: Vec<_> = files.chunks(files.len().div_ceil(threads)).collect();
        let running: Vec<_> = parts
            .iter()
            .map(|&part| {
                let builder = thread::Builder::new().name("read".to_owned()).stack_size(STACK);
                builder.spawn_scoped(scope, move || read_batch(known, part)).ok()
            })
            .collect();
        let finished = running.into_iter().zip(parts).map(|(thread, part)| match thread {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system gives no more threads.
            None => read_batch(known, part),
        });
        finished.collect()
    })
}

fn read_batch(known: &Known, files: &[TomlFile]) -> Batch {
    let mut batch = Batch::default();
    files.iter().for_each(|file| read_one(known, file, &mut batch));
    batch
}

fn read_one(known: &Known, file: &TomlFile, batch: &mut Batch) {
    let Some((source, id)) = open(&known.dir, file, CampaignId::parse, &mut batch.findings) else { return };
    // A file with a bad name is read all the same, so that everything wrong with it is reported.
    let stand_in = id.is_none().then(|| CampaignId::parse("unnamed").ok()).flatten();
    if let Some(read) = read_document::<CampaignFile>(&source, &|_| false) {
        if let Some(was) = read.was.get().filter(|was| !known.campaigns.contains(&was.value)) {
            batch.claims.push(Claim {
                was: was.value.clone(),
                file: file.path.clone(),
                span: was.span.clone(),
                text: source.text.clone(),
            });
        }
        let id = id.or(stand_in);
        batch.campaigns.extend(id.and_then(|id| read::campaign(&source, known, id, &read)));
    }
    source.hand_over(&mut batch.findings, |text| text);
}

/// Reports every `was` that several files have; gives the files.
fn refuse_shared_claims(claims: Vec<Claim>, findings: &mut Diagnostics) -> Vec<PathBuf> {
    let mut by_name: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        by_name.entry(claim.was.clone()).or_default().push(claim);
    }
    let shared: Vec<_> = by_name.into_values().filter(|claims| claims.len() > 1).collect();
    for claims in &shared {
        for claim in claims {
            let other = claims.iter().find(|other| other.file != claim.file).unwrap_or(claim);
            let was: String = claim.was.chars().take(64).collect();
            let message = format!("`was` names `{was}`, and so does {}", other.file.display());
            let help =
                "Keep `was` in the campaign that goes on with that history, and take it out of the others.";
            let finding = Diagnostic::error("was-twice", &claim.file, message);
            findings.push(finding.at(claim.span.clone()).help(help));
            findings.add_source(&claim.file, || claim.text.clone());
        }
    }
    shared.into_iter().flatten().map(|claim| claim.file).collect()
}
