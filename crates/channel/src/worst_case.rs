//! The worst-case length of a step, compared with the limits of its network before a run starts.

use campaign::{Campaign, Step, Workspace};
use message::Person;
use source::Diagnostic;
use template::{Cache, Compiled};

use crate::survey::{RenderedStep, Surveyor};

/// The texts of a step for its worst-case readers.
#[derive(Debug, Clone, Default)]
pub struct WorstCase {
    /// The limits that a text exceeds: errors with the code `text-too-long`, each with its file and
    /// place.
    pub findings: Vec<Diagnostic>,
    /// The texts for each reader in each language.
    pub texts: Vec<RenderedStep>,
}

/// Renders a step for each of `readers` in each of its languages, and compares the texts with the
/// limits of the network. The readers are made up: each has the longest value of each attribute in
/// the audience.
#[must_use]
pub fn worst_case(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    compiled: &Compiled,
    readers: &[Person],
) -> WorstCase {
    let mut surveyor = Surveyor::new(workspace, campaign, &Cache::default());
    let mut all = Vec::new();
    for reader in readers {
        let texts = surveyor.render_step(step, compiled, Some(reader));
        texts.iter().for_each(|text| surveyor.check_budgets(step, text));
        all.extend(texts);
    }
    let mut findings = surveyor.survey.findings;
    findings.dedup();
    WorstCase { findings, texts: all }
}
