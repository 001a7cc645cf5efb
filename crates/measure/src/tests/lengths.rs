//! Tests of graphemes, bytes, UTF-16 and weights, with the vectors of the networks' own libraries.

use crate::{LengthBudget, Measure, limit};

const FAMILY: &str = "👨‍👩‍👧‍👦";

fn fits(budgets: &[LengthBudget]) -> bool {
    budgets.iter().all(LengthBudget::fits)
}

#[test]
fn a_mixed_text_counts_as_the_libraries_say() {
    // Expected values from @atproto/api 0.19.19 and twitter-text 3.1.0.
    let text = "✨ 春节大促 @alice.test 👨‍❤️‍👨 https://t.example/c/abc #春节";
    assert_eq!(Measure::Graphemes.of(text), 48);
    assert_eq!(Measure::Bytes.of(text), 81);
    assert_eq!(Measure::Utf16.of(text), 55);
    assert_eq!(Measure::Weighted.of(text), 56);
}

#[test]
fn bluesky_counts_graphemes_and_bytes() {
    assert!(fits(&limit::bluesky(&FAMILY.repeat(100))));
    assert_eq!(Measure::Utf16.of(&FAMILY.repeat(100)), 1_100);
    let [graphemes, bytes] = limit::bluesky(&FAMILY.repeat(200));
    assert!(graphemes.fits());
    assert_eq!((bytes.measured, bytes.over_at), (5_000, Some(3_000)));
    let [graphemes, bytes] = limit::bluesky(&"a".repeat(301));
    assert_eq!((graphemes.measured, graphemes.over_at), (301, Some(300)));
    assert!(bytes.fits());
}

#[test]
fn x_counts_by_weight() {
    let rows = [
        ("春".repeat(140), 280, None),
        ("春".repeat(141), 282, Some(420)),
        (format!("{FAMILY} https://harbour.example.com/{}", "a".repeat(192)), 26, None),
        ("a".repeat(281), 281, Some(280)),
        // The composed letter counts one, wherever the limit falls; its two code points are not
        // separated.
        ("e\u{301}".repeat(281), 281, Some(840)),
        // 257 and a space leave 22, but a URL takes 23.
        (format!("{} harbour.com", "a".repeat(257)), 281, Some(258)),
        ("🇨🇳".repeat(141), 282, Some(1_120)),
        ("⚡️☕️❤️©️1️⃣👍🏽".to_owned(), 12, None),
        // Newer than Emoji 11: a heart, a joiner, a flame.
        ("❤️‍🔥".to_owned(), 5, None),
        (String::new(), 0, None),
    ];
    for (text, weight, over_at) in rows {
        let budget = limit::x(&text);
        assert_eq!((budget.measured, budget.over_at), (weight, over_at), "{text}");
    }
}

#[test]
fn a_url_counts_23_where_x_sees_one() {
    let rows = [
        ("https://example.com", 23),
        ("HTTP://EXAMPLE.COM/a?b=c#d", 23),
        ("example.com", 23),
        ("example.com.", 24),
        ("see example.com/a_(b), now", 32),
        ("example.com?x=1", 27),
        ("https://example.com?x=1", 23),
        ("me@example.com", 14),
        ("@example.com", 12),
        ("-example.com", 12),
        ("春example.com", 25),
        ("详情见example.com/春", 6 + 23 + 2),
        ("详情。https://example.com/a，快来", 6 + 23 + 6),
        ("https://t.example/a", 19),
        ("a.b_c.com", 9),
        ("a_b.example.com", 2 + 23),
        ("例子.公司", 9),
        ("http://例子.公司", 23),
        ("https://t.co/abc/def", 23 + 4),
        ("a.com,b.com", 23 + 1 + 23),
        ("1.5 and node.js", 15),
        ("https://example.com:8080/", 23),
        ("xn--fiqs8s.xn--fiqs8s", 23),
        ("www.example.co.za", 23),
        ("https://a.vermögensberatung/b", 23),
        ("https://example.com春", 23 + 2),
    ];
    for (text, weight) in rows {
        assert_eq!(Measure::Weighted.of(text), weight, "{text}");
    }
}

#[test]
fn a_cut_does_not_create_a_url() {
    // Cut at 280, the text would end in "x.com", which counts 23.
    let text = format!("{} x.commerceandmore", "a".repeat(274));
    let budget = limit::x(&text);
    let at = budget.over_at.unwrap();
    assert!(!budget.fits() && Measure::Weighted.of(&text[..at]) <= 280);
    assert_eq!(&text[275..at], "x.co".get(..at - 275).unwrap());
}

#[test]
fn telegram_has_less_room_beside_a_picture() {
    let text = "字".repeat(1_025);
    assert!(limit::telegram(&text, false).fits());
    assert_eq!(limit::telegram(&text, true).over_at, Some(3_072));
    assert_eq!(limit::telegram(&"🎉".repeat(2_049), false).over_at, Some(8_192));
    assert!(limit::linkedin(&"a".repeat(3_000)).fits() && !limit::linkedin(&"a".repeat(3_001)).fits());
}
