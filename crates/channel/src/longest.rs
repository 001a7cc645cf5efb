//! The longest that a step says to anybody: held to the limits of its network before a run begins.

use campaign::{Campaign, Step, Workspace};
use message::Person;
use source::Diagnostic;
use template::{Cache, Compiled};

use crate::survey::{Spoken, Surveyor};

/// What a step comes to for the readers who make it longest.
#[derive(Debug, Clone, Default)]
pub struct Longest {
    /// What does not fit, by file and place: each an error with the code `text-too-long`.
    pub findings: Vec<Diagnostic>,
    /// What is said to each of them, in each language.
    pub spoken: Vec<Spoken>,
}

/// Says what `compiled` says to each of these readers in each of its languages, and holds it to the limits of its
/// network. They are made up: each has the longest value of each attribute that anybody in the audience has.
#[must_use]
pub fn longest(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    compiled: &Compiled,
    readers: &[Person],
) -> Longest {
    let mut surveyor = Surveyor::new(workspace, campaign, &Cache::default());
    let mut all = Vec::new();
    for reader in readers {
        let spoken = surveyor.spoken(step, compiled, Some(reader));
        spoken.iter().for_each(|spoken| surveyor.measured(step, spoken));
        all.extend(spoken);
    }
    let mut findings = surveyor.survey.findings;
    findings.dedup();
    Longest { findings, spoken: all }
}
