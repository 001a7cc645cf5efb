//! What must not be said: what the brand never says, and what the law of its markets forbids.

use super::finding::{Finding, shown};
use super::said::{Expected, Said};
use campaign::Language;
use campaign::Market;
use campaign::consistency::Rule;
use campaign::text::phrases;
use facts::is_han;
use source::Severity;

/// Tells every place of what the brand never says.
pub(super) fn never_say(expected: &Expected<'_>, said: &Said<'_>, findings: &mut Vec<Finding>) {
    for (part, text) in said.parts.iter().enumerate() {
        let found = phrases(text.text, expected.never_say.iter().map(String::as_str));
        findings.extend(found.into_iter().map(|(number, range)| {
            let promise = expected.never_say.get(number).map_or("", String::as_str);
            Finding {
                rule: Rule::NeverSay,
                severity: Severity::Error,
                part,
                words: text.text.get(range.clone()).unwrap_or_default().to_owned(),
                range,
                message: format!("this says \"{}\", which the brand never says", shown(promise)),
                help: "Say it otherwise, or take the phrase out of `never_say` in chorus.toml.".to_owned(),
                fact: None,
            }
        }));
    }
}

/// How bad it is to break a law of China in a text: an error in Chinese where the brand sends there, a warning in
/// another language, and a warning in the Chinese of the mainland where the brand does not say where it sends.
fn severity(language: &str, markets: &[Market]) -> Option<Severity> {
    let language = Language::parse(language).ok();
    let chinese = language.as_ref().is_some_and(|language| language.primary() == "zh");
    let elsewhere = ["Hant", "TW", "HK", "MO", "SG"];
    let mainland =
        chinese && !language.is_some_and(|tag| tag.as_str().split('-').any(|sub| elsewhere.contains(&sub)));
    match (markets.contains(&Market::CHINA), chinese) {
        (true, true) => Some(Severity::Error),
        (true, false) => Some(Severity::Warning),
        (false, _) => (markets.is_empty() && mainland).then_some(Severity::Warning),
    }
}

/// Tells every absolute term, where the law of China applies.
pub(super) fn absolute_terms(expected: &Expected<'_>, said: &Said<'_>, findings: &mut Vec<Finding>) {
    let Some(severity) = severity(said.language, expected.markets) else { return };
    for (part, text) in said.parts.iter().enumerate() {
        for range in facts::absolute_terms(text.text) {
            let words = text.text.get(range.clone()).unwrap_or_default().to_owned();
            findings.push(Finding {
                rule: Rule::AbsoluteTerm,
                severity,
                part,
                range,
                message: format!(
                    "\"{}\" is an absolute term, which advertising in China may not use",
                    shown(&words)
                ),
                help: "Say what can be shown instead: a figure, a source, a comparison with yourselves. \
                       Advertising Law of the PRC, article 9 (3)."
                    .to_owned(),
                words,
                fact: None,
            });
        }
    }
}

/// The label that commercial mail to the mainland of China must bear: 广告 or AD at the head of the subject
/// (Measures for the Administration of Internet E-mail Services, order 38 of the Ministry of Information Industry
/// of 2006, articles 13 and 14). `None` where it is there or nothing asks for it. The finding is about part 0.
#[must_use]
pub fn ad_label(subject: &str, language: &str, markets: &[Market]) -> Option<Finding> {
    let severity = severity(language, markets)?;
    // A subject that nobody translated goes to nobody's market in particular.
    let untranslated = markets.is_empty() && !subject.chars().any(is_han);
    if untranslated || is_labelled(subject) {
        return None;
    }
    Some(Finding {
        rule: Rule::AdLabelMissing,
        severity,
        part: 0,
        range: 0..subject.len(),
        words: subject.to_owned(),
        message: "advertising by mail to China must say so at the head of its subject".to_owned(),
        help: "Begin the subject with 【广告】 or AD. Measures for the Administration of Internet E-mail Services, \
               article 13."
            .to_owned(),
        fact: None,
    })
}

fn is_labelled(subject: &str) -> bool {
    let head = subject.trim_start_matches(|c: char| c.is_whitespace() || "【[(（〔「《<*#".contains(c));
    if head.starts_with("广告") || head.starts_with("廣告") {
        return true;
    }
    let ad = ["AD", "ＡＤ"].iter().find_map(|label| head.strip_prefix(label));
    ad.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() && c.is_ascii()))
}
