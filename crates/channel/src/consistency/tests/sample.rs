//! The campaigns of this repository, every step in every language: they come out clean, and break when broken.

use std::collections::BTreeMap;
use std::path::Path;

use campaign::Market;

use super::super::{Cell, Examined, Expected, Part, Said, examine};
use campaign::{Message, Workspace};

fn env(name: &str) -> Option<String> {
    let secret = name.ends_with("SECRET");
    let value = if secret { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } else { "https://pier.example/hook" };
    Some(value.to_owned())
}

fn workspace() -> Workspace {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Workspace::load(&root, &env).unwrap().0
}

/// What a template would make of it, as far as facts are concerned: other expressions are left out.
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

/// A mail with its table of facts, as the templates of the sample print it.
fn mail(message: &Message, language: &str, markets: &[Market], edit: &dyn Fn(String) -> String) -> Examined {
    let part = |text: &Option<String>| rendered(text.as_deref().unwrap_or_default(), &message.facts);
    let table: Vec<_> = message.facts.values().map(String::as_str).collect();
    let call_to_action = part(&message.call_to_action);
    let body = [part(&message.headline), table.join("\n"), part(&message.body), call_to_action].join("\n\n");
    let (subject, body) = (part(&message.subject), edit(body));
    let parts = [Part { key: "subject", text: &subject }, Part { key: "text", text: &body }];
    let never = ["guaranteed".to_owned(), "全网最低".to_owned()];
    let expected = Expected {
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
    examine(&expected, &Said { step: "mail", channel: "email", language, parts: &parts, links: &links })
}

/// Every message of every step with its language.
fn messages(workspace: &Workspace) -> Vec<(String, &str, &Message)> {
    let steps = workspace
        .campaigns
        .values()
        .flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
    let said = steps.flat_map(|(campaign, step)| {
        let translations = step.message.translations.iter().map(|(tag, message)| (tag.as_str(), message));
        let name = format!("{}/{}", campaign.id.as_str(), step.id.as_str());
        std::iter::once(("en", &step.message))
            .chain(translations)
            .map(move |(tag, said)| (name.clone(), tag, said))
    });
    said.collect()
}

#[test]
fn the_sample_says_what_it_should() {
    let workspace = workspace();
    let singapore = [Market::parse("SG").unwrap()];
    let all = messages(&workspace);
    assert!(all.len() >= 12, "{}", all.len());
    for (name, language, message) in all {
        let examined = mail(message, language, &singapore, &|text| text);
        assert_eq!(examined.findings, [], "{name} {language}");
        assert!(examined.cells.values().all(|cell| *cell == Cell::Said), "{name} {language}");
    }
}

#[test]
fn only_mail_in_english_lacks_the_label_of_advertising_for_china() {
    let workspace = workspace();
    for (name, language, message) in messages(&workspace) {
        let examined = mail(message, language, &[Market::CHINA], &|text| text);
        let codes: Vec<_> = examined.findings.iter().map(|found| found.rule.code()).collect();
        let missing: &[&str] = if language == "en" { &["ad-label-missing"] } else { &[] };
        assert_eq!(codes, missing, "{name} {language}");
    }
}

#[test]
fn a_broken_fact_is_told_in_either_language() {
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
        // Only the last place is broken: the table of facts still says it well.
        let edit = |text: String| {
            let at = text.rfind(from).unwrap();
            text[..at].to_owned() + to + &text[at + from.len()..]
        };
        let examined = mail(message, language, &[Market::parse("SG").unwrap()], &edit);
        let told: Vec<_> =
            examined.findings.iter().map(|found| format!("{} {}", found.rule, found.words)).collect();
        assert_eq!(told, [wanted], "{from} -> {to}");
    }
}
