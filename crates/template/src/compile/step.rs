//! The compilation of a step: each of its languages, and the files and links that they share.

use std::collections::BTreeMap;

use campaign::{Campaign, ChannelKind, Step, Workspace};
use source::Diagnostic;

use super::files::Files;
use super::finding::Findings;
use super::job::{Cache, Job, LocalizedMessage, Shared};
use super::link::Links;
use super::{mail, post, sample_render};
use crate::compiled::{Compiled, VERSION, Variant};

/// Compiles `step` in the calling thread, which needs a large stack.
pub(super) fn compile(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    cache: &Cache,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let compiled =
        Job::new(workspace, campaign, step, cache, &mut findings).and_then(|job| run(&job, &mut findings));
    match compiled {
        Some(compiled) if findings.has_no_errors() => Ok((compiled, findings.into_list())),
        _ => Err(findings.into_list()),
    }
}

fn run(job: &Job<'_>, findings: &mut Findings) -> Option<Compiled> {
    let is_mail = !matches!(job.channel.kind, ChannelKind::Network(_));
    let medium = if is_mail { "email" } else { "social" };
    let ids = (job.channel.id.as_str(), job.campaign.id.as_str(), job.step.id.as_str());
    let mut shared =
        Shared { links: Links::new(ids.0, medium, ids.1, ids.2), files: Files::new(&job.workspace.root) };
    let mut variants = BTreeMap::new();
    for language in job.languages() {
        let localized = job.localize(&language, findings);
        let variant = localized.and_then(|localized| variant(job, localized, is_mail, &mut shared, findings));
        variants.extend(variant.map(|variant| (language, variant)));
    }
    if is_mail {
        attach(job, &mut shared.files, findings);
    }
    let compiled = Compiled {
        links: shared.links.into_list(),
        version: VERSION,
        language: job.language().to_owned(),
        variants,
        envelope: mail::envelope(job),
        files: shared.files.into_list(),
    };
    if findings.has_no_errors() {
        sample_render::check(job, &compiled, findings);
    }
    Some(compiled)
}

fn variant(
    job: &Job<'_>,
    localized: LocalizedMessage,
    is_mail: bool,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    if is_mail {
        mail::variant(job, localized, shared, findings)
    } else {
        post::variant(job, localized, shared, findings)
    }
}

fn attach(job: &Job<'_>, files: &mut Files, findings: &mut Findings) {
    for path in &job.step.message.attachments {
        if let Err(bad) = files.attach(path) {
            let place = job.place_of(&path.display().to_string());
            findings.error("attachment", bad.to_string(), place, bad.help());
        }
    }
}
