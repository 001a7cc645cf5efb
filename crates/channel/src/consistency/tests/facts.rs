//! Tests of the comparison of facts with texts. Each row is a fact, a text, and the fact's status
//! in it.

use std::collections::BTreeMap;

use campaign::ConsistencyRule;

use super::super::{ChannelContent, ConsistencyReport, ContentPart, ExpectedContent, FactStatus, examine};

/// Returns a message that has only these facts.
pub(super) fn expected(facts: &BTreeMap<String, String>) -> ExpectedContent<'_> {
    ExpectedContent {
        facts,
        texts: &[],
        link: None,
        call_to_action: None,
        image: None,
        image_alt: None,
        never_say: &[],
        markets: &[],
        hosts: &["harbour.example"],
        currency: None,
    }
}

pub(super) fn facts(facts: &[(&str, &str)]) -> BTreeMap<String, String> {
    facts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Checks a text as the part `text` of an e-mail without links.
pub(super) fn check(expected: &ExpectedContent<'_>, language: &str, text: &str) -> ConsistencyReport {
    let parts = [ContentPart { key: "text", text }];
    examine(expected, &ChannelContent { step: "mail", channel: "email", language, parts: &parts, links: &[] })
}

/// Returns `said`, `unsaid`, or the words that contradict the fact.
fn status(fact: &str, text: &str) -> String {
    let facts = facts(&[("it", fact)]);
    match check(&expected(&facts), "en", text).cells.remove("it") {
        Some(FactStatus::Stated) => "said".to_owned(),
        Some(FactStatus::Contradicted(words)) => words,
        other => format!("{other:?}").replace("Some(Missing)", "unsaid"),
    }
}

/// Asserts the status in each row, and names all rows that are wrong.
fn check_table(rows: &[(&str, &str, &str)]) {
    let wrong = rows.iter().filter(|(fact, text, said)| status(fact, text) != *said);
    let wrong: Vec<_> = wrong
        .map(|(fact, text, said)| format!("{fact} | {text}: {said}, not {}", status(fact, text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_price_is_recognized_in_any_notation_and_differs_from_other_amounts() {
    check_table(&[
        ("¥199", "It is ¥199.", "said"),
        ("¥199", "It is 199 yuan.", "said"),
        ("¥199", "It is RMB 199 only.", "said"),
        ("¥199", "只要199元", "said"),
        ("¥199", "只要 １９９ 块", "said"),
        ("199 元", "¥199.00", "said"),
        ("CNY 199", "HK$199", "HK$199"),
        ("¥199", "It is ¥189.", "¥189"),
        ("¥199", "It is ¥1,199.", "¥1,199"),
        ("¥199", "It is ¥1990.", "¥1990"),
        ("¥199", "It is ¥199.50.", "¥199.50"),
        ("¥199", "It is 1.99万元.", "1.99万元"),
        ("98 元", "只要198 元", "198 元"),
        ("98 元", "只要1.98 元", "1.98 元"),
        ("98 元", "九十八元", "said"),
        ("$1,299.00", "$1299", "said"),
        ("$1,299.00", "USD 1,299", "said"),
        ("CNY 98 for 250 g", "CNY 98 for 250 g", "said"),
        ("CNY 98 for 250 g", "250 g for ¥98", "said"),
        ("CNY 98 for 250 g", "0.25 kg: 98 yuan", "said"),
        ("CNY 98 for 250 g", "CNY 89 for 250 g", "CNY 89"),
        ("CNY 98 for 250 g", "CNY 98 for 200 g", "200 g"),
        ("250 克 98 元", "98 元 / 250 克", "said"),
        ("250 克 98 元", "250 克 89 元", "89 元"),
        ("¥199", "Come and see.", "unsaid"),
        ("¥199", "Free delivery over ¥300.", "unsaid"),
        ("¥199", "Was ¥299.", "unsaid"),
        ("¥199", "原价 299 元", "unsaid"),
    ]);
}

#[test]
fn percentages_dates_and_times_are_compared_as_values() {
    check_table(&[
        ("20% off", "20 percent off", "said"),
        ("20% off", "现在八折", "said"),
        ("八折", "20% off", "said"),
        ("八折", "九八折", "九八折"),
        ("八折", "打8折", "said"),
        ("20% off", "15% off", "15% off"),
        ("20% off", "Save 25% now", "25%"),
        ("20% off", "Save 20% now", "said"),
        ("save 20%", "八折", "said"),
        ("20% off", "20% cocoa", "unsaid"),
        ("20% off", "70% cocoa", "unsaid"),
        ("20% off tea", "20% off all our tea", "said"),
        ("20% off tea", "20% off coffee. We like tea, too.", "unsaid"),
        ("30 April 2027", "until April 30, 2027", "said"),
        ("30 April 2027", "until 30 April", "said"),
        ("30 April", "until 30 April 2027", "said"),
        ("30 April 2027", "2027-04-30", "said"),
        ("30 April 2027", "截至2027年4月30日", "said"),
        ("30 April", "until 31 April", "31 April"),
        ("30 April 2027", "until 30 April 2028", "30 April 2028"),
        ("30 April 2027", "until 30 May", "30 May"),
        ("30 April 2027", "since 1 May 1998", "unsaid"),
        ("2027 年 4 月 11 日", "4月11日前", "said"),
        ("2027 年 4 月 11 日", "4月12日前", "4月12日"),
        ("11–14 April", "from 11 April to 14 April", "said"),
        ("11–14 April", "from 11 to 15 April", "15 April"),
        ("10:00", "at 10 am", "said"),
        ("10 am", "上午10点", "said"),
        ("10 am", "下午10点", "下午10点"),
        ("doors open at 10 am", "doors open at 9 am", "9 am"),
        ("14 days", "14天", "said"),
        ("14 days", "two weeks", "said"),
        ("14 days", "7 days", "7 days"),
        ("14 days", "three minutes", "unsaid"),
    ]);
}

#[test]
fn names_and_words_are_recognized_in_any_typography() {
    check_table(&[
        ("one free month", "One FREE  month", "said"),
        ("one free month", "**One free month** when you renew", "said"),
        ("one free month", "1 free month", "said"),
        ("one free month", "two free months", "two"),
        ("one free month", "three minutes of rest", "unsaid"),
        ("Baoshan Honey No. 7", "baoshan honey no.7", "said"),
        ("Baoshan Honey No. 7", "Baoshan Honey No. 8", "8"),
        ("Baoshan Honey No. 7", "Honeycomb from Baoshan", "unsaid"),
        ("保山蜜处理 7 号", "保山蜜处理7号", "said"),
        ("保山蜜处理 7 号", "保山蜜处理8号", "8号"),
        ("“Spring Tide”", "\"Spring Tide\" is here", "said"),
        ("「春潮」", "春潮上新", "said"),
        ("a free magnolia cup with every bag", "With every bag, a free magnolia cup!", "said"),
        ("a free magnolia cup with every bag", "no free magnolia cup with every bag", "unsaid"),
        ("a free magnolia cup with every bag", "a magnolia cup with every bag", "unsaid"),
        ("每包送一只玉兰杯", "每包送一只玉兰杯", "said"),
        ("每包送一只玉兰杯", "每包送 1 只玉兰杯", "said"),
        ("每包送一只玉兰杯", "每包送两只玉兰杯", "两只"),
        ("每包送一只玉兰杯", "买一包送一只玉兰杯！一共600只。", "unsaid"),
        ("全场八折", "全场8折，会员再享9.5折", "said"),
        ("全场八折", "全场七折", "七折"),
        ("buy one, get one free", "Buy 1 get 1 free all week", "said"),
        ("SPRING20", "Use code spring20", "said"),
        ("SPRING20", "Use code SPRING200", "unsaid"),
        ("第二杯我们请", "到店出示这封信，第二杯我们请。", "said"),
        ("the end of next month", "by the end of next month", "said"),
        ("the end of next month", "by the end of the month", "unsaid"),
        ("Ｈａｒｂｏｕｒ", "Harbour", "said"),
        ("！？", "anything", "unsaid"),
    ]);
}

/// Returns the rule and the words of each finding about a text.
fn findings(facts: &[(&str, &str)], text: &str) -> Vec<String> {
    let facts = self::facts(facts);
    let report = check(&expected(&facts), "en", text);
    report.findings.iter().map(|found| format!("{} {}", found.rule, found.words)).collect()
}

const LAUNCH: [(&str, &str); 3] =
    [("offer", "a free cup with every bag"), ("price", "CNY 98 for 250 g"), ("deadline", "11 April 2027")];

const GOOD: &str =
    "Spring Tide is CNY 98 for 250 g, and until 11 April 2027 you get a free cup with every bag. ";

#[test]
fn a_value_that_agrees_with_no_fact_is_a_claim() {
    for (text, wanted) in [
        ("", vec![]),
        ("15 g of coffee, 250 g of water at 92 °C, three minutes.", vec![]),
        ("Open 7:00 to 18:00. Call +86 21 5555 0000. 100% arabica.", vec![]),
        ("© 2027 Harbour Coffee, 1 Pier Road, Shanghai 200000", vec![]),
        ("See https://harbour.example/sale?d=2027-05-01&off=30%25", vec![]),
        ("It is ¥98!", vec![]),
        ("Only ¥89!", vec!["fact-contradicted ¥89"]),
        ("Order by 12 April.", vec!["fact-contradicted 12 April"]),
        ("Order by April 31.", vec!["fact-contradicted April 31"]),
        ("Was CNY 128.", vec!["claim-not-a-fact CNY 128"]),
        ("Free delivery over ¥200.", vec!["claim-not-a-fact ¥200"]),
        ("CNY 180 for 500 g.", vec!["claim-not-a-fact CNY 180"]),
        ("30% off the second bag.", vec!["claim-not-a-fact 30% off"]),
        ("Shipping starts 5 April.", vec!["claim-not-a-fact 5 April"]),
        ("On this pier since 1 May 1998.", vec!["claim-not-a-fact 1 May 1998"]),
    ] {
        assert_eq!(findings(&LAUNCH, &(GOOD.to_owned() + text)), wanted, "{text}");
    }
}

#[test]
fn a_missing_fact_is_reported_once() {
    assert_eq!(
        findings(&LAUNCH, "Spring Tide is CNY 98 for 250 g."),
        ["fact-not-said 11 April 2027", "fact-not-said a free cup with every bag"]
    );
    assert_eq!(
        findings(&LAUNCH, "A free cup with every bag: CNY 89 for 250 g until 11 April."),
        ["fact-contradicted CNY 89"]
    );
}

#[test]
fn findings_say_how_to_fix_them() {
    let facts = facts(&LAUNCH);
    let report =
        check(&expected(&facts), "en", "CNY 89 for 250 g, 11 April, a free cup with every bag, 30% off");
    let messages: Vec<_> =
        report.findings.iter().map(|found| format!("{}\n{}", found.message, found.help)).collect();
    assert_eq!(
        messages,
        [
            "\"CNY 89\" is not what the fact `price` says: \"CNY 98 for 250 g\"\nWrite {{facts.price}} in its place, \
             or change the fact. If both are true, declare this price as a separate fact.",
            "\"30% off\" is a percentage that no fact declares\nDeclare it under [message.facts] and write {{facts.…}} \
             here, so that every channel says the same percentage.",
        ]
    );
    assert_eq!(report.cells["price"], FactStatus::Contradicted("CNY 89".to_owned()));
    assert_eq!(report.cells["deadline"], FactStatus::Stated);
}

#[test]
fn the_brand_s_currency_decides_if_the_yen_sign_means_yuan() {
    let facts = facts(&[("price", "¥1500")]);
    let mut expected = expected(&facts);
    for (currency, text, wanted) in [
        (None, "1500 yen", true),
        (None, "1500 yuan", true),
        (Some("JPY"), "1500 yen", true),
        (Some("JPY"), "1500 yuan", false),
        (Some("CNY"), "1500 元", true),
        (Some("CNY"), "1500円", false),
    ] {
        expected.currency = currency;
        let said = check(&expected, "en", text).cells["price"] == FactStatus::Stated;
        assert_eq!(said, wanted, "{currency:?} {text}");
    }
}

#[test]
fn the_closest_contradiction_is_reported() {
    let text = "A bag of tea: ¥45, a mug ¥30. The spring blend for the harbour: ¥89. Cake ¥20.";
    let facts = facts(&[("price", "spring blend ¥98")]);
    let report = check(&expected(&facts), "en", text);
    assert_eq!(report.cells["price"], FactStatus::Contradicted("¥89".to_owned()));
    let first = report
        .findings
        .iter()
        .find(|found| found.rule == ConsistencyRule::FactContradicted && found.words == "¥89");
    assert_eq!(first.map(|found| &text[found.range.clone()]), Some("¥89"));
}
