//! Links, calls to action, pictures, lengths, silences and the table of facts.

use std::collections::BTreeMap;

use campaign::Silence;
use campaign::consistency::Rule;

use super::super::{Cell, Column, Expected, Matrix, Part, Said, Spoken, examine, lengths};
use super::facts::{expected, facts, say};
use campaign::StepId;
use source::Severity;

fn told(expected: &Expected<'_>, text: &str, links: &[&str]) -> Vec<(Severity, String)> {
    let parts = [Part { key: "text", text }];
    let said = Said { step: "post", channel: "team", language: "en", parts: &parts, links };
    let found = examine(expected, &said).findings;
    found.into_iter().map(|found| (found.severity, format!("{} {}", found.rule, found.words))).collect()
}

#[test]
fn links_lead_where_the_message_does() {
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
        assert_eq!(told(&expected, "", links), wanted, "{links:?}");
    }
}

#[test]
fn a_link_is_told_where_it_can_be_seen() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.link = Some("https://harbour.example/spring");
    let parts = [
        Part { key: "subject", text: "x" },
        Part { key: "text", text: "春 https://harbour.example/autumn!" },
    ];
    let links = ["https://harbour.example/autumn"];
    let said = Said { step: "post", channel: "team", language: "en", parts: &parts, links: &links };
    let found = examine(&expected, &said).findings;
    assert_eq!((found[0].part, &parts[1].text[found[0].range.clone()]), (1, links[0]));
}

#[test]
fn the_call_to_action_is_the_message_s() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.call_to_action = Some("Choose your bag");
    assert_eq!(told(&expected, "… [CHOOSE  your bag →]", &[]), []);
    let missing = (Severity::Warning, "call-to-action-missing Choose your bag".to_owned());
    assert_eq!(told(&expected, "Choose a bag", &[]), [missing]);
    expected.call_to_action = Some("去选一包");
    assert_eq!(told(&expected, "快来去选一包吧", &[]), []);
}

#[test]
fn a_picture_is_described() {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.image = Some("images/spring.png");
    let missing = (Severity::Error, "image-alt-missing images/spring.png".to_owned());
    assert_eq!(told(&expected, "", &[]), std::slice::from_ref(&missing));
    expected.image_alt = Some(" ");
    assert_eq!(told(&expected, "", &[]), [missing]);
    expected.image_alt = Some("A cup");
    assert_eq!(told(&expected, "", &[]), []);
}

#[test]
fn lengths_fit_together() {
    let mail = "a".repeat(300);
    let spoken =
        |step, language, mail, text| Spoken { step, language, mail, original: language == "en", text };
    let (long, short, fair) = ("b".repeat(301), "春".repeat(40), "春".repeat(60));
    let texts = [
        spoken("mail", "en", true, mail.as_str()),
        spoken("mail", "zh", true, &short),
        spoken("mail", "de", true, &long),
        spoken("post", "en", false, &long),
        spoken("post", "zh", false, &fair),
        spoken("button", "en", false, "Go"),
        spoken("button", "zh", false, "现在就去看看"),
    ];
    let found: Vec<_> = lengths(&texts).into_iter().map(|(at, found)| (at, found.message)).collect();
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
fn what_is_silenced_is_gone_and_its_reason_stands_in_the_table() {
    let facts = facts(&[("price", "¥98"), ("deadline", "30 April")]);
    let mut examined = say(&expected(&facts), "en", "¥89 until 30 April; was ¥128");
    let silence = |rule, text: Option<&str>, step: &str| Silence {
        rule,
        reason: "the members' price".to_owned(),
        step: StepId::parse(step).ok(),
        text: text.map(str::to_owned),
        place: 0..0,
    };
    let silences = [
        silence(Rule::NeverSay, None, "mail"),
        silence(Rule::FactContradicted, Some("89"), "mail"),
        silence(Rule::ClaimNotAFact, None, "post"),
    ];
    assert_eq!(examined.silence(&silences, "mail"), [1]);
    assert_eq!(examined.findings.iter().map(|found| found.words.as_str()).collect::<Vec<_>>(), ["¥128"]);
    assert_eq!(examined.cells["price"], Cell::Silenced("the members' price".to_owned()));
    assert_eq!(examined.cells["deadline"], Cell::Said);
}

#[test]
fn the_table_has_a_row_for_each_fact_and_a_column_for_each_channel() {
    let facts = facts(&[("price", "¥98"), ("deadline", "30 April")]);
    let mut matrix = Matrix::new(facts.keys().cloned());
    for (channel, text) in [("email", "¥98 until 30 April"), ("team", "¥89")] {
        let column =
            Column { step: "mail".to_owned(), channel: channel.to_owned(), language: "en".to_owned() };
        matrix.add(column, &say(&expected(&facts), "en", text).cells);
    }
    assert_eq!(matrix.cell("price", 1), Some(&Cell::SaidOtherwise("¥89".to_owned())));
    assert_eq!(matrix.cell("nothing", 0), None);
    assert_eq!(
        serde_json::to_string(&matrix).unwrap(),
        "{\"facts\":[\"deadline\",\"price\"],\"columns\":[{\"step\":\"mail\",\"channel\":\"email\",\"language\":\"en\"},\
         {\"step\":\"mail\",\"channel\":\"team\",\"language\":\"en\"}],\"cells\":[[\"said\",\"unsaid\"],\
         [\"said\",{\"said_otherwise\":\"¥89\"}]]}"
    );
}
