//! Properties that hold for every text.

use proptest::prelude::*;

use crate::facet::{RichText, Span};
use crate::{Measure, linkedin, sms};

const ALL_MEASURES: [Measure; 7] = [
    Measure::Characters,
    Measure::Graphemes,
    Measure::Bytes,
    Measure::Utf16,
    Measure::Weighted,
    Measure::Mastodon { url: 23 },
    Measure::Segments,
];

/// Generates texts from pieces that are hard to count, and arbitrary texts.
fn texts() -> impl Strategy<Value = String> {
    let hard = [
        "a",
        "Z",
        "0",
        " ",
        "\n",
        ".",
        "..",
        "-",
        "_",
        "/",
        "?",
        "(",
        ")",
        "#",
        "@",
        "$",
        ":",
        "com",
        ".com",
        "x.co",
        "https://",
        "http://t.co/",
        "春",
        "。",
        "，",
        "e\u{301}",
        "\u{301}",
        "\u{1100}\u{1161}",
        "👨‍👩‍👧‍👦",
        "👍🏽",
        "🇨🇳",
        "🇦",
        "❤",
        "\u{FE0F}",
        "\u{200D}",
        "1\u{FE0F}\u{20E3}",
        "€",
        "\u{5D0}",
        "\u{202E}",
        "\u{FEFF}",
        "xn--",
        "中国",
        "@a@b.com",
        "é",
        "\u{1F468}",
        "\u{344}",
        "～",
    ];
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(hard.to_vec()), 0..40)
            .prop_map(|parts| parts.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn the_text_before_the_cut_fits(text in texts(), allowed in 0..60_usize) {
        for measure in ALL_MEASURES {
            let at = measure.cut_point(&text, allowed);
            prop_assert!(text.is_char_boundary(at));
            prop_assert!(measure.of(&text[..at]) <= allowed, "{measure:?} {at}");
            let budget = measure.budget("text", &text, allowed);
            prop_assert_eq!(budget.over_at, (!budget.fits()).then_some(at));
            prop_assert_eq!(at == text.len(), budget.fits() || budget.over_at == Some(text.len()));
        }
    }

    #[test]
    fn more_text_is_never_shorter(a in texts(), b in texts()) {
        let both = format!("{a}{b}");
        // URLs, mentions and composed characters may change when text follows directly, so a space
        // separates the two.
        let apart = format!("{a} {b}");
        for measure in ALL_MEASURES {
            let separate = matches!(measure, Measure::Weighted | Measure::Mastodon { .. });
            prop_assert!(measure.of(if separate { &apart } else { &both }) >= measure.of(&a), "{measure:?}");
        }
    }

    #[test]
    fn segments_join_to_the_text_and_each_fits_in_one_message(text in texts()) {
        let parts = sms::split(&text);
        prop_assert_eq!(parts.concat(), text.clone());
        prop_assert_eq!(parts.len(), sms::Sms::of(&text).segments);
        prop_assert!(parts.iter().all(|part| sms::Sms::of(part).segments == 1));
    }

    #[test]
    fn facets_are_in_order_apart_and_between_characters(text in texts(), link in texts()) {
        let spans = [Span { text: &text, link: None }, Span { text: &link, link: Some("https://x.example") }];
        let rich = RichText::new(&spans, &|_| Some("did:web:x.example".to_owned()));
        let mut end = 0;
        for facet in &rich.facets {
            let (start, stop) = (facet.index.byte_start, facet.index.byte_end);
            prop_assert!(end <= start && start < stop && rich.text.get(start..stop).is_some(), "{facet:?}");
            end = stop;
        }
    }

    #[test]
    fn unescaping_returns_the_text(text in texts()) {
        let mut plain = String::new();
        let escaped = linkedin::escaped(&text).replace("{hashtag|\\#|", "\u{F0000}");
        let mut chars = escaped.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.extend(chars.next()),
                '\u{F0000}' => plain.push('#'),
                '}' => {}
                c => plain.push(c),
            }
        }
        prop_assert_eq!(plain, text);
    }
}

#[test]
fn a_long_text_costs_no_more_than_its_length() {
    // If any of it were quadratic, this would take minutes.
    for unit in
        ["a", "a.", "春", "a.com", "https://a.co/(", "@a", "e\u{301}", "❤️‍", "😀.", "_a.", "#a ", "(("]
    {
        let text = unit.repeat(20_000);
        for measure in ALL_MEASURES {
            assert!(measure.of(&text[..measure.cut_point(&text, 280)]) <= 280, "{unit} {measure:?}");
        }
        assert_eq!(RichText::new(&[Span { text: &text, link: None }], &|_| None).text, text);
    }
}
