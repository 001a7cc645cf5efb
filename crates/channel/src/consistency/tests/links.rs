//! Tests of links, calls to action, picture descriptions, lengths, silenced rules and the table of
//! facts.

use std::collections::BTreeMap;

use campaign::ConsistencyRule;
use campaign::SilencedRule;

use super::super::{
    ChannelContent, Column, ComparedText, ContentPart, ExpectedContent, FactStatus, Matrix, compare_lengths,
    examine,
};
use super::facts::{check, expected, facts};
use campaign::StepId;
use source::Severity;

/// Returns the severity, rule and words of each finding.
fn findings(expected: &ExpectedContent<'_>, text: &str, links: &[&str]) -> Vec<(Severity, String)> {
    let parts = [ContentPart { key: "text", text }];
    let content = ChannelContent { step: "post", channel: "team", language: "en", parts: &parts, links };
    let found = examine(expected, &content).findings;
    found.into_iter().map(|found| (found.severity, format!("{} {}", found.rule, found.words))).collect()
}

#[test]
fn links_must_lead_to_the_message_s_page() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.link = Some("https://shop.example/spring?plan=gold");
    expected.texts = &["read https://news.example/story first"];
    let error = |link: &str| vec![(Severity::Error, format!("link-differs {link}"))];
    for (links, wanted) in [
        (&["https://shop.example/spring?plan=gold"][..], vec![]),
        (&["http://www.shop.example/spring/?utm_source=x&plan=gold#top"], vec![]),
        (&["https://shop.example/spring?plan=gold", "https://harbour.example/imprint"], vec![]),
        (&["https://shop.example/spring?plan=gold", "https://www.harbour.example/"], vec![]),
        (&["https://shop.example/spring?plan=gold", "https://news.harbour.example/"], vec![]),
        (&["https://shop.example/spring?plan=gold", "https://news.example/story"], vec![]),
        (&["https://shop.example/spring?plan=gold", "mailto:a@b.example"], vec![]),
        (&["https://shop.example/spring?plan=gold", "https://evil.example/"], error("https://evil.example/")),
        (
            &["https://shop.example/spring?plan=gold", "https://evilharbour.example/"],
            error("https://evilharbour.example/"),
        ),
        (&["https://shop.example/spring?plan=silver"], error("https://shop.example/spring?plan=silver")),
        (&["https://shop.example/autumn?plan=gold"], error("https://shop.example/autumn?plan=gold")),
        (
            &["https://shop.example:8443/spring?plan=gold"],
            error("https://shop.example:8443/spring?plan=gold"),
        ),
        (&[], vec![(Severity::Warning, "link-differs ".to_owned())]),
        (&["not a link"], vec![(Severity::Warning, "link-differs ".to_owned())]),
    ] {
        assert_eq!(findings(&expected, "", links), wanted, "{links:?}");
    }
}

#[test]
fn a_link_is_reported_where_it_is_visible() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.link = Some("https://harbour.example/spring");
    let parts = [
        ContentPart { key: "subject", text: "x" },
        ContentPart { key: "text", text: "春 https://harbour.example/autumn!" },
    ];
    let links = ["https://harbour.example/autumn"];
    let content =
        ChannelContent { step: "post", channel: "team", language: "en", parts: &parts, links: &links };
    let found = examine(&expected, &content).findings;
    assert_eq!((found[0].part, &parts[1].text[found[0].range.clone()]), (1, links[0]));
}

#[test]
fn the_call_to_action_must_be_in_the_text() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.call_to_action = Some("Choose your bag");
    assert_eq!(findings(&expected, "… [CHOOSE  your bag →]", &[]), []);
    let missing = (Severity::Warning, "call-to-action-missing Choose your bag".to_owned());
    assert_eq!(findings(&expected, "Choose a bag", &[]), [missing]);
    expected.call_to_action = Some("去选一包");
    assert_eq!(findings(&expected, "快来去选一包吧", &[]), []);
}

