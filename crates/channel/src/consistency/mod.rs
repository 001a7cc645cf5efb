//! The check that all channels of a campaign state the same facts, make no other claims, and use no
//! forbidden words. Pure functions from texts to findings.
//!
//! A text states a [fact](ExpectedContent::facts) if it holds the fact's words unchanged, or all
//! its [values](Value) and names: "¥199", "199 yuan" and "199 元" are one price. Another value of
//! the same kind contradicts the fact; a price, percentage or date that is in no fact is an
//! undeclared claim. [`examine`] checks one text, [`compare_lengths`] all texts of a campaign.

mod claim;
mod content;
mod destination;
mod finding;
mod forbidden;
mod length;
mod matrix;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use campaign::ConsistencyRule;
use campaign::SilencedRule;
use facts::{Fact, TokenizedText, Value};
use source::Severity;

pub use self::content::{ChannelContent, ContentPart, ExpectedContent};
pub use self::finding::ConsistencyFinding;
pub use self::forbidden::ad_label;
pub use self::length::{ComparedText, compare_lengths};
pub use self::matrix::{Column, FactStatus, Matrix};

use self::claim::FactComparison;

/// The result of the check of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsistencyReport {
    /// The broken rules, sorted by part and place.
    pub findings: Vec<ConsistencyFinding>,
    /// The status of each fact, by the fact's name.
    pub cells: BTreeMap<String, FactStatus>,
}

/// Checks one channel's texts against the message and the brand's rules.
#[must_use]
pub fn examine(expected: &ExpectedContent<'_>, content: &ChannelContent<'_>) -> ConsistencyReport {
    let tokenized = |text| tokenize(expected, text);
    let facts: Vec<_> = expected.facts.iter().map(|(name, text)| Fact::new(name, tokenized(text))).collect();
    let parts: Vec<_> = content.parts.iter().map(|part| tokenized(part.text)).collect();
    let mut findings = Vec::new();
    let cells = claim::compare(&FactComparison { facts: &facts, parts: &parts }, &mut findings);
    destination::check_links(expected, content, &mut findings);
    destination::check_call_to_action(expected, &parts, &mut findings);
    forbidden::check_never_say(expected, content, &mut findings);
    forbidden::check_absolute_terms(expected, content, &mut findings);
    for (part, text) in content.parts.iter().enumerate().filter(|(_, part)| part.key == "subject") {
        let found = ad_label(text.text, content.language, expected.markets);
        findings.extend(found.map(|found| ConsistencyFinding { part, ..found }));
    }
    findings.extend(missing_image_description(expected));
    findings.sort_by_key(|found| (found.part, found.range.start, found.rule));
    ConsistencyReport { findings, cells }
}

/// Tokenizes a text; a `¥` in it means the brand's currency.
fn tokenize<'a>(expected: &ExpectedContent<'_>, text: &'a str) -> TokenizedText<'a> {
    let mut tokenized = TokenizedText::new(text);
    for found in &mut tokenized.values {
        if let Value::Money { currency, .. } = &mut found.value {
            *currency = currency.of_brand(expected.currency);
        }
    }
    tokenized
}

fn missing_image_description(expected: &ExpectedContent<'_>) -> Option<ConsistencyFinding> {
    let image = expected.image.filter(|_| expected.image_alt.is_none_or(|alt| alt.trim().is_empty()))?;
    Some(ConsistencyFinding {
        rule: ConsistencyRule::ImageAltMissing,
        severity: Severity::Error,
        part: 0,
        range: 0..0,
        words: image.to_owned(),
        message: "the picture has no description".to_owned(),
        help: "Add `image_alt = \"…\"`: what the picture shows, in words.".to_owned(),
        fact: None,
    })
}

impl ConsistencyReport {
    /// Removes the findings of `step` that a rule in `silences` covers, and marks their facts as
    /// [`FactStatus::Silenced`]. Returns the indices in `silences` of the rules that covered a
    /// finding, sorted; a rule that never covers any should be reported.
    pub fn silence(&mut self, silences: &[SilencedRule], step: &str) -> Vec<usize> {
        let mut used = Vec::new();
        let cells = &mut self.cells;
        self.findings.retain(|found| {
            let covered = |silence: &&SilencedRule| silence.covers(found.rule, step, &found.words);
            let Some((at, silence)) = silences.iter().enumerate().find(|(_, silence)| covered(silence))
            else {
                return true;
            };
            used.push(at);
            if let Some(cell) = found.fact.as_ref().and_then(|fact| cells.get_mut(fact)) {
                *cell = FactStatus::Silenced(silence.reason.clone());
            }
            false
        });
        used.sort_unstable();
        used.dedup();
        used
    }
}
