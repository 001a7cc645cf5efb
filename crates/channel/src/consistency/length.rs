//! The comparison of text lengths: a post must not be longer than the e-mail, and a translation
//! must have between a third of and three times its original's length.

use super::finding::ConsistencyFinding;
use campaign::ConsistencyRule;
use facts::is_han;
use source::Severity;

/// One text of a campaign, for the comparison of lengths.
#[derive(Debug, Clone, Copy)]
pub struct ComparedText<'a> {
    /// The identifier of the step.
    pub step: &'a str,
    /// The BCP 47 language tag.
    pub language: &'a str,
    /// Set if the text is an e-mail and not a post.
    pub is_email: bool,
    /// Set if the text is in the language that the others are translated from.
    pub is_original: bool,
    /// The rendered plain text.
    pub text: &'a str,
}

/// The minimum width of a text that is compared. Shorter texts, such as buttons, vary too much.
const MIN_COMPARED: usize = 60;

/// Returns a finding for each text whose length differs too much, with the text's index in `texts`,
/// in the order of `texts`.
#[must_use]
pub fn compare_lengths(texts: &[ComparedText<'_>]) -> Vec<(usize, ConsistencyFinding)> {
    let measured: Vec<usize> = texts.iter().map(|text| display_width(text.text)).collect();
    let measured_texts = || texts.iter().zip(&measured).enumerate();
    let mut found = Vec::new();
    for (at, (text, &own)) in measured_texts() {
        let emails =
            measured_texts().filter(|(_, (other, _))| other.is_email && other.language == text.language);
        let mail = emails.map(|(_, (_, &length))| length).max();
        if let Some(mail) = mail.filter(|mail| !text.is_email && own > *mail && own >= MIN_COMPARED) {
            let message = format!("this text is longer than the e-mail: {own} against {mail}");
            found.push((at, finding(message, "Say less here; the link leads to the rest.")));
        }
        let original = measured_texts().find(|(_, (other, _))| other.is_original && other.step == text.step);
        let Some((_, (_, &original))) = original.filter(|_| !text.is_original) else { continue };
        if original >= MIN_COMPARED && (own * 3 < original || own > original * 3) {
            let than = if own < original { "less than a third" } else { "more than three times" };
            let message =
                format!("the text in {} is {than} of the original: {own} against {original}", text.language);
            found.push((
                at,
                finding(message, "See whether the translation leaves something out or adds something."),
            ));
        }
    }
    found
}

/// Counts the characters that are no white space; Chinese and Japanese ones count double.
fn display_width(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if is_han(c) { 2 } else { 1 }).sum()
}

fn finding(message: String, help: &str) -> ConsistencyFinding {
    ConsistencyFinding {
        rule: ConsistencyRule::LengthDiffers,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: String::new(),
        message,
        help: help.to_owned(),
        fact: None,
    }
}
