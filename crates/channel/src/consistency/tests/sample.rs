//! Tests with the repository's own campaigns, every step in every language: they have no findings,
//! and an introduced mistake is reported.

use std::collections::BTreeMap;
use std::path::Path;

use campaign::Market;

use super::super::{ChannelContent, ConsistencyReport, ContentPart, ExpectedContent, FactStatus, examine};
use campaign::{CampaignMessage, Workspace};

fn env(name: &str) -> Option<String> {
    let secret = name.ends_with("SECRET");
    let value = if secret { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } else { "https://hooks.example/hook" };
    Some(value.to_owned())
}

fn workspace() -> Workspace {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Workspace::load(&root, &env).unwrap().0
}

/// Replaces `{{facts.…}}` in a text, and removes all other expressions.
fn rendered(text: &str, facts: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (name, fact) in facts {
        text = text.replace(&format!("{{{{facts.{name}}}}}"), fact);
    }
    while let Some((open, close)) =
        text.find("{{").and_then(|open| Some((open, open + text.get(open..)?.find("}}")? + 2)))
    {
        text.replace_range(open..close, "");
    }
    text
}

/// Checks an e-mail with a table of facts, as the sample's templates have it; `edit` changes its
/// text.
fn check_email(
    message: &CampaignMessage,
    language: &str,
    markets: &[Market],
    edit: &dyn Fn(String) -> String,
) -> ConsistencyReport {
    let part = |text: &Option<String>| rendered(text.as_deref().unwrap_or_default(), &message.facts);
    let table: Vec<_> = message.facts.values().map(String::as_str).collect();
    let call_to_action = part(&message.call_to_action);
    let body = [part(&message.headline), table.join("\n"), part(&message.body), call_to_action].join("\n\n");
    let (subject, body) = (part(&message.subject), edit(body));
    let parts = [ContentPart { key: "subject", text: &subject }, ContentPart { key: "text", text: &body }];
    let never = ["guaranteed".to_owned(), "全网最低".to_owned()];
    let expected = ExpectedContent {
        facts: &message.facts,
        texts: &[],
        link: message.link.as_deref(),
        call_to_action: message.call_to_action.as_deref(),
        image: message.image.as_deref(),
        image_alt: message.image_alt.as_deref(),
        never_say: &never,
        markets,
        hosts: &["harbour.example"],
        currency: Some("CNY"),
    };
    let links: Vec<_> = message.link.as_deref().into_iter().collect();
    examine(
        &expected,
        &ChannelContent { step: "mail", channel: "email", language, parts: &parts, links: &links },
    )
}

/// Returns the messages of all steps as campaign and step, language tag, and message.
fn messages(workspace: &Workspace) -> Vec<(String, &str, &CampaignMessage)> {
    let steps = workspace
        .campaigns
        .values()
        .flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    let messages = steps.flat_map(|(campaign, step)| {
        let translations = step.message.translations.iter().map(|(tag, message)| (tag.as_str(), message));
        let name = format!("{}/{}", campaign.id.as_str(), step.id.as_str());
        std::iter::once(("en", &step.message))
            .chain(translations)
            .map(move |(tag, message)| (name.clone(), tag, message))
    });
    messages.collect()
}

#[test]
fn the_sample_campaigns_have_no_findings() {
    let workspace = workspace();
    let singapore = [Market::parse("SG").unwrap()];
    let all = messages(&workspace);
    assert!(all.len() >= 12, "{}", all.len());
    for (name, language, message) in all {
        let report = check_email(message, language, &singapore, &|text| text);
        assert_eq!(report.findings, [], "{name} {language}");
        assert!(report.cells.values().all(|cell| *cell == FactStatus::Stated), "{name} {language}");
    }
}

#[test]
fn only_english_email_lacks_the_advertising_label_for_china() {
    let workspace = workspace();
    for (name, language, message) in messages(&workspace) {
        let report = check_email(message, language, &[Market::CHINA], &|text| text);
        let codes: Vec<_> = report.findings.iter().map(|found| found.rule.code()).collect();
        let missing: &[&str] = if language == "en" { &["ad-label-missing"] } else { &[] };
        assert_eq!(codes, missing, "{name} {language}");
    }
}

#[test]
fn a_wrong_fact_is_reported_in_either_language() {
    let workspace = workspace();
    let launch = &workspace.campaigns["spring-launch"].steps[0].message;
    let chinese = &launch.translations["zh-CN"];
    for (message, language, from, to, wanted) in [
        (launch, "en", "CNY 98 for", "CNY 89 for", "fact-contradicted CNY 89"),
        (launch, "en", "11 April 2027", "12 April 2027", "fact-contradicted 12 April 2027"),
        (launch, "en", "600 of them", "600 of them, 20% off", "claim-not-a-fact 20% off"),
        (launch, "en", "600 of them", "600 of them, ¥30 each", "fact-contradicted ¥30"),
        (launch, "en", "600 of them", "guaranteed", "never-say guaranteed"),
        (chinese, "zh-CN", "98 元", "89 元", "fact-contradicted 89 元"),
        (chinese, "zh-CN", "4 月 11 日", "4 月 12 日", "fact-contradicted 2027 年 4 月 12 日"),
        (chinese, "zh-CN", "600 只", "600 只，八折", "claim-not-a-fact 八折"),
    ] {
        // Only the last occurrence is changed; the table of facts still states the fact.
        let edit = |text: String| {
            let at = text.rfind(from).unwrap();
            text[..at].to_owned() + to + &text[at + from.len()..]
        };
        let report = check_email(message, language, &[Market::parse("SG").unwrap()], &edit);
        let found: Vec<_> =
            report.findings.iter().map(|found| format!("{} {}", found.rule, found.words)).collect();
        assert_eq!(found, [wanted], "{from} -> {to}");
    }
}
