//! Tests of forbidden words, one case in each row.

use std::collections::BTreeMap;

use campaign::ConsistencyRule;
use campaign::Market;

use super::super::ad_label;
use super::facts::{check, expected};
use source::Severity;

/// Returns the absolute terms that are found in a Chinese text.
fn terms(text: &str) -> Vec<String> {
    let facts = BTreeMap::new();
    let mut expected = expected(&facts);
    expected.markets = &[Market::CHINA];
    let report = check(&expected, "zh-CN", text);
    let found = report.findings.into_iter().filter(|found| found.rule == ConsistencyRule::AbsoluteTerm);
    found.map(|found| found.words).collect()
}

#[test]
fn absolute_terms_are_reported() {
    for (text, wanted) in [
        ("国家级烘焙师", "国家级"),
        ("最高级的咖啡", "最高"),
        ("最佳口感", "最佳"),
        ("上海最好的咖啡", "最好"),
        ("最好喝的拿铁", "最好喝"),
        ("最低价", "最低"),
        ("全网最低", "全网最"),
        ("全网最低价", "全网最"),
        ("最便宜的豆子", "最便宜"),
        ("最受欢迎的拼配", "最受欢迎"),
        ("最畅销", "最畅销"),
        ("最专业的团队", "最专业"),
        ("最大的烘焙坊", "最大"),
        ("销量第一", "第一"),
        ("全国第一", "全国第一"),
        ("行业第一品牌", "第一品牌"),
        ("第一名", "第一"),
        ("中国第一的咖啡", "第一"),
        ("顶级庄园", "顶级"),
        ("頂級莊園", "頂級"),
        ("极致体验", "极致"),
        ("独家配方", "独家"),
        ("唯一的选择", "唯一"),
        ("首选咖啡", "首选"),
        ("史无前例的优惠", "史无前例"),
        ("世界级烘焙", "世界级"),
        ("The best coffee in town", "The best"),
        ("best in the world", "best in the world"),
        ("Shanghai's number one roaster", "number one"),
        ("the No. 1 roaster", "No. 1"),
        ("#1 in Shanghai", "#1"),
        ("World-class beans", "World-class"),
        ("unbeatable prices", "unbeatable"),
        ("the world's finest", "the world's"),
    ] {
        assert_eq!(terms(text), [wanted], "{text}");
    }
}

#[test]
fn harmless_uses_of_the_same_words_are_not_reported() {
    for text in [
        "最近很冷",
        "最后三天",
        "最终价格",
        "最多两只",
        "最少三杯",
        "最新一批",
        "最早的渡轮",
        "最晚周四",
        "最初的样子",
        "最高立减 50 元",
        "最高可省 20%",
        "最高优惠 30 元",
        "最低消费 100 元",
        "最低温度 92 度",
        "你最爱的那杯",
        "最好提前预约",
        "最好在八点前来",
        "最大限度保留香气",
        "第一次来",
        "第一步，称豆",
        "第一杯我们请",
        "第一时间",
        "第一批",
        "第一天",
        "第一周",
        "第一，先称豆。第二，磨豆。",
        "第一百杯",
        "第一家店开在码头路",
        "唯一编号",
        "万一下雨",
        "前所长",
        "Best regards",
        "best before 30 April",
        "the best way to brew",
        "the best time to come",
        "at its best",
        "do our best",
        "bestow",
        "all the best",
        "No. 1 Pier Road",
        "No. 10 roast",
        "#10",
        "#12345",
        "the bestseller",
        "the number oneself",
    ] {
        assert_eq!(terms(text), [""; 0], "{text}");
    }
}

#[test]
fn every_occurrence_is_reported_with_its_bytes() {
    let text = "最佳的豆，顶级的水；ＢＥＳＴ in the world";
    let facts = BTreeMap::new();
    let report = check(&expected(&facts), "zh", text);
    let places: Vec<_> = report.findings.iter().map(|found| &text[found.range.clone()]).collect();
    assert_eq!(places, ["最佳", "顶级", "ＢＥＳＴ in the world"]);
}

#[test]
fn the_law_applies_in_the_brand_s_markets() {
    let singapore = [Market::parse("SG").unwrap()];
    let china = [Market::CHINA];
    for (language, markets, wanted) in [
        ("zh-CN", &china[..], Some(Severity::Error)),
        ("zh", &china[..], Some(Severity::Error)),
        ("zh-TW", &china[..], Some(Severity::Error)),
        ("en", &china[..], Some(Severity::Warning)),
        ("zh-CN", &[], Some(Severity::Warning)),
        ("zh", &[], Some(Severity::Warning)),
        ("zh-TW", &[], None),
        ("zh-Hant-HK", &[], None),
        ("en", &[], None),
        ("zh-CN", &singapore[..], None),
        ("not a tag", &[], None),
    ] {
        let facts = BTreeMap::new();
        let mut expected = expected(&facts);
        expected.markets = markets;
        let found = check(&expected, language, "国家级").findings;
        assert_eq!(found.first().map(|found| found.severity), wanted, "{language} {markets:?}");
        let label = ad_label("春天", language, markets);
        assert_eq!(label.map(|found| found.severity), wanted, "{language} {markets:?}");
    }
}

#[test]
fn email_to_china_is_labelled_as_advertising() {
    for (subject, labelled) in [
        ("广告：「春潮」上新", true),
        ("【广告】「春潮」上新", true),
        ("（廣告）上新", true),
        ("AD: Spring Tide", true),
        ("[AD] Spring Tide", true),
        ("(AD)春潮", true),
        ("AD春潮", true),
        ("ＡＤ 春潮", true),
        ("「春潮」上新", false),
        ("ADmire the magnolias", false),
        ("Ad: spring", false),
        ("春潮（广告）", false),
        ("AD2027", false),
        ("", false),
    ] {
        assert_eq!(ad_label(subject, "zh-CN", &[Market::CHINA]).is_none(), labelled, "{subject}");
    }
    // Without declared markets, only a Chinese subject needs the label.
    assert!(ad_label("「春潮」上新", "zh-CN", &[]).is_some());
    assert!(ad_label("Spring Tide", "zh-CN", &[]).is_none());
}

#[test]
fn never_say_phrases_are_reported_at_every_occurrence() {
    let facts = BTreeMap::new();
    let never = ["guaranteed".to_owned(), "全网最低".to_owned()];
    let mut expected = expected(&facts);
    expected.never_say = &never;
    let text = "Guaranteed, and guaranteed again; unguaranteed. 全网最低全网最低";
    let found = check(&expected, "en", text).findings;
    let places: Vec<_> = found.iter().map(|found| (found.rule.code(), &text[found.range.clone()])).collect();
    assert_eq!(
        places,
        [
            ("never-say", "Guaranteed"),
            ("never-say", "guaranteed"),
            ("never-say", "全网最低"),
            ("never-say", "全网最低")
        ]
    );
}
