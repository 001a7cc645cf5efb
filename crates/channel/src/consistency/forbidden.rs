//! The checks for forbidden words: the brand's `never_say` phrases, and those that the law of its
//! markets forbids or requires.

use super::content::{ChannelContent, ExpectedContent};
use super::finding::{ConsistencyFinding, shorten};
use campaign::ConsistencyRule;
use campaign::Language;
use campaign::Market;
use campaign::text::find_phrases;
use facts::is_han;
use source::Severity;

/// Reports every occurrence of a `never_say` phrase of the brand.
pub(super) fn check_never_say(
    expected: &ExpectedContent<'_>,
    content: &ChannelContent<'_>,
    findings: &mut Vec<ConsistencyFinding>,
) {
    for (part, text) in content.parts.iter().enumerate() {
        let found = find_phrases(text.text, expected.never_say.iter().map(String::as_str));
        findings.extend(found.into_iter().map(|(number, range)| {
            let phrase = expected.never_say.get(number).map_or("", String::as_str);
            ConsistencyFinding {
                rule: ConsistencyRule::NeverSay,
                severity: Severity::Error,
                part,
                words: text.text.get(range.clone()).unwrap_or_default().to_owned(),
                range,
                message: format!("this says \"{}\", which the brand never says", shorten(phrase)),
                help: "Say it otherwise, or take the phrase out of `never_say` in chorus.toml.".to_owned(),
                fact: None,
            }
        }));
    }
}

/// Returns the severity of a breach of Chinese law: an error in Chinese if the brand sends to
/// China, a warning in another language, and a warning in mainland Chinese if the brand declares no
/// markets. `None` if the law does not apply.
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

/// Reports every absolute term ("the best") where Chinese law applies.
pub(super) fn check_absolute_terms(
    expected: &ExpectedContent<'_>,
    content: &ChannelContent<'_>,
    findings: &mut Vec<ConsistencyFinding>,
) {
    let Some(severity) = severity(content.language, expected.markets) else { return };
    for (part, text) in content.parts.iter().enumerate() {
        for range in facts::absolute_terms(text.text) {
            let words = text.text.get(range.clone()).unwrap_or_default().to_owned();
            findings.push(ConsistencyFinding {
                rule: ConsistencyRule::AbsoluteTerm,
                severity,
                part,
                range,
                message: format!(
                    "\"{}\" is an absolute term, which advertising in China may not use",
                    shorten(&words)
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

/// Returns a finding, about part 0, if the subject lacks the label that commercial e-mail to
/// mainland China must start with: 广告 or AD (Measures for the Administration of Internet E-mail
/// Services, order 38 of the Ministry of Information Industry of 2006, articles 13 and 14). `None`
/// if the label is there or not required.
#[must_use]
pub fn ad_label(subject: &str, language: &str, markets: &[Market]) -> Option<ConsistencyFinding> {
    let severity = severity(language, markets)?;
    // Without declared markets, a subject that is not in Chinese is not assumed to go to China.
    let untranslated = markets.is_empty() && !subject.chars().any(is_han);
    if untranslated || is_labelled(subject) {
        return None;
    }
    Some(ConsistencyFinding {
        rule: ConsistencyRule::AdLabelMissing,
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
