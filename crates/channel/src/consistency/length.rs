//! Whether the lengths of texts fit together: a post is no longer than the mail, a translation no third of its
//! original.

use super::finding::Finding;
use campaign::consistency::Rule;
use facts::is_han;
use source::Severity;

/// One text among those of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<'a> {
    /// The step.
    pub step: &'a str,
    /// The language tag.
    pub language: &'a str,
    /// Whether it is an e-mail.
    pub mail: bool,
    /// Whether it is in the language that the others are translated from.
    pub original: bool,
    /// What it says.
    pub text: &'a str,
}

/// Texts shorter than this are not compared: a button is a button in every language.
const SHORTEST: usize = 60;

/// The texts whose length does not fit, by their places in `texts`, in order.
#[must_use]
pub fn lengths(texts: &[Spoken<'_>]) -> Vec<(usize, Finding)> {
    let measured: Vec<usize> = texts.iter().map(|spoken| measure(spoken.text)).collect();
    let with = || texts.iter().zip(&measured).enumerate();
    let mut found = Vec::new();
    for (at, (spoken, &own)) in with() {
        let mails = with().filter(|(_, (other, _))| other.mail && other.language == spoken.language);
        let mail = mails.map(|(_, (_, &length))| length).max();
        if let Some(mail) = mail.filter(|mail| !spoken.mail && own > *mail && own >= SHORTEST) {
            let message = format!("this text is longer than the e-mail: {own} against {mail}");
            found.push((at, finding(message, "Say less here; the link leads to the rest.")));
        }
        let original = with().find(|(_, (other, _))| other.original && other.step == spoken.step);
        let Some((_, (_, &original))) = original.filter(|_| !spoken.original) else { continue };
        if original >= SHORTEST && (own * 3 < original || own > original * 3) {
            let than = if own < original { "less than a third" } else { "more than three times" };
            let message = format!(
                "the text in {} is {than} of the original: {own} against {original}",
                spoken.language
            );
            found.push((
                at,
                finding(message, "See whether the translation leaves something out or adds something."),
            ));
        }
    }
    found
}

/// Letters, those of Chinese and Japanese counted double.
fn measure(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if is_han(c) { 2 } else { 1 }).sum()
}

fn finding(message: String, help: &str) -> Finding {
    Finding {
        rule: Rule::LengthDiffers,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: String::new(),
        message,
        help: help.to_owned(),
        fact: None,
    }
}
