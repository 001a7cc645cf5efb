//! Whether every channel says the same: facts compared as values, claims that are no facts, and what must not
//! be said. Pure: texts in, findings with places out.
//!
//! A [fact](Expected::facts) is said when its words stand in a text unchanged, or when all its [values](Value) and
//! names do: "¥199", "199 yuan" and "199 元" are one price. Another value of the same kind contradicts it; a price,
//! share or date that no fact knows bypasses it. [`examine`] looks at one text, [`lengths`] at all of a campaign.

mod claim;
mod destination;
mod finding;
mod forbidden;
mod length;
mod matrix;
mod said;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use campaign::Silence;
use campaign::consistency::Rule;
use facts::{Fact, Reading, Value};
use source::Severity;

pub use self::finding::Finding;
pub use self::forbidden::ad_label;
pub use self::length::{Spoken, lengths};
pub use self::matrix::{Cell, Column, Matrix};
pub use self::said::{Expected, Part, Said};

use self::claim::Against;

/// What came of examining one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// What does not agree, by part and place.
    pub findings: Vec<Finding>,
    /// What is said of each fact.
    pub cells: BTreeMap<String, Cell>,
}

/// Holds what one channel says against what it should say.
#[must_use]
pub fn examine(expected: &Expected<'_>, said: &Said<'_>) -> Examined {
    let read = |text| reading(expected, text);
    let facts: Vec<_> = expected.facts.iter().map(|(name, text)| Fact::new(name, read(text))).collect();
    let parts: Vec<_> = said.parts.iter().map(|part| read(part.text)).collect();
    let mut findings = Vec::new();
    let cells = claim::compare(&Against { facts: &facts, parts: &parts }, &mut findings);
    destination::links(expected, said, &mut findings);
    destination::call_to_action(expected, &parts, &mut findings);
    forbidden::never_say(expected, said, &mut findings);
    forbidden::absolute_terms(expected, said, &mut findings);
    for (part, text) in said.parts.iter().enumerate().filter(|(_, part)| part.key == "subject") {
        findings.extend(
            ad_label(text.text, said.language, expected.markets).map(|found| Finding { part, ..found }),
        );
    }
    findings.extend(undescribed(expected));
    findings.sort_by_key(|found| (found.part, found.range.start, found.rule));
    Examined { findings, cells }
}

fn reading<'a>(expected: &Expected<'_>, text: &'a str) -> Reading<'a> {
    let mut reading = Reading::new(text);
    for found in &mut reading.values {
        if let Value::Money { coin, .. } = &mut found.value {
            *coin = coin.of_brand(expected.currency);
        }
    }
    reading
}

fn undescribed(expected: &Expected<'_>) -> Option<Finding> {
    let image = expected.image.filter(|_| expected.image_alt.is_none_or(|alt| alt.trim().is_empty()))?;
    Some(Finding {
        rule: Rule::ImageAltMissing,
        severity: Severity::Error,
        part: 0,
        range: 0..0,
        words: image.to_owned(),
        message: "the picture has no description".to_owned(),
        help: "Add `image_alt = \"…\"`: what the picture shows, in words.".to_owned(),
        fact: None,
    })
}

impl Examined {
    /// Takes out the findings of `step` that a silence covers, and marks their facts. Gives the places in `silences`
    /// of those that covered something; one that never covers anything should be told to its writer.
    pub fn silence(&mut self, silences: &[Silence], step: &str) -> Vec<usize> {
        let mut used = Vec::new();
        let cells = &mut self.cells;
        self.findings.retain(|found| {
            let covered = |silence: &&Silence| silence.covers(found.rule, step, &found.words);
            let Some((at, silence)) = silences.iter().enumerate().find(|(_, silence)| covered(silence))
            else {
                return true;
            };
            used.push(at);
            if let Some(cell) = found.fact.as_ref().and_then(|fact| cells.get_mut(fact)) {
                *cell = Cell::Silenced(silence.reason.clone());
            }
            false
        });
        used.sort_unstable();
        used.dedup();
        used
    }
}