#[test]
fn a_picture_needs_a_description() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.image = Some("images/spring.png");
    let missing = (Severity::Error, "image-alt-missing images/spring.png".to_owned());
    assert_eq!(findings(&expected, "", &[]), std::slice::from_ref(&missing));
    expected.image_alt = Some(" ");
    assert_eq!(findings(&expected, "", &[]), [missing]);
    expected.image_alt = Some("A cup");
    assert_eq!(findings(&expected, "", &[]), []);
}

#[test]
fn lengths_are_compared_with_the_email_and_the_original() {
    let mail = "a".repeat(300);
    let text_of = |step, language, is_email, text| ComparedText {
        step,
        language,
        is_email,
        is_original: language == "en",
        text,
    };
    let (long, short, fair) = ("b".repeat(301), "春".repeat(40), "春".repeat(60));
    let texts = [
        text_of("mail", "en", true, mail.as_str()),
        text_of("mail", "zh", true, &short),
        text_of("mail", "de", true, &long),
        text_of("post", "en", false, &long),
        text_of("post", "zh", false, &fair),
        text_of("button", "en", false, "Go"),
        text_of("button", "zh", false, "现在就去看看"),
    ];
    let found: Vec<_> = compare_lengths(&texts).into_iter().map(|(at, found)| (at, found.message)).collect();
    assert_eq!(
        found,
        [
            (1, "the text in zh is less than a third of the original: 80 against 300".to_owned()),
            (3, "this text is longer than the e-mail: 301 against 300".to_owned()),
            (4, "this text is longer than the e-mail: 120 against 80".to_owned()),
        ]
    );
}

#[test]
fn silenced_findings_are_removed_and_their_reason_is_in_the_table() {
    let facts = facts(&[("price", "¥98"), ("deadline", "30 April")]);
    let mut report = check(&expected(&facts), "en", "¥89 until 30 April; was ¥128");
    let silence = |rule, text: Option<&str>, step: &str| SilencedRule {
        rule,
        reason: "the members' price".to_owned(),
        step: StepId::parse(step).ok(),
        text: text.map(str::to_owned),
        span: 0..0,
    };
    let silences = [
        silence(ConsistencyRule::NeverSay, None, "mail"),
        silence(ConsistencyRule::FactContradicted, Some("89"), "mail"),
        silence(ConsistencyRule::ClaimNotAFact, None, "post"),
    ];
    assert_eq!(report.silence(&silences, "mail"), [1]);
    assert_eq!(report.findings.iter().map(|found| found.words.as_str()).collect::<Vec<_>>(), ["¥128"]);
    assert_eq!(report.cells["price"], FactStatus::Silenced("the members' price".to_owned()));
    assert_eq!(report.cells["deadline"], FactStatus::Stated);
}

#[test]
fn the_table_has_a_row_for_each_fact_and_a_column_for_each_channel() {
    let facts = facts(&[("price", "¥98"), ("deadline", "30 April")]);
    let mut matrix = Matrix::new(facts.keys().cloned());
    for (channel, text) in [("email", "¥98 until 30 April"), ("team", "¥89")] {
        let column =
            Column { step: "mail".to_owned(), channel: channel.to_owned(), language: "en".to_owned() };
        matrix.add(column, &check(&expected(&facts), "en", text).cells);
    }
    assert_eq!(matrix.cell("price", 1), Some(&FactStatus::Contradicted("¥89".to_owned())));
    assert_eq!(matrix.cell("nothing", 0), None);
    assert_eq!(
        serde_json::to_string(&matrix).unwrap(),
        "{\"facts\":[\"deadline\",\"price\"],\"columns\":[{\"step\":\"mail\",\"channel\":\"email\",\"language\":\"en\"},\
         {\"step\":\"mail\",\"channel\":\"team\",\"language\":\"en\"}],\"cells\":[[\"said\",\"unsaid\"],\
         [\"said\",{\"said_otherwise\":\"¥89\"}]]}"
    );
}
