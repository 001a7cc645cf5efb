//! Text messages, and LinkedIn's escapes.

use crate::sms::{Encoding, Sms, split};
use crate::{Measure, little::escaped};

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
        // 153 is odd: an escape would be the last of the first part, so it goes with its character to the next.
        ("€".repeat(153), Gsm7, 306, 3),
        ("春".repeat(70), Ucs2, 70, 1),
        ("春".repeat(71), Ucs2, 71, 2),
        ("春".repeat(134), Ucs2, 134, 2),
        ("春".repeat(135), Ucs2, 135, 3),
        ("🎉".repeat(35), Ucs2, 70, 1),
        ("🎉".repeat(36), Ucs2, 72, 2),
        // 67 is odd: so with the halves of a pair.
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
fn what_costs_more_is_told() {
    let sms = Sms::of("Only today – one free month");
    assert_eq!((sms.forces_ucs2, sms.price(45_000)), (Some(11), 45_000));
    let long = Sms::of(&"a".repeat(400));
    assert_eq!((long.forces_ucs2, long.price(45_000), long.price(i64::MAX)), (None, 135_000, i64::MAX));
}

#[test]
fn parts_are_read_whole() {
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

#[test]
fn linkedin_shows_what_was_written_and_keeps_hashtags() {
    let rows = [
        ("plain", "plain"),
        (
            "a (b) [c] {d} <e> f_g *h* ~i~ j|k \\ @l",
            "a \\(b\\) \\[c\\] \\{d\\} \\<e\\> f\\_g \\*h\\* \\~i\\~ j\\|k \\\\ \\@l",
        ),
        ("new #Tech, #春节!", "new {hashtag|\\#|Tech}, {hashtag|\\#|春节}!"),
        ("#one_two #2", "{hashtag|\\#|one\\_two} \\#2"),
        ("C# and a#b and ##c", "C\\# and a\\#b and \\#\\#c"),
        ("https://x.example/#top", "https://x.example/\\#top"),
        ("#", "\\#"),
        ("", ""),
    ];
    for (text, little) in rows {
        assert_eq!(escaped(text), little, "{text}");
    }
}
