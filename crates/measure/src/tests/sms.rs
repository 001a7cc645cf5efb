//! Tests of the segments of text messages.

use crate::Measure;
use crate::sms::{Encoding, Sms, split};

#[test]
fn segments_are_those_of_the_standard() {
    use Encoding::{Gsm7, Ucs2};
    let rows = [
        (String::new(), Gsm7, 0, 0),
        ("a".repeat(160), Gsm7, 160, 1),
        ("a".repeat(161), Gsm7, 161, 2),
        ("a".repeat(306), Gsm7, 306, 2),
        ("a".repeat(307), Gsm7, 307, 3),
        ("€".repeat(80), Gsm7, 160, 1),
        ("€".repeat(81), Gsm7, 162, 2),
        // 153 is odd: an escape would be the last septet of the first segment, so it moves with its
        // character to the next.
        ("€".repeat(153), Gsm7, 306, 3),
        ("春".repeat(70), Ucs2, 70, 1),
        ("春".repeat(71), Ucs2, 71, 2),
        ("春".repeat(134), Ucs2, 134, 2),
        ("春".repeat(135), Ucs2, 135, 3),
        ("🎉".repeat(35), Ucs2, 70, 1),
        ("🎉".repeat(36), Ucs2, 72, 2),
        // 67 is odd: the same holds for the halves of a surrogate pair.
        ("🎉".repeat(67), Ucs2, 134, 3),
        (format!("{}’", "a".repeat(69)), Ucs2, 70, 1),
        (format!("{}’", "a".repeat(70)), Ucs2, 71, 2),
        ("^{}\\[~]|€\u{C}".to_owned(), Gsm7, 20, 1),
        ("`".to_owned(), Ucs2, 1, 1),
        ("ÇØøÅåÆæßÉÄÖÑÜäöñüàèéùìòΔΦΓΛΩΠΨΣΘΞ¡¿§¤£¥@$_\r\n".to_owned(), Gsm7, 44, 1),
        ("ç".to_owned(), Ucs2, 1, 1),
    ];
    for (text, encoding, length, segments) in rows {
        let sms = Sms::of(&text);
        assert_eq!((sms.encoding, sms.length, sms.segments), (encoding, length, segments), "{text}");
        assert_eq!(split(&text).len(), segments, "{text}");
    }
}

#[test]
fn the_character_that_costs_more_is_reported() {
    let sms = Sms::of("Only today – one free month");
    assert_eq!((sms.forces_ucs2, sms.price(45_000)), (Some(11), 45_000));
    let long = Sms::of(&"a".repeat(400));
    assert_eq!((long.forces_ucs2, long.price(45_000), long.price(i64::MAX)), (None, 135_000, i64::MAX));
}

#[test]
fn characters_are_not_split_between_segments() {
    let text = format!("{}€uro{}", "a".repeat(152), "b".repeat(10));
    assert_eq!(split(&text), ["a".repeat(152).as_str(), &text[152..]]);
    let text = format!("{}🎉{}", "春".repeat(66), "节".repeat(4));
    assert_eq!(split(&text), ["春".repeat(66).as_str(), &text[198..]]);
}

#[test]
fn the_first_character_over_may_be_the_one_that_changes_the_encoding() {
    let text = format!("{}’ and more", "a".repeat(150));
    assert_eq!(Measure::Segments.cut_point(&text, 1), 150);
    assert_eq!(Measure::Segments.cut_point(&"a".repeat(200), 1), 160);
    assert_eq!(Measure::Segments.cut_point("abc", 0), 0);
}
