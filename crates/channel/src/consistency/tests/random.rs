//! Property tests: invariants that hold for every text.

use proptest::prelude::*;

use campaign::Market;
use facts::{StatedCurrency, Value, values};

use super::super::ad_label;
use super::facts::{check, expected, facts};

/// Returns a number with commas between groups of three digits.
fn grouped(whole: i64) -> String {
    let digits = whole.to_string();
    let mut text = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// Returns an amount in yuan in every supported notation.
fn in_yuan(whole: i64, cents: i64) -> Vec<String> {
    let plain = if cents == 0 { whole.to_string() } else { format!("{whole}.{cents:02}") };
    let group = if cents == 0 { grouped(whole) } else { format!("{}.{cents:02}", grouped(whole)) };
    let wide: String = plain.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let mut styles = Vec::new();
    for amount in [&plain, &group, &wide] {
        for style in [
            "¥#",
            "￥#",
            "CNY #",
            "CNY#",
            "RMB #",
            "RMB#",
            "# yuan",
            "#元",
            "# 元",
            "# CNY",
            "人民币#元",
            "CN¥#",
        ] {
            styles.push(style.replace('#', amount));
        }
    }
    styles
}

/// Returns a date in every supported notation.
fn dates(year: i16, month: u8, day: u8) -> Vec<String> {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = NAMES[usize::from(month) - 1];
    vec![
        format!("{day} {name} {year}"),
        format!("{name} {day}, {year}"),
        format!("{} {day} {year}", &name[..3]),
        format!("{day} {}. {year}", &name[..3]),
        format!("{}, {year}", format_args!("{day} {}", name.to_uppercase())),
        format!("{year}-{month:02}-{day:02}"),
        format!("{year}/{month}/{day}"),
        format!("{year}年{month}月{day}日"),
        format!("{year} 年 {month} 月 {day} 日"),
        format!("{year}年{month:02}月{day:02}号"),
    ]
}

proptest! {
    #[test]
    fn money_is_parsed_in_every_notation(whole in 1..10_000_000_i64, cents in prop_oneof![Just(0_i64), 1..100_i64]) {
        let micros = whole * 1_000_000 + cents * 10_000;
        let wanted = Value::Money { micros, currency: StatedCurrency::Code(*b"CNY") };
        for style in in_yuan(whole, cents) {
            let found = values(&format!("现在 {style}, now"));
            prop_assert_eq!(found.len(), 1, "{} {:?}", style, found);
            prop_assert!(found[0].value.agrees(&wanted), "{} {:?}", style, found);
        }
    }

    #[test]
    fn any_two_notations_of_a_price_agree_and_another_price_contradicts(whole in 1..100_000_i64, other in 1..100_000_i64) {
        prop_assume!(whole != other);
        let styles = in_yuan(whole, 0);
        for (fact, text) in styles.iter().zip(styles.iter().rev()) {
            let facts = facts(&[("price", fact)]);
            let report = check(&expected(&facts), "en", &format!("only {text} today"));
            prop_assert!(report.findings.is_empty(), "{} {} {:?}", fact, text, report);
        }
        for (fact, text) in styles.iter().zip(in_yuan(other, 0)) {
            let facts = facts(&[("price", fact)]);
            let report = check(&expected(&facts), "en", &format!("only {text} today"));
            prop_assert_eq!(report.findings.first().map(|found| found.rule.code()), Some("fact-contradicted"));
        }
    }

    #[test]
    fn dates_are_parsed_in_every_notation(year in 1990..2100_i16, month in 1..=12_u8, day in 1..=31_u8) {
        let wanted = Value::Date { year: Some(year), month, day };
        for style in dates(year, month, day) {
            let found = values(&format!("到 {style}!"));
            prop_assert_eq!(found.iter().map(|found| found.value).collect::<Vec<_>>(), vec![wanted], "{}", style);
        }
    }

    #[test]
    fn agreement_is_symmetric(a in any::<String>(), b in "[0-9¥$元% ,.年月日:折g]{0,16}") {
        for one in values(&b) {
            prop_assert!(one.value.agrees(&one.value));
            for other in values(&a).iter().chain(&values(&b)) {
                prop_assert_eq!(one.value.agrees(&other.value), other.value.agrees(&one.value));
            }
        }
    }

    #[test]
    fn no_text_causes_a_panic_or_an_invalid_range(
        text in prop_oneof![
            any::<String>(),
            "[0-9０-９,.。 ¥￥$€%％元块折年月日号点半万亿一二十百最第佳April MayCNYRMBghto:/@#~–-]{0,120}",
            "(第一|最佳|最高|1.5万|2027年|4月|30日|199|April |http://|@|the best|no\\. ?|\\u{200b}|İ|ﬁ){0,40}",
        ],
        fact in any::<String>(),
        never in "[a-z最 ]{0,4}",
    ) {
        let all = facts(&[("a", fact.as_str()), ("b", "98 元"), ("c", text.as_str())]);
        let never = [never];
        let mut expected = expected(&all);
        (expected.never_say, expected.markets) = (&never, &[Market::CHINA]);
        (expected.link, expected.call_to_action) = (Some("https://harbour.example/"), Some(fact.as_str()));
        for found in values(&text) {
            prop_assert!(text.get(found.range.clone()).is_some_and(|words| !words.is_empty()), "{:?}", found);
        }
        for found in check(&expected, "zh-CN", &text).findings {
            prop_assert!(text.get(found.range.clone()).is_some(), "{:?}", found);
        }
        prop_assert!(ad_label(&text, "zh-CN", &[]).is_none_or(|found| text.get(found.range).is_some()));
    }
}

/// Texts that take very long if the check is quadratic in their length.
#[test]
fn long_and_hostile_texts_take_linear_time() {
    let long = 20_000;
    for unit in [
        "9",
        "9,",
        "1.",
        "一",
        "万",
        "第一",
        "最",
        "a.",
        "a ",
        "@",
        "http://",
        "9-",
        "9年",
        "9%",
        "¥",
        "¥9-",
        "April ",
        "9 April-",
        "\u{200b}",
        "👨‍👩‍👧‍👦",
        "不",
        "上午",
        "save ",
        " ",
    ] {
        let text = unit.repeat(long / unit.len());
        let facts = facts(&[("a", &text), ("b", "¥199"), ("c", "a a a a a 9 b")]);
        let report = check(&expected(&facts), "zh-CN", &text);
        assert_eq!(report.cells.len(), 3, "{unit}");
    }
}
